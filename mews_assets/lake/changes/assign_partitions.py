"""The partition of each arrived row: its window and scope.

Lives here: the SQL that gives each row of converted captures a partition's number, and the counts that prove that no
row is lost. Not here: writing partitions (`merge_pass`, `partition_writer`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from mews_assets.catalog import table as table_of
from mews_assets.catalog.arrow import UTC_MICROSECONDS
from mews_assets.catalog.model import Kind, Table, snake_case
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import create_temp_table, identifier, literal
from mews_assets.windows import Grain, Window, coalesce, window_at

_HOUR_US = 3_600_000_000
SCOPE, PARTITION_NUMBER, IS_NEW = "__scope", "__partition", "__is_new"
LINE, IS_WHOLE = "__line", "__is_whole"
"""Columns that exist only until partitions are written. `LINE` is a row's number in its capture; `IS_WHOLE` is false
for a row from a file that was written before the table had all of its columns."""


@dataclass(frozen=True)
class ConvertedCapture:
    """A capture converted to one Parquet file. `found_by` is that of its parent records, where a row's window is that
    of its parent.

    With `only`, its rows of other partitions are skipped: they were merged when it landed.
    """

    manifest: Manifest
    rows: Path
    found_by: Path | None = None
    only: frozenset[Partition] | None = None

    def covered(self, grain: Grain) -> set[Partition]:
        """The partitions that it covers whole."""
        every = covered_partitions(self.manifest, grain)
        return every if self.only is None else every & self.only


@dataclass(frozen=True)
class PartitionIndex:
    """The partitions that rows can belong to, numbered in the order in which they are written."""

    partitions: tuple[Partition, ...]
    number: dict[Partition, int]

    @classmethod
    def of(cls, converted: Iterable[ConvertedCapture], grain: Grain) -> PartitionIndex:
        """All partitions that the captures cover, and those after their ends, to which rows stamped at an end
        belong."""
        wanted: set[Partition] = set()
        for capture in converted:
            wanted |= covered_partitions(capture.manifest, grain) | partitions_after(capture.manifest, grain)
        ordered = tuple(sorted(wanted))
        return cls(ordered, {partition: number for number, partition in enumerate(ordered)})


def covered_partitions(manifest: Manifest, grain: Grain) -> set[Partition]:
    """The partitions that a capture covers whole."""
    return {Partition(scope, window) for scope, window in manifest.partitions(grain)}


def partitions_after(manifest: Manifest, grain: Grain) -> set[Partition]:
    """The partitions whose first instant is the capture's end: where Mews includes the end, their rows come along."""
    window = window_at(manifest.window.end, grain)
    return {Partition(scope, window) for scope in manifest.scopes}


def assign_partitions(
    engine: duckdb.DuckDBPyConnection, table: Table, converted: list[ConvertedCapture], index: PartitionIndex
) -> None:
    """Make the table `assigned`: for every arrived row its file, line and partition number; null where it belongs to no
    partition. Files are numbered like the captures.

    The table holds no whole rows: records may be of any length.
    """
    _register_index(engine, index)
    _register_owners(engine, converted)
    arrived = " UNION ALL BY NAME ".join(
        _arrived_rows(table, number, capture) for number, capture in enumerate(converted)
    )
    engine.execute(
        f"CREATE TEMP TABLE assigned AS SELECT arrived.*, partitions.number AS {PARTITION_NUMBER} "
        f"FROM ({arrived}) AS arrived "
        f"LEFT JOIN window_hour ON window_hour.hour = {_hour('arrived._window_utc')} "
        f"LEFT JOIN partitions ON partitions.scope = arrived.{SCOPE} AND partitions.start = window_hour.start "
        "AND arrived.__is_requested"
    )


def count_assigned(engine: duckdb.DuckDBPyConnection) -> dict[tuple[str, int | None], int]:
    """Rows by capture and partition number; None counts rows of no partition that the capture requested."""
    rows = engine.execute(
        f"SELECT _landing_id, {PARTITION_NUMBER}, count(*) FROM assigned GROUP BY ALL"
    ).fetchall()
    return {(capture, number): count for capture, number, count in rows}


def _register_index(engine: duckdb.DuckDBPyConnection, index: PartitionIndex) -> None:
    starts = pa.array([partition.window.start for partition in index.partitions], UTC_MICROSECONDS)
    scopes = pa.array([partition.scope for partition in index.partitions], pa.string())
    numbers = pa.array(range(len(index.partitions)), pa.int64())
    create_temp_table(engine, "partitions", pa.table({"number": numbers, "scope": scopes, "start": starts}))
    # A row is joined to its window by its hour, because no window begins within an hour. For a join by >= DuckDB would
    # sort whole rows, and a million order items do not fit into memory.
    window_starts = np.unique(np.asarray(starts.cast(pa.int64())))
    hours = np.arange(window_starts[0] // _HOUR_US, window_starts[-1] // _HOUR_US + 1)
    start_of = pa.array(window_starts[np.searchsorted(window_starts // _HOUR_US, hours, "right") - 1]).cast(
        UTC_MICROSECONDS
    )
    create_temp_table(engine, "window_hour", pa.table({"hour": hours, "start": start_of}))


def _hour(instant: str) -> str:
    return f"epoch_us({instant}) // {_HOUR_US}"


def _register_owners(engine: duckdb.DuckDBPyConnection, converted: list[ConvertedCapture]) -> None:
    schema = pa.schema([("capture", pa.string()), ("id", pa.string()), ("scope", pa.string())])
    rows = [
        {"capture": capture.manifest.capture, "id": owned, "scope": scope}
        for capture in converted
        for owned, scope in capture.manifest.owners.items()
    ]
    create_temp_table(engine, "owner", pa.Table.from_pylist(rows, schema))


def _arrived_rows(table: Table, number: int, capture: ConvertedCapture) -> str:
    """SQL for one capture's rows, each with its scope and the instant that decides its window."""
    manifest = capture.manifest
    start, end = _instant(manifest.window.start), _instant(manifest.window.end)
    stamp, join = _stamp(table, capture)
    # The window of a row without a stamp is unknown; the filter found it, so it goes to the capture's first window: of
    # a table whose rows carry no stamps its only one.
    stamp = f"coalesce({stamp}, {start})"
    asked_scopes = ", ".join(literal(scope_id) for scope_id in manifest.scopes)
    scope, owner = _scope(table, manifest)
    return (
        f"SELECT {number} AS file, row.file_row_number AS {LINE}, row._landing_id, "
        f"{stamp} AS _window_utc, {scope} AS {SCOPE}, "
        f"{stamp} BETWEEN {start} AND {end} AND {scope} IN ({asked_scopes}){_limit(capture, stamp, scope)} "
        "AS __is_requested "
        f"FROM {parquet([capture.rows], row_numbers=True)} AS row {join} {owner}"
    )


def _limit(capture: ConvertedCapture, stamp: str, scope: str) -> str:
    """SQL for whether a row is of one of the partitions that its capture is read for."""
    if capture.only is None:
        return ""
    windows: dict[str, list[Window]] = {}
    for partition in capture.only:
        windows.setdefault(partition.scope, []).append(partition.window)
    conditions = [
        f"({scope} = {literal(own_scope)} AND {stamp} >= {_instant(window.start)} AND {stamp} < {_instant(window.end)})"
        for own_scope, own_windows in sorted(windows.items())
        for window in coalesce(own_windows)
    ]
    return f" AND ({' OR '.join(conditions) or 'false'})"


def _scope(table: Table, manifest: Manifest) -> tuple[str, str]:
    """SQL for the scope of a row, and the join that finds it where a row names only something its scope owns."""
    if table.scope_column is None or (table.lookup is not None and len(manifest.scopes) == 1):
        return literal(manifest.scopes[0]), ""
    named = f"row.{identifier(snake_case(table.scope_column))}"
    if table.lookup is None:
        return named, ""
    return (
        "owner.scope",
        f"LEFT JOIN owner ON owner.capture = {literal(manifest.capture)} AND owner.id = {named}",
    )


def _stamp(table: Table, capture: ConvertedCapture) -> tuple[str, str]:
    """SQL for the instant that decides a row's window, and the join that finds it where the parent record holds it."""
    if table.window_column is None:
        return "CAST(NULL AS TIMESTAMPTZ)", ""
    if table.parent_key is None:
        column = next(column for column in table.columns if column.name == table.window_column)
        stamp = f"row.{identifier(column.field_name)}"
        return (f"CAST({stamp} AS TIMESTAMPTZ)" if column.kind is Kind.DATE else stamp), ""
    if capture.found_by is None:
        raise ValueError(f"{table.name} needs its {table.parent_key.table}, which were not converted")
    other = table_of(table.parent_key.table)
    found_by = (
        f"SELECT id, max({identifier(snake_case(other.window_column or ''))}) AS stamp "
        f"FROM {parquet([capture.found_by])} GROUP BY id"
    )
    return "found_by.stamp", (
        f"LEFT JOIN ({found_by}) AS found_by ON found_by.id = row.{identifier(snake_case(table.parent_key.column))}"
    )


def _instant(instant: datetime) -> str:
    return f"TIMESTAMPTZ {literal(instant.isoformat())}"
