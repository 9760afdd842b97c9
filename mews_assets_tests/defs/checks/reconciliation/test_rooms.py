"""Stays and blocks against availability, as a function over plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mews_assets.defs.checks.reconciliation.moments import Stood
from mews_assets.defs.checks.reconciliation.rooms import (
    OCCUPIED,
    OUT_OF_ORDER,
    USABLE,
    Availability,
    Place,
    compare_rooms,
)

T = datetime(2026, 4, 10, tzinfo=UTC)
STOOD = Stood(T - timedelta(days=1), T + timedelta(hours=5))
DAY = Place("north", date(2026, 4, 9), "suites")
KNOWN = {"north": T}


def counts(occupied: int, out_of_order: int, usable: int) -> dict[str, int]:
    return {OCCUPIED: occupied, OUT_OF_ORDER: out_of_order, USABLE: usable}


def nothing(what: str, place: Place) -> bool:
    return False


def blocks(what: str, place: Place) -> bool:
    return what != OCCUPIED


def test_equal_counts_agree() -> None:
    figure = Availability(DAY, counts(3, 1, 5), STOOD)
    found = compare_rooms([figure], {DAY: counts(3, 1, 5)}, KNOWN, nothing)
    assert (found.agree, found.differ, found.not_yet) == (3, (), 0)


def test_a_doubled_stay_is_named_with_its_category_and_day() -> None:
    figure = Availability(DAY, counts(3, 1, 5), STOOD)
    (doubled,) = compare_rooms([figure], {DAY: counts(4, 1, 5)}, KNOWN, nothing).differ
    assert (doubled.where, doubled.what, doubled.by) == (DAY, OCCUPIED, 1)


def test_a_figure_that_changed_after_the_mart_was_made_is_not_compared_yet() -> None:
    for stood in (Stood(T + timedelta(hours=1), STOOD.last), Stood(STOOD.first, T - timedelta(hours=1))):
        figure = Availability(DAY, counts(3, 1, 5), stood)
        found = compare_rooms([figure], {DAY: counts(4, 1, 5)}, KNOWN, nothing)
        assert (found.differ, found.not_yet) == ((), 1)


def test_what_the_lake_may_lack_because_it_is_older_is_not_a_difference() -> None:
    figure = Availability(DAY, counts(3, 1, 5), STOOD)
    ours = {DAY: counts(3, 0, 6)}
    assert compare_rooms([figure], ours, KNOWN, blocks).not_yet == 2
    assert [one.what for one in compare_rooms([figure], ours, KNOWN, nothing).differ] == [
        OUT_OF_ORDER,
        USABLE,
    ]
    more = {DAY: counts(3, 2, 4)}
    assert len(compare_rooms([figure], more, KNOWN, blocks).differ) == 2


def test_categories_that_nobody_sleeps_in_are_left_out() -> None:
    parking = Availability(Place("north", DAY.day, "parking"), counts(9, 0, 9), STOOD)
    assert compare_rooms([parking], {DAY: counts(3, 1, 5)}, KNOWN, nothing).agree == 0


def test_a_category_without_rooms_taken_counts_as_zero() -> None:
    suites = Availability(DAY, counts(0, 0, 0), STOOD)
    other = Place("north", DAY.day, "singles")
    before = Place("north", DAY.day - timedelta(days=1), "suites")
    lake = {other: counts(1, 0, 3), before: counts(1, 0, 3)}
    assert compare_rooms([suites], lake, KNOWN, nothing).agree == 3
