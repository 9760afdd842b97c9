"""Edge rows: rows stamped exactly at a capture's end, which belong to the window after its last.

Lives here: writing such rows to `state/boundary`, one file per capture, and finding the files again. Not here: which
rows these are (`assign_partitions`), and merging them when their window is requested (`merge_pass`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from mews_assets.catalog.model import Table
from mews_assets.lake.changes.assign_partitions import LINE, PARTITION_NUMBER, PartitionIndex
from mews_assets.lake.changes.partition_writer import PartitionWriter, sorted_for_files
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import SortSpace
from mews_assets.lake.storage.duckdb_session import create_temp_table
from mews_assets.lake.storage.lake import Lake


def edge_files(lake: Lake, table: Table, partitions: Iterable[Partition]) -> dict[Partition, list[str]]:
    """The files of edge rows that earlier captures left, by partition; partitions without any are left out."""
    by_folder = {
        layout.boundary_file(table.name, partition.scope, partition.key(lake.grain), "x").rpartition("/")[
            0
        ]: partition
        for partition in partitions
    }
    found: dict[Partition, list[str]] = {}
    for scope in sorted({partition.scope for partition in by_folder.values()}):
        for name in lake.files(layout.boundary_folder(table.name, scope), recursive=True):
            if partition := by_folder.get(name.rpartition("/")[0]):
                found.setdefault(partition, []).append(name)
    return found


def seen_early(
    index: PartitionIndex, early: set[Partition], counts: Mapping[tuple[str, int | None], int]
) -> list[tuple[int, str]]:
    """The numbers of early partitions, each with the captures that brought rows of it. `counts` is of
    `count_assigned`."""
    return sorted(
        (number, capture)
        for capture, number in counts
        if number is not None and index.partitions[number] in early
    )


def park_edge_rows(
    lake: Lake,
    table: Table,
    engine: duckdb.DuckDBPyConnection,
    index: PartitionIndex,
    seen: list[tuple[int, str]],
    arrived: list[Path],
    space: SortSpace,
) -> None:
    """Write the rows of early partitions to `state/boundary`, a file for each partition and capture.

    `arrived` are the files of all converted captures, as numbered in `assigned`.
    """
    if not seen:
        return
    columns = {
        "number": pa.array([number for number, _ in seen], pa.int64()),
        "capture": [capture for _, capture in seen],
        "position": range(len(seen)),
    }
    create_temp_table(engine, "seen", pa.table(columns))
    query = (
        f"SELECT assigned.file, assigned.{LINE}, assigned._window_utc, seen.position FROM assigned "
        f"JOIN seen ON seen.number = assigned.{PARTITION_NUMBER} AND seen.capture = assigned._landing_id"
    )
    files = PartitionWriter(table, seen, space.folder / "boundary")
    files.write(sorted_for_files(engine, table, query, arrived, [], space))
    for (number, capture), path in files.paths.items():
        partition = index.partitions[number]
        name = layout.boundary_file(table.name, partition.scope, partition.key(lake.grain), capture)
        # A merge that was cut off, or begun again, has parked the same rows: perhaps those of a customer erased since.
        lake.put(path, name, over=lake.version(name))
