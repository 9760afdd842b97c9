"""The stage of each test: a lake of its own, an instance in memory, the shared sandbox; and one with alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.stage import Stage, stage_of
from mews_assets_tests.defs.watch import Watch, watching


@pytest.fixture
def stage(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    # The lake is named from the test's own folder: so tests have the same settings, whose definitions are built once.
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        yield stage_of(mews, instance, tmp_path, monkeypatch, MEWS_LAKE="lake")


@pytest.fixture
def watch(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Events in one table, as Postgres keeps them."""
    with watching(dg.DagsterInstance.ephemeral(), mews, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def on_disk(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Events run by run with an index, as SQLite keeps them, Dagster's default."""
    with watching(dg.instance_for_test(), mews, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(params=["watch", "on_disk"])
def anywhere(request: pytest.FixtureRequest) -> Watch:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]
