"""Parquet files by Arrow: how every one of them is encoded, and reading a long one.

Lives here: the writer's options, which columns get a dictionary, and the rows of a file batch by batch. Not
here: where rows come from.

A dictionary is worth its hashing only where values repeat: on order items, giving it to the columns that do
halves the writer's time and takes 9 % off the file, against a dictionary for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_SAMPLE_ROWS = 4096
ZSTD_LEVEL = 3
"""zstd's default, for every file that stays in the lake, landed ones too: export files shrink to about a tenth; level 1
is a third faster and a tenth larger."""
QUICK_ZSTD_LEVEL = 1
"""For Parquet files that one merge writes and reads: a tenth less time for 2 % more bytes."""
_REPEATS = 4
"""A column is given a dictionary when each value of the sample stands in it this often."""
_REPEATED_BYTES = 256
"""Of a value on average, for a dictionary: rows are many times as large in memory as a file that holds a long text
once, and nobody could tell from its sizes. Compression finds the repeats all the same."""
ROW_GROUP_ROWS = 65_536
"""At most."""
ROW_GROUP_BYTES = 64 << 20
"""In memory, at which a row group ends though its rows are few: whoever reads one holds it whole."""
_BATCH_BYTES = 8 << 20


def open_writer(
    path: Path, schema: pa.Schema, sample: pa.Table | None, level: int = ZSTD_LEVEL
) -> pq.ParquetWriter:
    """A writer of zstd files. `sample` are rows to come; without any, no column gets a dictionary.

    The Arrow schema is not stored: it says nothing that Parquet's own does not, and in a file of twenty rows
    it would be most of the bytes.
    """
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=repeating_columns(sample) if sample is not None else False,
        store_schema=False,
        write_statistics=_ordered_columns(schema),
    )


def write_rows(
    path: Path,
    schema: pa.Schema,
    rows: Iterable[pa.Table],
    key_value_metadata: Mapping[bytes, bytes] | None = None,
) -> None:
    """A file of rows that come in pieces of any size. `key_value_metadata` goes into its footer."""
    writer: pq.ParquetWriter | None = None
    try:
        for group in _row_groups(rows, ROW_GROUP_ROWS):
            writer = writer or open_writer(path, schema, group)
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
        writer = writer or open_writer(path, schema, None)
        writer.add_key_value_metadata(dict(key_value_metadata or {}))
    finally:
        if writer is not None:
            writer.close()


def _row_groups(rows: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in pieces of one row group each, the last one shorter, and those of long rows."""
    waiting: list[pa.Table] = []
    count = held_bytes = 0
    for piece in rows:
        waiting.append(piece)
        count += piece.num_rows
        held_bytes += piece.nbytes
        while count >= size or held_bytes >= ROW_GROUP_BYTES:
            together = pa.concat_tables(waiting)
            yield together.slice(0, size)
            waiting = [together.slice(size)]
            count, held_bytes = waiting[0].num_rows, waiting[0].nbytes
    if count:
        yield pa.concat_tables(waiting)


def open_batches(path: Path, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file, at most so many at a time, in no more memory than a row group of it takes.

    Fewer at a time where rows are long.
    """
    # Arrow reads ahead by default, and keeps all it has read until the file is closed: 870 MB of one of 840 MB.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        at_once = [_rows_at_once(group, rows, columns) for group in groups]
        for count, alike in groupby(range(len(groups)), key=at_once.__getitem__):
            yield from file.iter_batches(count, row_groups=list(alike), columns=columns)


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows in the table's columns; one that they lack is empty in all of them."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _rows_at_once(group: pq.RowGroupMetaData, most: int, columns: list[str] | None) -> int:
    """As many rows of a row group as fit into a batch, in these columns."""
    size = group.total_byte_size
    if columns is not None and size > _BATCH_BYTES:
        chunks = (group.column(number) for number in range(group.num_columns))
        read = set(columns)
        size = sum(one.total_uncompressed_size for one in chunks if one.path_in_schema.split(".")[0] in read)
    return int(max(1, min(most, group.num_rows * _BATCH_BYTES // max(1, size))))


def _ordered_columns(schema: pa.Schema) -> list[str]:
    """The top columns that are given a minimum and maximum: a reader skips row groups by them.

    Text is left out, the first column (the Id, which must not be missing) apart: rows do not stand in the
    order of any other text, so no reader could skip by it, and comparing it is a tenth of the writer's time.
    """
    return [schema.names[0]] + [
        field.name
        for field in list(schema)[1:]
        if not pa.types.is_string(field.type) and not pa.types.is_nested(field.type)
    ]


def repeating_columns(sample: pa.Table) -> list[str]:
    """The leaf columns, as Parquet names them, of text whose values repeat."""
    head = sample.slice(0, _SAMPLE_ROWS).combine_chunks()
    chosen = []
    for field in head.schema:
        column = head.column(field.name)
        for path, values in _leaves(field.name, column.combine_chunks() if column.num_chunks else None):
            if values is None or not pa.types.is_string(values.type):
                continue
            there = len(values) - values.null_count
            if there and values.nbytes > there * _REPEATED_BYTES:
                continue
            if not there or pc.count_distinct(values).as_py() * _REPEATS <= there:
                chosen.append(path)
    return chosen


def _leaves(path: str, values: pa.Array | None) -> Iterator[tuple[str, pa.Array | None]]:
    if values is None:
        return
    if pa.types.is_struct(values.type):
        for number, child in enumerate(values.type):
            yield from _leaves(f"{path}.{child.name}", values.field(number))
    elif pa.types.is_map(values.type):
        yield from _leaves(f"{path}.key_value.key", values.keys)
        yield from _leaves(f"{path}.key_value.value", values.items)
    elif pa.types.is_list(values.type):
        yield from _leaves(f"{path}.list.element", values.flatten())
    else:
        yield path, values


def plain(schema: pa.Schema) -> pa.Schema:
    """The schema without descriptions."""
    return pa.schema([pa.field(field.name, plain_type(field.type), field.nullable) for field in schema])


def plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(one.name, plain_type(one.type), one.nullable) for one in kind])
    return pa.list_(plain_type(kind.value_type)) if pa.types.is_list(kind) else kind
