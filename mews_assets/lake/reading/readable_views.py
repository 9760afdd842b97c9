"""SQL that puts names to ids: for a windowed table, its newest rows with the names of the records that they refer to.

Lives here: which columns of a table get a name, how those are called, and the query. All of it follows from `refers_to`
in the catalog. Not here: creating the views, and the views that the query reads (`sql_views`).

A reference table takes part if it has one key column, one row per key, and a name: a column `Name`, or `Names` with a
text per language, or `EnglishName`. Of several languages it is the first one by its code, so that a query gives the
same name at every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES
from mews_assets.catalog.fields import references
from mews_assets.catalog.model import Column, Kind, ScopeKind, Table
from mews_assets.catalog.reference_model import Reference
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import identifier

READABLE = "readable"
"""The schema of the views."""
HOTEL = "hotel"
"""The column with the name of the enterprise."""
_SCOPE = "scope"


@dataclass(frozen=True)
class NameColumn:
    """A column with a name: that of the record of `reference` whose key is in one of `paths`, the first with a value.

    Each path leads to a column of the table, such as ("data", "product", "product_id").
    """

    name: str
    reference: Reference
    paths: tuple[tuple[str, ...], ...]


def name_columns(table: Table, known: Sequence[Reference] = REFERENCES) -> list[NameColumn]:
    """The columns that the table's view has besides the table's own.

    `<x>_id` and `<x>_code` give `<x>`, at whatever depth they are; several that give one name and refer to one table
    share a column. A name that a column has already gets `_name` at its end, until no column has it.
    """
    by_name = {reference.name: reference for reference in known if _name_of(reference) is not None}
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    hotel = _hotel_path(table)
    if hotel is not None and ENTERPRISES.name in by_name:
        found[HOTEL, ENTERPRISES.name] = [hotel]
    for field in references(table):
        path = tuple(column.field_name for column in field.columns)
        if field.column.refers_to in by_name and path != hotel:
            short = path[-1].removesuffix("_id").removesuffix("_code")
            found.setdefault((short, field.column.refers_to), []).append(path)
    taken = {*arrow_schema(table).names, _SCOPE}
    named = []
    for (name, target), paths in found.items():
        while name in taken:
            name += "_name"
        taken.add(name)
        named.append(NameColumn(name, by_name[target], tuple(paths)))
    return named


def readable_query(table: Table, known: Sequence[Reference] = REFERENCES) -> str | None:
    """All columns of `current.<table>`, and the names; None if the table refers to nothing that has a name.

    A name is null where the reference table is not in the lake, or has no such record.
    """
    named = name_columns(table, known)
    if not named:
        return None
    columns = [f"{_record(place)}.name AS {identifier(column.name)}" for place, column in enumerate(named)]
    joins = [_join(place, column) for place, column in enumerate(named)]
    source = f"{identifier(layout.CURRENT)}.{identifier(table.name)}"
    return f"SELECT row_of_table.*, {', '.join(columns)} FROM {source} AS row_of_table {' '.join(joins)}"


def _hotel_path(table: Table) -> tuple[str, ...] | None:
    """The column with the id of the enterprise: a column of its own, or the scope of the file."""
    for column in table.kept_columns:
        if column.name == f"{ENTERPRISES.entity}Id":
            return (column.field_name,)
    return (_SCOPE,) if table.scope is ScopeKind.ENTERPRISE else None


def _name_of(reference: Reference) -> str | None:
    """SQL of a row's name, or None if rows have no name, or if there may be several rows with one id."""
    if reference.daily or len(reference.key) != 1 or "." in reference.key[0]:
        return None
    return next(_name_expressions({column.name: column for column in reference.kept_columns}), None)


def _name_expressions(columns: dict[str, Column]) -> Iterator[str]:
    for name, kind in (("Name", Kind.STRING), ("Names", Kind.JSON), ("EnglishName", Kind.STRING)):
        column = columns.get(name)
        if column is None or column.kind is not kind or column.is_list:
            continue
        text = identifier(column.field_name)
        if kind is Kind.STRING:
            yield text
        else:
            # A JSON pointer: a code of a language may have a hyphen.
            first = f"list_sort(json_keys({text}))[1]"
            yield f"CASE WHEN json_valid({text}) THEN json_extract_string({text}, '/' || {first}) END"


def _record(place: int) -> str:
    return f"record_{place}"


def _join(place: int, column: NameColumn) -> str:
    """A left join with one row per key, whatever is in the file: it neither drops nor repeats rows of the table."""
    reference = column.reference
    key = identifier(reference.key_column.field_name)
    source = f"{identifier(layout.REFERENCE)}.{identifier(reference.name)}"
    ids = [".".join(map(identifier, ("row_of_table", *path))) for path in column.paths]
    found = f"SELECT {key} AS id, min({_name_of(reference)}) AS name FROM {source} GROUP BY ALL"
    return f"LEFT JOIN ({found}) AS {_record(place)} ON {_record(place)}.id = coalesce({', '.join(ids)})"
