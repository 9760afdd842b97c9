"""The columns of an asset as its page in the UI lists them.

Lives here: Dagster's table schema of a table of the catalog, with nested columns, enum values, personal data and
references, and of any other Arrow schema. Not here: the columns themselves (`catalog`).
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pyarrow as pa

from mews_assets.catalog.arrow import arrow_schema, arrow_type
from mews_assets.catalog.model import Column, Table, kept


def table_columns(table: Table) -> dg.TableSchema:
    """The columns of a table; those in an object follow it, by their paths."""
    columns: list[dg.TableColumn] = []
    known = {column.field_name: column for column in table.kept_columns}
    for listed in column_schema(arrow_schema(table)).columns:
        column = known.get(listed.name)
        if column is None:  # one of the project's own
            columns.append(listed)
            continue
        nullable = listed.constraints.nullable
        columns.append(_described(listed.name, column, nullable=nullable, is_personal=column.pii))
        columns += _nested(listed.name, column, is_personal=column.pii)
    return dg.TableSchema(columns=columns)


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """An Arrow schema as the UI shows it."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=_type_text(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )


def _nested(path: str, column: Column, *, is_personal: bool) -> Iterator[dg.TableColumn]:
    for inner in kept(column.columns):
        below = f"{path}{'[]' if column.is_list else ''}.{inner.field_name}"
        personal = is_personal or inner.pii
        yield _described(below, inner, nullable=True, is_personal=personal)
        yield from _nested(below, inner, is_personal=personal)


def _described(path: str, column: Column, *, nullable: bool, is_personal: bool) -> dg.TableColumn:
    parts = [
        column.description,
        *(["*Personal.*"] if is_personal else []),
        *([f"Values: {', '.join(column.values)}."] if column.values else []),
    ]
    other = [
        *(["Mews promises it"] if column.required and nullable else []),
        *([f"refers to {column.refers_to}.id"] if column.refers_to else []),
    ]
    return dg.TableColumn(
        name=path,
        type=_type_text(arrow_type(column)),
        description=" ".join(parts),
        constraints=dg.TableColumnConstraints(nullable=nullable, other=other),
    )


def _type_text(kind: pa.DataType) -> str:
    """Short enough to read: nested types name their kind, not all of their fields."""
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(field.name for field in kind)}>"
    if pa.types.is_list(kind):
        return f"list<{_type_text(kind.value_type)}>"
    return str(kind)
