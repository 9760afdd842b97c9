"""Real processes, really killed, over real HTTP: whatever they left, the next one makes the same tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import materialise
from mews_assets.lake import export_log, landing
from mews_assets.lake.store import Lake, open_lake
from mews_assets.sandbox.running import RunningSandbox, running_sandbox
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import BOTH, ITEMS, NOW, client_to, made_records
from mews_assets_tests.ingest.test_materialise import week_of
from mews_assets_tests.lake.made import everything

KILLED = -9
_PULL_AND_DIE = """
import os, signal, sys
from datetime import datetime
from mews_assets.api import Credentials, MewsClient
from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import materialise
from mews_assets.lake import store
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import BOTH, ITEMS, NOW
from mews_assets_tests.ingest.test_materialise import week_of

address, client_token, access_token, location, place = sys.argv[1:]
real = store.Lake._rename

def deadly(self, local, name):
    if place.startswith("before ") and place.removeprefix("before ") in name:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, local, name)
    if place.startswith("after ") and place.removeprefix("after ") in name:
        os.kill(os.getpid(), signal.SIGKILL)

store.Lake._rename = deadly
client = MewsClient(address, Credentials(client_token, access_token, "tests 1"), connection="portfolio")
clients = {"portfolio": client}
lake = store.open_lake(location, Grain.DAILY)
materialise(lake, ITEMS, week_of(*BOTH), clients, discover(clients), lambda: NOW, threads=1)
"""
PLACES = (
    "after state/exports",
    "before part-0000",
    "after part-0000",
    "before manifest.json",
    "after manifest.json",
    "before changes/",
    "after changes/",
)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with running_sandbox(made_records(), now=NOW, file_bytes=8000, rate_limit=10_000) as running:
        running.set_clock(NOW, running=False)
        yield running


def pulled(lake: Lake, served: RunningSandbox) -> dict[str, list[str]]:
    """What stands once a process was let end."""
    with client_to(served) as client:
        clients = {"portfolio": client}
        done = materialise(lake, ITEMS, week_of(*BOTH), clients, discover(clients), lambda: NOW, threads=1)
    assert not done.failed
    assert not landing.pending(lake, ITEMS.name)
    return {name: found.column("id").to_pylist() for name, found in everything(lake, ITEMS).items()}


def test_whatever_a_killed_process_left_the_next_one_makes_the_same_tables(
    served: RunningSandbox, tmp_path: Path
) -> None:
    wanted = pulled(open_lake(str(tmp_path / "whole"), Grain.DAILY), served)
    assert sum(map(len, wanted.values())) == 24 * 7
    for number, place in enumerate(PLACES):
        location = str(tmp_path / f"lake {number}")
        tokens = (served.address, served.client_token, served.access_token)
        process = subprocess.run([sys.executable, "-c", _PULL_AND_DIE, *tokens, location, place])
        assert process.returncode == KILLED, place
        lake = open_lake(location, Grain.DAILY)
        owed = [one.id for one in export_log.asked(lake, "portfolio", ITEMS.name)]
        served.reset()
        assert pulled(lake, served) == wanted, place
        if owed:  # it went on with the export that was asked for
            assert "exports/add" not in served.requests()["Counts"], place
        assert not export_log.asked(lake, "portfolio", ITEMS.name), place
