"""The fields of a table at every depth: the path and kind of each value.

Lives here: walking a table's columns, and finding the fields that rules apply to: enums, amounts of money, currencies,
references. Not here: the columns themselves (`model`), and how an engine reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mews_assets.catalog.model import Column, Kind, RecordType, kept

AMOUNT = frozenset({"Currency", "NetValue", "GrossValue", "TaxValues", "Breakdown"})
"""The properties of Mews' amounts; an object with all of these is an amount, whatever else it has."""
CURRENCY = "Currency"


@dataclass(frozen=True)
class Field:
    """One column with the columns that contain it, outermost first."""

    columns: tuple[Column, ...]

    @property
    def column(self) -> Column:
        return self.columns[-1]

    @property
    def path(self) -> str:
        """As in the tables: `data.external.type`."""
        return ".".join(column.field_name for column in self.columns)

    @property
    def mews_path(self) -> str:
        """As Mews spells it: `Data.External.Type`."""
        return ".".join(column.name for column in self.columns)

    @property
    def is_repeated(self) -> bool:
        return any(column.is_list for column in self.columns)

    @property
    def is_personal(self) -> bool:
        return any(column.pii for column in self.columns)


@cache
def fields(table: RecordType) -> tuple[Field, ...]:
    """All kept columns at all depths, in the order of the table."""
    return tuple(_below((), table.columns))


def enums(table: RecordType) -> list[Field]:
    return [field for field in fields(table) if field.column.kind is Kind.ENUM]


def amounts(table: RecordType) -> list[Field]:
    """The amounts of money with their taxes."""
    return [field for field in fields(table) if {column.name for column in field.column.columns} >= AMOUNT]


def currencies(table: RecordType) -> list[Field]:
    return [
        field for field in fields(table) if field.column.name == CURRENCY and field.column.kind is Kind.STRING
    ]


def references(table: RecordType) -> list[Field]:
    """The columns that hold the id of a record of another table, one in a row."""
    return [field for field in fields(table) if field.column.refers_to and not field.is_repeated]


def _below(above: tuple[Column, ...], columns: tuple[Column, ...]) -> Iterator[Field]:
    for column in kept(columns):
        here = (*above, column)
        yield Field(here)
        yield from _below(here, column.columns)
