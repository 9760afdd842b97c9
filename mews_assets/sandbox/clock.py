"""The sandbox's clock, which can be set and moved, and instants as whole microseconds.

Lives here: `Clock`, and reading and writing the API's instants. Waits in real time (the request limit,
Retry-After) do not use this clock.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000


def to_micros(instant: datetime) -> int:
    """Microseconds since the epoch. An instant without a zone is UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // MICROSECOND


_LEAST_US, _MOST_US = (to_micros(instant.replace(tzinfo=UTC)) for instant in (datetime.min, datetime.max))
FIRST_US, LAST_US = (to_micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 2400))
"""What a clock may be put to: at the end of all calendars no answer could tell its time."""


def read_micros(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 instant; decimals beyond the sixth are cut off.

    Raises ValueError on anything else, also on a bare date.
    """
    if "T" not in text:
        raise ValueError(f"{text!r} is not an ISO 8601 instant such as 2023-03-22T12:12:00Z")
    micros = to_micros(datetime.fromisoformat(text))
    if not _LEAST_US <= micros <= _MOST_US:  # the first or last day of all, seen from another zone
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC")
    return micros


def write_micros(micros: int) -> str:
    """`2023-03-22T12:12:00Z`, with a fraction only where there is one."""
    instant = EPOCH + timedelta(microseconds=micros)
    return instant.isoformat(timespec="auto").replace("+00:00", "Z")


class Clock:
    """A clock that starts at an instant and runs in real time, unless it is stopped."""

    def __init__(self, start: datetime | None = None, *, running: bool = True) -> None:
        self._lock = threading.Lock()
        self._base_us = to_micros(start or datetime.now(UTC))
        self._anchor = time.monotonic()
        self._running = running

    def now_us(self) -> int:
        with self._lock:
            return self._read()

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.now_us())

    def set(self, now_us: int, *, running: bool | None = None) -> None:
        """Put the clock to an instant, from where it runs on; `running=False` stops it there."""
        with self._lock:
            self._put(now_us, running)

    def advance(self, seconds: float) -> None:
        """Move the clock on (or back, with a negative number)."""
        with self._lock:
            self._put(self._read() + round(seconds * SECOND_US), None)

    def _read(self) -> int:
        gone = time.monotonic() - self._anchor if self._running else 0.0
        return self._base_us + round(gone * SECOND_US)

    def _put(self, now_us: int, running: bool | None) -> None:
        if not FIRST_US <= now_us < LAST_US:
            raise ValueError("the clock goes from the year 1900 to 2400")
        self._base_us, self._anchor = now_us, time.monotonic()
        if running is not None:
            self._running = running
