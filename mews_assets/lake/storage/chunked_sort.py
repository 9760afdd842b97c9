"""Sorting any number of rows of any length in bounded memory: an external merge sort over Arrow.

Lives here: sorted runs on disk, and merging them. The bound is in bytes: DuckDB's sort holds whole records, does not
spill nested values, and ran out of memory on 40,000 payments of 9 kB. Not here: which rows and which order
(`changes.partition_writer`, `current.latest_rows`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

_BATCH_ROWS = 16_384
_BATCH_BYTES = 4 << 20
"""Of a batch that is yielded, unless a single row is longer."""
_RUNS_AT_ONCE = 16
"""Merged in one pass; more runs take a second pass, which writes all rows again. One batch of each is in memory."""

Order: TypeAlias = tuple[tuple[str, str], ...]
"""Columns, the most significant first, each `ascending` or `descending`. Nulls come last."""


_SORTED_PART = 8
"""The part of the memory that is sorted at a time: sorting needs three times as much."""
_SORTED_AT_MOST = 512 << 20
"""Bytes. A column of text holds 2 GiB."""


@dataclass(frozen=True)
class SortSpace:
    """A folder for sorted runs, and the bytes of memory to use."""

    folder: Path
    memory: int

    @property
    def sorted_bytes(self) -> int:
        """Bytes that are sorted in memory at a time."""
        return min(self.memory // _SORTED_PART, _SORTED_AT_MOST)

    @property
    def batch_bytes(self) -> int:
        """Bytes of each run that are in memory while runs are merged."""
        return min(self.sorted_bytes // _RUNS_AT_ONCE, _BATCH_BYTES)


def sorted_batches(
    rows: Iterable[pa.RecordBatch], order: Order, space: SortSpace
) -> Iterator[pa.RecordBatch]:
    """The rows in order; equal rows come in any order. Only rows that do not fit into memory are written to disk."""
    unsorted: list[pa.RecordBatch] = []
    size = 0
    runs: list[_Run] = []
    for batch in rows:
        unsorted.append(batch)
        size += batch.nbytes
        if size >= space.sorted_bytes:
            runs.append(_write_run(_sorted(unsorted, order, space.batch_bytes), space))
            size = 0
    if not runs:
        yield from _sorted(unsorted, order, space.batch_bytes)
        return
    if unsorted:
        runs.append(_write_run(_sorted(unsorted, order, space.batch_bytes), space))
    while len(runs) > (at_once := max(2, space.sorted_bytes // max(run.largest_batch for run in runs))):
        runs = [*runs[at_once:], _write_run(_merged(runs[:at_once], order, space.batch_bytes), space)]
    yield from _merged(runs, order, space.batch_bytes)


def _sorted(batches: list[pa.RecordBatch], order: Order, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    # Combined first: `take` on many chunks would combine them again for every batch.
    rows = pa.Table.from_batches(batches).combine_chunks()
    batches.clear()
    order_of_rows = pc.sort_indices(rows.select([name for name, _ in order]), sort_keys=list(order))
    at_once = _rows_at_once(rows, batch_bytes)
    for start in range(0, rows.num_rows, at_once):
        yield from rows.take(order_of_rows.slice(start, at_once)).combine_chunks().to_batches()


def _rows_at_once(rows: pa.Table, batch_bytes: int) -> int:
    """The rows that fit into a batch on average: long rows can be anywhere in it."""
    return int(max(1, min(_BATCH_ROWS, rows.num_rows * batch_bytes // max(1, rows.nbytes))))


@dataclass(frozen=True)
class _Run:
    """A file of sorted rows, removed once it is read."""

    path: Path
    largest_batch: int

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                if batch.num_rows:
                    yield batch
        self.path.unlink()


def _write_run(batches: Iterator[pa.RecordBatch], space: SortSpace) -> _Run:
    path = space.folder / f"run-{uuid.uuid4().hex}.arrow"
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    first = next(batches)
    largest = first.nbytes
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_stream(sink, first.schema, options=options) as writer,
    ):
        writer.write_batch(first)
        for batch in batches:
            largest = max(largest, batch.nbytes)
            writer.write_batch(batch)
    return _Run(path, max(1, largest))


def _merged(runs: list[_Run], order: Order, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of all runs in order. One batch of each run is in memory."""
    heads = [_Head(run, order) for run in runs]
    while lasts := [head.last for head in heads if head.last is not None]:
        upto = min(lasts)
        cuts = [cut for head in heads if (cut := head.cut(upto)) is not None]
        yield from _sorted(cuts, order, batch_bytes)


class _Head:
    """A run being read: its current batch, and the sort key of the last row of that batch."""

    def __init__(self, run: _Run, order: Order) -> None:
        self._batches, self._order = run.batches(), order
        self._rows = next(self._batches)
        self.last: _SortKey | None = _sort_key(self._rows, -1, order)

    def cut(self, upto: _SortKey) -> pa.RecordBatch | None:
        """The rows of the current batch up to and including a sort key; they are not returned again."""
        if self.last is None:
            return None
        rows = self._rows
        count = self._count_upto(upto)
        if count < rows.num_rows:
            self._rows = rows.slice(count)
        elif (following := next(self._batches, None)) is not None:
            self._rows, self.last = following, _sort_key(following, -1, self._order)
        else:
            self.last = None
        return rows.slice(0, count) if count else None

    def _count_upto(self, upto: _SortKey) -> int:
        assert self.last is not None
        if not upto < self.last:
            return int(self._rows.num_rows)
        low, high = 0, self._rows.num_rows
        while low < high:
            middle = (low + high) // 2
            if upto < _sort_key(self._rows, middle, self._order):
                high = middle
            else:
                low = middle + 1
        return low


_SortKey: TypeAlias = tuple[tuple[bool, Any], ...]


class _Descending:
    """A value that sorts before lower values."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]


def _sort_key(rows: pa.RecordBatch, row: int, order: Order) -> _SortKey:
    """The sort key of a row: comparing keys as tuples compares rows."""
    row %= rows.num_rows
    key = []
    for name, direction in order:
        scalar = rows.column(name)[row]
        # Instants as numbers: Python has no infinite instant, as DuckDB has.
        value = scalar.value if pa.types.is_temporal(scalar.type) else scalar.as_py()
        key.append((value is None, _Descending(value) if direction == "descending" else value))
    return tuple(key)
