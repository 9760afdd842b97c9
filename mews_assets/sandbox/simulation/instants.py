"""Instants of the simulation: whole numbers of microseconds since the epoch, and their texts.

Lives here: writing instants as Mews does, and a hotel's local clock. Not here: deciding when things happen.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def from_datetime(instant: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def _date_text(days: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + days).isoformat()


def day_text(ordinal: int) -> str:
    """`2023-03-22` of a proleptic ordinal (`date.toordinal`)."""
    return _date_text(ordinal - _EPOCH_ORDINAL)


@lru_cache(maxsize=4096)
def text(us: int) -> str:
    """`2023-03-22T12:12:00Z`, with a fraction where there is one.

    .NET counts in steps of 100 ns, so finer stamps get a 7th decimal. It depends on the instant alone: the
    same instant is written the same way everywhere. Whole milliseconds are written with 3 decimals.
    """
    days, rest = divmod(us, DAY)
    seconds, fraction = divmod(rest, SECOND)
    minutes, second = divmod(seconds, 60)
    clock = f"{_date_text(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    if not fraction:
        return clock + "Z"
    if not fraction % 1000:
        return f"{clock}.{fraction // 1000:03d}Z"
    return f"{clock}.{fraction:06d}{fraction % 9 + 1}Z"


def next_midnight(us: int) -> int:
    """The first midnight UTC after the instant."""
    return (us // DAY + 1) * DAY


class LocalClock:
    """The local clock of one hotel."""

    __slots__ = ("zone",)

    def __init__(self, zone_name: str) -> None:
        self.zone = ZoneInfo(zone_name)

    def at(self, ordinal: int, hours: float) -> int:
        """The instant of a local wall time; `hours` since local midnight, may exceed 24."""
        days, hours = divmod(hours, 24)
        naive = datetime.combine(date.fromordinal(ordinal + int(days)), datetime.min.time())
        local = (naive + timedelta(seconds=int(hours * 3600))).replace(tzinfo=self.zone)
        return int(local.timestamp()) * SECOND

    def ordinal(self, us: int) -> int:
        """The local date of an instant, as `date.toordinal` counts."""
        return datetime.fromtimestamp(us // SECOND, self.zone).toordinal()
