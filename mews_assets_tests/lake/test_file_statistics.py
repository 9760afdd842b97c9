"""Statistics of files: those that the footers say, read once, and never used of a file that was replaced since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mews_assets.lake import file_statistics
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.file_statistics import FileStatistics, save_statistics, statistics_of
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.footers import read_footers
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.made import BOTH, NORTH, ORDER_ITEMS, SOUTH, at, days, item, land

KEPT = layout.statistics_file("order_items")


@pytest.fixture(params=["here", "bucket"])
def any_lake(request: pytest.FixtureRequest, lake: Lake) -> Lake:
    return lake if request.param == "here" else bucket_lake()


@pytest.fixture
def bucket() -> Lake:
    return bucket_lake()


@pytest.fixture
def footers_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose footers were read, in order."""
    names: list[str] = []

    def noted(lake, wanted, columns):
        names.extend(wanted)
        return read_footers(lake, wanted, columns)

    monkeypatch.setattr(file_statistics, "read_footers", noted)
    return names


def fill(lake: Lake, *, hour: int = 1) -> None:
    """Three windows in the north, one of them empty, and two in the south."""
    rows = [item(f"{scope}-{day}-{hour}", at(day, hour), scope) for scope in BOTH for day in (2, 3)]
    land(lake, ORDER_ITEMS, rows, days(2, 4), scopes=BOTH)
    land(lake, ORDER_ITEMS, [], days(4, 5), scopes=(NORTH,))
    merge(lake, ORDER_ITEMS, threads=1)


def name_of(day: int, scope: str = NORTH) -> str:
    return layout.changes_file("order_items", scope, f"2026-03-{day:02}")


def without_fingerprints(found: dict[str, FileStatistics]) -> dict[str, FileStatistics]:
    return {name: replace(one, fingerprint="") for name, one in found.items()}


def from_footers(lake: Lake) -> dict[str, FileStatistics]:
    """The truth: every footer, read now."""
    names = lake.files(layout.changes_folder("order_items"), recursive=True)
    columns = ["updated_utc", "_captured_at_utc"]
    return {
        name: FileStatistics(
            "",
            found.rows,
            found.size_bytes,
            found.extremes["updated_utc"].latest,
            found.extremes["_captured_at_utc"].earliest,
        )
        for name, found in read_footers(lake, names, columns).items()
    }


def test_a_merge_keeps_the_statistics_of_what_it_writes_so_that_no_footer_is_read(
    any_lake: Lake, footers_read: list[str]
) -> None:
    fill(any_lake)
    found = statistics_of(any_lake, ORDER_ITEMS)
    assert footers_read == []
    assert without_fingerprints(found) == from_footers(any_lake)
    assert (found[name_of(2)].rows, found[name_of(2)].newest) == (1, at(2, 1))
    assert (found[name_of(4)].rows, found[name_of(4)].newest) == (0, None)
    fill(any_lake, hour=2)
    assert without_fingerprints(statistics_of(any_lake, ORDER_ITEMS)) == from_footers(any_lake)
    assert footers_read == []


def lose(lake: Lake) -> None:
    lake.delete(KEPT)


def damage(lake: Lake) -> None:
    lake.write(KEPT, b"ARROW1 and no more")


@pytest.mark.parametrize("harm", [lose, damage])
def test_statistics_that_are_lost_or_damaged_are_made_again_from_the_files_once(
    any_lake: Lake, footers_read: list[str], harm: Callable[[Lake], None]
) -> None:
    fill(any_lake)
    before = statistics_of(any_lake, ORDER_ITEMS)
    harm(any_lake)
    assert statistics_of(any_lake, ORDER_ITEMS) == before
    assert sorted(footers_read) == sorted(before)
    assert statistics_of(any_lake, ORDER_ITEMS) == before
    assert len(footers_read) == len(before)


def test_statistics_of_a_file_that_was_replaced_or_removed_elsewhere_are_not_used(
    any_lake: Lake, footers_read: list[str]
) -> None:
    fill(any_lake)
    stale = any_lake.read(KEPT)
    fill(any_lake, hour=5)
    any_lake.write(KEPT, stale)  # as if that merge's own were lost
    any_lake.delete(name_of(3, SOUTH))
    assert without_fingerprints(statistics_of(any_lake, ORDER_ITEMS)) == from_footers(any_lake)
    assert sorted(footers_read) == [name_of(2), name_of(3), name_of(2, SOUTH)]
    assert name_of(3, SOUTH) not in statistics_of(any_lake, ORDER_ITEMS)


def test_only_the_files_that_are_asked_for_are_read(bucket: Lake, footers_read: list[str]) -> None:
    fill(bucket)
    lose(bucket)
    asked = [name_of(2), name_of(9)]
    assert list(statistics_of(bucket, ORDER_ITEMS, asked)) == footers_read == [name_of(2)]
    statistics_of(bucket, ORDER_ITEMS)
    assert len(footers_read) == 5


def test_two_writers_at_once_keep_the_statistics_of_both(
    bucket: Lake, footers_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket)
    found = statistics_of(bucket, ORDER_ITEMS)
    lose(bucket)
    mine, others = {name_of(2): found[name_of(2)]}, {name_of(3): found[name_of(3)]}
    load = file_statistics._load

    def meanwhile(lake, table):
        held = load(lake, table)
        monkeypatch.setattr(file_statistics, "_load", load)
        save_statistics(lake, table, others)
        return held

    monkeypatch.setattr(file_statistics, "_load", meanwhile)
    save_statistics(bucket, ORDER_ITEMS, mine)
    assert statistics_of(bucket, ORDER_ITEMS, [*mine, *others]) == {**mine, **others}
    assert footers_read == []


def test_a_lake_that_may_only_be_read_is_surveyed_all_the_same(
    bucket: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket)
    before = statistics_of(bucket, ORDER_ITEMS)
    lose(bucket)

    def refused(self, name, content, over):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(type(bucket.store), "write", refused)
    assert statistics_of(bucket, ORDER_ITEMS) == before
