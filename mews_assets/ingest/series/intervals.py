"""Intervals of a series: the days that are due, and the ends that Mews takes.

Lives here: pure functions. Days are those of a hotel's own calendar. Not here: requests (`ask`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
_HOURS = 24
_MONTHS_AT_ONCE = 24
"""Of a service by the month. Mews' limits for months differ between 24 and 60 from one page to another."""


class TimeUnit(StrEnum):
    """The length of what a service sells. The value is Mews' name of it."""

    HOUR = "Hour"
    DAY = "Day"
    MONTH = "Month"


@dataclass(frozen=True, order=True)
class Days:
    """Days from the first to the last, both included."""

    first: date
    last: date

    def cut(self, longest: int) -> Iterator[Days]:
        """The same days in parts of at most so many."""
        first = self.first
        while first <= self.last:
            last = min(self.last, first + (longest - 1) * _DAY)
            yield Days(first, last)
            first = last + _DAY


def days_due(
    start: date, today: date, months_there: Collection[str], lookback: int, ahead: int
) -> list[Days]:
    """The days to ask for: those around today, and since `start` the months of which the lake has no file.

    The lake says what is due, so a month that failed is asked for again. Days that follow one another come together.
    """
    recent = Days(max(start, today - lookback * _DAY), today + ahead * _DAY)
    found = []
    first = start
    while first < recent.first:
        next_first = (first.replace(day=1) + 32 * _DAY).replace(day=1)
        if f"{first:%Y-%m}" not in months_there:
            found.append(Days(first, min(next_first, recent.first) - _DAY))
        first = next_first
    joined: list[Days] = []
    for days in [*found, recent]:
        if joined and joined[-1].last + _DAY == days.first:
            joined[-1] = Days(joined[-1].first, days.last)
        else:
            joined.append(days)
    return joined


def time_unit_of(text: str | None) -> TimeUnit:
    """The time unit of a service; a day where it names none that is known here."""
    return TimeUnit(text) if text in list(TimeUnit) else TimeUnit.DAY


def cut_by_unit(days: Days, unit: TimeUnit, longest: int) -> Iterator[Days]:
    """The days in parts that hold at most so many time units. Months are asked for whole."""
    if unit is TimeUnit.HOUR:
        yield from days.cut(max(1, longest // _HOURS))
        return
    if unit is TimeUnit.DAY:
        yield from days.cut(longest)
        return
    first, last = days.first.replace(day=1), days.last.replace(day=1)
    while first <= last:
        months = min(longest, _MONTHS_AT_ONCE)
        end = min(last, _months_later(first, months - 1))
        yield Days(first, _months_later(end, 1) - _DAY)
        first = _months_later(end, 1)


def unit_starts(days: Days, unit: TimeUnit, time_zone: str) -> tuple[datetime, datetime]:
    """The starts of the first and the last time unit of these days."""
    last_day = days.last.replace(day=1) if unit is TimeUnit.MONTH else days.last
    last_hour = time(hour=_HOURS - 1) if unit is TimeUnit.HOUR else time()
    zone = zone_of(time_zone)
    return tuple(  # type: ignore[return-value]
        datetime.combine(day, hour, zone).astimezone(UTC)
        for day, hour in ((days.first, time()), (last_day, last_hour))
    )


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _months_later(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
