"""Standing partitions: one listing that is kept, files looked for by name, and a removed file noticed in time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.base import standing
from mews_assets.defs.base.standing import FEW, RELIST_SECONDS, StandingPartitions
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain, windows_between

TABLE, OTHER = catalog.table("outlet_items"), catalog.table("outlet_bills")
DAYS = list(windows_between(datetime(2025, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), Grain.DAILY))
FIRST, SECOND = (Partition("hotel", window) for window in DAYS[:2])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path), Grain.DAILY)


def put(lake: Lake, partition: Partition, table: Table = TABLE) -> None:
    lake.write(layout.changes_file(table.name, partition.scope, partition.key(lake.grain)), b"rows")


def test_a_folder_is_listed_once_and_new_files_are_looked_for_by_name(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    real = standing.list_keys
    monkeypatch.setattr(
        standing, "list_keys", lambda lake, table: listed.append(table.name) or real(lake, table)
    )
    known = StandingPartitions()
    assert known.missing(lake, [TABLE], [FIRST, SECOND]) == [FIRST, SECOND]
    put(lake, SECOND)
    assert known.missing(lake, [TABLE], [FIRST, SECOND]) == [FIRST]
    assert listed == [TABLE.name]
    many = [Partition("hotel", window) for window in DAYS[: FEW + 2]]
    assert known.missing(lake, [TABLE], many) == [one for one in many if one != SECOND]
    assert listed == [TABLE.name] * 2


def test_a_partition_stands_where_it_does_in_every_table_of_the_request(lake: Lake) -> None:
    put(lake, FIRST)
    put(lake, FIRST, OTHER)
    put(lake, SECOND)
    assert StandingPartitions().missing(lake, [TABLE, OTHER], [FIRST, SECOND]) == [SECOND]


def test_a_file_that_was_removed_is_missing_ten_minutes_later_at_the_latest(lake: Lake) -> None:
    passed = 0.0
    known = StandingPartitions(clock=lambda: passed)
    put(lake, FIRST)
    assert known.missing(lake, [TABLE], [FIRST]) == []
    lake.delete(layout.changes_file(TABLE.name, "hotel", FIRST.key(lake.grain)))
    passed = RELIST_SECONDS + 1
    assert known.missing(lake, [TABLE], [FIRST]) == [FIRST]
