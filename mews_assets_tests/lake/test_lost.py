"""A partition whose file is gone is made again from all captures that hold rows of it, its edge included."""

from __future__ import annotations

import pytest

from mews_assets.defs.assets.landing_and_changes import rebuild_changes
from mews_assets.lake.changes import merge as merge_module
from mews_assets.lake.changes import merge_pass
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.lake.made import (
    BOTH,
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    days,
    everything,
    ids,
    is_reconciled,
    item,
    land,
    march,
    merged_items,
    outlet_item,
    partition,
)


def lose(lake: Lake, day: int, scope: str = NORTH, table: str = "order_items") -> None:
    lake.delete(layout.changes_file(table, scope, march(day)))


def stands(lake: Lake, day: int, scope: str = NORTH) -> bool:
    return lake.exists(layout.changes_file("order_items", scope, march(day)))


def rebuilt(lake: Lake, *wanted: int) -> None:
    result = rebuild_changes(lake, [ORDER_ITEMS], [partition(day) for day in wanted], PLAIN)
    assert not result.failed
    assert all(is_reconciled(one) for one in result.merged["order_items"].captures.values())


def test_a_rebuilt_partition_has_the_row_that_the_window_before_it_brought(lake):
    merged_items(lake, [item("b", at(2, 1)), item("edge", at(3))], days(2, 3))
    merged_items(lake, [item("a", at(3, 1))], days(3, 4))  # the record at the edge has moved on by now
    before = everything(lake, ORDER_ITEMS)
    lose(lake, 3)
    rebuilt(lake, 3)
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a"]
    assert everything(lake, ORDER_ITEMS) == before


def test_a_rebuild_makes_what_was_asked_for_and_no_half_of_what_is_lost_beside_it(lake):
    """One capture covers both days; of the second another one holds more."""
    merged_items(lake, [item("a", at(2, 1)), item("b", at(3, 1))], days(2, 4))
    merged_items(lake, [item("c", at(3, 2))], days(3, 5))
    before = everything(lake, ORDER_ITEMS)
    lose(lake, 2)
    lose(lake, 3)
    rebuilt(lake, 2)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]
    assert not stands(lake, 3)
    rebuilt(lake, 3)
    assert everything(lake, ORDER_ITEMS) == before


def test_what_comes_again_for_a_lost_partition_is_put_to_what_had_landed_of_it(lake):
    """Mews returns fewer records when an old window is asked for again: the rest is in the landing only."""
    merged_items(lake, [item("x", at(2, 1)), item("edge", at(3))], days(2, 3))
    merged_items(lake, [item("a", at(3, 1)), item("b", at(3, 2))], days(3, 4))
    lose(lake, 3)
    merged = merged_items(lake, [item("b", at(3, 2)), item("late", at(3, 3))], days(2, 5))
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a", "b", "late"]
    assert all(is_reconciled(one) for one in merged.captures.values())
    assert merged.partitions[partition(3)].repeats == 1


def test_only_what_is_lost_is_read_again_from_the_landing(lake, monkeypatch):
    merged_items(lake, [item("a", at(2, 1)), item("edge", at(3))], days(2, 3), scopes=BOTH)
    merged_items(lake, [item("b", at(3, 1))], days(3, 4), scopes=BOTH)
    monkeypatch.setattr(capture_store, "landed_files", lambda *_: pytest.fail("a capture was read again"))
    raw = land(lake, ORDER_ITEMS, [item("c", at(4, 1))], days(3, 5), scopes=BOTH)
    with lake.workspace() as workspace:
        file = workspace / "raw.jsonl"
        file.write_bytes(
            b'{"Id":"c","EnterpriseId":"%s","UpdatedUtc":"2026-03-04T01:00:00Z"}\n' % SOUTH.encode()
        )
        merge(lake, ORDER_ITEMS, raw={raw.capture: {"order_items": [file]}}, threads=1)
    assert ids(lake, ORDER_ITEMS, SOUTH, march(4)) == ["c"]


def test_a_capture_that_could_not_become_rows_is_not_counted_on(lake):
    land(lake, ORDER_ITEMS, b"garbage\n", days(3, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    merged_items(lake, [item("a", at(3, 1))], days(3, 4))
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["a"]


def test_lost_outlet_items_are_found_by_the_bills_of_the_captures_that_hold_them(lake):
    def came(capture: str, hour: float, window, *names: str) -> None:
        land(lake, OUTLET_BILLS, [item("x", at(3, hour))], window, capture=capture)
        land(
            lake,
            OUTLET_ITEMS,
            [outlet_item(one, "x", at(1), at(1)) for one in names],
            window,
            capture=capture,
        )
        merge(lake, OUTLET_BILLS, threads=1)
        merge(lake, OUTLET_ITEMS, threads=1)

    came("20260304T001000Z-1", 5, days(3, 4), "1", "2")
    lose(lake, 3, table="outlet_items")
    came("20260305T001000Z-2", 5, days(3, 5), "2")
    assert ids(lake, OUTLET_ITEMS, NORTH, march(3)) == ["1", "2"]


@pytest.mark.parametrize("when", ["overtaking", "recalled"])
def test_a_capture_that_lands_during_a_merge_stays_pending_though_some_of_its_rows_are_read(
    lake, monkeypatch, when
):
    """Another run lands it after the merge has listed what is pending: all of it must be merged later."""
    land(lake, ORDER_ITEMS, [item("both", at(3))], days(2, 4), capture="first", captured_at=at(10))
    merge(lake, ORDER_ITEMS, threads=1)
    if when == "recalled":
        lake.delete(layout.changes_file("order_items", NORTH, "2026-03-03"))
    land(lake, ORDER_ITEMS, [item("a", at(2)), item("both", at(3))], days(2, 4), captured_at=at(9))
    owner = merge_pass if when == "overtaking" else merge_module
    real = getattr(owner, when)

    def landed_meanwhile(*arguments):
        if "meanwhile" not in capture_store.captures(lake, "order_items"):
            records = [item("m", at(2, 1)), item("both", at(3))]
            land(lake, ORDER_ITEMS, records, days(2, 4), capture="meanwhile", captured_at=at(11))
        return real(*arguments)

    monkeypatch.setattr(owner, when, landed_meanwhile)
    merge(lake, ORDER_ITEMS, threads=1)
    assert [one.capture for one in capture_states.pending(lake, "order_items")] == ["meanwhile"]
    monkeypatch.undo()
    merge(lake, ORDER_ITEMS, threads=1)
    ids = sorted(
        id for rows in everything(lake, ORDER_ITEMS).values() for id in rows.column("id").to_pylist()
    )
    assert ids == ["a", "both", "m"]
