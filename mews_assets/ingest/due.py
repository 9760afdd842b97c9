"""What is due: the partitions that have settled and are missing.

Lives here: pure functions over partitions and pulls (scopes and a window). Not here: which partitions exist, which the
caller reads from Dagster or the lake.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, Lookback, Window, settled_windows, to_key, windows_between


@dataclass(frozen=True)
class LookBack:
    """How far pulls for missing windows reach back over existing ones: `existing` filters partitions for those.

    Partitions in `held_back` are pulled alone: their failure would hold back their neighbours too.
    """

    by: Lookback
    grain: Grain
    existing: Callable[[Sequence[Partition]], Collection[Partition]]
    held_back: AbstractSet[Partition] = frozenset()


def due(
    scopes: Iterable[str],
    start: datetime,
    now: datetime,
    grain: Grain,
    existing: Container[tuple[str, str]],
    *,
    by_day: bool,
) -> list[Partition]:
    """The missing partitions of a table, oldest window first. `existing` holds (scope, window key) pairs."""
    chosen = list(scopes)
    missing = []
    for window in settled_windows(start, now, grain, by_day=by_day):
        key = to_key(window, grain)
        missing += [Partition(scope, window) for scope in chosen if (scope, key) not in existing]
    return missing


def looked_back(missing: Iterable[Partition], back: LookBack) -> list[Partition]:
    """The existing partitions within the lookback before missing ones.

    They are pulled once more with the missing ones: rows may become visible after their window has landed.
    """
    if not back.by:
        return []
    wanted = set(missing)
    before = {
        window: list(windows_between(back.by.since(window.start, back.grain), window.start, back.grain))
        for window in {partition.window for partition in wanted}
    }
    near = {Partition(partition.scope, window) for partition in wanted for window in before[partition.window]}
    return sorted(back.existing(sorted(near - wanted)))


def not_covered(
    partitions: Iterable[Partition], pulls: Iterable[tuple[Collection[str], Window]]
) -> list[Partition]:
    """The partitions that none of the pulls (scopes, window) covers."""
    pulled: dict[str, set[Window]] = {}
    for scopes, window in pulls:
        for scope in scopes:
            pulled.setdefault(scope, set()).add(window)
    return [partition for partition in partitions if not _covered(partition, pulled.get(partition.scope, ()))]


def still_missing(
    partitions: Iterable[Partition], pulls: Iterable[tuple[Collection[str], Window]]
) -> list[bool]:
    """For each pull, whether it covers any of the partitions."""
    windows: dict[str, list[Window]] = {}
    for partition in partitions:
        windows.setdefault(partition.scope, []).append(partition.window)
    return [
        any(pulled.covers(window) for scope in scopes for window in windows.get(scope, ()))
        for scopes, pulled in pulls
    ]


def _covered(partition: Partition, windows: Iterable[Window]) -> bool:
    return any(window.covers(partition.window) for window in windows)
