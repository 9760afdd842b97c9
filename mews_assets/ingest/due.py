"""What is due: the partitions that have settled and are not there yet.

Lives here: one pure function. Where "there" is read from is the caller's business.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import datetime

from mews_assets.lake.dealing import Partition
from mews_assets.windows import Grain, Window, settled_windows, to_key


def due(
    scopes: Iterable[str], start: datetime, now: datetime, grain: Grain, there: Container[str]
) -> list[Partition]:
    """The missing partitions, oldest window first. `there` holds keys as `<scope>|<window>`."""
    chosen = list(scopes)
    missing = []
    for window in settled_windows(start, now, grain):
        key = to_key(window, grain)
        missing += [Partition(scope, window) for scope in chosen if f"{scope}|{key}" not in there]
    return missing


def not_covered(
    partitions: Iterable[Partition], questions: Iterable[tuple[Collection[str], Window]]
) -> list[Partition]:
    """The partitions that none of the questions (scopes, window) brings."""
    known = [(frozenset(scopes), window) for scopes, window in questions]
    return [
        one
        for one in partitions
        if not any(
            window.start <= one.window.start and one.window.end <= window.end and one.scope in scopes
            for scopes, window in known
        )
    ]
