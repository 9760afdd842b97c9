"""Which partition a row belongs to: by its stamp or its bill, in a scope that was asked for."""

from __future__ import annotations

import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.landing import capture_states
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain, Window, window_at
from mews_assets_tests.lake.made import (
    ADJUSTMENTS,
    BOTH,
    LEDGER,
    MICRO,
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    capture_of,
    days,
    entry,
    ids,
    is_reconciled,
    item,
    land,
    march,
    merged_items,
    outlet_item,
    partition,
    rows,
    stamp,
)


def test_rows_go_to_the_window_of_their_stamp_and_the_scope_they_name(lake):
    records = [item("a", at(2)), item("b", at(3, 23.9)), item("c", at(3), SOUTH), item("d", at(2, 5))]
    merged = merged_items(lake, records, days(2, 4), scopes=BOTH)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a", "d"]
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["b"]
    assert ids(lake, ORDER_ITEMS, SOUTH, march(2)) == []
    assert ids(lake, ORDER_ITEMS, SOUTH, march(3)) == ["c"]
    assert set(merged.partitions) == {partition(day, scope) for day in (2, 3) for scope in BOTH}
    assert is_reconciled(capture_of(merged))
    assert capture_of(merged).rows_assigned == 4


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
    assert (found.rows_assigned, found.edge_rows, found.unexplained) == (1, 0, 1)
    assert not is_reconciled(found)
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
    assert not capture_states.pending(lake, "order_items")


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
    assert is_reconciled(capture_of(merged))


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
    assert (capture_of(items_merged).rows_assigned, capture_of(items_merged).edge_rows) == (3, 1)
    assert is_reconciled(capture_of(items_merged))
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
    assert all(is_reconciled(one) for one in merged.captures.values())


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
    assert is_reconciled(capture_of(merged))
    for instant in instants:
        key = Partition(NORTH, window_at(instant, grain)).key(grain)
        assert instant in rows(lake, ORDER_ITEMS, NORTH, key).column("updated_utc").to_pylist()
