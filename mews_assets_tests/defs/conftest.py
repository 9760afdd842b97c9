"""The stage of each test: a lake of its own, an instance in memory, the shared sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.stage import Stage, stage_of


@pytest.fixture
def stage(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    # The lake is named from the test's own folder: so tests have the same settings, whose definitions are built once.
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        yield stage_of(mews, instance, tmp_path, monkeypatch, MEWS_LAKE="lake")
