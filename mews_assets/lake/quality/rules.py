"""What must hold of the rows of a table, one rule at a time, as SQL: all derived from the table's columns.

Lives here: rules that one row can break by itself: values nobody knows, amounts that do not add up, signs that
cannot be. Not here: running them (`measures`), rules over rows together (`balance`, `references`, `volume`), and
how grave it is when one is broken (the checks).

A rule's expressions see a table's row as `row`, and the file it stands in as `measured`. Their own names begin with
`__`, as no column does: DuckDB takes a column for the argument of a lambda that is called the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mews_assets.catalog.bookkeeping import Sign
from mews_assets.catalog.entities.currency_codes import CURRENCY_CODES
from mews_assets.catalog.fields import Field, amounts, currencies, enums
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.storage.duckdb_session import identifier, literal

DUPLICATES, MISSING, OUTSIDE = "duplicates", "missing", "outside"
ENUMS, CURRENCIES, AMOUNTS, SIGNS = "enums", "currencies", "amounts", "signs"
BALANCE = "balance"

_DOUBLE_NOISE = 1e-9
"""Of the amount itself: a sum of a few doubles is off by some 1e-15 of it; a billionth is no money."""


@dataclass(frozen=True)
class Rule:
    """One rule at one place of a row. `broken` is true of a row that breaks it.

    `values` is the value that does, where that is what to report, not the row; otherwise `shown` tells what of a row
    to show, and `size` how far off it is.
    """

    name: str
    at: str
    broken: str
    values: str = ""
    shown: Mapping[str, str] = field(default_factory=dict, hash=False)
    size: str = "NULL"

    @property
    def count(self) -> str:
        """The aggregate that tells how many rows break it."""
        return f"count(*) FILTER ({self.broken})"


def row_rules(table: Table) -> list[Rule]:
    """The rules of a table that its rows are counted against."""
    return [
        *(_known(ENUMS, one, one.column.values) for one in enums(table)),
        *(_known(CURRENCIES, one, CURRENCY_CODES) for one in currencies(table)),
        *(_adds_up(one) for one in amounts(table)),
        *(_one_sign(one) for one in amounts(table)),
        *(_sign(one) for one in table.signs),
    ]


def required_rule(table: Table) -> Rule:
    """Every column that Mews requires is filled."""
    missing = {
        column.field_name: f"row.{identifier(column.field_name)} IS NULL" for column in table.required_columns
    }
    names = (f"if({is_null}, {literal(name)}, NULL)" for name, is_null in missing.items())
    return Rule(
        MISSING,
        "row",
        " OR ".join(missing.values()),
        shown={"id": "row.id", "missing": f"concat_ws(', ', {', '.join(names)})"},
        size=" + ".join(f"({is_null})::INT" for is_null in missing.values()),
    )


def outside_rule() -> Rule:
    """The row's stamp lies in the window of its file; a row without one was dealt there by its capture."""
    return Rule(
        OUTSIDE,
        "_window_utc",
        "NOT (row._window_utc >= measured.start AND row._window_utc < measured.upto)",
        shown={"id": "row.id", "stamp": "row._window_utc"},
        size="abs(epoch(row._window_utc - measured.start))",
    )


def _known(name: str, place: Field, values: Iterable[str]) -> Rule:
    # As one expression, which is matched once for each value of the column's dictionary; a list or a map of two
    # hundred values takes DuckDB ten times as long to plan as to run.
    known = literal("|".join(map(re.escape, values)))
    if not place.is_repeated:
        value = _single(place)
        return Rule(name, place.path, f"NOT regexp_full_match({value}, {known})", values=value)
    odd = f"list_filter({_all(place)}, lambda __one: NOT regexp_full_match(__one, {known}))"
    # A row may hold several: one of them stands for the row.
    return Rule(name, place.path, f"len({odd}) > 0", values=f"{odd}[1]")


def _adds_up(place: Field) -> Rule:
    """Gross = net + taxes, and the breakdown's lines = both. Each tax was rounded by itself, by half a unit at most."""

    def taxes(amount: str) -> str:
        return _sum(f"{amount}.tax_values", "value")

    def off(amount: str) -> str:
        lines = f"{amount}.breakdown.items"
        return (
            f"greatest(abs({amount}.gross_value - {amount}.net_value - {taxes(amount)}), "
            f"if({lines} IS NULL, 0, greatest(abs({_sum(lines, 'tax_value')} - {taxes(amount)}), "
            f"abs({_sum(lines, 'net_value')} - {amount}.net_value))))"
        )

    def is_off(amount: str) -> str:
        taxed = f"greatest(1, len({amount}.tax_values), len({amount}.breakdown.items))"
        return f"{off(amount)} > measured.half_unit * {taxed} + {_DOUBLE_NOISE} * abs({amount}.gross_value)"

    one = _any_of(place)
    shown = {
        "id": "row.id",
        "currency": f"{one}.currency",
        "net": f"{one}.net_value",
        "gross": f"{one}.gross_value",
        "taxes": taxes(one),
        "breakdown_net": _sum(f"{one}.breakdown.items", "net_value"),
        "breakdown_taxes": _sum(f"{one}.breakdown.items", "tax_value"),
        "off_by": f"round({off(one)}, 6)",
    }
    return Rule(AMOUNTS, place.path, _where(place, is_off), shown=shown, size=off(one))


def _one_sign(place: Field) -> Rule:
    one = _any_of(place)
    return Rule(
        SIGNS,
        place.path,
        _where(place, lambda amount: f"{amount}.net_value * {amount}.gross_value < 0"),
        shown={"id": "row.id", "value": f"{one}.gross_value", "why": "'net and gross differ in sign'"},
        size=f"abs({one}.gross_value)",
    )


def _sign(sign: Sign) -> Rule:
    value = _path(sign.value)
    broken = f"{value} {'<' if sign.never == 'negative' else '>'} 0"
    why = f"never {sign.never}"
    if sign.by:
        broken += f" AND {_path(sign.by)} IN ({', '.join(literal(one) for one in sign.among)})"
        why += f" where {sign.by} is {' or '.join(sign.among)}"
    at = ".".join(snake_case(name) for name in sign.value.split("."))
    return Rule(
        SIGNS,
        at,
        f"({broken})",
        shown={"id": "row.id", "value": value, "why": literal(why)},
        size=f"abs({value})",
    )


def _path(mews_path: str) -> str:
    return ".".join(["row", *(identifier(snake_case(name)) for name in mews_path.split("."))])


def _single(place: Field) -> str:
    return ".".join(["row", *(identifier(column.field_name) for column in place.columns)])


def _all(place: Field) -> str:
    """All values of a place within lists, as one list."""
    found, is_list = "row", False
    for depth, column in enumerate(place.columns):
        name = identifier(column.field_name)
        found = (
            f"list_transform({found}, lambda __at{depth}: __at{depth}.{name})"
            if is_list
            else f"{found}.{name}"
        )
        if column.is_list:
            found = f"flatten({found})" if is_list else found
            is_list = True
    return found


def _any_of(place: Field) -> str:
    """The value, or the first of them, to show."""
    return f"{_all(place)}[1]" if place.is_repeated else _single(place)


def _where(place: Field, broken) -> str:  # type: ignore[no-untyped-def]
    """Whether it is broken, or within lists, by any of the values."""
    if not place.is_repeated:
        return str(broken(_single(place)))
    return f"len(list_filter({_all(place)}, lambda __amount: {broken('__amount')})) > 0"


def _sum(of: str, name: str) -> str:
    return f"coalesce(list_sum(list_transform({of}, lambda __line: __line.{name})), 0)"
