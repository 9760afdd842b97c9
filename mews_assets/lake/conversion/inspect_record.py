"""The slow check of one record, field by field, for lines that the fast scan does not pass.

Lives here: pure functions from the bytes of one line to its error, its unknown fields, its numbers that a double cannot
hold, and the line as DuckDB must be given it. Not here: parsing a line (`parse_record`), files and blocks
(`check_file`).

No error repeats a value: errors are logged, stored and sent, and a value may be a guest's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from math import isinf
from typing import Any

from mews_assets.catalog.model import Column, Kind, RecordType
from mews_assets.lake.conversion.exact_numbers import fits_double
from mews_assets.lake.conversion.line_schema import DAY, INSTANT
from mews_assets.lake.conversion.parse_record import (
    BOM,
    FieldError,
    Number,
    kind_of,
    parse,
    to_json,
    with_article,
)
from mews_assets.windows import from_api, to_api

_INDEX = re.compile(r"\[\d+\]")
_READ_BY_DUCKDB = {Kind.UTC: re.compile(INSTANT, re.ASCII), Kind.DATE: re.compile(DAY, re.ASCII)}


@dataclass
class InspectedRecord:
    """The findings in one record."""

    unknown: list[tuple[str, str]] = field(default_factory=list)
    """Path and JSON type of each field that the catalog does not know."""
    inexact: dict[str, str] = field(default_factory=dict)
    """Path and text of each number that a double cannot hold."""
    empty: list[str] = field(default_factory=list)
    """Path of each date or instant that is an empty text: it becomes null."""
    mended: bytes | None = None
    """The line as DuckDB must be given it, where DuckDB would refuse or misread the original."""


def inspect(line: bytes, table: RecordType) -> InspectedRecord:
    """Check every field of one record. Raises FieldError naming the first that is wrong."""
    try:
        return _inspected(line, table)
    except RecursionError:  # Python's own limit, near 1,000
        raise FieldError(None, "nested too deeply to be read") from None


def _inspected(line: bytes, table: RecordType) -> InspectedRecord:
    record = parse(line, _names(table))
    _check_key(record, table.key[0])
    found = InspectedRecord()
    if _check_object(record, table.columns, "", found) or line.startswith(BOM):
        kept = (column.name for column in table.kept_columns if column.name in record)
        found.mended = to_json({name: record[name] for name in kept}).encode()
    return found


def _check_key(record: dict[str, Any], path: str) -> None:
    """Raise FieldError unless there is a text at the path, by which the record is known."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or value == "":
        raise FieldError(path, f"a record without an {path} cannot be distinguished from others")
    if kind_of(value) != "string":
        raise FieldError(path, f"{with_article(kind_of(value))} where a string must stand")


@cache
def _names(table: RecordType) -> frozenset[str]:
    """The names of the table's columns, nested ones too."""

    def below(columns: tuple[Column, ...]) -> Iterator[str]:
        for column in columns:
            yield column.name
            yield from below(column.columns)

    return frozenset(below(table.columns))


def _decimal_of(text: str) -> Decimal:
    """The number with all its digits; infinite where the exponent is beyond Python's Decimal."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(repr(float(text)))


def _check_object(
    value: dict[str, Any], columns: tuple[Column, ...], at: str, found: InspectedRecord
) -> bool:
    """Check the fields of an object, and replace values that DuckDB would misread. Returns whether any was replaced."""
    known = {column.name: column for column in columns}
    is_mended = False
    for name, inner in value.items():
        column = known.get(name)
        if column is None:
            found.unknown.append((_INDEX.sub("", at + name), kind_of(inner)))
        elif inner is not None and not column.deprecated:
            path = at + name
            if not column.is_list:
                value[name], is_odd = _value(column, inner, path, found)
                is_mended |= is_odd
            elif isinstance(inner, list):
                for index, item in enumerate(inner):
                    if item is not None:
                        inner[index], is_odd = _value(column, item, f"{path}[{index}]", found)
                        is_mended |= is_odd
            else:
                raise FieldError(path, f"{with_article(kind_of(inner))} where a list must stand")
    return is_mended


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


def _value(column: Column, value: Any, path: str, found: InspectedRecord) -> tuple[Any, bool]:
    """The value as DuckDB must be given it, and whether that differs from the original."""
    if column.kind is Kind.JSON:
        _free_form(value, path, found)
        return value, False
    if (kind := kind_of(value)) != (expected := _EXPECTED[column.kind]):
        raise FieldError(path, f"{with_article(kind)} where {_named(column.kind.value, expected)} must stand")
    if column.kind is Kind.OBJECT:
        return value, _check_object(value, column.columns, f"{path}.", found)
    if column.kind is Kind.INTEGER:
        _integer(value, path)
    elif column.kind is Kind.NUMBER and not fits_double(value):
        if isinf(float(value)):
            raise FieldError(path, "a number beyond the range of a double")
        found.inexact[path] = str(value)
    elif column.kind is Kind.DECIMAL:
        return _decimal(value, path, found)
    elif column.kind in (Kind.UTC, Kind.DATE):
        return _stamp(column, value, path, found)
    return value, False


def _named(kind: str, expected: str) -> str:
    """A kind of column with its article, and its JSON type where that has another name."""
    return with_article(kind) + ("" if kind == expected else f" ({expected})")


def _free_form(value: Any, path: str, found: InspectedRecord) -> None:
    """Collect the long numbers of a free-form value: DuckDB reads them as doubles too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _free_form(inner, f"{path}.{name}", found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _free_form(inner, f"{path}[{index}]", found)
    elif isinstance(value, Number) and not fits_double(value):
        found.inexact[path] = str(value)


def _integer(text: str, path: str) -> None:
    number = _decimal_of(text)
    # Compared before the conversion to int: 1e999999999 would be a gigabyte of digits.
    is_whole = (
        number == number.to_integral_value() if number else fits_double(text)
    )  # 1e-999999999 is no zero
    if not -(2**63) <= number < 2**63 or not is_whole:
        raise FieldError(path, "a number that is no whole number of at most 64 bits")
    if not text.removeprefix("-").isdigit() and Decimal(float(text)) != number:
        raise FieldError(path, "a number that is read as a double, which has not all of its digits")


def _exponent(text: str) -> int:
    """The exponent, from its first nine digits: Python refuses to parse thousands, and no decimal has as many
    places."""
    shift = int(text.lstrip("+-").lstrip("0")[:9] or 0)
    return -shift if text.startswith("-") else shift


def _decimal(text: str, path: str, found: InspectedRecord) -> tuple[str, bool]:
    mantissa, _, exponent = text.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")  # trailing zeros do not count
    digits = (whole + fraction).lstrip("0")
    places = len(fraction) - _exponent(exponent)
    if digits and (places > 18 or len(digits) - places > 20):
        raise FieldError(path, "a number of more than the 20 digits and 18 places of a decimal(38, 18)")
    if not fits_double(text):
        found.inexact[path] = str(text)
    if abs(float(text)) >= 1e20:  # DuckDB reads it as a double, which rounds it beyond the limit
        return f"{Decimal(text):f}", True
    return text, False


def _stamp(column: Column, text: str, path: str, found: InspectedRecord) -> tuple[str | None, bool]:
    """A date or an instant: DuckDB reads fewer forms than are clear."""
    if text == "":
        found.empty.append(_INDEX.sub("", path))
        return None, True
    try:
        instant = from_api(text)
    except ValueError:
        form = "instant such as 2023-03-22T12:12:00Z" if column.kind is Kind.UTC else "day such as 2023-03-22"
        raise FieldError(path, f"a text that is no {form}") from None
    if _READ_BY_DUCKDB[column.kind].fullmatch(text):
        return text, False
    return to_api(instant) if column.kind is Kind.UTC else text.strip()[:10], True
