"""Reference tables: one file each, replaced whole by what Mews sends; rows it no longer sends are kept.

Lives here: writing the file from records, and counting its rows. A row that Mews no longer sends stays, because an
order item of last year may name a category deleted since; its `_captured_at_utc` is when Mews last sent it. Tables
whose records can be deleted without a trace also say when a row was found gone. Not here: requests to Mews
(`ingest.reference`), whose the rows are (`reference_rows`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import UTC_MICROSECONDS
from mews_assets.catalog.reference_model import Reference
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.reference_rows import (
    GONE_AT,
    SENT_AT,
    keys_of,
    owners_of,
    read_rows,
    reference_schema,
)
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import literal
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_writer, plain

EVERYONE = ""
"""The scope of rows that do not say whose they are: all of them were sent if no connection failed."""
EMPTY_AT_ONCE = timedelta(days=7)
"""For this long a hotel whose rows have all vanished at once is an error: a right may have been taken from the token.
Then they are taken for deleted."""


@dataclass(frozen=True)
class ReferenceMeasures:
    """A reference table after a write. Mews sent `sent` of its rows now, and `kept` rows earlier only.

    `gone` of the kept rows are known to be deleted. `vanished` are enterprises that were requested, had rows before,
    and have none now, each with the number before.
    """

    rows: int
    sent: int
    kept: int
    gone: int
    duplicate_keys: int
    missing: dict[str, int]
    vanished: dict[str, int]
    size_bytes: int


def write_reference(
    lake: Lake,
    reference: Reference,
    records: Iterable[bytes],
    captured_at: datetime,
    asked: Collection[str],
) -> ReferenceMeasures:
    """Write the rows that Mews sent, and the earlier rows that it no longer sends.

    `asked` are the scopes of which all rows were requested and sent, and EVERYONE if no connection failed. Raises
    RecordError on a record that cannot become a row; the file then stays as it was.
    """
    schema = plain(reference_schema(reference))
    with lake.lock(f"{layout.REFERENCE}-{reference.name}"), lake.workspace() as workspace:
        sent = _sent(lake, reference, records, captured_at, workspace)
        existing, version = read_rows(lake, reference, workspace)
        kept = existing.filter(
            pc.invert(pc.is_in(keys_of(reference, existing), pc.unique(keys_of(reference, sent))))
        )
        now, before = (_scopes_of(lake, reference, rows, workspace) for rows in (sent, existing))
        vanished = _vanished(reference, now, before, existing, asked)
        if reference.vanishes:
            scopes = _scopes_of(lake, reference, kept, workspace)
            kept = _with_gone(kept, scopes, asked, vanished, captured_at)
        rows = pa.concat_tables([sent, kept])
        rows = rows.take(pc.sort_indices(keys_of(reference, rows))).combine_chunks()
        aside = workspace / layout.ROWS_FILE
        with open_writer(aside, schema, rows) as writer:
            writer.write_table(rows)
        size = aside.stat().st_size
        lake.put(aside, layout.reference_file(reference.name), over=version)
    required = [column.field_name for column in reference.required_columns]
    return ReferenceMeasures(
        rows=rows.num_rows,
        sent=sent.num_rows,
        kept=kept.num_rows,
        gone=kept.num_rows - kept[GONE_AT].null_count if reference.vanishes else 0,
        duplicate_keys=rows.num_rows - pc.count_distinct(keys_of(reference, rows)).as_py(),
        missing={name: count for name in required if (count := rows[name].null_count)},
        vanished=vanished,
        size_bytes=size,
    )


def _sent(
    lake: Lake, reference: Reference, records: Iterable[bytes], captured_at: datetime, workspace: Path
) -> pa.Table:
    lines, target = workspace / f"{reference.name}.jsonl", workspace / "sent.parquet"
    with lines.open("wb") as file:
        file.writelines(record + b"\n" for record in records)
    own = {SENT_AT: f"TIMESTAMPTZ {literal(captured_at.isoformat())}"}
    masker = row_masker(lake, reference)
    convert(reference, [lines], target, own=own, masker=masker, memory=lake.memory)
    rows = pq.read_table(target, partitioning=None)
    if reference.vanishes:
        rows = rows.append_column(GONE_AT, pa.nulls(rows.num_rows, UTC_MICROSECONDS))
    schema = plain(reference_schema(reference))
    return rows.select(schema.names).cast(schema)


def _scopes_of(lake: Lake, reference: Reference, rows: pa.Table, workspace: Path) -> pa.ChunkedArray:
    """The scope of each row; EVERYONE where rows do not say."""
    owners = owners_of(lake, reference, rows, workspace)
    return pc.fill_null(owners, EVERYONE) if reference.owner is None else owners


def _vanished(
    reference: Reference,
    now: pa.ChunkedArray,
    before: pa.ChunkedArray,
    existing: pa.Table,
    asked: Collection[str],
) -> dict[str, int]:
    """The scopes that were asked for, had rows that are not known to be gone, and have none now."""
    if reference.vanishes:
        before = before.filter(pc.is_null(existing[GONE_AT]))
    counts, sent = Counter(before.drop_null().to_pylist()), set(now.to_pylist())
    return {scope: counts[scope] for scope in sorted(set(asked)) if scope in counts and scope not in sent}


def _with_gone(
    kept: pa.Table,
    scopes: pa.ChunkedArray,
    asked: Collection[str],
    vanished: Collection[str],
    now: datetime,
) -> pa.Table:
    """The rows that were not sent, with when each was found gone: at last now, where all of its scope was sent.

    Rows of a scope that lost all of them at once must have been missing for a while.
    """
    certain = pc.is_in(scopes, pa.array(sorted(set(asked) - set(vanished)), pa.string()))
    long_ago = pc.less(kept[SENT_AT], pa.scalar(now - EMPTY_AT_ONCE, UTC_MICROSECONDS))
    late = pc.and_(pc.is_in(scopes, pa.array(sorted(vanished), pa.string())), long_ago)
    found = pc.if_else(pc.or_(certain, late), pa.scalar(now, UTC_MICROSECONDS), None)
    at = kept.column_names.index(GONE_AT)
    return kept.set_column(at, kept.field(at), pc.coalesce(kept[GONE_AT], found))
