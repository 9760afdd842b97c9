"""Numbers that a double cannot hold, with all their digits: found in records, kept on disk, put into rows.

Lives here: which numbers those are, finding them in a record that is good otherwise, and the file that keeps
them from the check of a conversion to its rows. A row is told by its place among all records of the conversion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal, InvalidOperation
from math import isinf
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import pyarrow as pa

from mews_assets.catalog.model import Column, Kind, Table

_ENTRIES_HELD = 4096
"""In memory before they are written. A file in which every row has such numbers must not fill it."""
_SCHEMA = pa.schema([("row", pa.int64()), ("numbers", pa.map_(pa.string(), pa.string()))])
_PLACES = Decimal(1).scaleb(-18)
_DIGITS = Context(prec=60)
"""More than a decimal(38, 18) has, and so than the check lets through."""

_Pairs = list[tuple[str, str]]


def fits_double(text: str) -> bool:
    """Whether a double gives back every digit of the number."""
    try:
        return Decimal(text) == Decimal(repr(float(text)))
    except (
        InvalidOperation
    ):  # an exponent beyond Python's own: nothing but zero is then what a double makes of it
        return not text.lower().partition("e")[0].strip("-0.")


class _Long(str):
    """Such a number, as it was written."""

    __slots__ = ()


NumberPaths: TypeAlias = "dict[str, NumberPaths | None]"
"""Names below which numbers stand: None is for the number itself, and for whatever of free form."""


def number_paths(columns: tuple[Column, ...]) -> NumberPaths:
    """Where a record may have numbers that a double need not hold."""
    places: NumberPaths = {}
    for column in columns:
        if column.deprecated:
            continue
        if column.kind in (Kind.NUMBER, Kind.DECIMAL, Kind.JSON):
            places[column.name] = None
        elif below := number_paths(column.columns):
            places[column.name] = below
    return places


def long_numbers(line: bytes, places: NumberPaths) -> dict[str, str]:
    """The numbers of a good record that a double cannot hold, as text by their place: a fifth of `inspect`'s time.

    Raises ValueError where the record is not good: on malformed JSON, and on a number beyond a double's range.
    """
    record = json.loads(line, parse_int=_only_long, parse_float=_only_long)
    found: dict[str, str] = {}
    _gather(record, places, "", found)
    return found


def _only_long(text: str) -> _Long | None:
    if (len(text) <= 15 and "e" not in text and "E" not in text) or fits_double(text):
        return None
    if isinf(float(text)):
        raise ValueError
    return _Long(text)


def _gather(value: Any, places: NumberPaths | None, path: str, found: dict[str, str]) -> None:
    if isinstance(value, _Long):
        found[path] = str(value)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if inner is not None:
                _gather(inner, places, f"{path}[{index}]", found)
    elif isinstance(value, dict):
        for name in value if places is None else places:
            inner = value.get(name)
            if inner is not None:
                below = None if places is None else places[name]
                _gather(inner, below, f"{path}.{name}" if path else name, found)


class ExactNumbers:
    """Those of one conversion, in the order of its rows. They are read once all are kept."""

    def __init__(self, file: Path) -> None:
        self.rows = 0
        self._file = file
        self._held: list[tuple[int, _Pairs]] = []
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def __enter__(self) -> ExactNumbers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, row: int, numbers: dict[str, str]) -> None:
        """Numbers of one row as text, by their place in the record; rows come in their order."""
        self._held.append((row, list(numbers.items())))
        self.rows += 1
        if len(self._held) >= _ENTRIES_HELD:
            self._write_held()

    def restore(self, batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
        """All rows from the first on, those with such numbers with them in `_exact_numbers` and in decimals."""
        decimals = {column.name: column.field_name for column in table.columns if column.kind is Kind.DECIMAL}
        entries = self._entries()
        entry = next(entries, None)
        first = 0
        for batch in batches:
            here: dict[int, _Pairs] = {}
            while entry is not None and entry[0] < first + batch.num_rows:
                here[entry[0] - first] = entry[1]
                entry = next(entries, None)
            first += batch.num_rows
            yield _with_numbers(batch, here, decimals) if here else batch

    def _entries(self) -> Iterator[tuple[int, _Pairs]]:
        """All from the first on, each time anew: what is held came after what was written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._file.exists():
            with self._file.open("rb") as source, pa.ipc.open_stream(source) as written:
                for batch in written:
                    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        yield from self._held

    def _write_held(self) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._file, _SCHEMA)
        rows_and_numbers = zip(*self._held, strict=True)
        columns = [
            pa.array(values, field.type) for values, field in zip(rows_and_numbers, _SCHEMA, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        self._held = []


def _with_numbers(
    batch: pa.RecordBatch, numbers: dict[int, _Pairs], decimals: dict[str, str]
) -> pa.RecordBatch:
    """`numbers` are by the row of the batch, `decimals` the columns of that kind by Mews' name for them."""
    column = [numbers.get(row) for row in range(batch.num_rows)]
    batch = _replaced(batch, "_exact_numbers", column)
    for name, field_name in decimals.items():
        changed = {row: text for row, pairs in numbers.items() for place, text in pairs if place == name}
        if changed:
            values = batch.column(field_name).to_pylist()
            for row, text in changed.items():
                values[row] = Decimal(text).quantize(_PLACES, context=_DIGITS)
            batch = _replaced(batch, field_name, values)
    return batch


def _replaced(batch: pa.RecordBatch, name: str, values: Sequence[object]) -> pa.RecordBatch:
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(at), pa.array(values, batch.schema.field(at).type))
