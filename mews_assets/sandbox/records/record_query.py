"""What can be asked of the store: conditions on records, and their SQL.

Lives here: the kinds of condition, and the SQL of each over the tables of `store`. Not here: which operation takes
which condition (`operations`), and the checks of a request's body (`request_rules`).

A property with a column of its own is compared there; any other is read from the record.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

Sql = tuple[str, list[Any]]

COLUMNS = {"Id": "id", "ServiceId": "parent", "PostingDate": "posting", "IsActive": "active"}
STAMP = "UpdatedUtc"


class Intervals(StrEnum):
    """How intervals of instants are read. The value is what `--intervals` accepts.

    Mews reads them half-open since January 2026 (`StartUtc <= t < EndUtc`; where both are equal, `t = StartUtc`).
    Before, and in texts that still stand, both ends are included. Intervals of dates always include both.
    """

    HALF_OPEN = "half-open"
    INCLUSIVE = "inclusive"

    def last_us(self, start_us: int, end_us: int) -> int:
        """The last microsecond of an interval."""
        return end_us - 1 if self is Intervals.HALF_OPEN and end_us > start_us else end_us


def column_of(prop: str, alias: str) -> str:
    """The SQL of a property: its column, or its place in the record (`Data.Discriminator`)."""
    if prop in COLUMNS:
        return f"{alias}.{COLUMNS[prop]}"
    record = f"(SELECT CAST(record AS TEXT) FROM body WHERE rowid = {alias}.body)"  # noqa: S608 - names only
    return f"json_extract({record}, '$.{prop}')"


def instant_of(prop: str, alias: str) -> str:
    """The SQL of a property that is an instant, in microseconds."""
    return f"{alias}.stamp_us" if prop == STAMP else f"micros({column_of(prop, alias)})"


class Condition(Protocol):
    """One condition on a record; `of_bill`: on the bill that the record belongs to."""

    @property
    def of_bill(self) -> bool: ...
    def sql(self, alias: str, intervals: Intervals) -> Sql: ...


@dataclass(frozen=True)
class OneOf:
    """The property is one of these values."""

    prop: str
    values: tuple[str | int, ...]
    of_bill: bool = False

    def sql(self, alias: str, intervals: Intervals) -> Sql:
        text = f"{column_of(self.prop, alias)} IN (SELECT value FROM json_each(?))"  # noqa: S608
        return text, [json.dumps(self.values)]


@dataclass(frozen=True)
class Within:
    """The property is an instant in the interval."""

    prop: str
    start_us: int
    end_us: int
    of_bill: bool = False

    def sql(self, alias: str, intervals: Intervals) -> Sql:
        last_us = intervals.last_us(self.start_us, self.end_us)
        return f"{instant_of(self.prop, alias)} BETWEEN ? AND ?", [self.start_us, last_us]


@dataclass(frozen=True)
class Colliding:
    """The record's own interval, from one property to another, touches the interval asked for."""

    first: str
    last: str
    start_us: int
    end_us: int
    of_bill: bool = False

    def sql(self, alias: str, intervals: Intervals) -> Sql:
        first, last = instant_of(self.first, alias), instant_of(self.last, alias)
        last_us = intervals.last_us(self.start_us, self.end_us)
        return f"{first} <= ? AND {last} >= ?", [last_us, self.start_us]


@dataclass(frozen=True)
class Days:
    """The property is a date from the first to the last day, both included."""

    prop: str
    first: str
    last: str
    of_bill: bool = False

    def sql(self, alias: str, intervals: Intervals) -> Sql:
        return f"{column_of(self.prop, alias)} BETWEEN ? AND ?", [self.first, self.last]


@dataclass(frozen=True)
class RecordQuery:
    """Records of one entity as they were at an instant. `scopes` None means all scopes.

    `unscoped` adds the records whose scope is unknown.
    """

    entity: str
    at_us: int
    scopes: Collection[str] | None = None
    unscoped: bool = False
    conditions: tuple[Condition, ...] = ()

    @property
    def by_bill(self) -> bool:
        return any(condition.of_bill for condition in self.conditions)

    def where(self, intervals: Intervals = Intervals.HALF_OPEN) -> Sql:
        """Everything after FROM: the tables, and the conditions."""
        parts = ["v.entity = ?", "v.stamp_us <= ?", "v.shown_us <= ?", "v.until_us > ?"]
        values: list[Any] = [self.entity, self.at_us, self.at_us, self.at_us]
        if self.scopes is not None:
            scopes = [*sorted(self.scopes), ""] if self.unscoped else sorted(self.scopes)
            parts.append("v.scope IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(scopes))
        for condition in self.conditions:
            text, more = condition.sql("b" if condition.of_bill else "v", intervals)
            parts.append(text)
            values += more
        tables = self._tables()
        if self.by_bill:
            parts.append("b.entity = 'OutletBill' AND b.id = v.parent AND b.stamp_us <= ?")
            parts.append("b.shown_us <= ? AND b.until_us > ?")
            values += [self.at_us, self.at_us, self.at_us]
        return f"FROM {tables} WHERE {' AND '.join(parts)}", values

    def _tables(self) -> str:
        """CROSS JOIN and INDEXED BY fix the plan: a store just filled has no statistics."""
        if self.by_bill:
            return "version b INDEXED BY by_stamp CROSS JOIN version v INDEXED BY by_bill"
        properties = {getattr(condition, "prop", None) for condition in self.conditions}
        if "Id" in properties:
            return "version v INDEXED BY by_id"
        if "PostingDate" in properties:
            return "version v INDEXED BY by_posting"
        return "version v INDEXED BY by_stamp"
