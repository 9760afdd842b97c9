"""Windows, rows and bytes of a table, from the statistics of its files: no row is read.

Lives here: windows, rows, bytes and the newest stamp of a table, scope by scope; and the rows of a partition by
capture, for which one column is read. Not here: where the statistics come from (`file_statistics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow.parquet as pq

from mews_assets.catalog.model import Table
from mews_assets.lake.file_statistics import FileStatistics, statistics_of
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake


@dataclass(frozen=True)
class Inventory:
    """One scope of one table. `windows` are the keys of its partitions; `newest` is None without rows."""

    windows: frozenset[str]
    rows: int
    size_bytes: int
    newest: datetime | None


def inventory(lake: Lake, table: Table) -> dict[str, Inventory]:
    """The inventory of `changes/<table>`, by scope."""
    by_scope: dict[str, dict[str, FileStatistics]] = {}
    for name, statistics in statistics_of(lake, table).items():
        scope, window = layout.partition_of(name)
        by_scope.setdefault(scope, {})[window] = statistics
    return {scope: _inventory(files) for scope, files in by_scope.items()}


def newest_windows(
    lake: Lake, table: Table, scopes: Iterable[str], likely: Sequence[str]
) -> dict[str, str | None]:
    """The key of each scope's newest partition; None where it has none.

    The `likely` keys are tried first, in their order, which is the newest first; only folders of scopes without any of
    them are listed.
    """
    found: dict[str, str | None] = {}
    remaining = list(dict.fromkeys(scopes))
    for key in likely:
        names = {layout.changes_file(table.name, scope, key): scope for scope in remaining}
        for name in lake.existing(list(names)) if names else ():
            found[names[name]] = key
        remaining = [scope for scope in remaining if scope not in found]
    with ThreadPoolExecutor(8) as threads:
        found.update(
            zip(remaining, threads.map(lambda scope: _newest(lake, table, scope), remaining), strict=True)
        )
    return found


def _newest(lake: Lake, table: Table, scope: str) -> str | None:
    keys = [layout.window_of(folder) for folder in lake.folders(layout.scope_folder(table.name, scope))]
    # A killed writer may have left a folder without a file.
    existing = (key for key in reversed(keys) if lake.exists(layout.changes_file(table.name, scope, key)))
    return next(existing, None)


def rows_by_capture(lake: Lake, name: str) -> dict[str, int]:
    """The rows of a file by capture; only one column is read."""
    with lake.open_input_file(name) as source:
        captures = pq.ParquetFile(source).read(columns=["_landing_id"]).column("_landing_id")
    return {count["values"]: count["counts"] for count in captures.value_counts().to_pylist()}


def ids_in(lake: Lake, name: str) -> set[str]:
    """The ids of the records in a file; only one column is read."""
    with lake.open_input_file(name) as source:
        return set(pq.ParquetFile(source).read(columns=["id"]).column("id").to_pylist())


@dataclass(frozen=True)
class Totals:
    """The totals of one table over all scopes."""

    scopes: int
    partitions: int
    rows: int
    size_bytes: int
    newest: datetime | None


def totals(by_scope: Mapping[str, Inventory]) -> Totals:
    """The totals over scopes."""
    inventories = by_scope.values()
    return Totals(
        scopes=len(by_scope),
        partitions=sum(len(inventory.windows) for inventory in inventories),
        rows=sum(inventory.rows for inventory in inventories),
        size_bytes=sum(inventory.size_bytes for inventory in inventories),
        newest=max(
            (inventory.newest for inventory in inventories if inventory.newest is not None), default=None
        ),
    )


def _inventory(files: Mapping[str, FileStatistics]) -> Inventory:
    return Inventory(
        windows=frozenset(files),
        rows=sum(file.rows for file in files.values()),
        size_bytes=sum(file.size_bytes for file in files.values()),
        newest=max((file.newest for file in files.values() if file.newest is not None), default=None),
    )
