"""Converted rows written to a Parquet file, masked, one row group while the next is read.

Lives here: the writer of a conversion. Not here: reading the rows (`convert`), and masking them (`mask_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.conversion.rename_nested import rename_nested
from mews_assets.lake.storage.parquet import QUICK_ZSTD_LEVEL, ROW_GROUP_BYTES, ROW_GROUP_ROWS, open_writer

_ROW_GROUP_ROWS = ROW_GROUP_ROWS // 2
"""At least: a row group ends with a batch. Two are in memory: one is written while the next is read."""


def write_masked(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], masker: RowMasker) -> None:
    """Write the rows to a file, masked and under the schema's names. Each row group is written while the next is
    read."""
    writer: pq.ParquetWriter | None = None
    with ThreadPoolExecutor(1) as writing:
        pending: Future[None] | None = None
        try:
            for rows in _row_groups(batches, schema, masker):
                writer = writer or open_writer(path, schema, rows, QUICK_ZSTD_LEVEL)
                if pending is not None:
                    pending.result()
                pending = writing.submit(writer.write_table, rows, row_group_size=len(rows))
            if pending is not None:
                pending.result()
        finally:
            if writer is None:
                writer = open_writer(path, schema, None, QUICK_ZSTD_LEVEL)
            writing.shutdown(wait=True)
            writer.close()


def _row_groups(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, masker: RowMasker
) -> Iterator[pa.Table]:
    masked: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        masked.append(masker.mask(rename_nested(batch, schema)))
        size += masked[-1].nbytes
        if size >= ROW_GROUP_BYTES or sum(batch.num_rows for batch in masked) >= _ROW_GROUP_ROWS:
            yield pa.Table.from_batches(masked)
            masked, size = [], 0
    if masked:
        yield pa.Table.from_batches(masked)
