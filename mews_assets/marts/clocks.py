"""A hotel's clock: its time zone and when it closes its day, and so the business day of an instant.

    business day = the date that the wall clock shows, put back by the closing offset

A hotel that closes its day at 02:00 counts 01:30 to the day before. A day begins when the clock first shows its
closing time, or first has passed it: where the clock is turned back over that time, the business day does not go
back with it.

Lives here: the reckoning, in Python for single instants and as a table for queries. Not here: which hotel has
which clock (`hotels`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pyarrow as pa

from mews_assets.marts import zones

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:0{1,9}Y)?(?:0{1,9}M)?(?:(?P<weeks>[0-9]{1,9})W)?(?:(?P<days>[0-9]{1,9})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9}(?:[.,][0-9]{1,9})?)S)?)?"
)

LONGEST_CLOSING = timedelta(days=1)
"""Either way. A day that closed later than the next one does would be no business day."""

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STRETCH = timedelta(days=30)
"""The table for queries is cut at every so many days since 1970, so that rows find their clock by equality: over five
million rows that takes 1 s, where a join by order takes 7 and DuckDB's own zones 2."""


@dataclass(frozen=True)
class Clock:
    """`name` tells clocks apart; hotels of one zone and one closing share theirs."""

    zone: str
    closing: timedelta

    @property
    def name(self) -> str:
        return f"{self.zone} {self.closing}"


UTC_CLOCK = Clock("UTC", timedelta(0))
"""Of a hotel whose zone is not told."""


def read_clock(zone: str | None, closing: str | None) -> Clock:
    """The clock that Mews' TimeZoneIdentifier and BusinessDayClosingOffset tell. Raises ValueError on others."""
    if zone is not None and zone not in zones.names():
        raise ValueError(
            f"TimeZoneIdentifier {zone[:60]!r} is no IANA time zone of the package tzdata; "
            "correct it in Mews, or update that package"
        )
    try:
        offset = timedelta(0) if closing is None else read_duration(closing)
    except ValueError as error:
        raise ValueError(f"BusinessDayClosingOffset {error}; correct it in Mews") from None
    if abs(offset) > LONGEST_CLOSING:
        raise ValueError(f"BusinessDayClosingOffset {closing!r} is longer than a day; correct it in Mews")
    return Clock(zone or UTC_CLOCK.zone, offset)


def read_duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks and less, as Mews writes it: `P0M0DT2H0M0S`. Years and months can be zero only:
    how long they are depends on when. Raises ValueError on anything else."""
    found = _DURATION.fullmatch(text)
    if not found or text.endswith(("P", "T")):
        raise ValueError(f"{text[:60]!r} is no ISO 8601 duration of weeks, days, hours, minutes and seconds")
    parts = {
        name: float((value or "0").replace(",", "."))
        for name, value in found.groupdict().items()
        if name != "sign"
    }
    try:
        return timedelta(**parts) * (-1 if found["sign"] else 1)
    except OverflowError:
        raise ValueError(f"{text[:60]!r} is longer than any ISO 8601 duration read here") from None


@cache
def shifts(clock: Clock) -> tuple[tuple[datetime, timedelta], ...]:
    """Since when an instant's business day is the UTC date of the instant put forward by how much."""
    found: list[tuple[datetime, timedelta]] = []
    for turn, ahead in zones.turns(clock.zone):
        shift = ahead - clock.closing
        since = turn
        if found:
            day = (turn - _MICROSECOND + found[-1][1]).date()
            # Turned back over the closing: the new clock counts once it shows the closing again.
            since = max(turn, datetime.combine(day, time(), UTC) - shift)
        found.append((since, shift))
    return tuple(found)


def business_day(clock: Clock, instant: datetime) -> date:
    """The business day at an instant of `FIRST <= instant < LAST`."""
    known = shifts(clock)
    _, shift = known[max(0, bisect_right(known, instant, key=lambda one: one[0]) - 1)]
    return (instant + shift).date()


def first_whole_day(clock: Clock, instant: datetime) -> date:
    """The first business day that does not begin before the instant."""
    day = business_day(clock, instant)
    begins_now = instant > zones.FIRST and business_day(clock, instant - _MICROSECOND) < day
    return day if begins_now else day + timedelta(days=1)


def clock_table(clocks: Sequence[Clock], as_of: datetime, since: datetime | None) -> pa.Table:
    """What queries reckon business days from: per clock, and from `since_us` up to `until_us` (microseconds since
    1970), how many microseconds to put an instant forward by. With it the clock's day at `as_of`, and the first day
    that is whole where rows are kept since an instant."""
    rows = []
    for clock in dict.fromkeys((UTC_CLOCK, *clocks)):
        today = business_day(clock, as_of)
        whole_from = date.min if since is None else first_whole_day(clock, since)
        known = shifts(clock)
        ends = [after for after, _ in known[1:]] + [zones.LAST]
        for (begin, shift), end in zip(known, ends, strict=True):
            low, high = micros(begin), micros(end)
            for stretch in range(low // _STRETCH_US, -(-high // _STRETCH_US)):
                rows.append((clock.name, stretch, low, high, shift // _MICROSECOND, today, whole_from))
    return pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), _TYPES, strict=True)],
        names=["clock", "stretch", "since_us", "until_us", "shift_us", "today", "whole_from"],
    )


_TYPES = (pa.string(), pa.int64(), pa.int64(), pa.int64(), pa.int64(), pa.date32(), pa.date32())


def micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


_STRETCH_US = STRETCH // _MICROSECOND


def joined(alias: str, moment: str) -> str:
    """SQL that joins, to rows beside `hotels`, the row of the clock table that holds at a moment."""
    return (
        f"LEFT JOIN clocks {alias} ON {alias}.clock = coalesce(hotels.clock, '{UTC_CLOCK.name}') "
        f"AND {alias}.stretch = micros({moment}) // {_STRETCH_US} "
        f"AND {alias}.since_us <= micros({moment}) AND micros({moment}) < {alias}.until_us"
    )


def day_of(alias: str, moment: str) -> str:
    """SQL for the business day of a moment, by the clock that was joined for it."""
    return f"CAST(make_timestamp(micros({moment}) + {alias}.shift_us) AS DATE)"


def is_complete(rows: str, table: str) -> str:
    """SQL for whether the `business_day` of rows is over, and what it had is in the lake: it began in it, or a snapshot
    has the rest. The rows have their clock's `today` and `whole_from` beside it."""
    return (
        f"{rows}.business_day < {rows}.today AND ({rows}.business_day >= {rows}.whole_from OR EXISTS "
        f"(FROM snapshots WHERE snapshots.of_table = {table} AND snapshots.scope = {rows}.enterprise_id))"
    )
