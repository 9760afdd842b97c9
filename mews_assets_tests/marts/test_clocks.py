"""Business days, against Python's own clocks: every zone there is, each day from 1970 to 2050, and turned clocks."""

from __future__ import annotations

import itertools
import struct
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from mews_assets.lake.storage.duckdb_session import create_temp_table
from mews_assets.marts import clocks, zones
from mews_assets.marts.clocks import Clock, business_day, clock_table, first_whole_day, read_clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
DAYS = [EPOCH + number * DAY for number in range((date(2051, 1, 1) - EPOCH.date()).days)]


@cache
def data_of(name: str) -> bytes:
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def distinct() -> list[str]:
    """One name for each zone: most of the others are its links."""
    return list({data_of(name): name for name in sorted(zones.names())}.values())


def expected_day(zone: ZoneInfo, closing: timedelta, instant: datetime) -> date:
    """By Python's own clock: the date of the wall clock put back, or the next if that has begun once already."""
    day = (instant.astimezone(zone).replace(tzinfo=None) - closing).date()
    next_begins = datetime.combine(day + DAY, time()) + closing  # of two such times, the first
    return day + DAY if instant >= next_begins.replace(tzinfo=zone).astimezone(UTC) else day


@pytest.mark.slow
def test_every_zone_is_turned_when_its_file_says_and_never_else() -> None:
    """Every instant from 1970 to the last turn that the file writes out, which is in 2037 where there are rules still.
    No turn hides between two looks."""
    for name in distinct():
        written = written_turns(data_of(name))
        found = [int(turn.timestamp()) for turn, _ in zones.turns(name)[1:]]
        assert found[: len(written)] == written, name
        assert all(
            later - turn > 2 * zones._STEP.total_seconds() for turn, later in itertools.pairwise(found)
        )
        zone = zones.load(name)
        for (turn, ahead), (_, before) in zip(zones.turns(name)[1:], zones.turns(name), strict=False):
            assert turn.astimezone(zone).utcoffset() == ahead, (name, turn)
            assert (turn - SECOND).astimezone(zone).utcoffset() == before != ahead, (name, turn)


@pytest.mark.slow
def test_every_zone_has_the_offset_of_pythons_own_on_every_day_after_that() -> None:
    later = [day for day in DAYS if day.year >= 2037]
    for name in distinct():
        zone, turns = zones.load(name), zones.turns(name)
        ends = [*(turn for turn, _ in turns[1:]), zones.LAST]
        at = bisect_right(ends, later[0])
        for day in later:
            at += day >= ends[at]
            assert day.astimezone(zone).utcoffset() == turns[at][1], (name, day)


def written_turns(data: bytes) -> list[int]:
    """The seconds since 1970, from then on, at which the offset changes by a file of RFC 8536."""

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6I", data[at + 20 : at + 44])

    is_ut, is_std, leaps, times, types, chars = counts(0)
    at = 44 + 5 * times + 6 * types + chars + 8 * leaps + is_std + is_ut  # the part for readers of 32 bits
    *_, times, types, chars = counts(at)
    moments = struct.unpack(f">{times}q", data[at + 44 : at + 44 + 8 * times])
    kinds = data[at + 44 + 8 * times : at + 44 + 9 * times]
    first = at + 44 + 9 * times
    offsets = [struct.unpack(">i", data[first + 6 * kind : first + 6 * kind + 4])[0] for kind in range(types)]
    return [
        moments[number]
        for number in range(1, times)
        if moments[number] > 0 and offsets[kinds[number]] != offsets[kinds[number - 1]]
    ]


@pytest.mark.slow
def test_queries_find_the_business_day_that_python_reckons_in_every_zone() -> None:
    """Around each turn of each clock, and through the years; closings at several hours."""
    closings = [timedelta(0), 2 * HOUR, 2 * HOUR + timedelta(minutes=30), -HOUR]
    kept = [Clock(name, closings[number % len(closings)]) for number, name in enumerate(distinct())]
    asked: list[tuple[str, int, date]] = []
    for clock in kept:
        zone = zones.load(clock.zone)
        moments = DAYS[::61]
        for turn, _ in zones.turns(clock.zone)[1::5]:
            moments += [
                turn - SECOND,
                turn,
                turn + 20 * timedelta(minutes=1),
                turn + 40 * timedelta(minutes=1),
            ]
        for moment in moments:
            asked.append((clock.name, clocks.micros(moment), expected_day(zone, clock.closing, moment)))
    table = pa.Table.from_arrays(
        [pa.array(one) for one in zip(*asked, strict=True)], ["clock", "moment", "day"]
    )
    with duckdb.connect() as engine:
        engine.execute("CREATE MACRO micros(moment) AS moment")
        create_temp_table(engine, "clocks", clock_table(kept, datetime(2026, 4, 10, tzinfo=UTC), None))
        create_temp_table(engine, "hotels", table)
        wrong = engine.sql(
            f"SELECT hotels.clock, moment, day, {clocks.day_of('found', 'moment')} AS got FROM hotels "
            f"{clocks.joined('found', 'moment')} WHERE got IS DISTINCT FROM day"
        ).fetchall()
    assert wrong == []
    assert len(asked) > 100_000


@pytest.mark.parametrize(
    ("zone", "closing", "first", "last"),
    [
        ("Europe/Prague", "PT2H30M", "2026-10-24T22:00:00", "2026-10-25T04:00:00"),
        ("Europe/Prague", "PT2H", "2026-10-24T22:00:00", "2026-10-25T04:00:00"),
        ("Europe/Prague", "PT3H", "2026-10-24T22:00:00", "2026-10-25T04:00:00"),
        ("America/New_York", "PT1H30M", "2026-11-01T03:00:00", "2026-11-01T09:00:00"),
        ("Australia/Lord_Howe", "PT1H45M", "2026-04-04T13:00:00", "2026-04-04T18:00:00"),
        ("America/Havana", "PT30M", "2026-11-01T02:00:00", "2026-11-01T08:00:00"),
        ("America/St_Johns", None, "2010-11-07T00:00:00", "2010-11-07T06:00:00"),
        ("Antarctica/Casey", None, "2010-03-04T10:00:00", "2010-03-04T20:00:00"),
    ],
)
def test_the_repeated_hour_never_takes_the_business_day_back(
    zone: str, closing: str | None, first: str, last: str
) -> None:
    clock = read_clock(zone, closing)
    at, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    days = []
    while at <= end:
        days.append(business_day(clock, at))
        assert days[-1] == expected_day(zones.load(zone), clock.closing, at), at
        at += timedelta(minutes=5)
    assert days == sorted(days)
    assert days[-1] - days[0] == DAY


def test_the_day_begins_when_the_clock_first_shows_the_closing() -> None:
    """02:30 comes twice that night in Prague: at 00:30 and at 01:30 UTC."""
    clock = read_clock("Europe/Prague", "PT2H30M")
    found = {
        text: business_day(clock, datetime.fromisoformat(f"2026-10-25T{text}+00:00")).day
        for text in ("00:29", "00:30", "00:59", "01:00", "01:29", "01:30", "23:59")
    }
    assert found == {
        "00:29": 24,
        "00:30": 25,
        "00:59": 25,
        "01:00": 25,
        "01:29": 25,
        "01:30": 25,
        "23:59": 25,
    }


@pytest.mark.parametrize(
    ("zone", "closing", "expected"),
    [
        ("UTC", None, "2026-03-07"),
        ("America/New_York", None, "2026-03-07"),  # the lake begins in the evening of the 6th
        ("Europe/Prague", None, "2026-03-08"),  # an hour of the 7th is gone
        ("Europe/Prague", "PT1H", "2026-03-07"),
        ("Europe/Prague", "PT2H", "2026-03-07"),  # an hour of the 6th is there
    ],
)
def test_the_first_whole_day_is_the_first_that_begins_in_the_lake(
    zone: str, closing: str | None, expected: str
) -> None:
    start = datetime(2026, 3, 7, tzinfo=UTC)
    assert str(first_whole_day(read_clock(zone, closing), start)) == expected


def test_a_hotel_without_a_zone_goes_by_utc() -> None:
    assert read_clock(None, None) == clocks.UTC_CLOCK
