"""Rows put in order, however many and however long, in bounded memory: an external merge sort over Arrow.

Lives here: sorted runs on disk, and merging them. What is bounded is bytes: a sort by DuckDB holds whole records, does
not spill what is nested in them, and ended 40,000 payments of 9 kB for want of memory. Not here: which rows and which
order (`partition_files`, `history`).
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
"""Of a batch that is handed on, unless one row alone is longer."""
_RUNS_AT_ONCE = 16
"""Put together in one pass; more take a second one, which writes all of it again. A batch of each is in memory."""

Order: TypeAlias = tuple[tuple[str, str], ...]
"""Columns, the most telling first, each `ascending` or `descending`. Nulls come last."""


_SORTED_PART = 8
"""Of the memory there is, sorted at a time: it is held three times over while it is put in order."""
_SORTED_AT_MOST = 512 << 20
"""Bytes. A column of text holds 2 GiB."""


@dataclass(frozen=True)
class Room:
    """Where rows are set down, and the bytes of memory there are."""

    folder: Path
    memory: int

    @property
    def sorted_bytes(self) -> int:
        """How much is held in memory to be sorted."""
        return min(self.memory // _SORTED_PART, _SORTED_AT_MOST)

    @property
    def batch_bytes(self) -> int:
        """How much of a run is held while runs are put together."""
        return min(self.sorted_bytes // _RUNS_AT_ONCE, _BATCH_BYTES)


def sorted_batches(rows: Iterable[pa.RecordBatch], order: Order, room: Room) -> Iterator[pa.RecordBatch]:
    """The rows in order; those that compare equal may come in any. Only what does not fit is set down on disk."""
    held: list[pa.RecordBatch] = []
    size = 0
    runs: list[_Run] = []
    for batch in rows:
        held.append(batch)
        size += batch.nbytes
        if size >= room.sorted_bytes:
            runs.append(_set_down(_sorted(held, order, room.batch_bytes), room))
            size = 0
    if not runs:
        yield from _sorted(held, order, room.batch_bytes)
        return
    if held:
        runs.append(_set_down(_sorted(held, order, room.batch_bytes), room))
    while len(runs) > (at_once := max(2, room.sorted_bytes // max(run.largest_batch for run in runs))):
        runs = [*runs[at_once:], _set_down(_merged(runs[:at_once], order, room.batch_bytes), room)]
    yield from _merged(runs, order, room.batch_bytes)


def _sorted(batches: list[pa.RecordBatch], order: Order, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    # Put together first: taking from many chunks would put them together anew for every batch.
    rows = pa.Table.from_batches(batches).combine_chunks()
    batches.clear()
    places = pc.sort_indices(rows.select([name for name, _ in order]), sort_keys=list(order))
    at_once = _rows_at_once(rows, batch_bytes)
    for start in range(0, rows.num_rows, at_once):
        yield from rows.take(places.slice(start, at_once)).combine_chunks().to_batches()


def _rows_at_once(rows: pa.Table, batch_bytes: int) -> int:
    """As many as fit into a batch on average: taken row by row, long ones of a batch can be anywhere."""
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


def _set_down(batches: Iterator[pa.RecordBatch], room: Room) -> _Run:
    path = room.folder / f"run-{uuid.uuid4().hex}.arrow"
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
    """The rows of all runs in order. What of each run is in memory is one batch."""
    heads = [_Head(run, order) for run in runs]
    while lasts := [head.last for head in heads if head.last is not None]:
        upto = min(lasts)
        cuts = [cut for head in heads if (cut := head.cut(upto)) is not None]
        yield from _sorted(cuts, order, batch_bytes)


class _Head:
    """A run being read: its batch at hand, and where that ends in the order."""

    def __init__(self, run: _Run, order: Order) -> None:
        self._batches, self._order = run.batches(), order
        self._rows = next(self._batches)
        self.last: _Place | None = _place(self._rows, -1, order)

    def cut(self, upto: _Place) -> pa.RecordBatch | None:
        """The rows at hand up to a place in the order, that place among them; they are not given again."""
        if self.last is None:
            return None
        rows = self._rows
        count = self._count_upto(upto)
        if count < rows.num_rows:
            self._rows = rows.slice(count)
        elif (following := next(self._batches, None)) is not None:
            self._rows, self.last = following, _place(following, -1, self._order)
        else:
            self.last = None
        return rows.slice(0, count) if count else None

    def _count_upto(self, upto: _Place) -> int:
        assert self.last is not None
        if not upto < self.last:
            return int(self._rows.num_rows)
        low, high = 0, self._rows.num_rows
        while low < high:
            middle = (low + high) // 2
            if upto < _place(self._rows, middle, self._order):
                high = middle
            else:
                low = middle + 1
        return low


_Place: TypeAlias = tuple[tuple[bool, Any], ...]


class _Descending:
    """A value that comes before lower ones."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]


def _place(rows: pa.RecordBatch, row: int, order: Order) -> _Place:
    """Where a row stands in the order, as tuples compare."""
    row %= rows.num_rows
    found = []
    for name, way in order:
        scalar = rows.column(name)[row]
        # Instants by their number: DuckDB's infinity is beyond Python's own.
        value = scalar.value if pa.types.is_temporal(scalar.type) else scalar.as_py()
        found.append((value is None, _Descending(value) if way == "descending" else value))
    return tuple(found)
