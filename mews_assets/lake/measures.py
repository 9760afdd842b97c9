"""What is true of partitions as they stand on disk: counted from the files, not from how they were made.

Lives here: one query over many partition files. The checks and the metadata of a partition come from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from mews_assets.catalog.arrow import UTC_MICROSECONDS
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.engine import identifier
from mews_assets.windows import Window


@dataclass(frozen=True)
class Measures:
    """One partition file. `missing` is by required column, and holds only those with a null."""

    rows: int
    size_bytes: int
    duplicate_keys: int
    rows_outside_window: int
    missing: dict[str, int]
    newest: datetime | None
    """The newest version in it."""


def measure(
    engine: duckdb.DuckDBPyConnection, table: Table, files: list[tuple[Path, Window]]
) -> list[Measures]:
    """Measure partition files, each against the window it stands for; in the order given."""
    if not files:
        return []
    version = identifier(snake_case(table.version_column))
    required = [column.field_name for column in table.required_columns]
    missing = [f"count(*) - count(row.{identifier(name)})" for name in required]
    _register(engine, files)
    found = engine.execute(
        "SELECT measured.number, count(*), "
        f"count(*) - count(DISTINCT (row.id, row.{version})), "
        "count(*) FILTER (NOT (row._window_utc >= measured.start AND row._window_utc < measured.upto)), "
        f"max(row.{version}), [{', '.join(missing)}] "
        "FROM read_parquet($paths, filename = 'file_path', union_by_name = true, hive_partitioning = false) "
        "AS row JOIN measured ON measured.path = row.file_path GROUP BY measured.number",
        {"paths": [str(path) for path, _ in files]},
    ).fetchall()
    by_number = {row[0]: row[1:] for row in found}
    results = []
    for number, (path, _) in enumerate(files):
        rows, duplicates, outside, newest, nulls = by_number.get(number, (0, 0, 0, None, []))
        results.append(
            Measures(
                rows=rows,
                size_bytes=path.stat().st_size,
                duplicate_keys=duplicates,
                rows_outside_window=outside,
                missing={name: count for name, count in zip(required, nulls, strict=False) if count},
                newest=newest,
            )
        )
    return results


def _register(engine: duckdb.DuckDBPyConnection, files: list[tuple[Path, Window]]) -> None:
    schema = pa.schema(
        [
            ("number", pa.int64()),
            ("path", pa.string()),
            ("start", UTC_MICROSECONDS),
            ("upto", UTC_MICROSECONDS),
        ]
    )
    rows = [
        {"number": number, "path": str(path), "start": window.start, "upto": window.end}
        for number, (path, window) in enumerate(files)
    ]
    engine.register("measured_files", pa.Table.from_pylist(rows, schema))
    engine.execute("CREATE OR REPLACE TEMP TABLE measured AS FROM measured_files")
