"""Reference tables: one file each, replaced whole by what Mews sends; rows it no longer sends are kept.

Lives here: writing the file from records, and counting its rows. A row that Mews no longer sends stays, because an
order item of last year may name a category deleted since; its `_captured_at_utc` is when Mews last sent it. Not here:
requests to Mews (`ingest.reference`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import UTC_MICROSECONDS, arrow_schema
from mews_assets.catalog.entities.reference import Reference
from mews_assets.catalog.model import snake_case
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import literal
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_writer, plain
from mews_assets.lake.storage.store import ABSENT

SENT_AT = "_captured_at_utc"


@dataclass(frozen=True)
class ReferenceMeasures:
    """A reference table after a write. Mews sent `sent` of its rows now, and `kept` rows earlier only.

    `vanished` are enterprises that were requested, had rows before, and have none now, each with the number before.
    """

    rows: int
    sent: int
    kept: int
    duplicate_keys: int
    missing: dict[str, int]
    vanished: dict[str, int]
    size_bytes: int


def reference_schema(reference: Reference) -> pa.Schema:
    """The columns of the file: Mews' own, then when Mews last sent the row."""
    table = reference.table
    fields = list(arrow_schema(table))[: len(table.kept_columns)]
    described = {b"description": b"When Mews last sent the row."}
    return pa.schema([*fields, pa.field(SENT_AT, UTC_MICROSECONDS, nullable=False, metadata=described)])


def write_reference(
    lake: Lake,
    reference: Reference,
    records: Iterable[bytes],
    captured_at: datetime,
    asked: Collection[str],
) -> ReferenceMeasures:
    """Write the rows that Mews sent, and the earlier rows that it no longer sends. `asked` are the requested
    enterprises.

    Raises RecordError on a record that cannot become a row; the file then stays as it was.
    """
    name = layout.reference_file(reference.name)
    schema = plain(reference_schema(reference))
    with lake.lock(f"{layout.REFERENCE}-{reference.name}"), lake.workspace() as workspace:
        sent = _sent(lake, reference, records, captured_at, workspace).select(schema.names).cast(schema)
        existing, version = _existing_rows(lake, name, schema, workspace)
        kept = existing.filter(pc.invert(pc.is_in(existing["id"], pc.unique(sent["id"]))))
        rows = pa.concat_tables([sent, kept]).sort_by("id").combine_chunks()
        aside = workspace / layout.ROWS_FILE
        with open_writer(aside, schema, rows) as writer:
            writer.write_table(rows)
        measures = _measure(reference, aside, sent, existing, kept, asked)
        lake.put(aside, name, over=version)
    return measures


def _sent(
    lake: Lake, reference: Reference, records: Iterable[bytes], captured_at: datetime, workspace: Path
) -> pa.Table:
    lines, target = workspace / f"{reference.name}.jsonl", workspace / "sent.parquet"
    with lines.open("wb") as file:
        file.writelines(record + b"\n" for record in records)
    own = {SENT_AT: f"TIMESTAMPTZ {literal(captured_at.isoformat())}"}
    convert(reference.table, [lines], target, own=own, memory=lake.memory)
    return pq.read_table(target, partitioning=None)


def _existing_rows(lake: Lake, name: str, schema: pa.Schema, workspace: Path) -> tuple[pa.Table, str]:
    """The rows of the existing file in today's columns, and its version; none where there is no file yet."""
    try:
        pinned = lake.pin(name, workspace)
    except FileNotFoundError:
        return schema.empty_table(), ABSENT
    rows = pq.read_table(pinned.path, partitioning=None)
    long_ago = pa.scalar(0, UTC_MICROSECONDS)
    if SENT_AT not in rows.column_names:
        rows = rows.append_column(SENT_AT, pa.repeat(long_ago, rows.num_rows))
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema), pinned.version


def _measure(
    reference: Reference,
    path: Path,
    sent: pa.Table,
    existing: pa.Table,
    kept: pa.Table,
    asked: Collection[str],
) -> ReferenceMeasures:
    rows = pq.read_table(path, partitioning=None)
    required = [column.field_name for column in reference.table.required_columns]
    missing = {name: count for name in required if (count := rows[name].null_count)}
    enterprise = snake_case(reference.enterprise_column)
    sent_now = set(sent[enterprise].to_pylist())
    before = {count["values"]: count["counts"] for count in pc.value_counts(existing[enterprise]).to_pylist()}
    return ReferenceMeasures(
        rows=rows.num_rows,
        sent=sent.num_rows,
        kept=kept.num_rows,
        duplicate_keys=rows.num_rows - pc.count_distinct(rows["id"]).as_py(),
        missing=missing,
        vanished={id: before[id] for id in sorted(set(asked)) if id in before and id not in sent_now},
        size_bytes=path.stat().st_size,
    )
