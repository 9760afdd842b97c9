"""One record looked at field by field: what the fast check in `lines` does not let through.

Lives here: pure functions from the bytes of one line to what is wrong with it, what is new in it, which of its
numbers a double cannot hold, and how it must be written for the parser to read it. Not here: files, blocks, speed.

What is said of a wrong value never repeats it: errors are logged, kept and sent, and a value may be a guest's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from math import isinf
from typing import Any

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.lake.conversion.exact_numbers import fits_double
from mews_assets.lake.conversion.line_schema import DAY, INSTANT
from mews_assets.windows import from_api, to_api

BOM = b"\xef\xbb\xbf"
"""What .NET puts before a file in UTF-8. The parser does not read it."""
_INDEX = re.compile(r"\[\d+\]")
_READ_AS_MEANT = {Kind.UTC: re.compile(INSTANT, re.ASCII), Kind.DATE: re.compile(DAY, re.ASCII)}


class FieldError(ValueError):
    """A field that cannot become a column's value, without the value."""

    def __init__(self, path: str | None, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}" if path else problem)


class _Verbatim(str):
    """JSON that stands as it is."""

    __slots__ = ()


class _Number(_Verbatim):
    """A number as it was written."""

    __slots__ = ()


@dataclass
class InspectedRecord:
    """What one record holds beyond the ordinary."""

    id: str
    version: str | None
    unknown: list[tuple[str, str]] = field(default_factory=list)
    """Path and kind of each field that the catalog does not know."""
    inexact: dict[str, str] = field(default_factory=dict)
    """Path and text of each number that a double cannot hold."""
    empty: list[str] = field(default_factory=list)
    """Path of each date or instant that is an empty text: it becomes a null."""
    mended: bytes | None = None
    """The line as the parser must be given it, where it would not read the original, or read it otherwise."""


def inspect(line: bytes, table: Table) -> InspectedRecord:
    """Look at every field of one record. Raises FieldError naming the first that is wrong."""
    try:
        return _inspected(line, table)
    except RecursionError:  # Python's own limit, near 1,000
        raise FieldError(None, "nested too deeply to be read") from None


def _inspected(line: bytes, table: Table) -> InspectedRecord:
    record = parse(line, _names(table))
    identity = record.get("Id")
    if identity is None or identity == "":
        raise FieldError("Id", "a record without an Id cannot be told from others")
    if kind_of(identity) != "string":
        raise FieldError("Id", f"{_a(kind_of(identity))} where a string must stand")
    version = record.get(table.version_column)
    found = InspectedRecord(identity, version if isinstance(version, str) else None)
    if _object(record, table.columns, "", found) or line.startswith(BOM):
        kept = (column.name for column in table.kept_columns if column.name in record)
        found.mended = written({name: record[name] for name in kept}).encode()
    return found


def parse(line: bytes, names: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The record, its numbers still as text. Raises FieldError on anything but one JSON object.

    `names` are those that an error may repeat: any other may be a guest's own text.
    """
    try:
        record = json.loads(
            line.removeprefix(BOM).decode(),
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=partial(_refuse_repeated_names, names),
        )
    except UnicodeDecodeError as error:
        raise FieldError(None, f"not UTF-8 at byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise FieldError(None, f"malformed JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:  # Python's own limit, near 1,000
        raise FieldError(None, "nested too deeply to be read") from None
    if not isinstance(record, dict):
        raise FieldError(None, f"{_a(kind_of(record))} where one JSON object must stand")
    if b"\\u" in line:
        _refuse_lone_surrogates(record)
    return record


def written(value: Any) -> str:
    """A parsed value as JSON, as Mews writes it, however deep it is. Numbers stand as they came, digit by digit."""
    parts: list[str] = []
    ahead: list[Any] = [value]
    while ahead:
        one = ahead.pop()
        if isinstance(one, _Verbatim):
            parts.append(one)
        elif isinstance(one, dict):
            pieces: list[Any] = []
            for name, inner in one.items():
                pieces += [
                    _Verbatim(f"{',' if pieces else ''}{json.dumps(name, ensure_ascii=False)}:"),
                    inner,
                ]
            ahead += [_Verbatim("}"), *reversed(pieces), _Verbatim("{")]
        elif isinstance(one, list):
            pieces = []
            for inner in one:
                pieces += [_Verbatim(","), inner] if pieces else [inner]
            ahead += [_Verbatim("]"), *reversed(pieces), _Verbatim("[")]
        else:
            parts.append(json.dumps(one, ensure_ascii=False))
    return "".join(parts)


def is_blank(line: bytes) -> bool:
    """Whether a line holds no record. A file of nothing but a byte order mark has one such line."""
    return not line.removeprefix(BOM).strip(b" \t\r\n")


@cache
def _names(table: Table) -> frozenset[str]:
    """Every name of the table's columns, at whatever depth."""

    def below(columns: tuple[Column, ...]) -> Iterator[str]:
        for column in columns:
            yield column.name
            yield from below(column.columns)

    return frozenset(below(table.columns))


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


def _object(value: dict[str, Any], columns: tuple[Column, ...], at: str, found: InspectedRecord) -> bool:
    """Look at the fields of an object, and put in place what the parser must be given. Whether there was any."""
    known = {column.name: column for column in columns}
    is_mended = False
    for name, inner in value.items():
        column = known.get(name)
        if column is None:
            found.unknown.append((_INDEX.sub("", at + name), kind_of(inner)))
        elif inner is not None and not column.deprecated:
            path = at + name
            if not column.is_list:
                value[name], is_odd = _single(column, inner, path, found)
                is_mended |= is_odd
            elif isinstance(inner, list):
                for index, item in enumerate(inner):
                    if item is not None:
                        inner[index], is_odd = _single(column, item, f"{path}[{index}]", found)
                        is_mended |= is_odd
            else:
                raise FieldError(path, f"{_a(kind_of(inner))} where a list must stand")
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


def _single(column: Column, value: Any, path: str, found: InspectedRecord) -> tuple[Any, bool]:
    """The value as the parser must be given it, and whether that differs from how it came."""
    if column.kind is Kind.JSON:
        _free_form(value, path, found)
        return value, False
    if (kind := kind_of(value)) != (expected := _EXPECTED[column.kind]):
        raise FieldError(path, f"{_a(kind)} where {_named(column.kind.value, expected)} must stand")
    if column.kind is Kind.OBJECT:
        return value, _object(value, column.columns, f"{path}.", found)
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
    """A kind of column with its article, and what it is in JSON where that has another name."""
    return _a(kind) + ("" if kind == expected else f" ({expected})")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _free_form(value: Any, path: str, found: InspectedRecord) -> None:
    """Anything goes; but its numbers are rewritten by way of a double too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _free_form(inner, f"{path}.{name}", found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _free_form(inner, f"{path}[{index}]", found)
    elif isinstance(value, _Number) and not fits_double(value):
        found.inexact[path] = str(value)


def _integer(text: str, path: str) -> None:
    number = _decimal_of(text)
    # Compared before it is made an int: 1e999999999 is one line of text and a gigabyte of digits.
    is_whole = (
        number == number.to_integral_value() if number else fits_double(text)
    )  # 1e-999999999 is no zero
    if not -(2**63) <= number < 2**63 or not is_whole:
        raise FieldError(path, "a number that is no whole number of at most 64 bits")
    if not text.removeprefix("-").isdigit() and Decimal(float(text)) != number:
        raise FieldError(path, "a number that is read as a double, which has not all of its digits")


def _exponent(text: str) -> int:
    """At most nine digits of it: Python makes no int of thousands, and no decimal has room for so many places."""
    shift = int(text.lstrip("+-").lstrip("0")[:9] or 0)
    return -shift if text.startswith("-") else shift


def _decimal(text: str, path: str, found: InspectedRecord) -> tuple[str, bool]:
    mantissa, _, exponent = text.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")  # zeros at the end carry nothing
    digits = (whole + fraction).lstrip("0")
    places = len(fraction) - _exponent(exponent)
    if digits and (places > 18 or len(digits) - places > 20):
        raise FieldError(path, "a number of more than the 20 digits and 18 places of a decimal(38, 18)")
    if not fits_double(text):
        found.inexact[path] = str(text)
    if abs(float(text)) >= 1e20:  # rounded beyond the limit: the parser takes numbers by way of a double
        return f"{Decimal(text):f}", True
    return text, False


def _stamp(column: Column, text: str, path: str, found: InspectedRecord) -> tuple[str | None, bool]:
    """A date or an instant: the parser reads fewer forms than are plain."""
    if text == "":
        found.empty.append(_INDEX.sub("", path))
        return None, True
    try:
        instant = from_api(text)
    except ValueError:
        form = "instant such as 2023-03-22T12:12:00Z" if column.kind is Kind.UTC else "day such as 2023-03-22"
        raise FieldError(path, f"a text that is no {form}") from None
    if _READ_AS_MEANT[column.kind].fullmatch(text):
        return text, False
    return to_api(instant) if column.kind is Kind.UTC else text.strip()[:10], True


def _refuse_lone_surrogates(record: dict[str, Any]) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise FieldError(
            None, "half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        ) from None


def _refuse_constant(name: str) -> None:
    raise FieldError(None, f"{name} is no JSON number")


def _refuse_repeated_names(known: frozenset[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise FieldError(repeated if repeated in known else None, "a name stands twice in one object")
    return record
