"""The texts in a record, each with its field and whether it may be personal.

Lives here: walking one parsed record beside its table's columns. Not here: what is looked for in the texts.

Personal may be what is marked so, what is deprecated, and all that the catalog does not know, names of fields
included. Of a file of no table, everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from mews_assets.catalog.model import Column, snake_case


@dataclass(frozen=True)
class Place:
    """What is known of a field: its name in rows, whether what it holds is personal, and the fields within."""

    field: str
    personal: bool
    inside: Columns | None


Columns: TypeAlias = Mapping[str, Place]


def by_name(columns: Iterable[Column]) -> Columns:
    """The columns as landed lines name them."""
    return {column.name: _place(column, by_name) for column in columns}


def by_field_name(columns: Iterable[Column]) -> Columns:
    """The columns as rows name them."""
    return {column.field_name: _place(column, by_field_name) for column in columns}


def _place(column: Column, nested: Callable[[Iterable[Column]], Columns]) -> Place:
    inside = nested(column.columns) if column.columns else None
    return Place(column.field_name, column.pii or column.deprecated, inside)


@dataclass(frozen=True)
class Value:
    """A text, the field it stands in as rows name it, and whether it may be personal."""

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
    place = None if columns is None else columns.get(name)
    if place is not None:
        yield from _walk(value, place.inside, place.field, personal or place.personal)
    elif columns is not None and name.startswith("_"):  # a column of our own
        yield from _walk(value, None, name, False)
    else:
        may_be = personal or columns is not None
        yield Value("", name, may_be)
        yield from _walk(value, None, snake_case(name), may_be)
