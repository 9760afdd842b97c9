"""Rows of reference tables: whose they are, and which of them Mews still sends.

Lives here: reading a table's file, finding the enterprise or chain of each row, also by way of another table, and the
ids that requests for its children name. Not here: writing the file (`reference_tables`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import UTC_MICROSECONDS, arrow_schema
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import snake_case
from mews_assets.catalog.reference_model import Reference
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import plain
from mews_assets.lake.storage.store import ABSENT

SENT_AT = "_captured_at_utc"
GONE_AT = "_gone_utc"

_SENT_AT = pa.field(
    SENT_AT, UTC_MICROSECONDS, nullable=False, metadata={b"description": b"When Mews last sent the row."}
)
_GONE_AT = pa.field(
    GONE_AT,
    UTC_MICROSECONDS,
    metadata={
        b"description": b"When Mews was found to send it no more, though all was read; it was deleted."
    },
)
_UNIT = "\x1f"
"""Between the parts of a key: no id or code contains this character."""


def reference_schema(reference: Reference) -> pa.Schema:
    """The columns of the file: Mews' own, when Mews last sent the row, and when it was found gone."""
    fields = list(arrow_schema(reference))[: len(reference.kept_columns)]
    return pa.schema([*fields, _SENT_AT, *([_GONE_AT] if reference.vanishes else [])])


def read_rows(lake: Lake, reference: Reference, workspace: Path) -> tuple[pa.Table, str]:
    """The rows of the file in today's columns, and its version; none where there is no file yet."""
    schema = plain(reference_schema(reference))
    try:
        pinned = lake.pin(layout.reference_file(reference.name), workspace)
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


def last_read(lake: Lake, reference: Reference) -> datetime | None:
    """When Mews last sent rows of the table; None if there are none."""
    with lake.workspace() as workspace:
        rows, _ = read_rows(lake, reference, workspace)
    newest: datetime | None = pc.max(rows[SENT_AT]).as_py()
    return newest


def keys_of(reference: Reference, rows: pa.Table) -> pa.ChunkedArray:
    """The key of each row, as one text; with the day on which the row was sent, if each day has rows of its own."""
    parts = [pc.cast(values_at(rows, path), pa.string()) for path in reference.key]
    if reference.daily:
        parts.append(pc.strftime(rows[SENT_AT], "%Y-%m-%d"))
    return pc.binary_join_element_wise(*parts, _UNIT, null_handling="replace", null_replacement="")


def values_at(rows: pa.Table, path: str) -> pa.ChunkedArray:
    """The values of a column, or of a nested one, by its path in Mews' spelling."""
    first, *inner = path.split(".")
    found = rows[snake_case(first)]
    for name in inner:
        found = pc.struct_field(found, snake_case(name))
    return found


def owners_of(
    lake: Lake, reference: Reference | SeriesTable, rows: pa.Table, workspace: Path
) -> pa.ChunkedArray:
    """The enterprise or chain of each row; null where it names none, or a record that is not in the lake."""
    if reference.owner is None:
        return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    found = values_at(rows, reference.owner.column)
    if not reference.owner.through:
        return found
    parent = next(one for one in REFERENCES if one.name == reference.owner.through)
    parents, _ = read_rows(lake, parent, workspace)
    owners = owners_of(lake, parent, parents, workspace).combine_chunks()
    places = pc.index_in(found, value_set=keys_of(parent, parents).combine_chunks())
    return pa.chunked_array([owners.take(places.combine_chunks())])


def ids_still_sent(
    lake: Lake, reference: Reference, only: tuple[str, str] | None = None
) -> dict[str, list[str]]:
    """By scope: the keys of all rows that came with the newest answer for the scope; `only` those with a value at a
    path.

    A request that names an id that Mews no longer knows would be refused as a whole.
    """
    with lake.workspace() as workspace:
        rows, _ = read_rows(lake, reference, workspace)
        if only is not None:
            rows = rows.filter(pc.equal(values_at(rows, only[0]), only[1]))
        owners = owners_of(lake, reference, rows, workspace)
    newest: dict[str, datetime] = {}
    found: dict[str, list[str]] = {}
    columns = (owners, rows[SENT_AT], keys_of(reference, rows))
    for owner, sent_at, key in zip(*(column.to_pylist() for column in columns), strict=True):
        if owner is None or sent_at < newest.get(owner, sent_at):
            continue
        if sent_at > newest.get(owner, sent_at):
            found[owner] = []
        newest[owner] = sent_at
        found.setdefault(owner, []).append(key)
    return found
