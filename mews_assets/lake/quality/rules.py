"""Rules for the rows of a table, as SQL, derived from the table's columns.

Lives here: rules that a single row can break: unknown values, amounts that do not add up, impossible signs. Not here:
running them (`measures`), rules over several rows (`double_entry`, `references`, `volume`), and the severity of a
broken rule (`defs.checks`).

In a rule's expressions `row` is a row of the table, and `measured` its file. Their lambda arguments begin with `__`,
as no column does: DuckDB reads a name that is both as the column.
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
"""Relative to the amount: a sum of a few doubles is off by about 1e-15 of it; a billionth is not money."""


@dataclass(frozen=True)
class Rule:
    """One rule at one field (`at`). The expression `broken` is true for a row that breaks it.

    `values` is the value to report, where the rule is about values; otherwise `shown` has the expressions to show of a
    row, and `size` is how far off it is. All are SQL.
    """

    name: str
    at: str
    broken: str
    values: str = ""
    shown: Mapping[str, str] = field(default_factory=dict, hash=False)
    size: str = "NULL"

    @property
    def count(self) -> str:
        """The aggregate that counts the rows that break it."""
        return f"count(*) FILTER ({self.broken})"


def row_rules(table: Table) -> list[Rule]:
    """The rules of a table that single rows can break, without `required_rule` and `outside_rule`."""
    return [
        *(_known(ENUMS, field, field.column.values) for field in enums(table)),
        *(_known(CURRENCIES, field, CURRENCY_CODES) for field in currencies(table)),
        *(_adds_up(field) for field in amounts(table)),
        *(_one_sign(field) for field in amounts(table)),
        *(_sign(sign) for sign in table.signs),
    ]


def required_rule(table: Table) -> Rule:
    """Every column that Mews requires has a value."""
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
    """The row's stamp is in the window of its file. A row without a stamp is in the first window of its capture."""
    return Rule(
        OUTSIDE,
        "_window_utc",
        "NOT (row._window_utc >= measured.start AND row._window_utc < measured.upto)",
        shown={"id": "row.id", "stamp": "row._window_utc"},
        size="abs(epoch(row._window_utc - measured.start))",
    )


def _known(name: str, field_: Field, values: Iterable[str]) -> Rule:
    # One regular expression, which DuckDB matches once per value of the column's dictionary. A list or map of two
    # hundred values takes ten times as long to plan as to run.
    known = literal("|".join(map(re.escape, values)))
    if not field_.is_repeated:
        value = _single(field_)
        return Rule(name, field_.path, f"NOT regexp_full_match({value}, {known})", values=value)
    odd = f"list_filter({_all(field_)}, lambda __one: NOT regexp_full_match(__one, {known}))"
    # A row may have several unknown values: the first is reported.
    return Rule(name, field_.path, f"len({odd}) > 0", values=f"{odd}[1]")


def _adds_up(field_: Field) -> Rule:
    """Gross = net + taxes, and the breakdown adds up to both. Each tax was rounded by half a unit at most."""

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

    amount_shown = _any_of(field_)
    shown = {
        "id": "row.id",
        "currency": f"{amount_shown}.currency",
        "net": f"{amount_shown}.net_value",
        "gross": f"{amount_shown}.gross_value",
        "taxes": taxes(amount_shown),
        "breakdown_net": _sum(f"{amount_shown}.breakdown.items", "net_value"),
        "breakdown_taxes": _sum(f"{amount_shown}.breakdown.items", "tax_value"),
        "off_by": f"round({off(amount_shown)}, 6)",
    }
    return Rule(AMOUNTS, field_.path, _where(field_, is_off), shown=shown, size=off(amount_shown))


def _one_sign(field_: Field) -> Rule:
    amount_shown = _any_of(field_)
    return Rule(
        SIGNS,
        field_.path,
        _where(field_, lambda amount: f"{amount}.net_value * {amount}.gross_value < 0"),
        shown={
            "id": "row.id",
            "value": f"{amount_shown}.gross_value",
            "why": "'net and gross differ in sign'",
        },
        size=f"abs({amount_shown}.gross_value)",
    )


def _sign(sign: Sign) -> Rule:
    value = _path(sign.value)
    broken = f"{value} {'<' if sign.never == 'negative' else '>'} 0"
    why = f"never {sign.never}"
    if sign.by:
        broken += f" AND {_path(sign.by)} IN ({', '.join(literal(value) for value in sign.among)})"
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


def _single(field_: Field) -> str:
    return ".".join(["row", *(identifier(column.field_name) for column in field_.columns)])


def _all(field_: Field) -> str:
    """All values of a field within lists, as one list."""
    found, is_list = "row", False
    for depth, column in enumerate(field_.columns):
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


def _any_of(field_: Field) -> str:
    """The value to show; of a field within lists, the first."""
    return f"{_all(field_)}[1]" if field_.is_repeated else _single(field_)


def _where(field_: Field, broken) -> str:  # type: ignore[no-untyped-def]
    """Whether the value, or any of the values within lists, breaks the rule."""
    if not field_.is_repeated:
        return str(broken(_single(field_)))
    return f"len(list_filter({_all(field_)}, lambda __amount: {broken('__amount')})) > 0"


def _sum(of: str, name: str) -> str:
    return f"coalesce(list_sum(list_transform({of}, lambda __line: __line.{name})), 0)"
