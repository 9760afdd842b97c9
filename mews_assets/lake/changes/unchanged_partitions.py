"""Whether two files of one partition say the same: then the one that stands is left as it is.

Lives here: comparing them, a stretch of rows at a time. A window is looked at again by the exports after it, and mostly
nothing new comes; a file that is written again all the same would be read again by all that is made from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.storage.parquet import open_batches

_HOW_IT_CAME = ("_landing_id", "_captured_at_utc")
"""Columns that say which capture brought a row. A row that came again is no other row."""
_BATCH_ROWS = 16_384


def holds_the_same(standing: Path, other: Path, *, with_captures: bool = False) -> bool:
    """Whether both hold the same rows in the same order.

    The one that stands may lack columns that the table has learnt since: they are null in its rows, for every reader.
    `with_captures` also compares which captures brought them: where a version came with two contents, this tells the
    merges to come which of them was seen last.
    """
    held, new = pq.read_metadata(standing), pq.read_metadata(other)
    if held.num_rows != new.num_rows:
        return False
    fields, others = (
        {field.name: field.type for field in one.schema.to_arrow_schema()} for one in (held, new)
    )
    if not fields.items() <= others.items():
        return False
    learnt = [name for name in others if name not in fields]
    if learnt and any(
        column.null_count < len(column)
        for batch in open_batches(other, _BATCH_ROWS, learnt)
        for column in batch.columns
    ):
        return False
    columns = [name for name in fields if with_captures or name not in _HOW_IT_CAME]
    return _are_the_same(
        open_batches(standing, _BATCH_ROWS, columns), open_batches(other, _BATCH_ROWS, columns)
    )


def _are_the_same(ones: Iterator[pa.RecordBatch], others: Iterator[pa.RecordBatch]) -> bool:
    """Batches end where row groups do, which are cut differently: only as much is compared as both have."""
    one, other = next(ones, None), next(others, None)
    while one is not None and other is not None:
        count = min(one.num_rows, other.num_rows)
        if not one.slice(0, count).equals(other.slice(0, count)):
            return False
        one = one.slice(count) if one.num_rows > count else next(ones, None)
        other = other.slice(count) if other.num_rows > count else next(others, None)
    return one is None and other is None
