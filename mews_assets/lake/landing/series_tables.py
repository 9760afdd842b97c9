"""Series: files by hotel and month, to which each answer adds the figures that differ from those that stand.

Lives here: writing the files from records, and counting rows. A figure that Mews sends unchanged adds nothing, it only
moves `_last_asked_utc`; a changed one is a new row, and the row before stays. Not here: requests to Mews
(`ingest.series`), and the columns of the files (`series_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import UTC_MICROSECONDS
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.series_rows import (
    ASKED_AT,
    DAY,
    GONE_AT,
    LAST_ASKED_AT,
    day_sql,
    key_columns,
    month_of,
    newest,
    read_month,
    series_schema,
)
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import identifier, literal, open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_writer, plain


@dataclass(frozen=True)
class Answer:
    """All figures of one hotel and of the days from `first` to `last`, as Mews sent them `at` a time.

    `is_whole` says that a figure of these days that is not among the records is gone.
    """

    scope: str
    time_zone: str
    first: date
    last: date
    at: datetime
    records: Iterable[bytes] = field(repr=False)
    is_whole: bool = True


@dataclass(frozen=True)
class SeriesMeasures:
    """A write of one answer: the figures that were sent, those of them that are new or differ, and those gone.

    `vanished` counts figures that stand although Mews sent none at all for the days. They are not taken for gone,
    because a right may have been taken from the token.
    """

    sent: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    vanished: int = 0
    duplicate_keys: int = 0
    missing: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: SeriesMeasures) -> SeriesMeasures:
        missing = dict(self.missing)
        for name, count in other.missing.items():
            missing[name] = missing.get(name, 0) + count
        return SeriesMeasures(
            self.sent + other.sent,
            self.new + other.new,
            self.changed + other.changed,
            self.gone + other.gone,
            self.vanished + other.vanished,
            self.duplicate_keys + other.duplicate_keys,
            missing,
        )


def write_series(lake: Lake, table: SeriesTable, answer: Answer) -> SeriesMeasures:
    """Add what differs from the figures that stand. Raises RecordError on a record that cannot become
    a row; then no file changes. The same answer written again changes no figure.
    """
    with lake.lock(f"{layout.SERIES}-{table.name}-{answer.scope}"), lake.workspace() as workspace:
        sent = _sent(lake, table, answer, workspace)
        asked = _months(answer.first, answer.last)
        there = {month_of(day) for day in pc.unique(sent[DAY]).to_pylist()}
        total = SeriesMeasures(
            sent=sent.num_rows,
            missing={
                column.field_name: count
                for column in table.required_columns
                if (count := sent[column.field_name].null_count)
            },
        )
        months = sorted({*asked, *there})
        read = {month: read_month(lake, table, answer.scope, month, workspace) for month in months}
        existing = pa.concat_tables([rows for rows, _ in read.values()])
        rows, found = _merged(lake, table, answer, existing, sent, workspace)
        month_of_row = pc.strftime(rows[DAY], "%Y-%m")
        for month, (_, version) in read.items():
            aside = workspace / layout.ROWS_FILE
            own = rows.filter(pc.equal(month_of_row, month)).combine_chunks()
            with open_writer(aside, plain(series_schema(table)), own) as writer:
                writer.write_table(own)
            lake.put(aside, layout.series_file(table.name, answer.scope, month), over=version)
    return total + found


def _sent(lake: Lake, table: SeriesTable, answer: Answer, workspace: Path) -> pa.Table:
    lines, target = workspace / f"{table.name}.jsonl", workspace / "sent.parquet"
    with lines.open("wb") as file:
        file.writelines(record + b"\n" for record in answer.records)
    # The day travels in a column that conversions know, as midnight in UTC.
    day = f"CAST({day_sql(table, answer.time_zone)} AS TIMESTAMPTZ)"
    convert(
        table, [lines], target, own={"_window_utc": day}, masker=row_masker(lake, table), memory=lake.memory
    )
    rows = pq.read_table(target, partitioning=None)
    at = pa.repeat(pa.scalar(answer.at, UTC_MICROSECONDS), rows.num_rows)
    own = {
        DAY: rows["_window_utc"].cast(pa.date32()),
        ASKED_AT: at,
        LAST_ASKED_AT: at,
        GONE_AT: pa.nulls(rows.num_rows, UTC_MICROSECONDS),
    }
    schema = plain(series_schema(table))
    return pa.table(
        [own[name] if name in own else rows[name] for name in schema.names], names=schema.names
    ).cast(schema)


def _merged(
    lake: Lake, table: SeriesTable, answer: Answer, existing: pa.Table, sent: pa.Table, workspace: Path
) -> tuple[pa.Table, SeriesMeasures]:
    """All rows of these months, with those that the answer adds."""
    keys = ", ".join(key_columns(table))
    same_key = " AND ".join(f"old.{key} IS NOT DISTINCT FROM new.{key}" for key in key_columns(table))
    same = " AND ".join(
        f"old.{identifier(column.field_name)} IS NOT DISTINCT FROM new.{identifier(column.field_name)}"
        for column in table.kept_columns
    )
    now = f"TIMESTAMPTZ {literal(answer.at.isoformat())}"
    asked = f"{DAY} BETWEEN DATE '{answer.first}' AND DATE '{answer.last}'"
    with open_duckdb(workspace, memory=lake.memory) as engine:
        engine.register("existing_rows", existing)
        engine.register("sent_rows", sent)
        engine.execute(
            f"CREATE TABLE sent AS FROM sent_rows QUALIFY row_number() OVER (PARTITION BY {keys}) = 1"
        )
        engine.execute("CREATE TABLE existing AS SELECT *, row_number() OVER () AS number FROM existing_rows")
        engine.execute(f"CREATE TABLE standing AS FROM existing {newest(table)}")
        engine.execute(f"CREATE TABLE same AS SELECT old.number FROM standing old JOIN sent new ON {same}")
        # An answer that was asked for earlier than the figures that stand does not replace them.
        engine.execute(
            f"CREATE TABLE added AS SELECT new.*, old.number IS NULL AS is_new "
            f"FROM sent new LEFT JOIN standing old ON {same_key} "
            f"WHERE coalesce(old.number NOT IN (FROM same) AND old.{LAST_ASKED_AT} < {now}, true)"
        )
        engine.execute(
            f"CREATE TABLE gone AS SELECT old.number FROM standing old ANTI JOIN sent new ON {same_key} "
            f"WHERE {asked} AND old.{LAST_ASKED_AT} < {now}"
        )
        ((new, changed, gone, different),) = engine.execute(
            "SELECT (SELECT count(*) FROM added WHERE is_new), (SELECT count(*) FROM added WHERE NOT is_new), "
            "(SELECT count(*) FROM gone), (SELECT count(*) FROM sent)"
        ).fetchall()
        is_gone = answer.is_whole and different > 0
        rows = engine.sql(
            f"SELECT * FROM (SELECT * EXCLUDE (number) REPLACE ("
            f"CASE WHEN number IN (FROM same) THEN greatest({LAST_ASKED_AT}, {now}) ELSE {LAST_ASKED_AT} END "
            f"AS {LAST_ASKED_AT}, "
            f"CASE WHEN {is_gone} AND number IN (FROM gone) THEN {now} ELSE {GONE_AT} END AS {GONE_AT}) "
            f"FROM existing UNION ALL BY NAME SELECT * EXCLUDE (is_new) FROM added) "
            f"ORDER BY {DAY}, {keys}, {ASKED_AT}"
        ).to_arrow_table()
    schema = plain(series_schema(table))
    return rows.select(schema.names).cast(schema), SeriesMeasures(
        new=new,
        changed=changed,
        gone=gone if is_gone else 0,
        vanished=0 if is_gone or not answer.is_whole else gone,
        duplicate_keys=sent.num_rows - different,
    )


def _months(first: date, last: date) -> list[str]:
    found, year, month = [], first.year, first.month
    while (year, month) <= (last.year, last.month):
        found.append(month_of(date(year, month, 1)))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found
