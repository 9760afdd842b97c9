"""Parquet files read batch by batch: what memory that takes."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.storage.parquet import open_batches


def test_a_long_file_is_read_in_the_memory_of_one_row_group(tmp_path: Path) -> None:
    rows = [os.urandom(100).hex() for _ in range(60_000)]
    pq.write_table(
        pa.table({"id": rows}), tmp_path / "long.parquet", row_group_size=2_000, use_dictionary=False
    )
    before, most, read = pa.total_allocated_bytes(), 0, []
    for batch in open_batches(tmp_path / "long.parquet", 1_000):
        most = max(most, pa.total_allocated_bytes() - before)
        read += batch.column("id").to_pylist()
    assert read == rows
    assert most < (tmp_path / "long.parquet").stat().st_size / 4
