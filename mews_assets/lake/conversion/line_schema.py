"""The shape of a valid line, derived from a table's columns.

Lives here: the shape as fields for the compiled scan, and as one regular expression. A line of this shape has known
fields only, each with a value of its declared type, and no number that a double cannot hold. Any other line may still
be valid: `inspect_record` checks it field by field. So the shape may refuse a valid line but must never pass an invalid
one, except for malformed JSON: commas, nesting and the 30th of February are left to DuckDB.

The expression is for RE2 (in pyarrow), whose time grows with the bytes only. Names with the same kind of value share
one branch, so that the automaton's states fit into the processor's cache: 2.5 times as fast as one branch per name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from mews_assets.catalog.model import Column, Kind, RecordType

SPACE = "[ \\t]*"
STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
# Narrower than DuckDB, which reads "epoch", "infinity", the year 0 and the hour 24; other texts are inspected.
DAY = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_OFFSET = "(?:Z|[-+](?:0[0-9]|1[0-4]):?[0-5][0-9])"
# With seconds: DuckDB before 2.0 reads no instant with a zone and without seconds.
INSTANT = rf"{DAY}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,9}})?{_OFFSET}?)?"
# A double keeps up to 15 significant digits (IEEE 754: DBL_DIG). Longer numbers are inspected.
SHORT_NUMBER = "-?[0-9.]{1,15}"
ANY_NUMBER = "-?[0-9][-+0-9.eE]*"
INTEGER = "-?[0-9]{1,15}"
_PIECE = rf"[{{\[ \t]*(?:{STRING}|true|false|null|[-+0-9.eE]+)?[}}\] \t\r]*"
SEPARATED = rf"\A(?:{_PIECE}[,:\n])*{_PIECE}\z"
"""Matches where a comma or colon is between any two values. The pattern of a line allows a missing comma: otherwise it
would have to name every column twice at every depth."""
_JSON_DEPTH = 3
"""Depth of lists and objects within a free-form value. The same value and the patterns above are in `_scan.c`."""

Field: TypeAlias = "tuple[bytes, str, bool, tuple[Field, ...]]"
"""A name with its closing quote, a letter for the kind of value, whether it is a list, and an object's fields."""
_LETTERS = {
    Kind.STRING: "s",
    Kind.ENUM: "s",
    Kind.UTC: "u",
    Kind.DATE: "d",
    Kind.INTEGER: "i",
    Kind.NUMBER: "n",
    Kind.DECIMAL: "n",
    Kind.BOOLEAN: "b",
    Kind.OBJECT: "o",
    Kind.JSON: "j",
}
_WITH_LONG_NUMBERS = {"n": "N", "j": "J"}
_ANYTHING = "J"


def line_fields(
    table: RecordType, *, unknown: Iterable[str] = (), long_numbers: bool = False
) -> tuple[Field, ...]:
    """The shape of a line of the table, for `_scan.c`. The arguments are those of `line_pattern`."""
    return _fields(table.columns, tuple(unknown), "", _WITH_LONG_NUMBERS if long_numbers else {})


def _fields(
    columns: tuple[Column, ...], unknown: tuple[str, ...], at: str, letters: dict[str, str]
) -> tuple[Field, ...]:
    fields = list[Field]()
    for column in columns:
        name = f'{column.name}"'.encode()
        if column.deprecated:
            fields.append((name, _ANYTHING, False, ()))
        else:
            letter = _LETTERS[column.kind]
            inner = _fields(column.columns, unknown, f"{at}{column.name}.", letters)
            fields.append((name, letters.get(letter, letter), column.is_list, inner))
    fields += [(f'{name}"'.encode(), _ANYTHING, False, ()) for name in _new_names(unknown, at)]
    return tuple(fields)


def _new_names(unknown: tuple[str, ...], at: str) -> list[str]:
    """The names of the unknown fields directly in the object at a path."""
    names = [path.removeprefix(at) for path in unknown if path.startswith(at)]
    return [name for name in names if "." not in name]


def line_pattern(
    table: RecordType,
    *,
    unknown: Iterable[str] = (),
    long_numbers: bool = False,
    spaces: bool = True,
) -> str:
    """The shape of a line of the table as a regular expression, without the line end.

    `unknown` are dotted paths of new fields that may have any value; `long_numbers` allows numbers of any length.
    Without `spaces` no spaces are allowed between tokens, as Mews writes: a tenth faster.
    """
    number = ANY_NUMBER if long_numbers else SHORT_NUMBER
    pattern = SPACE + _object(table.columns, number, tuple(unknown), "") + "[ \\t\\r]*"
    return pattern if spaces else pattern.replace(SPACE, "")


def _object(columns: tuple[Column, ...], number: str, unknown: tuple[str, ...], at: str) -> str:
    names_by_value: dict[str, list[str]] = {}
    for column in columns:
        names_by_value.setdefault(_value(column, number, unknown, at), []).append(column.name)
    for name in _new_names(unknown, at):
        names_by_value.setdefault(_any_json(_JSON_DEPTH), []).append(name)
    pairs = "|".join(
        f'(?:{"|".join(map(re.escape, names))})":{SPACE}(?:{value}|null)'
        for value, names in names_by_value.items()
    )
    return rf'\{{{SPACE}(?:"(?:{pairs})(?:,{SPACE})?)*\}}'


def _value(column: Column, number: str, unknown: tuple[str, ...], at: str) -> str:
    if column.deprecated:
        return _any_json(_JSON_DEPTH)
    digits = None
    if column.kind is Kind.JSON:
        single, digits = _any_but_number(_JSON_DEPTH, number), number
    elif column.kind is Kind.OBJECT:
        single = _object(column.columns, number, unknown, f"{at}{column.name}.")
    elif column.kind in (Kind.NUMBER, Kind.DECIMAL):
        single, digits = "null", number
    elif column.kind is Kind.INTEGER:
        single, digits = "null", INTEGER
    elif column.kind is Kind.BOOLEAN:
        single = "(?:true|false)"
    elif column.kind in (Kind.UTC, Kind.DATE):
        single = f'"{INSTANT if column.kind is Kind.UTC else DAY}"'
    else:
        single = STRING
    if column.is_list:
        return _list(f"(?:{single}|null)", digits)
    return f"(?:{single}|{digits})" if digits else single


def _any_json(depth: int) -> str:
    return f"(?:{ANY_NUMBER}|{_any_but_number(depth, ANY_NUMBER)})"


def _any_but_number(depth: int, number: str) -> str:
    choices = [STRING, "true", "false", "null"]
    if depth:
        inner = _any_but_number(depth - 1, number)
        choices.append(_list(inner, number))
        choices.append(rf"\{{{SPACE}(?:{STRING}:{SPACE}(?:{number}|{inner})(?:,{SPACE})?)*\}}")
    return f"(?:{'|'.join(choices)})"


def _list(inner: str, number: str | None) -> str:
    """A comma must follow a number: otherwise a long number would match as several short ones."""
    if number is None:
        return rf"\[{SPACE}(?:{inner}(?:,{SPACE})?)*\]"
    return rf"\[{SPACE}(?:{inner}(?:,{SPACE})?|{number},{SPACE})*(?:{number})?\]"
