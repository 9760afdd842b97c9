"""Volume: how many rows a partition has, against the same weekday of the weeks before.

Lives here: reading those numbers from the footers of files, and saying when one is out of the usual. No row is
read.

Only what was captured alike is compared. Where records move on (their stamp changes, and they leave the window),
a window asked for the next morning has far more rows than one asked for months later: a backfilled history says
nothing of a fresh day.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mews_assets.catalog.model import Table
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.footers import read_footers
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Grain, Window, next_start, window_at

WEEKS_BACK = 8
"""Two months: more would compare with another season."""
NEEDED = 3
"""Of the weeks before: fewer tell nothing."""
FACTOR = 3.0
"""Off the median by this much, up or down, is out of the usual: a holiday halves a day, or doubles it."""
MIN_ROWS = 20
"""Of the median (or of the day itself, if that is larger): below, chance alone makes such factors."""
FRESH = timedelta(days=2)
"""Captured within this of its end, or within one more window, a window still has most of its records."""


@dataclass(frozen=True)
class Volume:
    """The rows of a partition, and of the same weekdays before it that were captured alike, newest first."""

    rows: int
    before: tuple[int, ...]
    captured_late: bool = False

    @property
    def usual(self) -> float | None:
        """The median; None when there is too little to compare with."""
        return statistics.median(self.before) if len(self.before) >= NEEDED else None

    @property
    def is_unusual(self) -> bool:
        """Off by a factor from the median, and clearly beyond all that was seen before."""
        if self.usual is None or max(self.usual, self.rows) < MIN_ROWS:
            return False
        too_few = self.rows * FACTOR < self.usual and self.rows * 2 < min(self.before)
        too_many = self.rows > self.usual * FACTOR and self.rows > 2 * max(self.before)
        return too_few or too_many


def volumes(lake: Lake, table: Table, partitions: Iterable[Partition]) -> dict[Partition, Volume]:
    """The volume of partitions that stand in the lake."""
    wanted = list(partitions)
    earlier = {one: list(windows_before(one.window, lake.grain)) for one in wanted}
    standing = {
        name
        for scope in sorted({one.scope for one in wanted})
        for name in lake.files(layout.scope_folder(table.name, scope), recursive=True)
    }
    places = {*wanted, *(Partition(one.scope, window) for one in wanted for window in earlier[one])}
    names = {place: layout.changes_file(table.name, place.scope, place.key(lake.grain)) for place in places}
    there = [place for place in places if names[place] in standing]
    read = read_footers(lake, [names[place] for place in there], "_captured_at_utc")
    footers = {place: read[names[place]] for place in there}
    found = {}
    for one in wanted:
        if one not in footers:
            continue
        late = _is_late(table, one, footers[one].earliest)
        before = [
            footers[place].rows
            for place in (Partition(one.scope, window) for window in earlier[one])
            if place in footers and not _is_late(table, place, footers[place].earliest)
        ]
        found[one] = Volume(footers[one].rows, () if late else tuple(before), late)
    return found


def windows_before(window: Window, grain: Grain) -> Iterator[Window]:
    """The windows to compare with, newest first: the same weekday (and hour), or else those right before."""
    at = window
    for week in range(1, WEEKS_BACK + 1):
        if grain in (Grain.HOURLY, Grain.DAILY):
            start = window.start - timedelta(weeks=week)
            yield Window(start, next_start(start, grain))
        else:
            at = window_at(at.start - timedelta(microseconds=1), grain)
            yield at


def _is_late(table: Table, partition: Partition, captured: datetime | None) -> bool:
    if table.fetch.filter != "UpdatedUtc" or captured is None:
        return False  # rows that never move on are the same whenever they are asked for
    return captured - partition.window.end > max(FRESH, partition.window.length)
