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
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.changes.merge_result import MergeResult
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import (
    BOTH,
    LEDGER,
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    capture_of,
    days,
    entry,
    everything,
    ids,
    is_reconciled,
    item,
    json_line,
    land,
    march,
    merged_items,
    outlet_item,
    partition,
    rows,
)


def test_an_empty_window_is_an_empty_file_with_the_schema(lake):
    merged = merged_items(lake, b"", days(2, 4))
    assert len(merged.partitions) == 2
    for day in (2, 3):
        found = rows(lake, ORDER_ITEMS, NORTH, march(day))
        assert found.num_rows == 0
        assert found.schema.equals(arrow_schema(ORDER_ITEMS))
        assert merged.partitions[partition(day)].measures.rows == 0
    assert is_reconciled(capture_of(merged))


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


def test_a_rejected_capture_is_named_and_does_not_block_others(lake):
    bad = land(lake, ORDER_ITEMS, json_line(item("a", at(2))) + b'{"Id":"b","UnitCount":"5"}\n', days(2, 3))
    land(lake, ORDER_ITEMS, [item("c", at(3, 1))], days(3, 4))
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert (merged.rejected[bad.capture].line, merged.rejected[bad.capture].field) == (2, "UnitCount")
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["c"]
    assert not lake.exists(layout.changes_file("order_items", NORTH, march(2)))
    assert not capture_states.pending(lake, "order_items")
    rejected = lake.read_json(layout.rejected_file("order_items", bad.capture))
    assert "UnitCount" in rejected["problem"]
    assert not merge(lake, ORDER_ITEMS).rejected
    assert read_manifest(lake, "order_items", bad.capture).lines == 2  # it stays landed


def test_items_whose_bills_cannot_be_read_are_rejected_with_them(lake):
    land(lake, OUTLET_BILLS, b"garbage\n", days(2, 3), capture="one")
    land(lake, OUTLET_ITEMS, [outlet_item("1", "x", at(1), at(1))], days(2, 3), capture="one")
    assert merge(lake, OUTLET_ITEMS, threads=1).rejected["one"].table == "outlet_bills"


@pytest.mark.parametrize("cut", ["shorter", "garbage"])
def test_a_landed_file_that_was_damaged_is_set_aside_and_not_taken_for_a_smaller_one(lake, cut):
    import zstandard

    manifest = land(lake, ORDER_ITEMS, [item(f"{n}", at(2)) for n in range(10)], days(2, 3))
    file = Path(lake.path(layout.landed_file("order_items", manifest.capture, 1)))
    whole = zstandard.decompress(file.read_bytes(), max_output_size=1 << 20)
    shorter = zstandard.compress(b"".join(whole.splitlines(keepends=True)[:7]))
    file.write_bytes(shorter if cut == "shorter" else b"garbage")
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert merged.unmerged[manifest.capture].is_set_aside and not merged.rejected
    assert not everything(lake, ORDER_ITEMS)


def test_blank_lines_do_not_unsettle_a_capture(lake):
    merged = merged_items(lake, json_line(item("a", at(2))) + b"\n\n", days(2, 3))
    assert capture_of(merged).manifest.lines == 3
    assert is_reconciled(capture_of(merged))


def test_new_fields_are_reported_with_the_capture(lake):
    merged = merged_items(lake, [item("a", at(2), Nouveau=1), item("b", at(2))], days(2, 3))
    assert capture_of(merged).findings.unknown["Nouveau"].count == 1
    assert is_reconciled(capture_of(merged))


def test_long_numbers_come_through_dealing_and_merging(lake):
    line = json_line(entry("a", march(2), Value=12321)).replace(b"12321", b"12345678901234567.89")
    land(lake, LEDGER, line, days(2, 3))
    merge(lake, LEDGER, threads=1)
    land(lake, LEDGER, [entry("b", march(2), Value=1)], days(2, 3))
    merge(lake, LEDGER, threads=1)
    found = rows(lake, LEDGER, NORTH, march(2))
    assert found.column("value").to_pylist() == [Decimal("12345678901234567.89"), 1]
    assert found.column("_exact_numbers").to_pylist() == [[("Value", "12345678901234567.89")], None]


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
        read_manifest(lake, "order_items", one) for one in capture_store.captures(lake, "order_items")
    ]
    merged = merge(lake, ORDER_ITEMS, manifests, threads=1)
    after = everything(lake, ORDER_ITEMS)
    assert after.keys() == before.keys()
    for name, found in after.items():
        assert found.equals(before[name]), name
    assert all(is_reconciled(one) for one in merged.captures.values())


@pytest.mark.slow
def test_captures_merged_one_by_one_in_any_order_give_the_same(lake, tmp_path):
    _history(lake)
    before = everything(lake, ORDER_ITEMS)
    shutil.rmtree(lake.path("changes"))
    names = capture_store.captures(lake, "order_items")
    random.Random(3).shuffle(names)
    for name in names:
        merge(lake, ORDER_ITEMS, [read_manifest(lake, "order_items", name)], threads=1)
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
    assert merge(lake, ORDER_ITEMS) == MergeResult()
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


@pytest.mark.slow
def test_large_partitions_are_cut_into_row_groups_and_lose_nothing(lake, monkeypatch):
    from mews_assets.lake.changes import partition_writer
    from mews_assets.lake.storage import chunked_sort

    monkeypatch.setattr(partition_writer, "ROW_GROUP_ROWS", 1000)
    monkeypatch.setattr(chunked_sort, "_SORTED_AT_MOST", 400_000)
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
