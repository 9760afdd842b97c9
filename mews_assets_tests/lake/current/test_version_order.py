"""Which version is the newest, and two sorted runs put together, whatever pieces they come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.lake.current.version_order import MergeCounts, Reread, UncertainError, merge_newest
from mews_assets_tests.lake.current.things import THINGS, batches, names, newest, newness, thing, versions
from mews_assets_tests.lake.made import at, days


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.lists(versions, max_size=25), st.lists(versions, max_size=25), st.integers(1, 9), st.integers(1, 9))
def test_two_runs_together_hold_the_newest_of_both_in_the_order_of_ids(held, arrived, one, other) -> None:
    counts = MergeCounts()
    merged = list(merge_newest(THINGS, batches(held, one), batches(arrived, other), Reread([]), counts))
    rows = [row for piece in merged for row in piece.to_pylist()]
    wanted = newest([*held, *arrived])
    assert names(rows) == names(wanted)
    before = {row["id"]: newness(row) for row in newest(held)}
    assert counts.added == len({row["id"] for row in wanted} - set(before))
    changed = [row for row in wanted if row["id"] in before and newness(row) > before[row["id"]]]
    assert counts.replaced == len(changed)


def merged(held: list[Any], arrived: list[Any], *reread: Any) -> list[dict[str, Any]]:
    pieces = merge_newest(THINGS, batches(held, 2), batches(arrived, 2), Reread(reread), MergeCounts())
    return [row for piece in pieces for row in piece.to_pylist()]


def test_a_version_without_a_stamp_is_older_than_any_other() -> None:
    old, new = thing("a", None, capture=9), thing("a", at(2), capture=1)
    assert names(merged([old], [new])) == names(merged([new], [old])) == names([new])


def test_of_one_stamp_the_later_capture_counts_then_the_landing_then_the_window() -> None:
    for one, other in [
        (thing("a", at(2), capture=1, landing="b"), thing("a", at(2), capture=2, landing="a")),
        (thing("a", at(2), landing="a", window=at(9)), thing("a", at(2), landing="b", window=at(3))),
        (thing("a", at(2), window=at(3)), thing("a", at(2), window=at(9))),
    ]:
        assert names(merged([one], [other])) == names(merged([other], [one])) == names([other])


def test_the_same_version_read_again_is_taken_as_it_reads_now() -> None:
    before, now = thing("a", at(2)), {**thing("a", at(2)), "name": "corrected"}
    assert names(merged([before], [now], days(2, 3))) == [("a", "corrected")]


@pytest.mark.parametrize("arrived", [[], [thing("b", at(2))], [thing("a", at(1, 5), capture=9)]])
def test_a_newest_version_that_has_left_its_partition_is_noticed(arrived: list[Any]) -> None:
    held = [thing("a", at(2, 5)), thing("c", at(4))]
    with pytest.raises(UncertainError, match="of a "):
        merged(held, arrived, days(2, 3), days(7, 8))
    assert merged(held, arrived, days(3, 4), days(7, 8))
