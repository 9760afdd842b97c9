"""A hotel's clock: its time zone and its closing offset, which give the business day of an instant.

    business day = the date on the wall clock, minus the closing offset

For a hotel that closes its day at 02:00, 01:30 belongs to the day before. A day begins when the clock first shows or
passes its closing time: where the clock is turned back over that time, the business day does not go back.

Lives here: computing business days, in Python for single instants and as a table for queries. Not here: which hotel has
which clock (`hotels`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
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

_CALENDAR_PART = re.compile(r"P(?:(?P<years>[0-9]{1,9})Y)?(?:(?P<months>[0-9]{1,9})M)?(?P<rest>.*)")

LONGEST_CLOSING = timedelta(days=1)
"""In both directions. Longer offsets would overlap the next business day."""

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STRETCH = timedelta(days=30)
"""The table for queries is cut into stretches of this length since 1970, so that rows are joined by equality: five
million rows take 1 s, where a range join takes 7 s and DuckDB's own time zones 2 s."""


@dataclass(frozen=True)
class Clock:
    """A time zone and a closing offset. `name` is unique for each pair; hotels may share a clock."""

    zone: str
    closing: timedelta

    @property
    def name(self) -> str:
        return f"{self.zone} {self.closing}"


UTC_CLOCK = Clock("UTC", timedelta(0))
"""The clock of a hotel without a time zone."""


def read_clock(zone: str | None, closing: str | None) -> Clock:
    """The clock of Mews' TimeZoneIdentifier and BusinessDayClosingOffset. Raises ValueError on invalid ones."""
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
    """An ISO 8601 duration of weeks and shorter units, as Mews writes it: `P0M0DT2H0M0S`. Years and months must be
    zero, because their length varies. Raises ValueError on anything else."""
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
    """The shifts of a clock, each with the instant from which it holds: the business day of an instant is the UTC date
    of the instant plus the shift."""
    known: list[tuple[datetime, timedelta]] = []
    for turn, ahead in zones.turns(clock.zone):
        shift = ahead - clock.closing
        since = turn
        if known:
            day = (turn - _MICROSECOND + known[-1][1]).date()
            # Turned back over the closing time: the new shift holds once the clock shows the closing time again.
            since = max(turn, datetime.combine(day, time(), UTC) - shift)
        known.append((since, shift))
    return tuple(known)


def business_day(clock: Clock, instant: datetime) -> date:
    """The business day of an instant with `FIRST <= instant < LAST`."""
    all_shifts = shifts(clock)
    _, shift = all_shifts[
        max(0, bisect_right(all_shifts, instant, key=lambda since_and_shift: since_and_shift[0]) - 1)
    ]
    return (instant + shift).date()


def first_whole_day(clock: Clock, instant: datetime) -> date:
    """The first business day that does not begin before the instant."""
    day = business_day(clock, instant)
    begins_now = instant > zones.FIRST and business_day(clock, instant - _MICROSECOND) < day
    return day if begins_now else day + timedelta(days=1)


def today_and_whole_from(clock: Clock, as_of: datetime, since: datetime | None) -> tuple[date, date]:
    """The clock's day at `as_of`, and the first whole day since the lake's first instant."""
    return business_day(clock, as_of), date.min if since is None else first_whole_day(clock, since)


def final_before(clock: Clock, as_of: datetime, *intervals: str) -> date:
    """The first business day that can still change at `as_of`: its end is not yet further back than the longest of the
    intervals, ISO 8601 durations of any units, such as an enterprise's editable history. Raises ValueError on anything
    else."""
    return min(_final_before(clock, as_of, interval) for interval in intervals)


def _final_before(clock: Clock, as_of: datetime, interval: str) -> date:
    found = _CALENDAR_PART.fullmatch(interval)
    if not found:
        raise ValueError(f"{interval[:60]!r} is no ISO 8601 duration")
    months = 12 * int(found["years"] or 0) + int(found["months"] or 0)
    rest = found["rest"] if found["rest"] not in ("", "T") else "0D"
    length = read_duration(f"P{rest}")
    number = as_of.year * 12 + as_of.month - 1 - months
    if number < zones.FIRST.year * 12:
        return date.min
    year, month = divmod(number, 12)
    last = monthrange(year, month + 1)[1]
    try:
        moment = as_of.replace(year=year, month=month + 1, day=min(as_of.day, last)) - length
    except OverflowError:
        return date.min
    return business_day(clock, moment) if zones.FIRST <= moment < zones.LAST else date.min


def clock_table(clocks: Sequence[Clock], as_of: datetime, since: datetime | None) -> pa.Table:
    """The table from which queries compute business days: per clock and stretch, and from `since_us` up to `until_us`
    (microseconds since 1970), the microseconds to add to an instant. Also the clock's day at `as_of`, and the first
    whole day since the lake's first instant."""
    rows = []
    for clock in dict.fromkeys((UTC_CLOCK, *clocks)):
        today, whole_from = today_and_whole_from(clock, as_of, since)
        all_shifts = shifts(clock)
        ends = [after for after, _ in all_shifts[1:]] + [zones.LAST]
        for (begin, shift), end in zip(all_shifts, ends, strict=True):
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
    """SQL that joins, to rows joined with `hotels`, the row of `clocks` that applies at a moment."""
    return (
        f"LEFT JOIN clocks {alias} ON {alias}.clock = coalesce(hotels.clock, '{UTC_CLOCK.name}') "
        f"AND {alias}.stretch = micros({moment}) // {_STRETCH_US} "
        f"AND {alias}.since_us <= micros({moment}) AND micros({moment}) < {alias}.until_us"
    )


def day_of(alias: str, moment: str) -> str:
    """SQL for the business day of a moment, by the clock joined under the alias."""
    return f"CAST(make_timestamp(micros({moment}) + {alias}.shift_us) AS DATE)"


def is_complete(rows: str, *tables: str, gaps: bool = False) -> str:
    """SQL for whether the `business_day` of rows is over and all rows of the tables are in the lake: because it began
    after the lake's first instant, or because snapshots have the rest. With `gaps`, only if no order items of that day
    are known to be missing. The rows have their clock's `today` and `whole_from`; the tables are SQL for their names.
    """
    snapshots = " AND ".join(
        f"EXISTS (FROM snapshots WHERE snapshots.of_table = {table} AND snapshots.scope = {rows}.enterprise_id)"
        for table in tables
    )
    whole = (
        f"{rows}.business_day < {rows}.today AND ({rows}.business_day >= {rows}.whole_from OR ({snapshots}))"
    )
    if not gaps:
        return whole
    return (
        f"{whole} AND NOT EXISTS (FROM gaps WHERE gaps.enterprise_id = {rows}.enterprise_id "
        f"AND gaps.business_day = {rows}.business_day)"
    )
