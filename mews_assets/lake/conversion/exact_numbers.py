"""Numbers that a double cannot hold, with all their digits: from records to a file, and from it into rows.

Lives here: which numbers these are, finding them in an otherwise valid record, and the file that keeps them between the
check of a conversion and its rows. A row is identified by its number among all records of the conversion.
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

from mews_assets.catalog.model import Column, Kind, RecordType

_ENTRIES_HELD = 4096
"""Entries in memory before they are written to disk: in some files every row has such numbers."""
_SCHEMA = pa.schema([("row", pa.int64()), ("numbers", pa.map_(pa.string(), pa.string()))])
_PLACES = Decimal(1).scaleb(-18)
_DIGITS = Context(prec=60)
"""More than a decimal(38, 18) has, which is the most that the check passes."""

_Pairs = list[tuple[str, str]]


def fits_double(text: str) -> bool:
    """Whether a double keeps every digit of the number."""
    try:
        return Decimal(text) == Decimal(repr(float(text)))
    except InvalidOperation:  # an exponent beyond Python's Decimal: as a double it is 0 or infinite
        return not text.lower().partition("e")[0].strip("-0.")


class _Long(str):
    """A number that a double cannot hold, as it was written."""

    __slots__ = ()


NumberPaths: TypeAlias = "dict[str, NumberPaths | None]"
"""Field names on the way to numbers. None marks a number itself, and a free-form value."""


def number_paths(columns: tuple[Column, ...]) -> NumberPaths:
    """The fields of a record that may hold numbers beyond a double."""
    paths: NumberPaths = {}
    for column in columns:
        if column.deprecated:
            continue
        if column.kind in (Kind.NUMBER, Kind.DECIMAL, Kind.JSON):
            paths[column.name] = None
        elif below := number_paths(column.columns):
            paths[column.name] = below
    return paths


def long_numbers(line: bytes, paths: NumberPaths) -> dict[str, str]:
    """The numbers of a valid record that a double cannot hold, as text by path. Takes a fifth of the time of `inspect`.

    Raises ValueError on malformed JSON, and on a number beyond a double's range.
    """
    record = json.loads(line, parse_int=_only_long, parse_float=_only_long)
    found: dict[str, str] = {}
    _collect(record, paths, "", found)
    return found


def _only_long(text: str) -> _Long | None:
    if (len(text) <= 15 and "e" not in text and "E" not in text) or fits_double(text):
        return None
    if isinf(float(text)):
        raise ValueError
    return _Long(text)


def _collect(value: Any, paths: NumberPaths | None, path: str, found: dict[str, str]) -> None:
    if isinstance(value, _Long):
        found[path] = str(value)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if inner is not None:
                _collect(inner, paths, f"{path}[{index}]", found)
    elif isinstance(value, dict):
        for name in value if paths is None else paths:
            inner = value.get(name)
            if inner is not None:
                below = None if paths is None else paths[name]
                _collect(inner, below, f"{path}.{name}" if path else name, found)


class ExactNumbers:
    """The long numbers of one conversion, in the order of its rows: all are added before they are read."""

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
        """Add the numbers of one row as text, by path. Rows are added in their order."""
        self._held.append((row, list(numbers.items())))
        self.rows += 1
        if len(self._held) >= _ENTRIES_HELD:
            self._write_held()

    def restore(self, batches: Iterable[pa.RecordBatch], table: RecordType) -> Iterator[pa.RecordBatch]:
        """All rows from the first on, with their long numbers in `_exact_numbers` and in decimal columns."""
        decimals = {column.name: column.field_name for column in table.columns if column.kind is Kind.DECIMAL}
        entries = self._entries()
        entry = next(entries, None)
        first = 0
        for batch in batches:
            in_batch: dict[int, _Pairs] = {}
            while entry is not None and entry[0] < first + batch.num_rows:
                in_batch[entry[0] - first] = entry[1]
                entry = next(entries, None)
            first += batch.num_rows
            yield _with_numbers(batch, in_batch, decimals) if in_batch else batch

    def _entries(self) -> Iterator[tuple[int, _Pairs]]:
        """All entries from the first on: those on disk, then those in memory."""
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
    """`numbers` are by row of the batch; `decimals` are the decimal columns by Mews' name."""
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
