"""Rows of series: their columns, and which of the figures of one day is the newest.

Lives here: the columns of the files, reading a file, and the months that a series has. Not here: writing files
(`series_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import UTC_MICROSECONDS, arrow_schema
from mews_assets.catalog.model import Kind, snake_case
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import identifier, literal, open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import plain
from mews_assets.lake.storage.store import ABSENT

DAY = "_day"
ASKED_AT = "_asked_utc"
LAST_ASKED_AT = "_last_asked_utc"
GONE_AT = "_gone_utc"

_OWN = (
    (DAY, pa.date32(), False, "Day of the hotel's own calendar that the figure is of, or begins on."),
    (ASKED_AT, UTC_MICROSECONDS, False, "When Mews was asked and first sent this value."),
    (
        LAST_ASKED_AT,
        UTC_MICROSECONDS,
        False,
        "When Mews was asked and last sent this value: it stood from the one time to the other.",
    ),
    (GONE_AT, UTC_MICROSECONDS, True, "When Mews was asked and sent no value any more."),
)


def series_schema(table: SeriesTable) -> pa.Schema:
    """The columns of the files: Mews' own, the day, and when the value stood."""
    fields = list(arrow_schema(table))[: len(table.kept_columns)]
    own = [
        pa.field(name, kind, nullable=nullable, metadata={b"description": text.encode()})
        for name, kind, nullable, text in _OWN
    ]
    return pa.schema([*fields, *own])


def key_columns(table: SeriesTable) -> list[str]:
    """The columns of the key, as SQL."""
    return [identifier(snake_case(path)) for path in table.key]


def newest(table: SeriesTable) -> str:
    """SQL that follows FROM and leaves the newest row of each key. A key that is gone has none after it."""
    return (
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(key_columns(table))} "
        f"ORDER BY {identifier(ASKED_AT)} DESC) = 1 AND {identifier(GONE_AT)} IS NULL"
    )


def day_sql(table: SeriesTable, time_zone: str) -> str:
    """SQL for the day of the hotel's calendar, from the columns as Mews spells them."""
    kind = next(column.kind for column in table.kept_columns if column.name == table.day)
    if kind is Kind.DATE:
        return identifier(table.day)
    return f"CAST(timezone({literal(time_zone)}, {identifier(table.day)}) AS DATE)"


def month_of(day: date) -> str:
    """The key of the month's file."""
    return f"{day:%Y-%m}"


def months_there(lake: Lake, table: SeriesTable) -> dict[str, set[str]]:
    """By scope: the months that have a file."""
    found: dict[str, set[str]] = {}
    for name in lake.files(layout.series_folder(table.name), recursive=True):
        if name.endswith(f"/{layout.ROWS_FILE}"):
            scope, month = layout.partition_of(name)
            found.setdefault(scope, set()).add(month)
    return found


def read_month(
    lake: Lake, table: SeriesTable, scope: str, month: str, workspace: Path
) -> tuple[pa.Table, str]:
    """The rows of one file in today's columns, and its version; none where there is no file yet."""
    schema = plain(series_schema(table))
    try:
        pinned = lake.pin(layout.series_file(table.name, scope, month), workspace)
    except FileNotFoundError:
        return schema.empty_table(), ABSENT
    rows = pq.read_table(pinned.path, partitioning=None)
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema), pinned.version


def read_figures(lake: Lake, table: SeriesTable, scope: str, months: Iterable[str]) -> pa.Table:
    """The rows of a scope in some months, of all times that they were asked for."""
    with lake.workspace() as workspace:
        parts = [read_month(lake, table, scope, month, workspace)[0] for month in months]
    return pa.concat_tables([plain(series_schema(table)).empty_table(), *parts])


def newest_rows(lake: Lake, table: SeriesTable, scope: str, months: Iterable[str]) -> pa.Table:
    """The newest row of each figure of a scope in some months."""
    with lake.workspace() as workspace, open_duckdb(workspace, memory=lake.memory) as engine:
        engine.register("figures", read_figures(lake, table, scope, months))
        return engine.sql(f"FROM figures {newest(table)}").to_arrow_table()
