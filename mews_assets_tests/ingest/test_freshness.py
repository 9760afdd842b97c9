"""Freshness: a scope is behind exactly when its first missing window is due, however its files are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets import catalog
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.freshness import Cadence, format_duration, freshness_of, late_scopes
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import LAST_DAY_END, Grain, Window, over_after, windows_between

START = datetime(2026, 3, 1, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
DAILY = Cadence(START, Grain.DAILY, SIX_HOURS)
PAYMENTS = catalog.table("payments")


def day(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


@pytest.mark.parametrize(
    ("newest", "now", "late_by"),
    [
        # Day 2 ends at the start of day 3 and is due six hours later.
        (day(2), START + timedelta(days=4, hours=5), None),
        (day(2), START + timedelta(days=4, hours=6), timedelta(0)),
        (day(2), START + timedelta(days=5, hours=6), timedelta(days=1)),
        (day(3), START + timedelta(days=4, hours=6), None),
        (day(4), START + timedelta(days=4, hours=6), None),
        (None, START + timedelta(days=1, hours=5), None),
        (None, START + timedelta(days=1, hours=7), timedelta(hours=1)),
        (None, START - timedelta(days=1), None),
        # A lake that began before the start that is set today.
        (day(-5), START + timedelta(days=1, hours=7), timedelta(hours=1)),
    ],
)
def test_a_scope_is_late_once_its_first_missing_window_is_due(
    newest: Window | None, now: datetime, late_by: timedelta | None
) -> None:
    late = late_scopes({"north": newest}, DAILY, {}, now)
    assert [one.by(now) for one in late] == ([] if late_by is None else [late_by])


def test_a_day_of_hotels_own_calendars_is_late_only_after_it_was_over_everywhere() -> None:
    """Else every hotel's ledger would be called late each morning."""
    ledger = replace(DAILY, by_day=True)
    over = day(3).end + LAST_DAY_END
    assert late_scopes({"west": day(2)}, ledger, {}, over + SIX_HOURS - timedelta(seconds=1)) == []
    (late,) = late_scopes({"west": day(2)}, ledger, {}, over + SIX_HOURS)
    assert (late.missing, late.due) == (day(3), over + SIX_HOURS)


def test_nothing_is_asked_of_a_scope_before_it_was_first_seen() -> None:
    seen = START + timedelta(days=90)
    scopes = {"new": None, "old": None}

    def late(now: datetime) -> list[str]:
        return [one.scope for one in late_scopes(scopes, DAILY, {"new": seen}, now)]

    assert late(seen + timedelta(hours=5)) == ["old"]
    assert late(seen + timedelta(hours=7)) == ["old", "new"]
    (_, new) = late_scopes(scopes, DAILY, {"new": seen}, seen + timedelta(hours=7))
    assert new.by(seen + timedelta(hours=7)) == timedelta(hours=1)
    assert new.missing == day(0)


def test_the_latest_comes_first() -> None:
    now = START + timedelta(days=20)
    late = late_scopes({"a": day(15), "b": None, "c": day(10)}, DAILY, {}, now)
    assert [one.scope for one in late] == ["b", "c", "a"]


GRAINS = st.sampled_from(list(Grain))
HOURS = st.integers(1, 168).map(lambda hours: timedelta(hours=hours))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(GRAINS, HOURS, INSTANTS, INSTANTS, st.none() | INSTANTS, st.integers(-1, 400), st.booleans())
def test_late_is_the_same_as_past_the_due_instant_of_the_first_missing_window(
    grain: Grain,
    allowed: timedelta,
    start: datetime,
    now: datetime,
    seen: datetime | None,
    held: int,
    by_day: bool,
) -> None:
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    cadence = Cadence(start, grain, allowed, by_day)
    windows = list(windows_between(start, now, grain))
    newest = windows[min(held, len(windows) - 1)] if held >= 0 and windows else None
    first_seen = {"one": seen} if seen else {}
    late = late_scopes({"one": newest}, cadence, first_seen, now)
    missing = cadence.after(newest)
    over = missing.end + over_after(by_day=by_day)
    assert bool(late) == (max(over, seen or over) + allowed <= now)
    assert all(one.missing == missing and one.due <= now for one in late)


@given(GRAINS, HOURS, INSTANTS, st.booleans())
def test_an_asset_that_is_on_time_is_never_silent_for_longer_than_its_policy_allows(
    grain: Grain, allowed: timedelta, start: datetime, by_day: bool
) -> None:
    cadence = Cadence(start, grain, allowed, by_day)
    windows = list(windows_between(start, start + timedelta(days=100), grain))
    for one, following in pairwise(windows):
        # One lands at once, the next as late as it may.
        assert cadence.due(following, None) - (one.end + over_after(by_day=by_day)) <= cadence.longest_silence


def put(lake: Lake, scope: str, key: str) -> None:
    lake.write(layout.changes_file(PAYMENTS.name, scope, key), b"rows")


def test_the_newest_window_is_found_for_fresh_and_for_late_scopes(lake: Lake) -> None:
    now = START + timedelta(days=9, hours=12)
    put(lake, "fresh", "2026-03-09")
    for key in ("2026-03-02", "2026-03-04"):
        put(lake, "late", key)
    put(lake, "removed", "2026-03-09")
    directory = Directory({}, dict.fromkeys(("fresh", "late", "silent"), "one"), {})
    found = freshness_of(lake, PAYMENTS, directory, DAILY, now)
    assert found.newest == {"fresh": day(8), "late": day(3), "silent": None}
    assert [(one.scope, one.missing) for one in found.late] == [("silent", day(0)), ("late", day(4))]


def test_before_the_day_is_due_a_scope_may_hold_it_or_not(lake: Lake) -> None:
    now = START + timedelta(days=9, hours=1)
    put(lake, "early", "2026-03-09")
    put(lake, "waiting", "2026-03-08")
    directory = Directory({}, dict.fromkeys(("early", "waiting"), "one"), {})
    found = freshness_of(lake, PAYMENTS, directory, DAILY, now)
    assert found.newest == {"early": day(8), "waiting": day(7)}
    assert found.late == []


def test_a_folder_whose_file_never_came_is_no_window(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "lake" / layout.scope_folder(PAYMENTS.name, "killed") / "window=2026-03-09").mkdir(
        parents=True
    )
    directory = Directory({}, {"killed": "one"}, {})
    assert freshness_of(lake, PAYMENTS, directory, DAILY, START + timedelta(days=10)).newest == {
        "killed": None
    }


@pytest.mark.parametrize(
    ("lag", "text"),
    [
        (timedelta(0), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=3, minutes=5), "3 h 5 min"),
        (timedelta(days=2, hours=3, minutes=50), "2 d 3 h"),
    ],
)
def test_a_lag_is_said_in_two_units_at_most(lag: timedelta, text: str) -> None:
    assert format_duration(lag) == text
