"""Rows dealt out to their partitions: which window and scope each arrived row belongs to.

Lives here: the SQL that turns converted captures into rows with a partition's number, and the counts that
say that no line got lost on the way. Not here: writing partitions (`changes`).
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
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import create_temp_table, identifier, literal
from mews_assets.windows import Grain, Window, coalesce, window_at

_HOUR_US = 3_600_000_000
SCOPE, PARTITION_NUMBER, IS_NEW = "__scope", "__place", "__is_new"
LINE, IS_WHOLE = "__line", "__is_whole"
"""Columns that only live between dealing and writing. `LINE` is a row's place in its capture; `IS_WHOLE` is false
where a row comes from a file that was written before the table had all of its columns."""


@dataclass(frozen=True)
class ConvertedCapture:
    """A capture converted to one Parquet file, and that of the records its rows are found by, if any.

    With `only`, its rows of other partitions are left aside: they were merged when it landed.
    """

    manifest: Manifest
    rows: Path
    found_by: Path | None = None
    only: frozenset[Partition] | None = None

    def covered(self, grain: Grain) -> set[Partition]:
        """The partitions that it brings whole."""
        every = covered_partitions(self.manifest, grain)
        return every if self.only is None else every & self.only


@dataclass(frozen=True)
class PartitionIndex:
    """The partitions that rows can be dealt to, numbered in the order they are written in."""

    partitions: tuple[Partition, ...]
    number: dict[Partition, int]

    @classmethod
    def of(cls, staged: Iterable[ConvertedCapture], grain: Grain) -> PartitionIndex:
        """All that the captures cover, and the windows after their ends, where rows right at an end belong."""
        wanted: set[Partition] = set()
        for capture in staged:
            wanted |= covered_partitions(capture.manifest, grain) | partitions_after(capture.manifest, grain)
        ordered = tuple(sorted(wanted))
        return cls(ordered, {partition: number for number, partition in enumerate(ordered)})


def covered_partitions(manifest: Manifest, grain: Grain) -> set[Partition]:
    """The partitions a capture covers whole."""
    return {Partition(scope, window) for scope, window in manifest.partitions(grain)}


def partitions_after(manifest: Manifest, grain: Grain) -> set[Partition]:
    """The partitions whose first instant is the capture's end: where Mews includes it, rows of these come along."""
    window = window_at(manifest.window.end, grain)
    return {Partition(scope, window) for scope in manifest.scopes}


def assign_partitions(
    engine: duckdb.DuckDBPyConnection, table: Table, staged: list[ConvertedCapture], places: PartitionIndex
) -> None:
    """Make `dealt`: for every arrived row its file and line, with the number of its partition, or null where it fits
    nowhere. Files are numbered as the captures are.

    It holds no whole rows: records may be of any length.
    """
    _register_index(engine, places)
    _register_owners(engine, staged)
    arrived = " UNION ALL BY NAME ".join(
        _arrived_rows(table, number, capture) for number, capture in enumerate(staged)
    )
    engine.execute(
        f"CREATE TEMP TABLE dealt AS SELECT arrived.*, place.number AS {PARTITION_NUMBER} "
        f"FROM ({arrived}) AS arrived "
        f"LEFT JOIN window_hour ON window_hour.hour = {_hour('arrived._window_utc')} "
        f"LEFT JOIN place ON place.scope = arrived.{SCOPE} AND place.start = window_hour.start "
        "AND arrived.__is_asked_for"
    )


def count_assigned(engine: duckdb.DuckDBPyConnection) -> dict[tuple[str, int | None], int]:
    """Rows by capture and partition number; None counts those that belong nowhere the capture asked about."""
    rows = engine.execute(
        f"SELECT _landing_id, {PARTITION_NUMBER}, count(*) FROM dealt GROUP BY ALL"
    ).fetchall()
    return {(capture, place): count for capture, place, count in rows}


def _register_index(engine: duckdb.DuckDBPyConnection, places: PartitionIndex) -> None:
    starts = pa.array([partition.window.start for partition in places.partitions], UTC_MICROSECONDS)
    scopes = pa.array([partition.scope for partition in places.partitions], pa.string())
    numbers = pa.array(range(len(places.partitions)), pa.int64())
    create_temp_table(engine, "place", pa.table({"number": numbers, "scope": scopes, "start": starts}))
    # A row finds its window by its hour, for none begins within one. Joined by >= instead, DuckDB would sort the
    # rows with all that is in them, and a million order items do not fit.
    begun = np.unique(np.asarray(starts.cast(pa.int64())))
    hours = np.arange(begun[0] // _HOUR_US, begun[-1] // _HOUR_US + 1)
    start_of = pa.array(begun[np.searchsorted(begun // _HOUR_US, hours, "right") - 1]).cast(UTC_MICROSECONDS)
    create_temp_table(engine, "window_hour", pa.table({"hour": hours, "start": start_of}))


def _hour(instant: str) -> str:
    return f"epoch_us({instant}) // {_HOUR_US}"


def _register_owners(engine: duckdb.DuckDBPyConnection, staged: list[ConvertedCapture]) -> None:
    schema = pa.schema([("capture", pa.string()), ("id", pa.string()), ("scope", pa.string())])
    rows = [
        {"capture": one.manifest.capture, "id": owned, "scope": scope}
        for one in staged
        for owned, scope in one.manifest.owners.items()
    ]
    create_temp_table(engine, "owner", pa.Table.from_pylist(rows, schema))


def _arrived_rows(table: Table, number: int, capture: ConvertedCapture) -> str:
    """One capture's rows, by number, each with its scope and the instant by which it is dealt to a window."""
    manifest = capture.manifest
    start, end = _instant(manifest.window.start), _instant(manifest.window.end)
    stamp, join = _stamp(table, capture)
    # A row without a stamp cannot be told to its window; the filter found it, so the capture's first has it.
    stamp = f"coalesce({stamp}, {start})"
    asked_scopes = ", ".join(literal(one) for one in manifest.scopes)
    scope, owner = _scope(table, manifest)
    return (
        f"SELECT {number} AS file, row.file_row_number AS {LINE}, row._landing_id, "
        f"{stamp} AS _window_utc, {scope} AS {SCOPE}, "
        f"{stamp} BETWEEN {start} AND {end} AND {scope} IN ({asked_scopes}){_limit(capture, stamp, scope)} "
        "AS __is_asked_for "
        f"FROM {parquet([capture.rows], row_numbers=True)} AS row {join} {owner}"
    )


def _limit(capture: ConvertedCapture, stamp: str, scope: str) -> str:
    """The condition that a row is of one of the partitions that its capture is read for."""
    if capture.only is None:
        return ""
    windows: dict[str, list[Window]] = {}
    for one in capture.only:
        windows.setdefault(one.scope, []).append(one.window)
    places = [
        f"({scope} = {literal(own)} AND {stamp} >= {_instant(span.start)} AND {stamp} < {_instant(span.end)})"
        for own, each in sorted(windows.items())
        for span in coalesce(each)
    ]
    return f" AND ({' OR '.join(places) or 'false'})"


def _scope(table: Table, manifest: Manifest) -> tuple[str, str]:
    """Whose a row is, and the join that brings it where the row names only what its scope owns."""
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
    """The instant a row is dealt by, and the join that brings it where another record holds it."""
    if table.parent_key is None:
        column = next(column for column in table.columns if column.name == table.window_column)
        stamp = f"row.{identifier(column.field_name)}"
        return (f"CAST({stamp} AS TIMESTAMPTZ)" if column.kind is Kind.DATE else stamp), ""
    if capture.found_by is None:
        raise ValueError(f"{table.name} is dealt by its {table.parent_key.table}, which was not staged")
    other = table_of(table.parent_key.table)
    found_by = (
        f"SELECT id, max({identifier(snake_case(other.window_column))}) AS stamp "
        f"FROM {parquet([capture.found_by])} GROUP BY id"
    )
    return "found_by.stamp", (
        f"LEFT JOIN ({found_by}) AS found_by ON found_by.id = row.{identifier(snake_case(table.parent_key.column))}"
    )


def _instant(instant: datetime) -> str:
    return f"TIMESTAMPTZ {literal(instant.isoformat())}"
