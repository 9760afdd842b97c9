"""Volume: the rows of a partition, compared with the same weekday of the weeks before.

Lives here: reading these numbers from the statistics of files, and deciding which are unusual. No row is read.

Only partitions that were captured equally late are compared. Where a record's stamp changes, it leaves its window, so a
window requested the next morning has far more rows than one requested months later: backfilled history cannot be
compared with a fresh day.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mews_assets.catalog.model import Table
from mews_assets.lake.file_statistics import statistics_of
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Grain, Window, next_start, window_at

WEEKS_BACK = 8
"""Two months: longer would compare different seasons."""
NEEDED = 3
"""Weeks needed for a comparison."""
FACTOR = 3.0
"""A number of rows this many times above or below the median is unusual: a holiday halves a day, or doubles it."""
MIN_ROWS = 20
"""The median or the day itself must have this many rows: below, such factors occur by chance."""
FRESH = timedelta(days=2)
"""A window captured this soon after its end, or within one more window, still has most of its records."""


@dataclass(frozen=True)
class Volume:
    """The rows of a partition, and of the same weekdays before that were captured as soon, newest first."""

    rows: int
    before: tuple[int, ...]
    captured_late: bool = False

    @property
    def usual(self) -> float | None:
        """The median; None with too few weeks to compare with."""
        return statistics.median(self.before) if len(self.before) >= NEEDED else None

    @property
    def is_unusual(self) -> bool:
        """Whether it is off the median by FACTOR, and by a factor of 2 beyond all weeks before."""
        if self.usual is None or max(self.usual, self.rows) < MIN_ROWS:
            return False
        too_few = self.rows * FACTOR < self.usual and self.rows * 2 < min(self.before)
        too_many = self.rows > self.usual * FACTOR and self.rows > 2 * max(self.before)
        return too_few or too_many


def volumes(lake: Lake, table: Table, partitions: Iterable[Partition]) -> dict[Partition, Volume]:
    """The volume of the partitions that have a file."""
    wanted = list(partitions)
    earlier = {partition: list(windows_before(partition.window, lake.grain)) for partition in wanted}
    needed = {
        *wanted,
        *(Partition(partition.scope, window) for partition in wanted for window in earlier[partition]),
    }
    names = {other: layout.changes_file(table.name, other.scope, other.key(lake.grain)) for other in needed}
    by_name = statistics_of(lake, table, set(names.values()))
    files = {other: by_name[names[other]] for other in needed if names[other] in by_name}
    found = {}
    for partition in wanted:
        if partition not in files:
            continue
        late = _is_late(table, partition, files[partition].captured)
        before = [
            files[other].rows
            for other in (Partition(partition.scope, window) for window in earlier[partition])
            if other in files and not _is_late(table, other, files[other].captured)
        ]
        found[partition] = Volume(files[partition].rows, () if late else tuple(before), late)
    return found


def windows_before(window: Window, grain: Grain) -> Iterator[Window]:
    """The windows to compare with, newest first: the same weekday (and hour), or weekly and monthly the windows
    before."""
    current = window
    for week in range(1, WEEKS_BACK + 1):
        if grain in (Grain.HOURLY, Grain.DAILY):
            start = window.start - timedelta(weeks=week)
            yield Window(start, next_start(start, grain))
        else:
            current = window_at(current.start - timedelta(microseconds=1), grain)
            yield current


def _is_late(table: Table, partition: Partition, captured: datetime | None) -> bool:
    if table.fetch.filter != "UpdatedUtc" or captured is None:
        return False  # rows whose stamp never changes are the same whenever they are requested
    return captured - partition.window.end > max(FRESH, partition.window.length)
