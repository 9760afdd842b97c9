"""Windows tile time: what holds for a few dates that bite, and what holds for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mews_assets.windows import (
    LAST_DAY_END,
    SETTLE,
    Grain,
    Lookback,
    Window,
    coalesce,
    from_api,
    from_key,
    next_start,
    settled_windows,
    split,
    to_api,
    to_api_dates,
    to_key,
    to_text,
    window_at,
    window_start,
    windows_between,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(start: str, end: str) -> Window:
    return Window(at(start), at(end))


MICROSECOND = timedelta(microseconds=1)
JANUARY = window("2024-01-01", "2024-02-01")

grains = st.sampled_from(list(Grain))
instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
lengths = st.timedeltas(MICROSECOND, timedelta(days=400))
windows = st.builds(lambda start, length: Window(start, start + length), instants, lengths)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2024-01-01", "2024-01-02", 1),
        ("2024-01-01", "2024-01-01T23:59:59.999999", 0),
        ("2024-01-01", "2024-01-04", 3),
    ],
)
def test_a_window_that_ends_exactly_at_the_end_is_whole(start: str, end: str, days: int) -> None:
    assert len(list(windows_between(at(start), at(end), Grain.DAILY))) == days


@settings(deadline=None)
@given(instants, grains)
def test_every_instant_is_in_exactly_one_window(instant: datetime, grain: Grain) -> None:
    held = window_at(instant, grain)
    around = windows_between(held.start - timedelta(days=70), held.end + timedelta(days=70), grain)
    assert [other for other in around if other.contains(instant)] == [held]


@settings(deadline=None)
@given(instants, st.timedeltas(timedelta(0), timedelta(days=100)), grains)
def test_windows_tile_time_without_gap_or_overlap(start: datetime, length: timedelta, grain: Grain) -> None:
    end = start + length
    tiles = list(windows_between(start, end, grain))
    assert all(before.end == after.start for before, after in pairwise(tiles))
    assert all(start <= tile.start and tile.end <= end for tile in tiles)
    first = window_at(start, grain)
    if tiles and first.start == start:
        assert tiles[0] == first
    elif tiles:
        assert tiles[0].start == first.end
    after_last = tiles[-1].end if tiles else window_at(start - MICROSECOND, grain).end
    assert window_at(after_last, grain).end > end


@settings(deadline=None)
@given(instants, grains)
def test_an_instant_at_the_end_belongs_to_the_next_window(instant: datetime, grain: Grain) -> None:
    held = window_at(instant, grain)
    assert not held.contains(held.end)
    assert window_at(held.end, grain).start == held.end
    assert window_at(held.end - MICROSECOND, grain) == held


@settings(deadline=None)
@given(instants, grains)
def test_a_window_has_a_key_and_the_key_gives_the_window_back(instant: datetime, grain: Grain) -> None:
    held = window_at(instant, grain)
    key = to_key(held, grain)
    assert from_key(key, grain) == held
    assert not set(key) & set("/|:[]. ")


@settings(deadline=None)
@given(instants, instants, grains)
def test_keys_sort_as_their_windows_do(one: datetime, other: datetime, grain: Grain) -> None:
    first, second = window_at(one, grain), window_at(other, grain)
    assert (first < second) == (to_key(first, grain) < to_key(second, grain))


@settings(deadline=None)
@given(windows, st.timedeltas(timedelta(days=1), timedelta(days=200)))
def test_a_split_covers_the_window_exactly_and_keeps_the_limit(whole: Window, limit: timedelta) -> None:
    pieces = split(whole, limit)
    assert (pieces[0].start, pieces[-1].end) == (whole.start, whole.end)
    assert all(before.end == after.start for before, after in pairwise(pieces))
    assert all(piece.length <= limit for piece in pieces)
    assert len(pieces) == -(-whole.length // limit)


@settings(deadline=None)
@given(st.lists(windows, max_size=8), st.lists(instants, max_size=4))
def test_joining_windows_keeps_every_instant_and_adds_none(
    given_: list[Window], others: list[datetime]
) -> None:
    joined = coalesce(given_)
    edges = [
        edge + step
        for each in given_
        for edge in (each.start, each.end)
        for step in (-MICROSECOND, timedelta(0))
    ]
    for instant in (*edges, *others):
        assert any(each.contains(instant) for each in joined) == any(
            each.contains(instant) for each in given_
        )
    assert all(before.end < after.start for before, after in pairwise(joined))


@settings(deadline=None)
@given(windows, st.timedeltas(timedelta(days=1), timedelta(days=200)))
def test_joining_what_was_split_gives_the_window_back(whole: Window, limit: timedelta) -> None:
    assert coalesce(reversed(split(whole, limit))) == [whole]


@settings(deadline=None)
@given(windows)
def test_halves_hold_together_what_the_whole_held(whole: Window) -> None:
    assume(whole.length >= timedelta(seconds=2))
    first, second = whole.halves()
    assert (first.start, first.end, second.end) == (whole.start, second.start, whole.end)
    assert timedelta(0) <= second.length - first.length < timedelta(seconds=2)
    assert first.length % timedelta(seconds=1) == timedelta(0)


@settings(deadline=None)
@given(windows)
def test_halving_comes_to_an_end(whole: Window) -> None:
    for _ in range(30):  # 2 ** 30 seconds are 34 years
        if whole.length < timedelta(seconds=2):
            break
        whole, _other = whole.halves()
    with pytest.raises(ValueError, match="cannot be halved"):
        whole.halves()


@settings(deadline=None)
@given(instants)
def test_an_instant_written_for_the_api_reads_back(instant: datetime) -> None:
    assert from_api(to_api(instant)) == instant


@settings(deadline=None)
@given(instants, st.integers(-14 * 60, 14 * 60))
def test_the_zone_of_an_instant_does_not_matter(instant: datetime, minutes: int) -> None:
    abroad = instant.astimezone(timezone(timedelta(minutes=minutes)))
    assert to_api(abroad) == to_api(instant)
    assert from_api(abroad.isoformat()) == instant
    assert window_at(abroad, Grain.DAILY) == window_at(instant, Grain.DAILY)


@settings(deadline=None)
@given(instants, st.integers(0, 9))
def test_the_seventh_decimal_is_cut_and_never_rounded_into_the_next_window(
    instant: datetime, digit: int
) -> None:
    assert from_api(f"{instant:%Y-%m-%dT%H:%M:%S.%f}{digit}Z") == instant


@settings(deadline=None)
@given(instants, st.timedeltas(timedelta(0), timedelta(days=40)), grains, st.booleans())
def test_settled_windows_are_those_that_ended_long_enough_ago(
    start: datetime, length: timedelta, grain: Grain, by_day: bool
) -> None:
    now = start + length
    settled = list(settled_windows(start, now, grain, by_day=by_day))
    settle = SETTLE + LAST_DAY_END if by_day else SETTLE
    assert all(each.end + settle < now for each in settled)
    later = list(windows_between(start, now, grain))[len(settled) :]
    assert all(each.end + settle >= now for each in later)


def test_no_zone_of_the_world_ends_its_day_later_than_the_last_one() -> None:
    """A hotel in a zone beyond it would lose the entries of its last hours, and nobody would ask again."""
    day = datetime(2026, 7, 1)
    ends = {name: day.replace(tzinfo=ZoneInfo(name)).astimezone(UTC) for name in available_timezones()}
    assert max(ends.values()) == day.replace(tzinfo=UTC) + LAST_DAY_END


@pytest.mark.parametrize(
    ("grain", "start", "end"),
    [
        (Grain.HOURLY, "2024-02-29T23:00", "2024-03-01T00:00"),
        (Grain.DAILY, "2024-02-29", "2024-03-01"),
        (Grain.WEEKLY, "2024-02-25", "2024-03-03"),
        (Grain.MONTHLY, "2024-02-01", "2024-03-01"),
    ],
)
def test_the_last_hour_of_a_leap_day_lies_in_these_windows(grain: Grain, start: str, end: str) -> None:
    assert window_at(at("2024-02-29T23:59:59.999999"), grain) == window(start, end)


def test_weeks_begin_on_sunday() -> None:
    assert window_start(at("2024-03-03T00:00"), Grain.WEEKLY) == at("2024-03-03")
    assert window_start(at("2024-03-02T23:59"), Grain.WEEKLY) == at("2024-02-25")


def test_december_is_followed_by_january() -> None:
    assert next_start(at("2023-12-01"), Grain.MONTHLY) == at("2024-01-01")


def test_only_whole_windows_are_listed() -> None:
    days = windows_between(at("2024-01-01T00:00:01"), at("2024-01-03T23:59:59"), Grain.DAILY)
    assert list(days) == [window("2024-01-02", "2024-01-03")]


def test_a_window_settles_only_after_five_minutes_have_passed() -> None:
    assert not JANUARY.is_settled(JANUARY.end + timedelta(minutes=5), by_day=False)
    assert JANUARY.is_settled(JANUARY.end + timedelta(minutes=5) + MICROSECOND, by_day=False)


def test_windows_that_only_touch_are_joined() -> None:
    assert coalesce([window("2024-01-16", "2024-02-01"), window("2024-01-01", "2024-01-16")]) == [JANUARY]


def test_a_window_within_another_does_not_shorten_it() -> None:
    assert coalesce([JANUARY, window("2024-01-03", "2024-01-04")]) == [JANUARY]


def test_a_window_must_be_in_utc_and_end_after_it_starts() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Window(datetime(2024, 1, 1), datetime(2024, 1, 2))
    with pytest.raises(ValueError, match="aware UTC"):
        Window(datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/London")), at("2024-07-02"))
    for end in ("2024-01-01", "2023-12-31"):
        with pytest.raises(ValueError, match="end after it starts"):
            window("2024-01-01", end)


def test_a_window_given_on_londons_clock_is_kept_on_the_utc_clock() -> None:
    london = ZoneInfo("Europe/London")
    winter = Window(datetime(2024, 1, 1, tzinfo=london), datetime(2024, 12, 1, tzinfo=london))
    assert winter.start.tzinfo is UTC
    assert [piece.length for piece in split(winter, timedelta(days=168))] == [
        timedelta(days=168),
        timedelta(days=167),
    ]


@pytest.mark.parametrize("ask", [to_api, lambda naive: window_at(naive, Grain.DAILY)])
def test_a_naive_instant_is_refused_rather_than_read_by_the_machines_zone(ask: object) -> None:
    with pytest.raises(ValueError, match="must be an aware datetime"):
        ask(datetime(2024, 1, 1))  # type: ignore[operator]


def test_a_window_cannot_be_split_to_nothing() -> None:
    with pytest.raises(ValueError, match="positive length"):
        split(JANUARY, timedelta(0))


@pytest.mark.parametrize(
    ("grain", "key"),
    [
        (Grain.DAILY, "2024-02-30"),
        (Grain.DAILY, "2024-1-5"),
        (Grain.DAILY, "2024-01-05T00"),
        (Grain.DAILY, "\uff12024-01-05"),
        (Grain.HOURLY, "2024-01-05"),
        (Grain.HOURLY, "2024-01-05T7"),
        (Grain.WEEKLY, "2024-03-02"),
        (Grain.MONTHLY, "2024-03-02"),
        (Grain.MONTHLY, ""),
    ],
)
def test_a_key_that_is_no_window_of_the_grain_is_refused(grain: Grain, key: str) -> None:
    with pytest.raises(ValueError, match=repr(key)):
        from_key(key, grain)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-03-22T12:12:00Z", "2023-03-22T12:12:00"),
        ("2023-03-22T12:12:00.1Z", "2023-03-22T12:12:00.100000"),
        ("2023-03-22T12:12:00.1234567Z", "2023-03-22T12:12:00.123456"),
        ("2023-03-22T12:12:59.9999999Z", "2023-03-22T12:12:59.999999"),
        ("2023-03-22T12:12:00", "2023-03-22T12:12:00"),
        ("2023-03-22 12:12", "2023-03-22T12:12:00"),
        ("2023-03-22", "2023-03-22T00:00:00"),
        ("2023-03-22T12:12:00+05:30", "2023-03-22T06:42:00"),
        ("2023-03-22T12:12:00.5-0800", "2023-03-22T20:12:00.500000"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
    ],
)
def test_instants_are_read_in_every_form_mews_writes_them(text: str, instant: str) -> None:
    assert from_api(text) == at(instant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2023-3-22",
        "2023-02-30T00:00:00Z",
        "2023-03-22T25:00:00Z",
        "2023-03-22T12:12.5Z",
        "2023-03-22T12:12:00.Z",
        "2023-03-22Z",
        "0001-01-01T00:00:00+14:00",
        "\uff12023-03-22",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 instant") as refusal:
        from_api(text)
    assert repr(text) in str(refusal.value)


def test_instants_are_written_with_decimals_only_where_there_are_any() -> None:
    assert to_api(at("2023-03-22T12:12:00")) == "2023-03-22T12:12:00Z"
    assert to_api(at("2023-03-22T12:12:00.5")) == "2023-03-22T12:12:00.500000Z"


def test_dates_name_the_first_and_the_last_day_both_included() -> None:
    assert to_api_dates(JANUARY) == ("2024-01-01", "2024-01-31")
    assert to_api_dates(window("2024-02-29", "2024-03-01")) == ("2024-02-29", "2024-02-29")


def test_part_of_a_day_cannot_be_asked_for_by_date() -> None:
    for part in (window("2024-01-01T01:00", "2024-01-02"), window("2024-01-01", "2024-01-01T01:00")):
        with pytest.raises(ValueError, match="whole days"):
            to_api_dates(part)


def test_a_window_shows_its_edges_half_open() -> None:
    assert str(JANUARY) == "[2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z)"


def test_a_window_covers_what_lies_within_it_its_own_ends_included() -> None:
    day = Window(datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 6, 4, tzinfo=UTC))
    older, newer = day.halves()
    assert day.covers(day)
    assert day.covers(older)
    assert day.covers(newer)
    assert not older.covers(day)
    assert not older.covers(newer)


@pytest.mark.parametrize(
    ("lookback", "grain", "since"),
    [
        (Lookback(), Grain.DAILY, "2026-03-10T00:00:00Z"),
        (Lookback(windows=2), Grain.HOURLY, "2026-03-09T22:00:00Z"),
        (Lookback(windows=2), Grain.DAILY, "2026-03-08T00:00:00Z"),
        (Lookback(length=timedelta(hours=1)), Grain.DAILY, "2026-03-09T00:00:00Z"),
        (Lookback(length=timedelta(hours=36)), Grain.DAILY, "2026-03-08T00:00:00Z"),
        (Lookback(windows=2).at_least(timedelta(days=3)), Grain.DAILY, "2026-03-07T00:00:00Z"),
        (Lookback(windows=4).at_least(timedelta(days=3)), Grain.DAILY, "2026-03-06T00:00:00Z"),
    ],
)
def test_looking_back_reaches_over_whole_windows(lookback: Lookback, grain: Grain, since: str) -> None:
    assert lookback.since(from_api("2026-03-10T00:00:00Z"), grain) == from_api(since)


@pytest.mark.parametrize(
    ("grain", "start", "since"),
    [
        (Grain.WEEKLY, "2026-03-15T00:00:00Z", "2026-03-01T00:00:00Z"),
        (Grain.MONTHLY, "2026-03-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_long_windows_are_looked_back_over_by_their_number_too(grain: Grain, start: str, since: str) -> None:
    assert Lookback(windows=2).since(from_api(start), grain) == from_api(since)


@pytest.mark.parametrize("grain", list(Grain))
def test_at_the_ends_of_all_calendars_there_are_no_more_windows_and_no_error(grain: Grain) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert all(one.end <= last for one in windows_between(last - timedelta(days=80), last, grain))
    assert all(one.start >= first for one in windows_between(first, first + timedelta(days=80), grain))


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-11-10", "2026-11-11", "10 November 2026"),
        ("2026-11-10", "2026-11-23", "10 to 22 November 2026"),
        ("2026-10-28", "2026-11-04", "28 October to 3 November 2026"),
        ("2025-12-28", "2026-01-04", "28 December 2025 to 3 January 2026"),
        ("2026-11-10T05:00:00", "2026-11-10T06:00:00", "2026-11-10 05:00 to 2026-11-10 06:00 UTC"),
    ],
)
def test_people_read_a_window_as_its_days_the_last_one_included(start: str, end: str, text: str) -> None:
    instants = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end)]
    assert to_text(Window(*instants)) == text
