"""The plan covers what is wanted, within Mews' limits, with the fewest exports there can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.catalog import TABLES
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Export, FetchMethod, Pages
from mews_assets.ingest.due import LookBack
from mews_assets.ingest.plan import Pull, in_turn, plan, plan_looking_back, reach
from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, Lookback, Window, windows_between

LIMIT = timedelta(days=5)
EXPORTED = replace(table_of("order_items"), fetch=Export("OrderItem", max_length=LIMIT, max_scopes=3))
PAGED = replace(table_of("outlet_items"), fetch=Pages("o/getAll", "Items", max_length=LIMIT, max_scopes=3))
ALONE = replace(EXPORTED, scope_column=None)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
CONNECTIONS = {"a": "one", "b": "one", "c": "two", "d": "two", "e": "two", "f": "two", "g": "two"}


def day(number: int) -> Window:
    start = FIRST + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def wanted(**by_scope: tuple[int, ...]) -> list[Partition]:
    return [Partition(scope, day(number)) for scope, numbers in by_scope.items() for number in numbers]


def partitions() -> st.SearchStrategy[list[Partition]]:
    one = st.builds(Partition, st.sampled_from(sorted(CONNECTIONS)), st.integers(0, 20).map(day))
    return st.lists(one, max_size=25)


def holds(pull: Pull, partition: Partition) -> bool:
    inside = pull.window.start <= partition.window.start and partition.window.end <= pull.window.end
    return partition.scope in pull.scopes and inside


@pytest.mark.parametrize("table", [EXPORTED, PAGED, ALONE], ids=["exports", "pages", "alone"])
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(asked=partitions())
def test_every_wanted_partition_is_covered_by_its_own_connection_within_the_limits(table, asked):
    pulls = plan(table, asked, CONNECTIONS.__getitem__)
    for partition in asked:
        covering = [pull for pull in pulls if holds(pull, partition)]
        assert covering
        assert {pull.connection for pull in covering} == {CONNECTIONS[partition.scope]}
    for pull in pulls:
        assert pull.window.length <= LIMIT
        assert 1 <= len(pull.scopes) <= (1 if table is ALONE else 3)
        assert list(pull.scopes) == sorted(set(pull.scopes))
        assert any(holds(pull, partition) for partition in asked)
    assert pulls == sorted(pulls, key=lambda pull: (pull.window, pull.connection, pull.scopes))
    assert plan(table, reversed(asked), CONNECTIONS.__getitem__) == pulls


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(asked=partitions())
def test_pages_are_never_asked_for_what_nobody_wants(asked):
    for pull in plan(PAGED, asked, CONNECTIONS.__getitem__):
        for scope in pull.scopes:
            for window in windows_between(pull.window.start, pull.window.end, Grain.DAILY):
                assert Partition(scope, window) in asked


def groupings(items: list[Window]) -> Iterator[list[list[Window]]]:
    """Every way of putting the items into groups."""
    if not items:
        yield []
        return
    for rest in groupings(items[1:]):
        yield [[items[0]], *rest]
        for at in range(len(rest)):
            yield [*rest[:at], [items[0], *rest[at]], *rest[at + 1 :]]


def fewest(windows: set[Window]) -> int:
    """By trying everything."""
    return min(
        len(groups)
        for groups in groupings(sorted(windows))
        if all(max(w.end for w in group) - min(w.start for w in group) <= LIMIT for group in groups)
    )


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(asked=st.lists(st.builds(Partition, st.sampled_from("ab"), st.integers(0, 20).map(day)), max_size=7))
def test_no_plan_takes_fewer_exports(asked):
    pulls = plan(EXPORTED, asked, lambda scope: "one")
    assert len(pulls) == fewest({one.window for one in asked})
    alone = plan(ALONE, asked, lambda scope: "one")
    by_scope = [{one.window for one in asked if one.scope == scope} for scope in "ab"]
    assert len(alone) == sum(fewest(windows) for windows in by_scope)


def test_an_export_reaches_over_gaps_and_merges_scopes():
    pulls = plan(EXPORTED, wanted(a=(0, 4), b=(2,)), CONNECTIONS.__getitem__)
    assert pulls == [Pull("one", ("a", "b"), Window(day(0).start, day(4).end))]


def test_scopes_that_want_nothing_of_a_span_are_left_out_of_it():
    pulls = plan(EXPORTED, wanted(a=(0, 10), b=(10,)), CONNECTIONS.__getitem__)
    assert pulls == [Pull("one", ("a",), day(0)), Pull("one", ("a", "b"), day(10))]


def test_more_scopes_than_one_pull_takes_are_cut():
    pulls = plan(EXPORTED, wanted(c=(0,), d=(0,), e=(0,), f=(0,), g=(0,)), CONNECTIONS.__getitem__)
    assert [pull.scopes for pull in pulls] == [("c", "d", "e"), ("f", "g")]


def test_pages_join_windows_that_touch_and_scopes_that_want_the_same():
    pulls = plan(PAGED, wanted(a=(0, 1, 3), b=(0, 1, 3)), CONNECTIONS.__getitem__)
    both = ("a", "b")
    assert pulls == [Pull("one", both, Window(day(0).start, day(1).end)), Pull("one", both, day(3))]
    assert len(plan(PAGED, wanted(a=(0, 1), b=(1, 2)), CONNECTIONS.__getitem__)) == 2


def test_nothing_wanted_is_nothing_to_pull():
    assert plan(EXPORTED, [], CONNECTIONS.__getitem__) == []
    assert reach([], LIMIT) == []


def test_a_scope_that_no_connection_sees_is_told_before_anything_is_asked():
    with pytest.raises(KeyError):
        plan(EXPORTED, wanted(z=(0,)), CONNECTIONS.__getitem__)


@pytest.mark.parametrize("way", FetchMethod)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("grain", Grain)
def test_no_window_of_any_grain_is_longer_than_any_table_takes(table, grain, way):
    table = table.fetched_by(way)
    start = datetime(2023, 1, 1, tzinfo=UTC)
    windows = list(
        windows_between(start, start + timedelta(days=430 if grain is not Grain.HOURLY else 3), grain)
    )
    pulls = plan(table, [Partition("a", window) for window in windows], lambda scope: "one")
    if isinstance(table.fetch, Export):  # a longer window is requested in pieces by pages
        assert all(pull.window.length <= table.fetch.max_length for pull in pulls)
    for window in windows:
        assert any(pull.window.start <= window.start and window.end <= pull.window.end for pull in pulls)


def test_half_a_year_of_fifty_hotels_are_two_exports():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    windows = list(windows_between(start, start + timedelta(days=181), Grain.DAILY))
    asked = [Partition(f"hotel-{number}", window) for number in range(50) for window in windows]
    pulls = plan(table_of("order_items"), asked, lambda scope: "portfolio")
    assert [len(pull.scopes) for pull in pulls] == [50, 50]
    assert [pull.window.length.days for pull in pulls] == [180, 1]


@pytest.mark.parametrize(
    ("way", "lengths"), [(FetchMethod.EXPORT, [180, 1]), (FetchMethod.PAGES, [89, 89, 3])]
)
def test_half_a_year_of_reservations_is_cut_as_the_way_they_come_by_allows(way, lengths):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    windows = list(windows_between(start, start + timedelta(days=181), Grain.DAILY))
    asked = [Partition(f"hotel-{number}", window) for number in range(50) for window in windows]
    pulls = plan(table_of("reservations").fetched_by(way), asked, lambda scope: "portfolio")
    assert [(len(pull.scopes), pull.window.length.days) for pull in pulls] == [(50, days) for days in lengths]


def test_every_hotel_gets_its_turn_when_there_is_no_time_for_all():
    hotels = [f"hotel-{number:02}" for number in range(12)]
    landed = dict.fromkeys(hotels, 0)  # the day up to which each is there
    longest = 0
    for today in range(1, 30):
        for _ in range(3):  # exports that Mews manages in a day
            late = {hotel: tuple(range(day, today)) for hotel, day in landed.items() if day < today}
            chosen = in_turn(plan(replace(ALONE, fetch=Export("A")), wanted(**late), lambda _: "one"))[0]
            landed[chosen.scopes[0]] = today
        if today > 8:
            longest = max(longest, today - min(landed.values()))
    assert longest == len(hotels) / 3 - 1


def test_the_newest_windows_are_asked_for_before_long_histories():
    pulls = plan(EXPORTED, wanted(a=(0, 1, 19, 20), c=(18,)), CONNECTIONS.__getitem__)
    assert [pull.window.end for pull in in_turn(pulls)] == [day(20).end, day(18).end, day(1).end]


def test_of_pulls_that_end_at_the_same_time_the_longest_is_first():
    short, long = (
        Pull("one", (scope,), Window(start, day(9).end))
        for scope, start in zip("ab", (day(8).start, day(1).start), strict=True)
    )
    assert in_turn([short, long]) == in_turn([long, short]) == [long, short]


def back(by: int, there: set[Partition], held_back: frozenset[Partition] = frozenset()) -> LookBack:
    return LookBack(Lookback(windows=by), Grain.DAILY, lambda near: set(near) & there, held_back)


@pytest.mark.parametrize("table", [EXPORTED, ALONE], ids=["exports", "alone"])
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(asked=partitions(), there=partitions(), by=st.integers(0, 4))
def test_looking_back_takes_no_export_more_and_stays_within_the_limits(table, asked, there, by):
    """Each pull is one of the plan, perhaps reaching further back: so what is wanted is covered as before."""
    bare = plan(table, asked, CONNECTIONS.__getitem__)
    pulls = plan_looking_back(table, asked, CONNECTIONS.__getitem__, back(by, set(there) - set(asked)))
    assert len(pulls) == len(bare)
    for pull, other in zip(pulls, bare, strict=True):
        assert (pull.connection, pull.scopes, pull.window.end) == (
            other.connection,
            other.scopes,
            other.window.end,
        )
        assert other.window.start - timedelta(days=by) <= pull.window.start <= other.window.start
        assert pull.window.length <= LIMIT
        for window in windows_between(pull.window.start, other.window.start, Grain.DAILY):
            assert any(Partition(scope, window) in there for scope in pull.scopes)


def test_an_export_reaches_back_over_what_is_there_for_any_of_its_scopes_and_over_nothing_held_back():
    there = set(wanted(a=(1, 2, 3), b=(2, 3)))
    (pull,) = plan_looking_back(EXPORTED, wanted(a=(4,), b=(4,)), CONNECTIONS.__getitem__, back(3, there))
    assert pull.window == Window(day(1).start, day(4).end)
    held_back = frozenset(wanted(b=(2,)))
    (pull,) = plan_looking_back(
        EXPORTED, wanted(a=(4,), b=(4,)), CONNECTIONS.__getitem__, back(3, there, held_back)
    )
    assert pull.window == Window(day(3).start, day(4).end)


def test_an_export_reaches_back_until_it_is_exactly_as_long_as_mews_allows():
    days = LIMIT // timedelta(days=1)
    there = set(wanted(a=tuple(range(days + 3))))
    (pull,) = plan_looking_back(
        EXPORTED, wanted(a=(days + 3,)), CONNECTIONS.__getitem__, back(days + 3, there)
    )
    assert pull.window.length == LIMIT


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(asked=partitions(), there=partitions())
def test_pages_are_asked_for_what_is_wanted_and_what_lies_right_before_it_and_is_there(asked, there):
    standing = set(there) - set(asked)
    pulls = plan_looking_back(PAGED, asked, CONNECTIONS.__getitem__, back(2, standing))
    brought = {
        Partition(scope, window)
        for pull in pulls
        for scope in pull.scopes
        for window in windows_between(pull.window.start, pull.window.end, Grain.DAILY)
    }
    near = {
        one
        for one in standing
        if any(
            one.scope == other.scope
            and timedelta(0) < other.window.start - one.window.start <= timedelta(days=2)
            for other in asked
        )
    }
    assert brought == set(asked) | near
