"""The definition of a reference table: a table that is read whole, and replaced by what was read.

Lives here: `Reference`, the request that brings its records (`Whole`), and whose its rows are (`Owner`). Not here: the
rows themselves (`catalog.entities.reference`), tables that are fetched by windows (`model.Table`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mews_assets.catalog.model import Column, Kind, RecordType, ScopeKind, is_single_value

MAX_IDS = 1000
"""Ids in one list of a request, in most operations."""


@dataclass(frozen=True)
class ParentIds:
    """A list of ids that an operation requires: the keys of all records of another reference table.

    `limit` is how many ids one request accepts. With `only` a path in the records and a value, the ids of others are
    not sent.
    """

    parameter: str
    table: str
    limit: int = MAX_IDS
    only: tuple[str, str] | None = None


@dataclass(frozen=True)
class Whole:
    """The request that brings all records of the scopes it names. `records_keys` are the answer's lists of records.

    Without `records_keys` the answer itself is the record. `scope_parameter` is the request's list of scope ids, empty
    if the operation has none; with `one_scope` it is a single id. `parameters` are sent with every request. Without
    `paginated` there is one answer, and no Limitation is sent.
    """

    operation: str
    records_keys: tuple[str, ...]
    scope_parameter: str = "EnterpriseIds"
    parents: tuple[ParentIds, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    paginated: bool = True
    one_scope: bool = False


@dataclass(frozen=True)
class Owner:
    """The column that says whose a row is: the id of an enterprise or chain, or with `through` a record of that table.

    A record of `through` has an owner of its own, and the row belongs to that.
    """

    column: str
    through: str = ""


@dataclass(frozen=True)
class Reference(RecordType):
    """One reference table, from the request to Mews to the columns in Parquet.

    `owner` is None if a row does not say whose it is. Then with `for_everyone` every token is sent the same rows, so
    only one connection is asked; otherwise every connection is asked for what its token sees. `keyed_by` are the
    paths of the columns that tell rows apart. `vanishes` says that Mews keeps no trace of deleted records: rows that
    are no longer sent get a `_gone_utc`. With `daily` there is a row for each day on which it was read, for what was
    valid on a day cannot be asked for later. `is_standard` is whether it is read unless MEWS_TABLES says otherwise.
    """

    fetch: Whole
    owner: Owner | None = Owner("EnterpriseId")
    scope: ScopeKind = ScopeKind.ENTERPRISE
    for_everyone: bool = False
    keyed_by: tuple[str, ...] = ("Id",)
    vanishes: bool = False
    daily: bool = False
    is_standard: bool = True

    def __post_init__(self) -> None:
        where = f"table {self.name}"
        self.check_columns()
        if self.owner is not None and not is_single_value(self.columns, self.owner.column.split(".")):
            raise ValueError(f"{where}: no column {self.owner.column}, which says whose a row is")
        if self.for_everyone and (self.owner is not None or self.fetch.scope_parameter or self.fetch.parents):
            raise ValueError(f"{where}: what is for everyone has no owner, and no ids are sent")
        if self.daily and self.vanishes:
            raise ValueError(f"{where}: with a row for each day, the days without one say what is gone")
        if self.key_column.kind not in (Kind.STRING, Kind.OBJECT):
            raise ValueError(f"{where}: the first column of the key must be a text")
        if self.kept_columns[0] is not self.key_column:
            raise ValueError(f"{where}: the first column must be {self.key_column.name}, that of the key")

    @property
    def key(self) -> tuple[str, ...]:
        return self.keyed_by

    @property
    def key_column(self) -> Column:
        """The column of the first part of the key."""
        name = self.key[0].partition(".")[0]
        return next(column for column in self.kept_columns if column.name == name)

    @property
    def parents(self) -> tuple[str, ...]:
        """The reference tables that must be read before it: for the ids to send, and to find out whose its rows are."""
        through = (self.owner.through,) if self.owner and self.owner.through else ()
        return tuple(dict.fromkeys([*(one.table for one in self.fetch.parents), *through]))


def request_of(reference: Reference) -> Whole:
    """The request, without the part of the answer that the table uses: tables with the same are asked for at once."""
    return replace(reference.fetch, records_keys=())


def in_order(references: Iterable[Reference]) -> Iterator[tuple[Reference, ...]]:
    """The tables in groups that one request brings, parents before children."""
    groups: dict[Whole, list[Reference]] = {}
    for reference in references:
        groups.setdefault(request_of(reference), []).append(reference)
    waiting = list(groups.values())
    names = {reference.name for group in waiting for reference in group}
    while waiting:
        left = {reference.name for group in waiting for reference in group}
        ready = [
            group
            for group in waiting
            if not {parent for one in group for parent in one.parents if parent in names}
            & left - {one.name for one in group}
        ]
        if not ready:
            raise ValueError(f"reference tables need one another: {', '.join(sorted(left))}")
        for group in ready:
            waiting.remove(group)
            yield tuple(group)


def with_parents(chosen: Iterable[Reference], every: Iterable[Reference]) -> tuple[Reference, ...]:
    """The chosen tables and all that they need, in the order of `every`."""
    by_name = {reference.name: reference for reference in every}
    wanted: set[str] = set()
    waiting = [reference.name for reference in chosen]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].parents
    return tuple(reference for reference in by_name.values() if reference.name in wanted)
