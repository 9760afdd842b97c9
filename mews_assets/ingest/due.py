"""What is due: the partitions that have settled and are not there yet.

Lives here: pure functions over partitions and questions. Where "there" is read from is the caller's business.
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
    """How far to look back from missing windows, and over which: `standing` gives those of partitions that are there.

    What is held back is left to a question of its own: what is wrong with it would hold back its neighbours too.
    """

    by: Lookback
    grain: Grain
    standing: Callable[[Sequence[Partition]], Collection[Partition]]
    held_back: AbstractSet[Partition] = frozenset()


def due(
    scopes: Iterable[str],
    start: datetime,
    now: datetime,
    grain: Grain,
    there: Container[tuple[str, str]],
    *,
    by_day: bool,
) -> list[Partition]:
    """The missing partitions of a table, oldest window first. `there` holds (scope, window key) pairs."""
    chosen = list(scopes)
    missing = []
    for window in settled_windows(start, now, grain, by_day=by_day):
        key = to_key(window, grain)
        missing += [Partition(scope, window) for scope in chosen if (scope, key) not in there]
    return missing


def looked_back(missing: Iterable[Partition], back: LookBack) -> list[Partition]:
    """The partitions that lie so shortly before missing ones and are there.

    They are asked for once more, with the missing ones: rows may become visible after their window has landed.
    """
    if not back.by:
        return []
    wanted = set(missing)
    before = {
        window: list(windows_between(back.by.since(window.start, back.grain), window.start, back.grain))
        for window in {one.window for one in wanted}
    }
    near = {Partition(one.scope, window) for one in wanted for window in before[one.window]}
    return sorted(back.standing(sorted(near - wanted)))


def not_covered(
    partitions: Iterable[Partition], questions: Iterable[tuple[Collection[str], Window]]
) -> list[Partition]:
    """The partitions that none of the questions (scopes, window) brings."""
    asked: dict[str, set[Window]] = {}
    for scopes, window in questions:
        for scope in scopes:
            asked.setdefault(scope, set()).add(window)
    return [one for one in partitions if not _brought(one, asked.get(one.scope, ()))]


def still_missing(
    partitions: Iterable[Partition], questions: Iterable[tuple[Collection[str], Window]]
) -> list[bool]:
    """Of each question, whether it brings any of the partitions."""
    windows: dict[str, list[Window]] = {}
    for one in partitions:
        windows.setdefault(one.scope, []).append(one.window)
    return [
        any(asked.covers(window) for scope in scopes for window in windows.get(scope, ()))
        for scopes, asked in questions
    ]


def _brought(partition: Partition, windows: Iterable[Window]) -> bool:
    return any(window.covers(partition.window) for window in windows)
