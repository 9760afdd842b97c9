"""Whether two files of one partition hold the same rows: then the existing file is left as it is.

Lives here: comparing them batch by batch. Later exports look back over a window, and mostly bring nothing new; writing
the file again would make every table built from it read it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.storage.parquet import open_batches

_CAPTURE_COLUMNS = ("_landing_id", "_captured_at_utc")
"""Columns that name the capture that brought a row. A row that came again is not another row."""
_BATCH_ROWS = 16_384


def holds_the_same(existing: Path, written: Path, *, with_captures: bool = False) -> bool:
    """Whether both hold the same rows in the same order.

    The existing file may lack columns that were added to the table since: every reader sees them as null.
    `with_captures` also compares which captures brought the rows: where a version came with two contents, later merges
    need to know which content was seen last.
    """
    before, after = pq.read_metadata(existing), pq.read_metadata(written)
    if before.num_rows != after.num_rows:
        return False
    fields, new_fields = (
        {field.name: field.type for field in metadata.schema.to_arrow_schema()}
        for metadata in (before, after)
    )
    if not fields.items() <= new_fields.items():
        return False
    added = [name for name in new_fields if name not in fields]
    if added and any(
        column.null_count < len(column)
        for batch in open_batches(written, _BATCH_ROWS, added)
        for column in batch.columns
    ):
        return False
    columns = [name for name in fields if with_captures or name not in _CAPTURE_COLUMNS]
    return _are_the_same(
        open_batches(existing, _BATCH_ROWS, columns), open_batches(written, _BATCH_ROWS, columns)
    )


def _are_the_same(lefts: Iterator[pa.RecordBatch], rights: Iterator[pa.RecordBatch]) -> bool:
    """Whether two sequences of batches hold the same rows. Their batches may be cut at different rows."""
    left, right = next(lefts, None), next(rights, None)
    while left is not None and right is not None:
        count = min(left.num_rows, right.num_rows)
        if not left.slice(0, count).equals(right.slice(0, count)):
            return False
        left = left.slice(count) if left.num_rows > count else next(lefts, None)
        right = right.slice(count) if right.num_rows > count else next(rights, None)
    return left is None and right is None
