"""The definition of a table: frozen dataclasses that everything else is derived from.

Lives here: `Column`, `RecordType` and `Table`, which all validate themselves when created. Not here: how a table is
fetched (`fetch`), tables that are read whole (`reference_model`), the rows themselves (`catalog.entities`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cache

from mews_assets.catalog.bookkeeping import Balance, Sign
from mews_assets.catalog.fetch import ChangedParents as ChangedParents
from mews_assets.catalog.fetch import Export as Export
from mews_assets.catalog.fetch import FetchMethod as FetchMethod
from mews_assets.catalog.fetch import Lookup as Lookup
from mews_assets.catalog.fetch import Pages as Pages


class Kind(StrEnum):
    """Mews' own kinds of value. `NUMBER` is a double in the API's contract, `DECIMAL` is exact."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    UTC = "utc"
    DATE = "date"
    ENUM = "enum"
    OBJECT = "object"
    JSON = "json"


class ScopeKind(StrEnum):
    """The kind of a partition's scope. The value is the name of the partition dimension."""

    ENTERPRISE = "enterprise"
    CHAIN = "chain"


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")


@cache
def snake_case(name: str) -> str:
    """`UpdatedUtc` -> `updated_utc`, `DUNS` -> `duns`, `Line1` -> `line1`."""
    return "_".join(word.lower() for word in _WORD.findall(name))


@dataclass(frozen=True)
class Column:
    """One property of a record, under Mews' own spelling.

    `deprecated` properties are known, so they are never reported as new, but they stay in the landing.
    `pii` marks data that identifies a guest, `person` the ids of customers. `refers_to` names the table, or the
    reference table, whose `Id` it holds.
    """

    name: str
    kind: Kind
    description: str = ""
    required: bool = False
    is_list: bool = False
    values: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    deprecated: bool = False
    pii: bool = False
    person: bool = False
    refers_to: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", self.name):
            raise ValueError(f"column {self.name!r}: a name is spelled as Mews does, such as UpdatedUtc")
        if (self.kind is Kind.OBJECT) != bool(self.columns):
            raise ValueError(f"column {self.name}: an object needs columns, and only an object has them")
        if (self.kind is Kind.ENUM) != bool(self.values):
            raise ValueError(f"column {self.name}: an enum needs values, and only an enum has them")
        if self.refers_to and (self.kind is not Kind.STRING or self.is_list):
            raise ValueError(
                f"column {self.name}: it refers to {self.refers_to}, so it must be a single string, an id"
            )
        if self.person and (self.kind is not Kind.STRING or self.pii):
            raise ValueError(
                f"column {self.name}: the id of a person must be a string, and must not be marked pii"
            )
        if self.columns and not self.deprecated and not kept(self.columns):
            raise ValueError(f"column {self.name}: all its columns are deprecated, so it must be too")
        refuse_repeats(f"column {self.name}: nested column", [column.field_name for column in self.columns])
        refuse_repeats(f"column {self.name}: value", list(self.values))

    @property
    def field_name(self) -> str:
        """The name in the tables."""
        return snake_case(self.name)


@dataclass(frozen=True)
class ParentKey:
    """Rows are found, and assigned to their window, by the timestamp of their parent record."""

    table: str
    column: str


@dataclass(frozen=True)
class RecordType:
    """One kind of record: its name in the lake, its name at Mews (`entity`), and its columns."""

    name: str
    entity: str
    description: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The paths of the columns that tell records apart; the first is a text that every record has."""
        return ("Id",)

    @property
    def key_columns(self) -> frozenset[str]:
        """The columns by which rows are found and ordered."""
        return frozenset(path.partition(".")[0] for path in self.key)

    @property
    def kept_columns(self) -> tuple[Column, ...]:
        """The columns that are written: all that are not deprecated."""
        return kept(self.columns)

    @property
    def required_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.kept_columns if column.required)

    def check_columns(self) -> None:
        """Raise ValueError for a name that is not snake_case, a column declared twice, and a key without a column."""
        where = f"table {self.name}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"{where}: a table's name is snake_case")
        refuse_repeats(f"{where}: column", [column.field_name for column in self.columns])
        for path in self.key:
            if not is_single_value(self.columns, path.split(".")):
                raise ValueError(f"{where}: no column {path} that is kept")


@dataclass(frozen=True)
class Table(RecordType):
    """One table, from the request to Mews to the columns in Parquet.

    `entity` is Mews' name of one record. `scope_column` is the property that names a row's enterprise or chain, or None
    if rows do not name it (then every scope needs its own capture). `window_column` is the property that the window
    filters; with `parent_key` it is a property of the parent record. `version_column` orders the versions of one id.
    Both are None if rows carry no stamp: then each window is requested alone, its rows are those that were sent, and
    the window tells the versions of one id apart.
    With `lookup`, `scope_column` names something that the scope owns. `fetch` is how the table is fetched,
    `alternative` the other method, if there is one: both bring the same rows. `lookback` is the minimum lookback of
    pulls for missing windows, for rows that are posted late. `balance` and `signs` are rules for its money.
    """

    fetch: Export | Pages
    scope: ScopeKind = ScopeKind.ENTERPRISE
    scope_column: str | None = "EnterpriseId"
    window_column: str | None = "UpdatedUtc"
    version_column: str | None = "UpdatedUtc"
    parent_key: ParentKey | None = None
    lookup: Lookup | None = None
    alternative: Export | Pages | None = None
    lookback: timedelta = timedelta(0)
    balance: Balance | None = None
    signs: tuple[Sign, ...] = ()
    is_standard: bool = True
    """Whether it is fetched unless MEWS_TABLES says otherwise."""

    def __post_init__(self) -> None:
        where = f"table {self.name}"
        self.check_columns()
        by_name = {column.name: column for column in self.kept_columns}
        if (self.window_column is None) is not (self.version_column is None):
            raise ValueError(f"{where}: without a stamp it has neither window_column nor version_column")
        stamps = {self.version_column} | ({self.window_column} if self.parent_key is None else set())
        wanted = {name for name in (*stamps, self.scope_column) if name is not None}
        if self.parent_key:
            wanted.add(self.parent_key.column)
        if missing := wanted - set(by_name):
            raise ValueError(f"{where}: no column {', '.join(sorted(missing))} that is kept")
        for name in sorted(name for name in stamps if name is not None):
            if by_name[name].kind not in (Kind.UTC, Kind.DATE) or by_name[name].is_list:
                raise ValueError(
                    f"{where}: {name} must be one instant or day, not {by_name[name].kind.value}"
                )
        if not by_name["Id"].required:
            raise ValueError(f"{where}: Id must be required")
        if self.alternative is not None and self.alternative.way is self.fetch.way:
            raise ValueError(
                f"{where}: it is fetched by {self.fetch.way} already; `alternative` is for the other method"
            )
        if self.lookback < timedelta(0):
            raise ValueError(f"{where}: lookback is how far back pulls reach, not {self.lookback}")
        if self.lookup is not None and self.scope_column is None:
            raise ValueError(f"{where}: a lookup needs the scope_column to look up")
        if isinstance(self.fetch, Pages) and self.fetch.also_filtered_by and self.window_column is not None:
            raise ValueError(
                f"{where}: found by several filters, a row has no one stamp: window_column is None"
            )
        if isinstance(self.fetch, Pages) and self.fetch.of_parents and self.window_column is not None:
            raise ValueError(
                f"{where}: found by its parents, a row is in their window: window_column is None"
            )
        owned = any(
            method.owned_parameter for method in (self.fetch, self.alternative) if isinstance(method, Pages)
        )
        if owned and self.lookup is None:
            raise ValueError(f"{where}: an owned_parameter needs the lookup that lists what is owned")
        for rule in (*((self.balance,) if self.balance else ()), *self.signs):
            for path in rule.columns:
                if not is_single_value(self.columns, path.split(".")):
                    raise ValueError(f"{where}: no column {path}, which {rule} names")

    @property
    def key_columns(self) -> frozenset[str]:
        """The columns by which rows are found, assigned to scopes and windows, and ordered."""
        named = {self.scope_column, self.window_column, self.version_column}
        return super().key_columns | {name for name in named if name is not None}

    @property
    def parent_tables(self) -> tuple[str, ...]:
        """The tables whose changed records its rows are asked for by."""
        fetch = self.fetch
        return fetch.of_parents.tables if isinstance(fetch, Pages) and fetch.of_parents else ()

    @property
    def is_stamped(self) -> bool:
        """Whether rows carry a stamp that tells their versions apart."""
        return self.version_column is not None

    @property
    def version_field(self) -> str:
        """The column in the tables that orders the versions of one id: without a stamp, the window."""
        return "_window_utc" if self.version_column is None else snake_case(self.version_column)

    @property
    def fetch_methods(self) -> tuple[FetchMethod, ...]:
        """The fetch methods of the table, that of `fetch` first."""
        return (self.fetch.way,) if self.alternative is None else (self.fetch.way, self.alternative.way)

    @property
    def documented_methods(self) -> tuple[FetchMethod, ...]:
        """The fetch methods that Mews documents for the table."""
        methods = (self.fetch, self.alternative)
        return tuple(method.way for method in methods if method is not None and method.is_documented)

    def fetched_by(self, way: FetchMethod) -> Table:
        """The table with this fetch method; unchanged if it has no other."""
        if self.alternative is None or self.alternative.way is not way:
            return self
        return replace(self, fetch=self.alternative, alternative=self.fetch)

    @property
    def by_day(self) -> bool:
        """Whether its windows hold days of the hotels' own calendars instead of instants."""
        return self.parent_key is None and any(
            column.kind is Kind.DATE for column in self.columns if column.name == self.window_column
        )

    @property
    def has_snapshot(self) -> bool:
        """Whether an export without a window brings all records: not if the filter is required (Posting)."""
        return isinstance(self.fetch, Export) and self.fetch.filter == "UpdatedUtc"


def kept(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that are written: all that are not deprecated."""
    return tuple(column for column in columns if not column.deprecated)


def is_single_value(columns: tuple[Column, ...], path: list[str]) -> bool:
    """Whether there is a single value at the path."""
    found = next((column for column in kept(columns) if column.name == path[0]), None)
    if found is None or found.is_list:
        return False
    return len(path) == 1 or is_single_value(found.columns, path[1:])


def refuse_repeats(subject: str, names: list[str]) -> None:
    if repeats := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{subject} {', '.join(repeats)} is declared twice")
