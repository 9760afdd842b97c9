"""The plan: which pulls cover the wanted partitions, as few as Mews' limits allow.

Lives here: pure functions over partitions; no clock, no files, no requests.

An export takes minutes whatever it holds, and only one per entity type may be in flight: so one export spans gaps and
several scopes, and brings rows of unwanted partitions, rather than being split into two. Pages cost one request per
thousand rows: so pulls by pages only join windows that touch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from mews_assets.catalog.model import Export, Table
from mews_assets.ingest.due import LookBack, looked_back
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.windows import ALL_TIME, Window, coalesce, window_at


@dataclass(frozen=True, order=True)
class Pull:
    """One pull: every record of these scopes whose timestamp lies in the window."""

    connection: str
    scopes: tuple[str, ...]
    window: Window

    @property
    def is_snapshot(self) -> bool:
        """Whether the pull has no window and brings all records."""
        return self.window == ALL_TIME

    def landing_of(self, table: Table) -> str:
        """The landing folder, and the name in the export log: snapshots are kept apart from windows."""
        return layout.snapshot_landing(table.name) if self.is_snapshot else table.name


def plan(table: Table, wanted: Iterable[Partition], connection_of: Callable[[str], str]) -> list[Pull]:
    """The pulls that cover the wanted partitions, oldest window first."""
    by_connection: dict[str, dict[str, set[Window]]] = {}
    for partition in wanted:
        scopes = by_connection.setdefault(connection_of(partition.scope), {})
        scopes.setdefault(partition.scope, set()).add(partition.window)
    pulls: list[Pull] = []
    for connection, windows in by_connection.items():
        for group in _groups(table, windows):
            for merged, window in _cover(table, group):
                pulls += [
                    Pull(connection, chunk, window) for chunk in _chunks(merged, table.fetch.max_scopes)
                ]
    return sorted(pulls, key=lambda pull: (pull.window, pull.connection, pull.scopes))


def plan_looking_back(
    table: Table, wanted: Iterable[Partition], connection_of: Callable[[str], str], back: LookBack
) -> list[Pull]:
    """The plan, extended to existing windows shortly before the wanted ones, which may have got late rows.

    Exports reach back as far as Mews' limit on their length allows, so this never takes another export. By pages the
    windows before are requested like wanted ones: they touch these, and cost the pages of their own records.
    """
    partitions = list(wanted)
    if not isinstance(table.fetch, Export):
        return plan(table, [*partitions, *looked_back(partitions, back)], connection_of)
    return [_reaching_back(table, pull, back) for pull in plan(table, partitions, connection_of)]


def _reaching_back(table: Table, pull: Pull, back: LookBack) -> Pull:
    """The pull, extended over the windows before it up to one that exists for none of its scopes or is held back."""
    start = pull.window.start
    first = back.by.since(start, back.grain)
    while start > first:
        before = window_at(start - timedelta(microseconds=1), back.grain)
        again = [Partition(scope, before) for scope in pull.scopes]
        if pull.window.end - before.start > table.fetch.max_length:
            break
        if not back.held_back.isdisjoint(again) or not back.existing(again):
            break
        start = before.start
    return replace(pull, window=Window(start, pull.window.end))


def in_turn(pulls: Iterable[Pull]) -> list[Pull]:
    """The order of pulls that must wait for each other: the newest windows first.

    People look at yesterday before last year. Of pulls with the same end, the longest is first: otherwise hotels that
    are up to date would be pulled again before hotels that have no rows yet.
    """
    return sorted(
        sorted(pulls, key=lambda pull: pull.window.start), key=lambda pull: pull.window.end, reverse=True
    )


def _groups(table: Table, windows: dict[str, set[Window]]) -> list[dict[str, set[Window]]]:
    """The scopes that one pull may merge: all if rows name their scope; by pages, those that want the same windows."""
    if table.scope_column is None:
        return [{scope: wanted} for scope, wanted in windows.items()]
    if isinstance(table.fetch, Export):
        return [windows]
    alike: dict[frozenset[Window], dict[str, set[Window]]] = {}
    for scope, wanted in windows.items():
        alike.setdefault(frozenset(wanted), {})[scope] = wanted
    return list(alike.values())


def _cover(table: Table, group: dict[str, set[Window]]) -> list[tuple[list[str], Window]]:
    every = set[Window]().union(*group.values())
    # Rows without stamps are told apart by their requests only.
    longest = table.fetch.max_length if table.is_stamped else timedelta(0)
    if isinstance(table.fetch, Export):
        spans = reach(every, longest)
    else:
        spans = [piece for joined in coalesce(every) for piece in reach_within(joined, every, longest)]
    covered = []
    for span in spans:
        scopes = [scope for scope, wanted in group.items() if any(span.covers(window) for window in wanted)]
        covered.append((sorted(scopes), span))
    return covered


def reach(windows: Iterable[Window], limit: timedelta) -> list[Window]:
    """The fewest spans no longer than the limit that cover every window, oldest first.

    Starting at the oldest window and taking as much as fits is optimal: any cover needs a span for that window, and
    none could reach further. No grain has windows longer than Mews' limits.
    """
    spans: list[Window] = []
    for window in sorted(windows):
        if spans and window.end <= spans[-1].start + limit:
            spans[-1] = Window(spans[-1].start, max(spans[-1].end, window.end))
        else:
            spans.append(window)
    return spans


def reach_within(joined: Window, windows: Iterable[Window], limit: timedelta) -> list[Window]:
    """The same for the windows within one joined window."""
    return reach((window for window in windows if joined.start <= window.start < joined.end), limit)


def _chunks(scopes: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(scopes[start : start + size]) for start in range(0, len(scopes), size)]
