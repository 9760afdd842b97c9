"""What is due: settled, wanted and not there; and what a question already brings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.ingest.due import LookBack, due, looked_back, not_covered, still_missing
from mews_assets.lake.partition import Partition
from mews_assets.windows import SETTLE, Grain, Lookback, Window, windows_between

START = datetime(2026, 3, 1, tzinfo=UTC)
Asked = tuple[tuple[str, ...], Window]


def days(first: int, last: int | None = None) -> Window:
    return Window(
        START + timedelta(days=first), START + timedelta(days=1 + (first if last is None else last))
    )


def partitions() -> st.SearchStrategy[list[Partition]]:
    return st.lists(st.builds(Partition, st.sampled_from("abc"), st.integers(0, 9).map(days)), unique=True)


def questions() -> st.SearchStrategy[list[Asked]]:
    scopes = st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple)
    spans = st.tuples(st.integers(0, 9), st.integers(0, 3)).map(lambda one: days(one[0], one[0] + one[1]))
    return st.lists(st.tuples(scopes, spans), max_size=5)


def test_what_has_settled_and_is_not_there_is_due_the_oldest_first() -> None:
    now = START + timedelta(days=3, minutes=6)
    there = {("a", "2026-03-01"), ("b", "2026-03-03"), ("c", "2026-03-02")}
    assert [(one.scope, one.window) for one in due("ab", START, now, Grain.DAILY, there, by_day=False)] == [
        ("b", days(0)),
        ("a", days(1)),
        ("b", days(1)),
        ("a", days(2)),
    ]


def test_a_window_is_not_due_before_five_minutes_after_its_end() -> None:
    ended = START + timedelta(days=1)
    assert due("a", START, ended + timedelta(minutes=5), Grain.DAILY, (), by_day=False) == []
    assert len(due("a", START, ended + timedelta(minutes=5, seconds=1), Grain.DAILY, (), by_day=False)) == 1


@pytest.mark.parametrize("hours", [-12, -8, -5, 0, 1, 13, 14])
def test_a_day_of_the_ledger_is_not_due_while_it_goes_on_in_any_hotel(hours: int) -> None:
    """An entry is posted on its hotel's own day. Asked for sooner, the day lacks its last hours for good."""
    ledger = catalog.table("ledger_entries")
    (first,) = windows_between(START, START + timedelta(days=1), Grain.DAILY)
    own_end = first.end - timedelta(hours=hours)
    assert due("a", START, own_end, Grain.DAILY, (), by_day=ledger.by_day) == []
    asked_at = first.settles(by_day=True) + timedelta(seconds=1)
    assert len(due("a", START, asked_at, Grain.DAILY, (), by_day=ledger.by_day)) == 1
    assert asked_at >= own_end + SETTLE


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda one: one.name)
def test_only_the_ledger_waits_for_the_hotels_own_midnight(table: Table) -> None:
    assert table.by_day == (table.name == "ledger_entries")


THREE_DAYS = Lookback(length=timedelta(days=3))


def back(by: Lookback = THREE_DAYS, grain: Grain = Grain.DAILY) -> LookBack:
    """Over all that there is since the start."""
    return LookBack(by, grain, lambda near: [one for one in near if one.window.start >= START])


@pytest.mark.parametrize(
    ("grain", "missing", "again"),
    [
        (Grain.DAILY, [9], [6, 7, 8]),
        (Grain.DAILY, [9, 10], [6, 7, 8]),
        (Grain.DAILY, [5, 9], [2, 3, 4, 6, 7, 8]),
        (Grain.DAILY, [1], [0]),
        (Grain.DAILY, [], []),
    ],
)
def test_the_days_shortly_before_a_missing_one_are_asked_for_again_but_none_before_the_start(
    grain: Grain, missing: list[int], again: list[int]
) -> None:
    wanted = [Partition("a", days(day)) for day in missing]
    assert looked_back(wanted, back(grain=grain)) == [Partition("a", days(day)) for day in again]


def test_looking_back_takes_whole_windows_of_any_grain_and_each_hotels_own() -> None:
    week = Window(START + timedelta(days=14), START + timedelta(days=21))
    assert looked_back([Partition("a", week)], back(grain=Grain.WEEKLY)) == [
        Partition("a", Window(START + timedelta(days=7), START + timedelta(days=14)))
    ]
    found = looked_back([Partition("a", days(9)), Partition("b", days(1))], back())
    assert found == [*(Partition("a", days(day)) for day in (6, 7, 8)), Partition("b", days(0))]


def test_a_table_that_does_not_look_back_asks_for_nothing_again() -> None:
    assert looked_back([Partition("a", days(9))], back(Lookback())) == []


def test_what_is_not_there_is_left_to_a_question_of_its_own() -> None:
    """It may be held back for what is wrong with it, and would hold back the new window."""
    there = LookBack(Lookback(windows=2), Grain.DAILY, lambda near: set(near) - {Partition("a", days(7))})
    wanted = [Partition(scope, days(9)) for scope in "ab"]
    assert looked_back(wanted, there) == [
        Partition("a", days(8)),
        Partition("b", days(7)),
        Partition("b", days(8)),
    ]


def test_nothing_is_due_without_scopes_or_before_the_start() -> None:
    assert due((), START, START + timedelta(days=9), Grain.DAILY, (), by_day=False) == []
    assert due("a", START, START - timedelta(days=9), Grain.DAILY, (), by_day=False) == []


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(wanted=partitions(), asked=questions())
def test_what_is_left_is_what_no_single_question_brings_whole(
    wanted: list[Partition], asked: list[Asked]
) -> None:
    def brings(question: Asked, one: Partition) -> bool:
        scopes, window = question
        return one.scope in scopes and window.start <= one.window.start and one.window.end <= window.end

    assert not_covered(wanted, asked) == [
        one for one in wanted if not any(brings(question, one) for question in asked)
    ]
    assert still_missing(wanted, asked) == [
        any(brings(question, one) for one in wanted) for question in asked
    ]
