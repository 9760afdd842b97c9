"""Many files of versions read down to the newest version of each id, sorted by id, in bounded memory.

Lives here: two passes over the files. The first looks at ids and stamps alone and chooses the rows; the
second reads whole rows, keeps the chosen ones, and sets them down in stretches of ids that each fit into
memory. Sorting whole rows in one go took more than they have: at 10 million versions it failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.current.version_order import order_by, order_columns
from mews_assets.lake.storage.parquet import open_batches, plain

_STRETCH_ROWS = 100_000
"""Sorted at once: 100,000 order items are about 60 MB in memory, three times over while they are put in order."""
_BATCH_ROWS = 16_384
_NARROW_BATCH_ROWS = 65_536


def latest_rows(
    engine: duckdb.DuckDBPyConnection, table: Table, paths: list[Path], workspace: Path
) -> Iterator[pa.RecordBatch]:
    """The newest version of each id in the files, sorted by id, in the table's columns."""
    schema = plain(arrow_schema(table))
    stretches = _choose(engine, table, paths)
    if stretches == 1:
        rows = pa.Table.from_batches((batch for _, batch in _chosen(engine, paths, schema)), schema)
        yield from _sorted(rows)
        return
    files = [workspace / f"stretch-{number:05}.arrow" for number in range(stretches)]
    _set_down(_chosen(engine, paths, schema), files, schema)
    for path in files:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
            yield from _sorted(reader.read_all())
        path.unlink()


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows in the table's columns; one that they lack is empty in all of them."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _choose(engine: duckdb.DuckDBPyConnection, table: Table, paths: list[Path]) -> int:
    """Make `chosen`: file, row and stretch of every newest version. Returns the number of stretches."""
    engine.register("version_rows", _narrow(table, paths))
    engine.execute(
        "CREATE TEMP TABLE newest AS SELECT id, file, number FROM version_rows "
        # Of rows that no stamp tells apart, as a record that stands twice in one capture, the last read is the newest.
        f"QUALIFY row_number() OVER (PARTITION BY id ORDER BY {order_by(table)}, file DESC, number DESC) = 1"
    )
    engine.unregister("version_rows")
    (count,) = engine.execute("SELECT count(*) FROM newest").fetchall()[0]
    stretches = max(1, -(-int(count) // _STRETCH_ROWS))
    engine.execute(
        f"CREATE TEMP TABLE chosen AS SELECT file, number, ntile({stretches}) OVER (ORDER BY id) - 1 AS stretch "
        "FROM newest"
    )
    engine.execute("DROP TABLE newest")
    return stretches


def _narrow(table: Table, paths: list[Path]) -> pa.RecordBatchReader:
    """Ids and what tells the newest, of all rows of all files."""
    fields = plain(arrow_schema(table))
    kept = [fields.field(name) for name in ("id", *order_columns(table))]
    there = pa.schema(kept)
    schema = pa.schema([*kept, pa.field("file", pa.int32()), pa.field("number", pa.int32())])

    def batches() -> Iterator[pa.RecordBatch]:
        for place, path in enumerate(paths):
            at = 0
            for batch in open_batches(path, _NARROW_BATCH_ROWS, [one.name for one in kept]):
                rows = batch.num_rows
                columns = list(cast_batch(batch, there).columns)
                columns.append(pa.array(np.full(rows, place, np.int32)))
                columns.append(pa.array(np.arange(at, at + rows, dtype=np.int32)))
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
                at += rows

    return pa.RecordBatchReader.from_batches(schema, batches())


def _chosen(
    engine: duckdb.DuckDBPyConnection, paths: list[Path], schema: pa.Schema
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """The chosen rows in the order of the files, each batch with the stretches its rows belong to."""
    for place, path in enumerate(paths):
        found = engine.execute(
            "SELECT number, stretch FROM chosen WHERE file = $place ORDER BY number", {"place": place}
        ).fetchnumpy()
        numbers = np.asarray(found["number"], np.int64)
        stretches = np.asarray(found["stretch"], np.int64)
        if not len(numbers):
            continue
        at = 0
        for batch in open_batches(path, _BATCH_ROWS):
            first, after = np.searchsorted(numbers, (at, at + batch.num_rows))
            if after > first:
                rows = cast_batch(batch.take(pa.array(numbers[first:after] - at)), schema)
                yield stretches[first:after], rows
            at += batch.num_rows


def _set_down(
    chosen: Iterable[tuple[np.ndarray, pa.RecordBatch]], files: list[Path], schema: pa.Schema
) -> None:
    """Each row into the file of its stretch."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    sinks = [pa.OSFile(str(path), "wb") for path in files]
    writers = [pa.ipc.new_stream(sink, schema, options=options) for sink in sinks]
    try:
        for stretches, rows in chosen:
            order = np.argsort(stretches, kind="stable")
            rows = rows.take(pa.array(order))
            present, starts = np.unique(stretches[order], return_index=True)
            for stretch, start, end in zip(present, starts, [*starts[1:], len(order)], strict=True):
                writers[stretch].write_batch(rows.slice(start, end - start))
    finally:
        for writer, sink in zip(writers, sinks, strict=True):
            writer.close()
            sink.close()


def _sorted(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    order = pc.sort_indices(rows["id"])
    for start in range(0, rows.num_rows, _BATCH_ROWS):
        yield from rows.take(order.slice(start, _BATCH_ROWS)).combine_chunks().to_batches()
