"""A lake, and sandboxes of hand-made hotels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mews_assets.api import MewsClient
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.running import RunningSandbox, ServerLimits
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import NOW, client_to, made_records, standing_sandbox


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


@pytest.fixture
def intervals(request: pytest.FixtureRequest) -> Intervals:
    """How the sandbox reads intervals: as Mews does today, or as a test names it."""
    return Intervals(getattr(request, "param", Intervals.HALF_OPEN))


@pytest.fixture
def sandbox(intervals: Intervals) -> Iterator[RunningSandbox]:
    """Exports take ten minutes of its own clock, which stands."""
    with standing_sandbox(
        made_records(), NOW, export_seconds=600, limits=ServerLimits(file_bytes=4000)
    ) as running:
        running.read_intervals(intervals)
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[MewsClient]:
    with client_to(sandbox) as asking:
        yield asking
