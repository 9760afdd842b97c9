"""Versions of records in a file of a table: the newest of each id.

Lives here: reading two columns of one file. Not here: comparing them (`defs.checks.reconciliation`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import identifier, open_duckdb
from mews_assets.lake.storage.lake import Lake


def versions_in(
    lake: Lake, table: Table, name: str, only: Collection[str] | None = None
) -> dict[str, datetime]:
    """By id: its newest version in the file; `only` of some ids. None of them where there is no file."""
    if not lake.exists(name):
        return {}
    with lake.workspace() as workspace, open_duckdb(workspace, memory=lake.memory) as engine:
        source = parquet([lake.local_copy(name, workspace)], arrow_schema(table))
        among = "" if only is None else "WHERE list_contains(?, id)"
        rows = engine.execute(
            f"SELECT id, max({identifier(table.version_field)}) FROM {source} {among} GROUP BY id",
            [] if only is None else [sorted(only)],
        ).fetchall()
    return dict(rows)
