"""Rows at the very end of a capture: kept until their window stands, and never twice."""

from __future__ import annotations

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.storage import layout
from mews_assets_tests.lake.made import (
    NORTH,
    ORDER_ITEMS,
    at,
    capture_of,
    days,
    ids,
    is_reconciled,
    item,
    land,
    march,
    merged_items,
    partition,
)


def test_a_row_at_the_very_end_goes_to_the_next_window_that_stands_already(lake):
    merged_items(lake, [item("a", at(3, 1))], days(3, 4))
    merged = merged_items(lake, [item("b", at(2, 1)), item("edge", at(3))], days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["b"]
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a"]
    assert (capture_of(merged).rows_assigned, capture_of(merged).edge_rows) == (1, 1)
    assert is_reconciled(capture_of(merged))


def test_a_row_at_the_very_end_waits_for_a_window_that_comes_later(lake):
    merged_items(lake, [item("b", at(2, 1)), item("edge", at(3))], days(2, 3))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["b"]
    assert not lake.exists(layout.changes_file("order_items", NORTH, march(3)))
    assert lake.files("state/boundary", recursive=True)
    merged = merged_items(lake, [item("a", at(3, 1))], days(3, 4))  # the record has moved on since
    assert ids(lake, ORDER_ITEMS, NORTH, march(3)) == ["edge", "a"]
    assert not lake.files("state/boundary", recursive=True)
    assert merged.partitions[partition(3)].rows_arrived == 2


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
