"""What is due: the partitions that have settled and are not there yet.

Lives here: pure functions over partitions and questions. Where "there" is read from is the caller's business.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import datetime, timedelta

from mews_assets.lake.dealing import Partition
from mews_assets.windows import Grain, Window, settled_windows, to_key, window_start, windows_between


def due(
    scopes: Iterable[str],
    start: datetime,
    now: datetime,
    grain: Grain,
    there: Container[str],
    *,
    by_day: bool,
) -> list[Partition]:
    """The missing partitions of a table, oldest window first. `there` holds keys as `<scope>|<window>`."""
    chosen = list(scopes)
    missing = []
    for window in settled_windows(start, now, grain, by_day=by_day):
        key = to_key(window, grain)
        missing += [Partition(scope, window) for scope in chosen if f"{scope}|{key}" not in there]
    return missing


def looked_back(
    missing: Iterable[Partition], start: datetime, grain: Grain, lookback: timedelta
) -> list[Partition]:
    """The partitions since the start that lie so shortly before missing ones, and are not missing themselves.

    They are asked for once more, in the same exports: entries are posted late under a day that has landed.
    """
    if not lookback:  # most tables, at every tick, with tens of thousands missing at first
        return []
    wanted = set(missing)
    before = {
        Partition(one.scope, window)
        for one in wanted
        for window in windows_between(
            max(start, window_start(one.window.start - lookback, grain)), one.window.start, grain
        )
    }
    return sorted(before - wanted)


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
