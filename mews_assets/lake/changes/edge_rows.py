"""Rows that a capture saw at its own end: of the window after its last, which may be nobody's yet.

Lives here: keeping such rows beside the partitions, a file for each capture, and finding them again. Not here:
what makes a row one of these (`dealing`), and taking them in when their window is asked for (`changes`).
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
from mews_assets.lake.storage.chunked_sort import Room
from mews_assets.lake.storage.duckdb_session import create_temp_table
from mews_assets.lake.storage.lake import Lake


def edge_files(lake: Lake, table: Table, partitions: Iterable[Partition]) -> dict[Partition, list[str]]:
    """What earlier captures kept for the partitions; those that nothing waits for are left out."""
    by_folder = {
        layout.boundary_file(table.name, one.scope, one.key(lake.grain), "x").rpartition("/")[0]: one
        for one in partitions
    }
    found: dict[Partition, list[str]] = {}
    for scope in sorted({partition.scope for partition in by_folder.values()}):
        for name in lake.files(layout.boundary_folder(table.name, scope), recursive=True):
            if partition := by_folder.get(name.rpartition("/")[0]):
                found.setdefault(partition, []).append(name)
    return found


def seen_early(
    places: PartitionIndex, early: set[Partition], counts: Mapping[tuple[str, int | None], int]
) -> list[tuple[int, str]]:
    """The places of early partitions with the captures that brought rows of them. `counts` are the dealt rows."""
    return sorted(
        (place, capture)
        for capture, place in counts
        if place is not None and places.partitions[place] in early
    )


def park_edge_rows(
    lake: Lake,
    table: Table,
    engine: duckdb.DuckDBPyConnection,
    places: PartitionIndex,
    seen: list[tuple[int, str]],
    arrived: list[Path],
    room: Room,
) -> None:
    """Put the dealt rows of early partitions beside, a file for each place and capture. `arrived` are all files."""
    if not seen:
        return
    columns = {
        "place": pa.array([place for place, _ in seen], pa.int64()),
        "capture": [capture for _, capture in seen],
        "position": range(len(seen)),
    }
    create_temp_table(engine, "seen", pa.table(columns))
    placed = (
        f"SELECT dealt.file, dealt.{LINE}, dealt._window_utc, seen.position FROM dealt "
        f"JOIN seen ON seen.place = dealt.{PARTITION_NUMBER} AND seen.capture = dealt._landing_id"
    )
    files = PartitionWriter(table, seen, room.folder / "boundary")
    files.write(sorted_for_files(engine, table, placed, arrived, [], room))
    for (place, capture), path in files.paths.items():
        partition = places.partitions[place]
        name = layout.boundary_file(table.name, partition.scope, partition.key(lake.grain), capture)
        lake.put(path, name)
