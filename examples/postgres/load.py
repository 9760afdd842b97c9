"""The lake's current tables and marts in Postgres, loaded with dlt.

    python load.py LAKE [TABLE ...]

A current table is merged by `id`. It has a file for each hotel, and only files that were replaced since the last load
are read. A mart is replaced. Nested objects become columns such as `amount__gross_value`; lists become JSON. The schema
is `mews`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.extract import DltResource
from dlt.sources.filesystem import FileItemDict, filesystem

CURRENT, MARTS = "current", "marts"
BATCH_ROWS = 10_000
DESTINATION = os.environ.get("LOAD_INTO", "postgres")
"""Any destination of dlt: its credentials are in the variable DESTINATION__<NAME>__CREDENTIALS."""


@dlt.transformer
def rows(files: Iterator[FileItemDict]) -> Iterator[list[dict[str, object]]]:
    """The rows of Parquet files, some at a time."""
    for file in files:
        with file.open() as opened:
            for batch in pq.ParquetFile(opened).iter_batches(BATCH_ROWS):
                yield batch.to_pylist()


def resource(lake: str, layer: str, table: str) -> DltResource | None:
    """A table of the lake; None where it has no file yet."""
    pattern = f"{layer}/{table}/**/rows.parquet"
    every = list(filesystem(lake, file_glob=pattern))
    if not every:
        return None
    with every[0].open() as opened:
        lists = [field.name for field in pq.read_schema(opened) if _is_list(field.type)]
    # By the time that a file was replaced. Rows' own stamps would miss those that came late.
    replaced = dlt.sources.incremental("modification_date") if layer == CURRENT else None
    files = filesystem(lake, file_glob=pattern, incremental=replaced).with_name(f"files_of_{table}")
    found = (files | rows).with_name(table)
    found.apply_hints(columns={name: {"data_type": "json"} for name in lists})
    if layer == CURRENT:
        found.apply_hints(write_disposition="merge", primary_key="id")
    else:
        found.apply_hints(write_disposition="replace")
    return found


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind)


def tables_of(lake: str) -> list[tuple[str, str]]:
    """The layer and name of every table."""
    found = set()
    for layer in (CURRENT, MARTS):
        for file in filesystem(lake, file_glob=f"{layer}/**/rows.parquet"):
            found.add((layer, PurePosixPath(file["relative_path"]).parts[1]))
    return sorted(found)


def load(lake: str, only: list[str], pipeline: dlt.Pipeline) -> dict[str, int]:
    """Load the tables; how many rows were read of each."""
    chosen = [(layer, table) for layer, table in tables_of(lake) if not only or table in only]
    resources = [one for layer, table in chosen if (one := resource(lake, layer, table)) is not None]
    pipeline.run(resources)
    counted = pipeline.last_trace.last_normalize_info.row_counts
    return {table: counted.get(table, 0) for _, table in chosen}


def main() -> None:
    lake, *only = sys.argv[1:] or sys.exit(__doc__)
    pipeline = dlt.pipeline("mews_lake", destination=DESTINATION, dataset_name="mews")
    for table, count in load(lake, only, pipeline).items():
        print(f"{table}: {count} rows")


if __name__ == "__main__":
    main()
