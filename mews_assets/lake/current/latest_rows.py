"""The newest version of each id in many files of versions, sorted by id, in bounded memory.

Lives here: two passes over the files. The first reads ids and stamps only and chooses the rows; the second reads whole
rows, keeps the chosen ones, and sorts them (`storage.chunked_sort`). Not here: the order of versions (`version_order`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.current.version_order import order_by, order_columns
from mews_assets.lake.storage.chunked_sort import SortSpace, sorted_batches
from mews_assets.lake.storage.parquet import cast_batch, open_batches, plain

_BATCH_ROWS = 16_384
_NARROW_BATCH_ROWS = 65_536


def latest_rows(
    engine: duckdb.DuckDBPyConnection, table: Table, paths: list[Path], space: SortSpace
) -> Iterator[pa.RecordBatch]:
    """The newest version of each id in the files, sorted by id, in the table's columns."""
    schema = plain(arrow_schema(table))
    _choose(engine, table, paths)
    yield from sorted_batches(_chosen(engine, paths, schema), (("id", "ascending"),), space)


def _choose(engine: duckdb.DuckDBPyConnection, table: Table, paths: list[Path]) -> None:
    """Make the table `chosen`: file and row number of every newest version."""
    engine.register("version_rows", _narrow(table, paths))
    engine.execute(
        "CREATE TEMP TABLE chosen AS SELECT file, number FROM version_rows "
        # Rows may be equal in all of these, as a record twice in one capture: then the last one read is the newest.
        f"QUALIFY row_number() OVER (PARTITION BY id ORDER BY {order_by(table)}, file DESC, number DESC) = 1"
    )
    engine.unregister("version_rows")


def _narrow(table: Table, paths: list[Path]) -> pa.RecordBatchReader:
    """The ids and order columns of all rows of all files."""
    fields = plain(arrow_schema(table))
    kept = [fields.field(name) for name in ("id", *order_columns(table))]
    narrow = pa.schema(kept)
    schema = pa.schema([*kept, pa.field("file", pa.int32()), pa.field("number", pa.int32())])

    def batches() -> Iterator[pa.RecordBatch]:
        for number, path in enumerate(paths):
            row = 0
            for batch in open_batches(path, _NARROW_BATCH_ROWS, [field.name for field in kept]):
                rows = batch.num_rows
                columns = list(cast_batch(batch, narrow).columns)
                columns.append(pa.array(np.full(rows, number, np.int32)))
                columns.append(pa.array(np.arange(row, row + rows, dtype=np.int32)))
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
                row += rows

    return pa.RecordBatchReader.from_batches(schema, batches())


def _chosen(
    engine: duckdb.DuckDBPyConnection, paths: list[Path], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The chosen rows, file by file."""
    for number, path in enumerate(paths):
        chosen = engine.execute(
            "SELECT number FROM chosen WHERE file = $place ORDER BY number", {"place": number}
        ).fetchnumpy()
        numbers = np.asarray(chosen["number"], np.int64)
        if not len(numbers):
            continue
        row = 0
        for batch in open_batches(path, _BATCH_ROWS):
            first, after = np.searchsorted(numbers, (row, row + batch.num_rows))
            if after > first:
                yield cast_batch(batch.take(pa.array(numbers[first:after] - row)), schema)
            row += batch.num_rows
