"""The texts in a record, each with its field and whether it may be personal.

Lives here: walking one parsed record along its table's columns. Not here: the texts to search for.

A text may be personal if its column is marked personal or deprecated, or if the catalog does not know the field, whose
name counts as well. In a file of no table, every text may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from mews_assets.catalog.model import Column, snake_case


@dataclass(frozen=True)
class FieldInfo:
    """A field: its name in rows, whether its value may be personal, and its nested fields."""

    field: str
    personal: bool
    inside: Columns | None


Columns: TypeAlias = Mapping[str, FieldInfo]


def by_name(columns: Iterable[Column]) -> Columns:
    """The columns by their names in landed lines."""
    return {column.name: _field_info(column, by_name) for column in columns}


def by_field_name(columns: Iterable[Column]) -> Columns:
    """The columns by their names in rows."""
    return {column.field_name: _field_info(column, by_field_name) for column in columns}


def _field_info(column: Column, nested: Callable[[Iterable[Column]], Columns]) -> FieldInfo:
    inside = nested(column.columns) if column.columns else None
    return FieldInfo(column.field_name, column.pii or column.deprecated, inside)


@dataclass(frozen=True)
class Value:
    """A text, its field by the name in rows, and whether it may be personal."""

    field: str
    text: str
    personal: bool


def texts_in(record: Any, columns: Columns | None) -> Iterator[Value]:
    """Every text in a record, and every day."""
    return _walk(record, columns, "", columns is None)


def _walk(value: Any, columns: Columns | None, field: str, personal: bool) -> Iterator[Value]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _of_field(str(name), inner, columns, personal)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _walk(inner, columns, field, personal)
    elif isinstance(value, (str, date)):
        yield Value(field, str(value), personal)


def _of_field(name: str, value: Any, columns: Columns | None, personal: bool) -> Iterator[Value]:
    info = None if columns is None else columns.get(name)
    if info is not None:
        yield from _walk(value, info.inside, info.field, personal or info.personal)
    elif columns is not None and name.startswith("_"):  # a column of our own
        yield from _walk(value, None, name, False)
    else:
        may_be = personal or columns is not None
        yield Value("", name, may_be)
        yield from _walk(value, None, snake_case(name), may_be)
