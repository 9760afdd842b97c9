"""Captures become partitions: a union that never shrinks, each row in its own window, every line explained."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.lake import landing, layout
from mews_assets.lake.changes import merge
from mews_assets.lake.dealing import Partition
from mews_assets.lake.errors import RecordError
from mews_assets.lake.merged import Merged
from mews_assets.lake.store import Lake, open_lake
from mews_assets.windows import Grain, Window, window_at
from mews_assets_tests.lake.made import (
    ADJUSTMENTS,
    LEDGER,
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    days,
    entry,
    everything,
    ids,
    item,
    json_line,
    land,
    rows,
    stamp,
)

MICRO = timedelta(microseconds=1)
BOTH = (NORTH, SOUTH)


def march(day: int) -> str:
    return f"2026-03-{day:02}"


def partition(day: int, scope: str = NORTH) -> Partition:
    return Partition(scope, days(day, day + 1))


def capture_of(merged: Merged) -> Any:
    (found,) = merged.captures.values()
    return found


def merged_items(lake: Lake, records: Any, window: Window, **more: Any) -> Merged:
    land(lake, ORDER_ITEMS, records, window, **more)
    return merge(lake, ORDER_ITEMS, threads=1)


def test_rows_go_to_the_window_of_their_stamp_and_the_scope_they_name(lake):
    records = [item("a", at(2)), item("b", at(3, 23.9)), item("c", at(3), SOUTH), item("d", at(2, 5))]
    merged = merged_items(lake, records, days(2, 4), scopes=BOTH)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a", "d"]
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["b"]
    assert ids(lake, ORDER_ITEMS, SOUTH, march(2)) == []
    assert ids(lake, ORDER_ITEMS, SOUTH, march(3)) == ["c"]
    assert set(merged.partitions) == {partition(day, scope) for day in (2, 3) for scope in BOTH}
    assert capture_of(merged).is_reconciled
    assert capture_of(merged).dealt == 4


def test_the_first_and_last_instant_of_a_window_are_told_to_the_microsecond(lake):
    records = [
        item("first", at(2)),
        item("last", at(3) - MICRO),
        item("next", at(3)),
        item("end", at(4) - MICRO),
    ]
    merged_items(lake, records, days(2, 4))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["first", "last"]
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["next", "end"]


def test_an_empty_window_is_an_empty_file_with_the_schema(lake):
    merged = merged_items(lake, b"", days(2, 4))
    assert len(merged.partitions) == 2
    for day in (2, 3):
        found = rows(lake, ORDER_ITEMS, NORTH, march(day))
        assert found.num_rows == 0
        assert found.schema.equals(arrow_schema(ORDER_ITEMS))
        assert merged.partitions[partition(day)].measures.rows == 0
    assert capture_of(merged).is_reconciled


def test_a_partition_is_the_union_of_its_captures_and_never_shrinks(lake):
    merged_items(lake, [item("a", at(2, 1)), item("b", at(2, 2))], days(2, 3))
    merged = merged_items(lake, [item("b", at(2, 2)), item("c", at(2, 0.5))], days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["c", "a", "b"]
    assert merged.partitions[partition(2)].repeats == 1
    merged = merged_items(lake, b"", days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["c", "a", "b"]
    assert merged.partitions[partition(2)].measures.rows == 3


def test_every_version_of_a_record_is_a_row(lake):
    merged_items(lake, [item("a", at(2, 1), Notes="old"), item("a", at(2, 2), Notes="new")], days(2, 3))
    assert rows(lake, ORDER_ITEMS, NORTH, march(2)).column("notes").to_pylist() == ["old", "new"]


def test_a_row_seen_twice_keeps_the_capture_that_saw_it_first(lake):
    land(lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3), capture="later", captured_at=at(20))
    land(lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3), capture="earlier", captured_at=at(10))
    merge(lake, ORDER_ITEMS, threads=1)
    assert rows(lake, ORDER_ITEMS, NORTH, march(2)).column("_landing_id").to_pylist() == ["earlier"]


def test_merging_a_capture_again_gives_the_same_bytes(lake, tmp_path):
    records = [item(f"{n % 700}", at(2, n % 24)) for n in range(2000)]
    random.Random(5).shuffle(records)
    manifest = land(lake, ORDER_ITEMS, records, days(2, 4))
    merge(lake, ORDER_ITEMS)
    path = Path(lake.path(layout.changes_file("order_items", NORTH, march(2))))
    before = path.read_bytes()
    merged = merge(lake, ORDER_ITEMS, [manifest])
    assert path.read_bytes() == before
    assert merged.partitions[partition(2)].measures.duplicate_keys == 0


def test_rows_stand_in_the_order_of_version_and_id(lake):
    records = [item(name, at(2, hour)) for hour in (3, 1, 2) for name in "cab"]
    merged_items(lake, records, days(2, 3))
    found = rows(lake, ORDER_ITEMS, NORTH, march(2))
    keys = list(zip(found.column("updated_utc").to_pylist(), found.column("id").to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert len(keys) == 9


def test_a_row_at_the_very_end_goes_to_the_next_window_that_stands_already(lake):
    merged_items(lake, [item("a", at(3, 1))], days(3, 4))
    merged = merged_items(lake, [item("b", at(2, 1)), item("edge", at(3))], days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["b"]
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a"]
    assert (capture_of(merged).dealt, capture_of(merged).boundary) == (1, 1)
    assert capture_of(merged).is_reconciled


def test_a_row_at_the_very_end_waits_for_a_window_that_comes_later(lake):
    merged_items(lake, [item("b", at(2, 1)), item("edge", at(3))], days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["b"]
    assert not lake.exists(layout.changes_file("order_items", NORTH, march(3)))
    assert lake.files("state/boundary", recursive=True)
    merged = merged_items(lake, [item("a", at(3, 1))], days(3, 4))  # the record has moved on since
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a"]
    assert not lake.files("state/boundary", recursive=True)
    assert merged.partitions[partition(3)].arrived == 2


def test_a_row_at_the_very_end_waits_even_for_an_empty_window(lake):
    merged_items(lake, [item("edge", at(3))], days(2, 3))
    merged_items(lake, [item("edge", at(3))], days(2, 3))
    merged_items(lake, b"", days(3, 4))
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge"]


def test_neighbouring_captures_that_both_see_the_edge_give_it_once(lake):
    land(lake, ORDER_ITEMS, [item("edge", at(3))], days(2, 3))
    land(lake, ORDER_ITEMS, [item("edge", at(3))], days(3, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == []
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge"]


@pytest.mark.parametrize(
    "odd",
    [
        item("odd", at(7)),
        item("odd", at(1)),
        item("odd", at(3) + MICRO),
        item("odd", at(2, 5), SOUTH),
        {"Id": "odd"},
    ],
)
def test_a_row_that_nobody_asked_for_is_counted_and_the_capture_is_not_reconciled(lake, odd):
    merged = merged_items(lake, [item("a", at(2, 1)), odd], days(2, 3))
    found = capture_of(merged)
    assert (found.dealt, found.boundary, found.unexplained) == (1, 0, 1)
    assert not found.is_reconciled
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]


def test_a_row_of_a_scope_that_only_another_capture_asked_for_is_not_smuggled_in(lake):
    odd = land(lake, ORDER_ITEMS, [item("a", at(2, 1)), item("odd", at(2, 5), SOUTH)], days(2, 3))
    land(lake, ORDER_ITEMS, [item("s", at(2, 1), SOUTH)], days(2, 3), scopes=(SOUTH,))
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert merged.captures[odd.capture].unexplained == 1
    assert ids(lake, ORDER_ITEMS, SOUTH, march(2)) == ["s"]


def test_a_row_that_names_a_scope_with_a_path_in_it_reaches_no_path(lake, tmp_path):
    merged = merged_items(lake, [item("a", at(2, 1), "../../out"), item("b", at(2), "/etc")], days(2, 3))
    assert capture_of(merged).unexplained == 2
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


@pytest.mark.parametrize("scope", ["../out", "a/b", "", ".", "..", "a b", "a\n", "x" * 101, "scope=a"])
def test_a_scope_that_cannot_stand_in_a_path_is_refused_before_anything_lands(lake, scope):
    with pytest.raises(ValueError, match="cannot be a name in the lake"):
        Partition(scope, days(2, 3))
    with pytest.raises(ValueError, match="cannot be a name in the lake"):
        land(lake, ORDER_ITEMS, b"", days(2, 3), scopes=(scope,))
    assert not landing.pending(lake, "order_items")


def test_a_row_without_a_stamp_goes_to_the_first_window_of_its_capture(lake):
    merged = merged_items(lake, [item("a", None), item("b", at(3, 1))], days(2, 4))
    found = rows(lake, ORDER_ITEMS, NORTH, march(2))
    assert found.column("id").to_pylist() == ["a"]
    assert found.column("updated_utc").to_pylist() == [None]
    measures = merged.partitions[partition(2)].measures
    assert measures.missing["updated_utc"] == 1
    assert measures.rows_outside_window == 0
    merged_items(lake, [item("a", None)], days(2, 4))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]


def test_rows_of_a_table_that_names_no_enterprise_belong_to_their_captures_scope(lake):
    record = {"Id": "a", "UpdatedUtc": stamp(at(2, 1))}
    land(lake, ADJUSTMENTS, [record], days(2, 3), scopes=(SOUTH,))
    merge(lake, ADJUSTMENTS, threads=1)
    assert ids(lake, ADJUSTMENTS, SOUTH, march(2)) == ["a"]


def test_ledger_entries_are_dealt_by_their_day(lake):
    records = [entry("a", march(2)), entry("b", march(3)), entry("c", march(2), SOUTH)]
    land(lake, LEDGER, records, days(2, 4), scopes=BOTH)
    merged = merge(lake, LEDGER, threads=1)
    assert ids(lake, LEDGER, NORTH, march(2)) == ["a"]
    assert ids(lake, LEDGER, NORTH, march(3)) == ["b"]
    assert ids(lake, LEDGER, SOUTH, march(2)) == ["c"]
    assert rows(lake, LEDGER, NORTH, march(2)).column("_window_utc").to_pylist() == [at(2)]
    assert capture_of(merged).is_reconciled


def outlet_item(name: str, bill: str, consumed: datetime, updated: datetime) -> dict[str, Any]:
    return item(name, updated, NORTH, BillId=bill, ConsumedUtc=stamp(consumed))


def test_outlet_items_are_dealt_by_their_bill_and_not_by_their_own_stamp(lake):
    bills = [item("x", at(2, 5)), item("y", at(3, 5)), item("y", at(3, 5)), item("edge", at(4))]
    items = [
        outlet_item("1", "x", at(1), at(1)),
        outlet_item("2", "y", at(1), at(9)),
        outlet_item("3", "edge", at(2), at(2, 5)),
        outlet_item("4", "x", at(3), at(3)),
    ]
    land(lake, OUTLET_BILLS, bills, days(2, 4), capture="one")
    land(lake, OUTLET_ITEMS, items, days(2, 4), capture="one")
    bills_merged, items_merged = merge(lake, OUTLET_BILLS, threads=1), merge(lake, OUTLET_ITEMS, threads=1)
    assert ids(lake, OUTLET_BILLS, NORTH, march(2)) == ["x"]
    assert ids(lake, OUTLET_BILLS, NORTH, march(3)) == ["y"]
    assert ids(lake, OUTLET_ITEMS, NORTH, march(2)) == ["1", "4"]
    assert ids(lake, OUTLET_ITEMS, NORTH, march(3)) == ["2"]
    assert bills_merged.partitions[partition(3)].repeats == 1
    assert (capture_of(items_merged).dealt, capture_of(items_merged).boundary) == (3, 1)
    assert capture_of(items_merged).is_reconciled
    found = rows(lake, OUTLET_ITEMS, NORTH, march(2))
    assert found.column("_window_utc").to_pylist() == [at(2, 5)] * 2
    measures = items_merged.partitions[partition(2)].measures
    assert measures.rows_outside_window == 0


def test_outlet_items_can_be_merged_before_their_bills_and_without_bills(lake):
    for capture, bill in (("one", [item("x", at(2, 5))]), ("two", b"")):
        land(lake, OUTLET_BILLS, bill, days(2, 3), capture=capture)
        items = [outlet_item("1", "x", at(1), at(1))] if capture == "one" else b""
        land(lake, OUTLET_ITEMS, items, days(2, 3), capture=capture)
    merged = merge(lake, OUTLET_ITEMS, threads=1)
    assert ids(lake, OUTLET_ITEMS, NORTH, march(2)) == ["1"]
    assert all(one.is_reconciled for one in merged.captures.values())


def test_a_rejected_capture_is_named_and_does_not_block_others(lake):
    bad = land(lake, ORDER_ITEMS, json_line(item("a", at(2))) + b'{"Id":"b","UnitCount":"5"}\n', days(2, 3))
    land(lake, ORDER_ITEMS, [item("c", at(3, 1))], days(3, 4))
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert (merged.rejected[bad.capture].line, merged.rejected[bad.capture].field) == (2, "UnitCount")
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["c"]
    assert not lake.exists(layout.changes_file("order_items", NORTH, march(2)))
    assert not landing.pending(lake, "order_items")
    rejected = lake.read_json(layout.rejected_file("order_items", bad.capture))
    assert "UnitCount" in rejected["problem"]
    assert not merge(lake, ORDER_ITEMS).rejected
    assert landing.read_manifest(lake, "order_items", bad.capture).lines == 2  # it stays landed


def test_items_whose_bills_cannot_be_read_are_rejected_with_them(lake):
    land(lake, OUTLET_BILLS, b"garbage\n", days(2, 3), capture="one")
    land(lake, OUTLET_ITEMS, [outlet_item("1", "x", at(1), at(1))], days(2, 3), capture="one")
    assert merge(lake, OUTLET_ITEMS, threads=1).rejected["one"].table == "outlet_bills"


@pytest.mark.parametrize("cut", ["shorter", "garbage"])
def test_a_landed_file_that_was_damaged_is_rejected_and_not_taken_for_a_smaller_one(lake, cut):
    import zstandard

    manifest = land(lake, ORDER_ITEMS, [item(f"{n}", at(2)) for n in range(10)], days(2, 3))
    file = Path(lake.path(layout.landed_file("order_items", manifest.capture, 1)))
    whole = zstandard.decompress(file.read_bytes(), max_output_size=1 << 20)
    shorter = zstandard.compress(b"".join(whole.splitlines(keepends=True)[:7]))
    file.write_bytes(shorter if cut == "shorter" else b"garbage")
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert isinstance(merged.rejected[manifest.capture], RecordError)
    assert not everything(lake, ORDER_ITEMS)


def test_blank_lines_do_not_unsettle_a_capture(lake):
    merged = merged_items(lake, json_line(item("a", at(2))) + b"\n\n", days(2, 3))
    assert capture_of(merged).manifest.lines == 3
    assert capture_of(merged).is_reconciled


def test_new_fields_are_reported_with_the_capture(lake):
    merged = merged_items(lake, [item("a", at(2), Nouveau=1), item("b", at(2))], days(2, 3))
    assert capture_of(merged).findings.unknown["Nouveau"].count == 1
    assert capture_of(merged).is_reconciled


def test_long_numbers_come_through_dealing_and_merging(lake):
    line = json_line(entry("a", march(2), Value=12321)).replace(b"12321", b"12345678901234567.89")
    land(lake, LEDGER, line, days(2, 3))
    merge(lake, LEDGER, threads=1)
    land(lake, LEDGER, [entry("b", march(2), Value=1)], days(2, 3))
    merge(lake, LEDGER, threads=1)
    found = rows(lake, LEDGER, NORTH, march(2))
    assert found.column("value").to_pylist() == [Decimal("12345678901234567.89"), 1]
    assert found.column("_exact_numbers").to_pylist() == [[("Value", "12345678901234567.89")], None]


@pytest.mark.parametrize(
    ("grain", "keys"),
    [
        (Grain.HOURLY, ["2026-03-01T00", "2026-03-01T23", "2026-03-02T00"]),
        (Grain.WEEKLY, ["2026-03-01", "2026-03-08", "2026-03-29"]),
        (Grain.MONTHLY, ["2026-03-01"]),
    ],
)
def test_every_grain_deals_rows_to_its_own_windows(tmp_path, grain, keys):
    lake = open_lake(str(tmp_path / "lake"), grain)
    instants = [at(1), at(1, 23.99), at(2), at(8), at(29), at(31, 23.99)][: 3 if grain is Grain.HOURLY else 6]
    window = Window(window_at(at(1), grain).start, window_at(instants[-1], grain).end)
    merged = merged_items(lake, [item(f"{n}", one) for n, one in enumerate(instants)], window)
    holding = {one.key(grain): merged.partitions[one].measures.rows for one in merged.partitions}
    assert sum(holding.values()) == len(instants)
    assert set(keys) <= {key for key, count in holding.items() if count}
    for one in merged.partitions.values():
        assert one.measures.rows_outside_window == 0
    assert capture_of(merged).is_reconciled
    for instant in instants:
        key = Partition(NORTH, window_at(instant, grain)).key(grain)
        assert instant in rows(lake, ORDER_ITEMS, NORTH, key).column("updated_utc").to_pylist()


def _history(lake: Lake) -> None:
    """Captures as months of work leave them: overlapping, repeated, with edges, early ones and late ones."""
    chance = random.Random(11)
    stamps = [at(day, hour) for day in range(2, 9) for hour in (0, 7.5, 23.999)]
    for number in range(6):
        start = chance.randrange(2, 8)
        window = days(start, start + chance.randrange(1, 4))
        scopes = chance.choice([(NORTH,), (SOUTH,), BOTH])
        seen = [
            item(f"{n}", one, scope, Notes=f"{n}")
            for n, one in enumerate(stamps)
            for scope in scopes
            if window.start <= one <= window.end and chance.random() < 0.7
        ]
        land(lake, ORDER_ITEMS, seen, window, scopes=scopes, capture=f"capture-{number:02}")
        if chance.random() < 0.7:
            merge(lake, ORDER_ITEMS, threads=1)
    merge(lake, ORDER_ITEMS, threads=1)


def test_changes_rebuilt_from_the_landing_alone_are_the_same(lake):
    _history(lake)
    before = everything(lake, ORDER_ITEMS)
    shutil.rmtree(lake.path("changes"))
    shutil.rmtree(lake.path("state"))
    manifests = [
        landing.read_manifest(lake, "order_items", one) for one in landing.captures(lake, "order_items")
    ]
    merged = merge(lake, ORDER_ITEMS, manifests, threads=1)
    after = everything(lake, ORDER_ITEMS)
    assert after.keys() == before.keys()
    for name, found in after.items():
        assert found.equals(before[name]), name
    assert all(one.is_reconciled for one in merged.captures.values())


def test_captures_merged_one_by_one_in_any_order_give_the_same(lake, tmp_path):
    _history(lake)
    before = everything(lake, ORDER_ITEMS)
    shutil.rmtree(lake.path("changes"))
    names = landing.captures(lake, "order_items")
    random.Random(3).shuffle(names)
    for name in names:
        merge(lake, ORDER_ITEMS, [landing.read_manifest(lake, "order_items", name)], threads=1)
    after = everything(lake, ORDER_ITEMS)
    assert after.keys() == before.keys()
    assert {name: found.select(_MEWS) for name, found in after.items()} == {
        name: found.select(_MEWS) for name, found in before.items()
    }


_MEWS = [name for name in arrow_schema(ORDER_ITEMS).names if not name.startswith("_")]


def test_a_column_that_the_catalog_learns_later_is_null_in_what_was_held(lake, monkeypatch):
    from dataclasses import replace

    fewer = tuple(column for column in ORDER_ITEMS.columns if column.name not in ("Notes", "Tags"))
    older = replace(ORDER_ITEMS, columns=fewer)
    land(lake, older, [item("a", at(2, 1), Notes="lost to the older catalog")], days(2, 3))
    merge(lake, older, threads=1)
    land(lake, ORDER_ITEMS, [item("b", at(2, 2), Notes="kept")], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    assert rows(lake, ORDER_ITEMS, NORTH, march(2)).column("notes").to_pylist() == [None, "kept"]


def test_a_nested_column_that_the_catalog_learns_later_is_null_in_what_was_held(lake):
    from dataclasses import replace

    def without(column: Any) -> Any:
        if column.name != "UnitAmount":
            return column
        return replace(column, columns=tuple(c for c in column.columns if c.name != "GrossValue"))

    older = replace(ORDER_ITEMS, columns=tuple(map(without, ORDER_ITEMS.columns)))
    amount = {"Currency": "EUR", "NetValue": 1.5, "GrossValue": 2.5}
    land(lake, older, [item("a", at(2, 1), UnitAmount=amount)], days(2, 3))
    merge(lake, older, threads=1)
    land(lake, ORDER_ITEMS, [item("b", at(2, 2), UnitAmount=amount)], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    found = rows(lake, ORDER_ITEMS, NORTH, march(2))
    assert [one["gross_value"] for one in found.column("unit_amount").to_pylist()] == [None, 2.5]
    assert [one["net_value"] for one in found.column("unit_amount").to_pylist()] == [1.5, 1.5]
    assert found.schema.equals(arrow_schema(ORDER_ITEMS))


def test_a_merge_of_nothing_does_nothing(lake):
    assert merge(lake, ORDER_ITEMS) == Merged()
    assert not lake.files("changes", recursive=True)


def test_partitions_are_read_by_their_folders_alone(lake):
    import pyarrow.dataset as ds

    merged_items(lake, [item("a", at(2)), item("c", at(3), SOUTH)], days(2, 4), scopes=BOTH)
    found = ds.dataset(lake.path("changes/order_items"), partitioning="hive").to_table()
    assert set(zip(found["scope"].to_pylist(), found["window"].to_pylist(), strict=True)) == {
        (NORTH, march(2)),
        (SOUTH, march(3)),
    }
    assert isinstance(found, pa.Table)


def test_large_partitions_are_cut_into_row_groups_and_lose_nothing(lake, monkeypatch):
    from mews_assets.lake import ordering, partition_files

    monkeypatch.setattr(partition_files, "_ROW_GROUP_ROWS", 1000)
    monkeypatch.setattr(ordering, "SLICE_ROWS", 2000)
    stamps = [at(2) + timedelta(seconds=n) for n in range(9_000)]
    records = [item(f"{n}", one) for n, one in enumerate(stamps)] * 2
    merged = merged_items(lake, records, days(2, 4))
    assert merged.partitions[partition(2)].measures.rows == 9_000
    assert merged.partitions[partition(2)].repeats == 9_000
    assert rows(lake, ORDER_ITEMS, NORTH, march(2)).column("updated_utc").to_pylist() == stamps


def test_a_version_stamp_is_utc_whatever_the_zone_of_the_machine(lake, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        merged_items(
            lake, [item("a", at(2)), entry("b", march(2)) | {"UpdatedUtc": "2026-03-02"}], days(2, 3)
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    found = rows(lake, ORDER_ITEMS, NORTH, march(2)).column("updated_utc").to_pylist()
    assert found == [datetime(2026, 3, 2, tzinfo=UTC)] * 2
