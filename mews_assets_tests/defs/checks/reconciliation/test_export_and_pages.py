"""Rows by export against rows by pages, as functions over plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mews_assets import catalog
from mews_assets.defs.checks.reconciliation.export_and_pages import (
    BY_EXPORT,
    BY_PAGES,
    comes_both_ways,
    compare_ways,
)
from mews_assets.ingest.sampling.choose import choose
from mews_assets.lake.partition import Partition
from mews_assets.windows import Window

T = datetime(2026, 4, 9, 12, tzinfo=UTC)
LATER = T + timedelta(hours=1)


def differences(
    by_export: dict[str, datetime], by_pages: dict[str, datetime], changed: set[str] | None = None
) -> list[tuple[str, str]]:
    found = compare_ways("north", by_export, by_pages, changed or set())
    return [(one.where.id, one.what) for one in found.differ]


def test_the_same_versions_agree() -> None:
    assert compare_ways("north", {"a": T, "b": T}, {"a": T, "b": T}, set()).agree == 2
    assert differences({"a": T}, {"a": T}) == []


def test_a_row_that_one_way_lacks_is_named_with_that_way() -> None:
    assert differences({"a": T, "b": T}, {"a": T}) == [("b", BY_PAGES)]
    assert differences({"a": T}, {"a": T, "b": T}) == [("b", BY_EXPORT)]


def test_an_older_version_is_a_missing_row() -> None:
    assert differences({"a": T}, {"a": LATER}) == [("a", BY_EXPORT)]
    assert differences({"a": LATER}, {"a": T}) == [("a", BY_PAGES)]


def test_a_record_that_has_changed_since_is_in_no_page_of_its_old_window() -> None:
    assert differences({"a": T}, {}, {"a"}) == []
    assert compare_ways("north", {"a": T}, {}, {"a"}).not_yet == 1


def test_each_night_looks_at_a_partition_and_in_time_at_all() -> None:
    day = timedelta(days=1)
    windows = [Window(T.replace(hour=0) + n * day, T.replace(hour=0) + (n + 1) * day) for n in range(3)]
    partitions = [Partition(scope, window) for scope in ("north", "south") for window in windows]
    nights = [date(2026, 4, 10) + n * day for n in range(60)]
    chosen = [choose("payments", night, partitions) for night in nights]
    assert set(chosen) == set(partitions)
    assert chosen == [choose("payments", night, partitions[::-1]) for night in nights]
    assert choose("payments", nights[0], []) is None


def test_tables_that_come_by_one_documented_way_only_are_not_compared() -> None:
    assert comes_both_ways(catalog.table("payments"))
    assert not comes_both_ways(catalog.table("ledger_entries"))
    assert not comes_both_ways(catalog.table("outlet_items"))
