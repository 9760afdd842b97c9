"""The shape of a record as one regular expression: a table's columns turned into what a good line looks like.

Lives here: building that expression, and nothing else. A line that matches has only known fields, each with a
value of its declared type, and no number that a double could not hold. A line that does not match is not
wrong yet: `lines` then looks at it field by field. So the expression may refuse a good line but must never
pass a bad one, malformed JSON apart: commas, nesting and the 30th of February are the parser's to judge.

It is run by RE2 (in pyarrow), whose time grows with the bytes alone. Names that share a kind of value share
one branch, so that the automaton's states stay in the processor's nearest cache: 2.5 times as fast as one
branch a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mews_assets.catalog.model import Column, Kind, Table

SPACE = "[ \\t]*"
STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
# Narrower than the parser, which takes "epoch", "infinity", the year 0 and the hour 24; others are looked at.
DAY = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_OFFSET = "(?:Z|[-+](?:0[0-9]|1[0-4]):?[0-5][0-9])"
INSTANT = rf"{DAY}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,9}})?)?{_OFFSET}?)?"
# Up to 15 significant digits survive the way through a double (IEEE 754: DBL_DIG). Longer ones are looked at.
SHORT_NUMBER = "-?[0-9.]{1,15}"
ANY_NUMBER = "-?[0-9][-+0-9.eE]*"
INTEGER = "-?[0-9]{1,15}"
_JSON_DEPTH = 3


def line_pattern(
    table: Table,
    *,
    unknown: Iterable[str] = (),
    long_numbers: bool = False,
    spaces: bool = True,
) -> str:
    """What one line of the table's landing looks like, without its line end.

    `unknown` names fields, as dotted paths, that were seen and are let through with any value;
    `long_numbers` lets numbers of any length through as well. Without `spaces` there are none between tokens,
    as Mews writes: a tenth faster.
    """
    number = ANY_NUMBER if long_numbers else SHORT_NUMBER
    pattern = SPACE + _object(table.columns, number, tuple(unknown), "") + "[ \\t\\r]*"
    return pattern if spaces else pattern.replace(SPACE, "")


def _object(columns: tuple[Column, ...], number: str, unknown: tuple[str, ...], at: str) -> str:
    names_by_value: dict[str, list[str]] = {}
    for column in columns:
        names_by_value.setdefault(_value(column, number, unknown, at), []).append(column.name)
    for path in unknown:
        if path.startswith(at) and "." not in path.removeprefix(at):
            names_by_value.setdefault(_any_json(_JSON_DEPTH), []).append(path.removeprefix(at))
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
    """Numbers end with a comma: a long one would otherwise pass as several short ones."""
    if number is None:
        return rf"\[{SPACE}(?:{inner}(?:,{SPACE})?)*\]"
    return rf"\[{SPACE}(?:{inner}(?:,{SPACE})?|{number},{SPACE})*(?:{number})?\]"
