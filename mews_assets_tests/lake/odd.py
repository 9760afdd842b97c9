"""Records with values spelt in every odd way that JSON allows, and some that it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from mews_assets.catalog.model import Column, Kind, Table, kept
from mews_assets_tests.lake.made import full_record


class Raw(str):
    """JSON text that stands in a line as it is."""

    __slots__ = ()


def odd_line(value: Any) -> bytes:
    """One line of JSON, without its line end."""
    return _text(value).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{_text(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def leaves(
    columns: tuple[Column, ...], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Column]]:
    """Every kept column that holds values, with the names that lead to it."""
    for column in kept(columns):
        path = (*above, column.name)
        if column.kind is Kind.OBJECT:
            yield from leaves(column.columns, path)
        else:
            yield path, column


def with_value(table: Table, path: tuple[str, ...], value: Any, number: int = 1) -> dict[str, Any]:
    """A full record but for its deprecated fields, with a value at one place. In lists it stands first."""
    record = {
        name: inner
        for name, inner in full_record(table, number).items()
        if name in {column.name for column in table.kept_columns}
    }
    record = json.loads(json.dumps(record))  # items of a list are one object else
    place: Any = record
    for name in path[:-1]:
        place = place[name]
        place = place[0] if isinstance(place, list) else place
    there = place[path[-1]]
    place[path[-1]] = [value, *there[1:]] if isinstance(there, list) and path[-1] != "Id" else value
    return record


_SHORT = """
    0 -0 -0.0 0.0 1 -1 1e2 1E+2 1e-2 1.5 0.10000000000000000000000 00 01 1. .5 +1 1_000 NaN Infinity 0x10
    12345678901234567 99999999999999999999 -99999999999999999999 99999999999999999999e0 9e19 -1e19 1e20
    99999999999999999999.9 -99999999999999999999.9 99999999999999999999.999999999999999999
    -99999999999999999999.999999999999999999 9.999999999999999e19 9007199254740.995 -9007199254740.995
    1e-18 1e-19 1.5e-17 5e-324 1e308 1.7976931348623157e308 1e309 -1e400 1e-400 0e400 -0e99999
    0e99999999999999999999 1e99999999999999999999 1e-99999999999999999999 100000000000000000000000e-10
    0.000000000000000000000000000000000000001e30 1.0000000000000000000000000000000 5.0 5.7 -0.0e5 0.5e1
    18446744073709551616 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
    9223372036854775807.0 -9223372036854775808.0 9007199254740993 9007199254740993.0 1e18 9e18
"""
NUMBERS = [
    *_SHORT.split(),
    "9" * 300,
    "9" * 5000,
    "0." + "0" * 400 + "1",
    "1e" + "9" * 5000,
    "1e-" + "9" * 5000,
    "0e" + "9" * 5000,
    "1e" + "0" * 5000 + "1",
    "\uff11\uff12",
    "1\u0663",
]
odd_numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{12,15}\.[0-9]{1,4}", fullmatch=True),
)

_DAYS = [
    "2026-03-02", "2026-02-30", "2024-02-29", "1900-02-29", "0001-01-01", "9999-12-31", "0000-01-01", "10000-01-01",
    "-2026-01-01", "2026-3-2", "2026/03/02", "20260302", "2026-061", "2026-W10", "1582-10-10", "2026-03-02 (BC)",
    "\uff12\uff10\uff12\uff16-03-02", "2026-00-10", "2026-13-01", "0999-12-31", "epoch", "infinity", "today", "",
]  # fmt: skip
_TIMES = [
    "", "T00:00:00", "T24:00:00", "T23:59:60", "T10:00", "T10", "T10:00:00.1", "T10:00:00.123456789",
    "T10:00:00.1234567", "T10:00:00.1234567890", "T10:00:00,5", " 10:00:00", " 10:00", "t10:00:00", "T10:00:00.",
    "T1:00:00", "T23:59:59.999999999",
]  # fmt: skip
_ZONES = [
    "", "Z", "z", " Z", "+01:00", "+0100", "+01", "-14:00", "+14:00", "+15:00", "-15:59", "+23:59", "-23:59", "+24:00",
    "+00:60", "-00:00", " UTC", " Europe/Prague", "-0930",
]  # fmt: skip
_AROUND = ["", "", "", "", " ", "\t", "\n", "\x0b", "\x1f", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u2028"]
odd_stamps = st.builds(
    lambda before, day, time, zone, after: before + day + time + zone + after,
    st.sampled_from(_AROUND),
    st.sampled_from(_DAYS),
    st.sampled_from(_TIMES),
    st.sampled_from(_ZONES),
    st.sampled_from(_AROUND),
)
odd_texts = st.one_of(
    st.text(max_size=20).map(lambda text: Raw(json.dumps(text))),
    st.text(max_size=20),
    st.sampled_from(
        [r'"\u0000"', r'"\ud83d\ude00"', r'"\ud800"', r'"\udc00\ud800"', r'"\ud800\u0041"', r'"\x"', r'"\u12"',
         '"\x00"', '"\x7f"', '"\u2028"', r'"\/"', "'a'", '""', '"a\tb"', '"\ud800"']
    ).map(Raw),
)  # fmt: skip
_scalars = st.one_of(
    odd_numbers.map(Raw), odd_texts, odd_stamps, st.sampled_from([None, True, False, [], {}, [[]], [None]])
)
odd_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
deep_values = st.sampled_from(
    [Raw("[" * depth + "]" * depth) for depth in (3, 4, 5, 100, 300, 900)]
    + [Raw('{"a":' * depth + "1" + "}" * depth) for depth in (3, 4, 5, 100, 300)]
    + [Raw('{"a":1,"a":2}'), Raw("[1,]"), Raw("[1 2]"), Raw("[truefalse]"), Raw("[true1]"), Raw('["a""b"]')]
)


def values_for(column: Column) -> st.SearchStrategy[Any]:
    """Odd values, most of them of the column's kind."""
    own: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.UTC: odd_stamps,
        Kind.DATE: odd_stamps,
        Kind.INTEGER: odd_numbers.map(Raw),
        Kind.NUMBER: odd_numbers.map(Raw),
        Kind.DECIMAL: odd_numbers.map(Raw),
        Kind.STRING: odd_texts,
        Kind.ENUM: odd_texts,
        Kind.JSON: odd_values | deep_values,
    }
    likely = own.get(column.kind, odd_values)
    return st.one_of(likely, likely, likely, odd_values)
