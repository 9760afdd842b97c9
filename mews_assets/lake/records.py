"""One record looked at field by field: what the fast check in `lines` does not let through.

Lives here: pure functions from the bytes of one line to what is wrong with it, what is new in it, and which
of its numbers a double cannot hold. Not here: files, blocks, speed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.catalog.privacy import has_personal
from mews_assets.lake.exact import fits_double
from mews_assets.windows import from_api

WITHHELD = "a value (not shown: personal data)"
_INDEX = re.compile(r"\[\d+\]")


class FieldError(ValueError):
    """A field that cannot become a column's value. `shown` is what of the value the problem repeats."""

    def __init__(self, path: str | None, problem: str, shown: str = "") -> None:
        self.path, self.problem, self.shown = path, problem, shown
        super().__init__(f"{path}: {problem}" if path else problem)

    def withheld(self) -> FieldError:
        """The same without the value: errors are kept and sent where guests' data has no place."""
        problem = self.problem.replace(self.shown, WITHHELD, 1) if self.shown else self.problem
        return FieldError(self.path, problem)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


@dataclass
class Inspected:
    """What one record holds beyond the ordinary."""

    id: str
    version: str | None
    unknown: list[tuple[str, str]] = field(default_factory=list)
    """Path and kind of each field that the catalog does not know."""
    inexact: dict[str, str] = field(default_factory=dict)
    """Path and text of each number that a double cannot hold."""


def inspect(line: bytes, table: Table) -> Inspected:
    """Look at every field of one record. Raises FieldError naming the first that is wrong."""
    record = parse(line)
    identity = record.get("Id")
    if identity is None or identity == "":
        raise FieldError("Id", "a record without an Id cannot be told from others")
    if kind_of(identity) != "string":
        raise FieldError("Id", f"{kind_of(identity)} {_shown(identity)} where a string must stand")
    version = record.get(table.version_column)
    found = Inspected(identity, version if isinstance(version, str) else None)
    _object(record, table.columns, "", found)
    return found


def parse(line: bytes) -> dict[str, Any]:
    """The record, its numbers still as text. Raises FieldError on anything but one JSON object."""
    try:
        record = json.loads(
            line.decode(),
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_repeated_names,
        )
    except UnicodeDecodeError as error:
        raise FieldError(None, f"not UTF-8 at byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise FieldError(None, f"malformed JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:  # Python's own limit, near 1,000
        raise FieldError(None, "nested too deeply to be read") from None
    if not isinstance(record, dict):
        raise FieldError(None, f"{kind_of(record)} where one JSON object must stand")
    if b"\\u" in line:
        _refuse_lone_surrogates(record)
    return record


def is_number(value: Any) -> bool:
    """Whether a parsed value is a number: its text."""
    return isinstance(value, _Number)


def kind_of(value: Any) -> str:
    """What a parsed value is, in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, _Number):
        return "number"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "object"


def _decimal_of(text: str) -> Decimal:
    """The number in all its digits; one with an exponent beyond Python's own is infinite."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(repr(float(text)))


def _object(value: dict[str, Any], columns: tuple[Column, ...], at: str, found: Inspected) -> None:
    known = {column.name: column for column in columns}
    for name, inner in value.items():
        column = known.get(name)
        if column is None:
            found.unknown.append((_INDEX.sub("", at + name), kind_of(inner)))
        elif inner is not None and not column.deprecated:
            try:
                for item, path in _items(column, inner, at + name):
                    _single(column, item, path, found)
            except FieldError as error:
                raise error.withheld() if has_personal(column) else error from None


def _items(column: Column, value: Any, path: str) -> Iterator[tuple[Any, str]]:
    if not column.is_list:
        yield value, path
    elif not isinstance(value, list):
        raise FieldError(path, f"{kind_of(value)} where a list must stand")
    else:
        yield from ((item, f"{path}[{index}]") for index, item in enumerate(value) if item is not None)


_EXPECTED = {
    Kind.STRING: "string",
    Kind.ENUM: "string",
    Kind.UTC: "string",
    Kind.DATE: "string",
    Kind.INTEGER: "number",
    Kind.NUMBER: "number",
    Kind.DECIMAL: "number",
    Kind.BOOLEAN: "boolean",
    Kind.OBJECT: "object",
}


def _single(column: Column, value: Any, path: str, found: Inspected) -> None:
    if column.kind is Kind.JSON:
        _free_form(value, path, found)
        return
    if (kind := kind_of(value)) != (expected := _EXPECTED[column.kind]):
        problem = f"{kind} {_shown(value)} where {_named(column.kind.value, expected)} must stand"
        raise FieldError(path, problem, _shown(value))
    if column.kind is Kind.OBJECT:
        _object(value, column.columns, f"{path}.", found)
    elif column.kind is Kind.INTEGER:
        number = _decimal_of(value)
        # Compared before it is made an int: 1e999999999 is one line of text and a gigabyte of digits.
        if not -(2**63) <= number < 2**63 or number != number.to_integral_value():
            raise FieldError(
                path, f"{_shown(value)} where a whole number of at most 64 bits must stand", _shown(value)
            )
        if not value.removeprefix("-").isdigit() and Decimal(float(value)) != number:
            raise FieldError(
                path, f"{_shown(value)} is read as a double, which has not all of its digits", _shown(value)
            )
    elif column.kind is Kind.NUMBER and not fits_double(value):
        if isinf(float(value)):
            raise FieldError(path, f"{_shown(value)} is beyond the range of a double", _shown(value))
        found.inexact[path] = str(value)
    elif column.kind is Kind.DECIMAL:
        _decimal(value, path, found)
    elif column.kind in (Kind.UTC, Kind.DATE):
        _instant(value, path, column)


def _named(kind: str, expected: str) -> str:
    """A kind of column with its article, and what it is in JSON where that has another name."""
    article = "an" if kind[0] in "aeio" else "a"
    return f"{article} {kind}" + ("" if kind == expected else f" ({expected})")


def _free_form(value: Any, path: str, found: Inspected) -> None:
    """Anything goes; but its numbers are rewritten by way of a double too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _free_form(inner, f"{path}.{name}", found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _free_form(inner, f"{path}[{index}]", found)
    elif isinstance(value, _Number) and not fits_double(value):
        found.inexact[path] = str(value)


def _decimal(text: str, path: str, found: Inspected) -> None:
    mantissa, _, exponent = text.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")  # zeros at the end carry nothing
    digits = (whole + fraction).lstrip("0")
    places = len(fraction) - int(exponent or 0)
    if digits and (places > 18 or len(digits) - places > 20):
        raise FieldError(
            path,
            f"{_shown(text)} needs more than the 20 digits and 18 places of a decimal(38, 18)",
            _shown(text),
        )
    if not fits_double(text):
        found.inexact[path] = str(text)


def _instant(text: str, path: str, column: Column) -> None:
    try:
        from_api(text)
    except ValueError:
        what = "an instant" if column.kind is Kind.UTC else "a day"
        raise FieldError(path, f"{_shown(text)} where {what} must stand", _shown(text)) from None


def _shown(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, _Number) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _refuse_lone_surrogates(record: dict[str, Any]) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise FieldError(
            None, "half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        ) from None


def _refuse_constant(name: str) -> None:
    raise FieldError(None, f"{name} is no JSON number")


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise FieldError(repeated, "the name stands twice in one object")
    return record
