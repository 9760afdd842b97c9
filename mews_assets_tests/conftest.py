"""What the whole house is tried against: one sandbox, and one Dagster instance, for all tests of the shells.

Lives here: fixtures that several rooms share. `mews` is made once per test process, for simulating takes
seconds; a test that plans faults or counts requests gets it cleared before.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Every worker, and every process that a test starts, imports the same modules: whatever the environment says, they
# are compiled once. Without that, collecting the tests takes three times as long.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine makes any single example slow; time is measured in benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONGEST = ("defs/test_daemon.py", "defs/test_backfill.py")
"""Tests that wait for processes of their own. One worker begins with each, and the others' work fills the waiting."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _mark_slow_cases(items)
    for place, name in enumerate(LONGEST):
        found = [item for item in items if item.nodeid.split("::")[0].endswith(name)]
        rest = [item for item in items if item not in found]
        at = place * len(rest) // len(LONGEST)  # workers are dealt equal parts, in this order
        items[:] = rest[:at] + found + rest[at:]


def _mark_slow_cases(items: list[pytest.Item]) -> None:
    """Of a test that is `slow_after_first`, mark all cases but the first as slow."""
    seen: set[object] = set()
    for item in items:
        if item.get_closest_marker("slow_after_first") is None:
            continue
        test = item.nodeid.split("[")[0]
        if test in seen:
            item.add_marker("slow")
        seen.add(test)


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it again and again was a tenth of all tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    """Else libraries complain of what is never freed."""
    gc.unfreeze()


MEWS_NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
CLIENT_TOKEN = "zq7-client-token-that-nobody-may-see"
ACCESS_TOKEN = "zq7-access-token-that-nobody-may-see"


@pytest.fixture(scope="session")
def _mews() -> Iterator[RunningSandbox]:
    with running_sandbox(
        Simulated(hotels=2, days=3), now=MEWS_NOW, limits=ServerLimits(requests=10_000)
    ) as running:
        door = running.sandbox.door
        door.client_token = CLIENT_TOKEN
        door.accesses = {**door.accesses, ACCESS_TOKEN: door.accesses[running.access_token]}
        yield replace(running, client_token=CLIENT_TOKEN, access_token=ACCESS_TOKEN)


@pytest.fixture
def mews(_mews: RunningSandbox) -> RunningSandbox:
    """A sandbox of two hotels of one chain and of three days, whose tokens are told apart from any other text."""
    _mews.reset()
    return _mews


@pytest.fixture(scope="session")
def dagster_instance() -> Iterator[DagsterInstance]:
    """A Dagster instance on disk, with runs, events and partitions of all tests of this process."""
    import dagster as dg

    storage = {"module": "mews_assets.defs.base.local_event_log", "class": "LocalEventLogStorage"}
    with dg.instance_for_test(overrides={"event_log_storage": storage}) as instance:
        yield instance
