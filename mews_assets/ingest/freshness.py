"""Freshness: which scopes are late, by the windows they have and not by the time of the last run.

Lives here: when a window is due, and which scopes lack a window that is due. A window is due an allowed lag after it is
over for every hotel. Pure, except for `freshness_of`, which reads the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mews_assets.catalog.model import Table
from mews_assets.ingest.directory import Directory
from mews_assets.lake.reading.inventory import newest_windows
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import (
    Grain,
    Window,
    from_key,
    next_start,
    over_after,
    to_key,
    window_at,
    window_start,
)

_LONGEST = {
    Grain.HOURLY: timedelta(hours=1),
    Grain.DAILY: timedelta(days=1),
    Grain.WEEKLY: timedelta(days=7),
    Grain.MONTHLY: timedelta(days=31),
}


@dataclass(frozen=True)
class Cadence:
    """The windows since `start`, and the lag that is allowed after the end of each.

    With `by_day`, a window is over only when its last day has ended in every hotel.
    """

    start: datetime
    grain: Grain
    allowed: timedelta
    by_day: bool = False

    @property
    def longest_silence(self) -> timedelta:
        """The longest time without any new row that is still on time."""
        return _LONGEST[self.grain] + self.allowed

    @property
    def first(self) -> Window:
        """The first whole window since the start."""
        at = window_start(self.start, self.grain)
        return window_at(at if at == self.start else next_start(at, self.grain), self.grain)

    def newest_due(self, now: datetime, first_seen: datetime | None) -> Window | None:
        """The newest window that is due at `now`; None if none is."""
        if first_seen is not None and first_seen + self.allowed > now:
            return None
        end = window_start(now - over_after(by_day=self.by_day) - self.allowed, self.grain)
        newest = window_at(end - timedelta(microseconds=1), self.grain)
        return newest if newest.start >= self.start else None

    def after(self, newest: Window | None) -> Window:
        """The first window that is missing after the newest existing one."""
        if newest is None or newest.start < self.start:
            return self.first
        return window_at(newest.end, self.grain)

    def due(self, window: Window, first_seen: datetime | None) -> datetime:
        """When a window is due. A scope is never late before it was first seen."""
        over = window.end + over_after(by_day=self.by_day)
        return max(over, first_seen or over) + self.allowed


@dataclass(frozen=True)
class Late:
    """A late scope: its newest window, the first missing window after it, and when that was due."""

    scope: str
    newest: Window | None
    missing: Window
    due: datetime

    def by(self, now: datetime) -> timedelta:
        return now - self.due


def late_scopes(
    newest: Mapping[str, Window | None],
    cadence: Cadence,
    first_seen: Mapping[str, datetime],
    now: datetime,
) -> list[Late]:
    """Every late scope, the one that is late the longest first. `newest` has a key for every scope of the table."""
    late = []
    for scope, window in newest.items():
        seen = first_seen.get(scope)
        wanted = cadence.newest_due(now, seen)
        if wanted is None or (window is not None and window >= wanted):
            continue
        missing = cadence.after(window)
        late.append(Late(scope, window, missing, cadence.due(missing, seen)))
    return sorted(late, key=lambda scope: scope.due)


@dataclass(frozen=True)
class Freshness:
    """One table: the newest window of each scope, and the late scopes."""

    newest: dict[str, Window | None]
    late: list[Late]


def freshness_of(
    lake: Lake, table: Table, directory: Directory, cadence: Cadence, now: datetime
) -> Freshness:
    """How fresh a table is, from the files in the lake: one lookup per scope that is on time."""
    keys = newest_windows(
        lake,
        table,
        directory.scopes(table.scope),
        [to_key(window, lake.grain) for window in _likely(cadence, now)],
    )
    newest = {scope: from_key(key, lake.grain) if key else None for scope, key in keys.items()}
    return Freshness(newest, late_scopes(newest, cadence, directory.first_seen, now))


def _likely(cadence: Cadence, now: datetime) -> list[Window]:
    """The windows of which a scope that is on time has at least one, newest first."""
    due = cadence.newest_due(now, None)
    likely: list[Window] = []
    at = due or cadence.first
    while at.is_settled(now, by_day=cadence.by_day):
        likely.insert(0, at)
        at = window_at(at.end, cadence.grain)
    return likely


def format_duration(lag: timedelta) -> str:
    """`2 d 3 h`, `3 h 5 min`, `12 min`."""
    minutes = max(0, int(lag.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
