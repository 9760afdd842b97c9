"""The definition of a series: figures per day or time unit, asked by interval, whose past may change.

Lives here: `SeriesTable`, the request that brings its figures (`Series`), and the shape of answers that are a matrix
(`Matrix`). Not here: the rows themselves (`catalog.entities.series`), tables of records (`model`, `reference_model`).

A figure is asked for again as long as it may change, and its earlier values are kept, each with when it was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mews_assets.catalog.model import Kind, RecordType, is_single_value
from mews_assets.catalog.reference_model import Owner, ParentIds

SPREAD = ""
"""In place of a column: the list of values is an object of lists, each of which is a column of its own name."""


@dataclass(frozen=True)
class Matrix:
    """An answer that has one list of time units, and beside it lists of values, a value for each time unit.

    A row is made for each time unit, in `unit_column`, and each object under `groups`, whose other properties it takes.
    `values` are the names of lists in these objects, and the column that each fills. `own_values` are those of lists in
    the answer itself: they make rows without a group.
    """

    unit_column: str
    groups: str
    values: tuple[tuple[str, str], ...]
    own_values: tuple[tuple[str, str], ...] = ()
    units: str = "TimeUnitStartsUtc"


@dataclass(frozen=True)
class Series:
    """The request that brings the figures of an interval.

    `first` and `last` are the paths of its two ends in the body. They are days, both included; where an answer is a
    `matrix` they are the starts of the first and last time unit of a service. `longest` is how many of them one
    interval may hold. `lookback` and `ahead` are the days before and after today that are asked for each time.
    `scope_parameter` is the request's list of enterprises, empty if it has none. With `parent` each request names one
    record of that table, and rows have its id in a column named like the parameter.
    """

    operation: str
    first: str
    last: str
    longest: int
    lookback: int
    ahead: int = 0
    records_key: str = ""
    matrix: Matrix | None = None
    scope_parameter: str = "EnterpriseIds"
    parent: ParentIds | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class SeriesTable(RecordType):
    """One series, from the request to Mews to the columns in Parquet.

    `day` is the column that holds the day or instant of a figure. `keyed_by` are the columns that tell figures apart.
    `owner` says whose a row is, always an enterprise. `is_standard` is whether it is read unless MEWS_TABLES says
    otherwise.
    """

    fetch: Series
    day: str
    keyed_by: tuple[str, ...]
    owner: Owner = field(default_factory=lambda: Owner("EnterpriseId"))
    is_standard: bool = True

    def __post_init__(self) -> None:
        where = f"table {self.name}"
        self.check_columns()
        by_name = {column.name: column for column in self.kept_columns}
        if self.day not in by_name or by_name[self.day].kind not in (Kind.DATE, Kind.UTC):
            raise ValueError(f"{where}: its day {self.day} must be a column with one day or instant")
        if self.day not in self.keyed_by:
            raise ValueError(f"{where}: the figures of different days must differ in their key")
        if not is_single_value(self.columns, self.owner.column.split(".")):
            raise ValueError(f"{where}: no column {self.owner.column}, which says whose a row is")
        if bool(self.fetch.records_key) is bool(self.fetch.matrix):
            raise ValueError(f"{where}: its answer holds records, or else is a matrix")
        if self.fetch.matrix and (self.fetch.parent is None or self.fetch.matrix.unit_column != self.day):
            raise ValueError(f"{where}: a matrix is of one parent, and its time units are the table's days")
        if self.fetch.parent and self.fetch.parent.parameter not in by_name:
            raise ValueError(f"{where}: no column {self.fetch.parent.parameter} for the parent's id")
        if self.kept_columns[0].name != self.key[0] or self.kept_columns[0].kind is not Kind.STRING:
            raise ValueError(f"{where}: the first column must be {self.key[0]}, that of the key, a text")
        if any(column.pii or column.person for column in self.columns):
            raise ValueError(f"{where}: figures name no person, for erasures do not look into their columns")
        if min(self.fetch.longest, self.fetch.lookback) < 1 or self.fetch.ahead < 0:
            raise ValueError(f"{where}: an interval and the days before today are at least one")

    @property
    def key(self) -> tuple[str, ...]:
        return self.keyed_by

    @property
    def is_by_time_unit(self) -> bool:
        """Whether its figures are of the time units of a service, instead of days."""
        return self.fetch.matrix is not None

    @property
    def parents(self) -> tuple[str, ...]:
        """The reference tables that must be read before it."""
        asked = (self.fetch.parent.table, "services") if self.fetch.parent else ()
        through = (self.owner.through,) if self.owner.through else ()
        return tuple(dict.fromkeys([*asked, *through]))
