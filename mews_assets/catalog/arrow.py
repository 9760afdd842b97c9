"""The Arrow types of the tables, derived from their columns.

Lives here: the schema of a table as it is written to Parquet, and the project's own columns. Only Arrow's
types are used. Not here: reading, writing, and the types of any other engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from mews_assets.catalog.model import Column, Kind, RecordType, kept

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")

_TYPES: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    # The widest decimal that every engine reads; 18 places leave 20 digits before the point.
    Kind.DECIMAL: pa.decimal128(38, 18),
    Kind.BOOLEAN: pa.bool_(),
    Kind.UTC: UTC_MICROSECONDS,
    Kind.DATE: pa.date32(),
    # A plain string, not a dictionary: Mews adds values at any time.
    Kind.ENUM: pa.string(),
    Kind.JSON: pa.string(),
}


@dataclass(frozen=True)
class OwnColumn:
    """A column of the project's own. Its name begins with `_`, which no name from Mews does."""

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False


OWN_COLUMNS: tuple[OwnColumn, ...] = (
    OwnColumn("_landing_id", pa.string(), "Id of the capture that brought the row."),
    OwnColumn("_captured_at_utc", UTC_MICROSECONDS, "When that capture was taken."),
    # Null in a row from a snapshot, which has no window.
    OwnColumn(
        "_window_utc", UTC_MICROSECONDS, "The instant by which the row was assigned to its window.", True
    ),
    OwnColumn(
        "_exact_numbers",
        pa.map_(pa.string(), pa.string()),
        "Numbers whose digits a double cannot hold, as Mews sent them, by their place in the record.",
        True,
    ),
)
"""They follow the columns of Mews, in this order."""


def arrow_type(column: Column) -> pa.DataType:
    """The type of one column; deprecated columns in an object are left out, as at the top level."""
    if column.kind is Kind.OBJECT:
        single = pa.struct([_field(nested, nullable=True) for nested in kept(column.columns)])
    else:
        single = _TYPES[column.kind]
    return pa.list_(single) if column.is_list else single


@cache
def arrow_schema(table: RecordType) -> pa.Schema:
    """The schema of a table in Parquet: its kept columns, then our own.

    Only Id, or else the first column of the key, refuses nulls: Mews sometimes leaves out what its contract requires,
    and a failing check must not lose the other rows.
    """
    fields = [_field(column, nullable=column.name != table.key[0]) for column in table.kept_columns]
    fields += [
        pa.field(own.name, own.type, nullable=own.nullable, metadata=_described(own.description))
        for own in OWN_COLUMNS
    ]
    return pa.schema(fields, metadata=_described(table.description))


def _field(column: Column, nullable: bool) -> pa.Field:
    return pa.field(
        column.field_name,
        arrow_type(column),
        nullable=nullable,
        metadata=_described(column.description),
    )


def _described(description: str) -> dict[bytes, bytes]:
    return {b"description": description.encode()}
