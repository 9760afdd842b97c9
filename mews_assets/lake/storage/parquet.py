"""Parquet files by Arrow: how all of them are encoded, and reading long files in batches.

Lives here: the writer's options, which columns get a dictionary, and reading the rows of a file batch by batch.

A dictionary is worth its hashing only where values repeat: on order items, a dictionary for those columns only halves
the writer's time and makes the file 9 % smaller than a dictionary for all.
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
"""A column gets a dictionary when each value of the sample occurs this often on average."""
_REPEATED_BYTES = 256
"""The longest average value for a dictionary: rows of repeated long texts are many times as large in memory as in the
file, and the file's sizes would not show it. Compression finds the repeats anyway."""
ROW_GROUP_ROWS = 65_536
"""At most."""
ROW_GROUP_BYTES = 64 << 20
"""Bytes in memory at which a row group ends even with few rows: a reader holds a whole row group."""
_BATCH_BYTES = 8 << 20


def open_writer(
    path: Path,
    schema: pa.Schema,
    sample: pa.Table | None,
    level: int = ZSTD_LEVEL,
    dictionary: list[str] | None = None,
) -> pq.ParquetWriter:
    """A writer of zstd files. `sample` are the first rows to be written; without them no column gets a dictionary.
    `dictionary` names the columns that get one where that was found before, in rows of the same kind.

    The Arrow schema is not stored: it adds nothing to Parquet's own, and would be most of the bytes of a file of
    twenty rows.
    """
    if dictionary is None and sample is not None:
        dictionary = repeating_columns(sample)
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=dictionary if dictionary is not None else False,
        store_schema=False,
        write_statistics=_ordered_columns(schema),
    )


def write_rows(
    path: Path,
    schema: pa.Schema,
    rows: Iterable[pa.Table],
    key_value_metadata: Mapping[bytes, bytes] | None = None,
) -> None:
    """Write a file of rows that come in pieces of any size. `key_value_metadata` goes into its footer."""
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


def _row_groups(rows: Iterable[pa.Table], row_group_rows: int) -> Iterator[pa.Table]:
    """The same rows in pieces of one row group each; the last piece and pieces of long rows have fewer rows."""
    pieces: list[pa.Table] = []
    count = size_bytes = 0
    for piece in rows:
        pieces.append(piece)
        count += piece.num_rows
        size_bytes += piece.nbytes
        while count >= row_group_rows or size_bytes >= ROW_GROUP_BYTES:
            rows_waiting = pa.concat_tables(pieces)
            yield rows_waiting.slice(0, row_group_rows)
            pieces = [rows_waiting.slice(row_group_rows)]
            count, size_bytes = pieces[0].num_rows, pieces[0].nbytes
    if count:
        yield pa.concat_tables(pieces)


def open_batches(path: Path, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file in batches of at most `rows`, in no more memory than one of its row groups takes.

    Batches are smaller where rows are long.
    """
    # By default Arrow reads ahead and keeps all bytes until the file is closed: 870 MB for a file of 840 MB.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        at_once = [_rows_at_once(group, rows, columns) for group in groups]
        for count, same_count in groupby(range(len(groups)), key=at_once.__getitem__):
            yield from file.iter_batches(count, row_groups=list(same_count), columns=columns)


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows in the columns of a schema; a column that they lack is null."""
    columns = [
        _cast_values(batch.column(field.name), field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast_values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in a type; a nested field that they lack is null. Arrow's own cast does so only in later versions."""
    if values.type == kind:
        return values
    if pa.types.is_struct(kind):
        of_name = dict(zip((field.name for field in values.type), values.flatten(), strict=True))
        fields = [
            _cast_values(of_name[field.name], field.type)
            if field.name in of_name
            else pa.nulls(len(values), field.type)
            for field in kind
        ]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=values.is_null())
    if pa.types.is_list(kind):
        items = [_cast_values(values.values, kind.value_type)]
        return pa.Array.from_buffers(
            kind, len(values), values.buffers()[:2], values.null_count, values.offset, items
        )
    return values.cast(kind)


def _rows_at_once(group: pq.RowGroupMetaData, most: int, columns: list[str] | None) -> int:
    """The rows of a row group that fit into a batch, in these columns."""
    size = group.total_byte_size
    if columns is not None and size > _BATCH_BYTES:
        chunks = (group.column(number) for number in range(group.num_columns))
        names = set(columns)
        size = sum(
            chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in names
        )
    return int(max(1, min(most, group.num_rows * _BATCH_BYTES // max(1, size))))


def _ordered_columns(schema: pa.Schema) -> list[str]:
    """The top-level columns that get a minimum and maximum, by which a reader skips row groups.

    Text is left out, except for the first column, the id (which must not be missing): rows are not sorted by any other
    text, so no reader could skip by it, and comparing texts is a tenth of the writer's time.
    """
    return [schema.names[0]] + [
        field.name
        for field in list(schema)[1:]
        if not pa.types.is_string(field.type) and not pa.types.is_nested(field.type)
    ]


def repeating_columns(sample: pa.Table) -> list[str]:
    """The text columns whose values repeat, by their Parquet path."""
    head = sample.slice(0, _SAMPLE_ROWS).combine_chunks()
    chosen = []
    for field in head.schema:
        column = head.column(field.name)
        for path, values in _leaves(field.name, column.combine_chunks() if column.num_chunks else None):
            if values is None or not pa.types.is_string(values.type):
                continue
            count = len(values) - values.null_count
            if count and values.nbytes > count * _REPEATED_BYTES:
                continue
            if not count or pc.count_distinct(values).as_py() * _REPEATS <= count:
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
    """The schema without metadata."""
    return pa.schema([pa.field(field.name, plain_type(field.type), field.nullable) for field in schema])


def plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, plain_type(field.type), field.nullable) for field in kind])
    return pa.list_(plain_type(kind.value_type)) if pa.types.is_list(kind) else kind
