"""Partition files written from one ordered pass over the rows of many partitions.

Lives here: cutting a sorted run of rows at partition ends, choosing one row of each version, and writing each
partition's Parquet file aside. Not here: where the rows come from and where the files go (`changes`).

Of a version that came more than once the content captured last is written, with the capture that saw this content
first; so a row that only came again leaves the partition as it was. A version whose content changed under the same
stamp is counted as restated: Mews changed the record and did not say so.

One pass writes thousands of small files because Arrow's writer costs a few milliseconds a file, where the
engine's own costs forty.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Generic, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import OWN_COLUMNS, arrow_schema
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.changes.assign_partitions import IS_NEW, IS_WHOLE, LINE, PARTITION_NUMBER
from mews_assets.lake.storage.chunked_sort import Room, sorted_batches
from mews_assets.lake.storage.compare_rows import Mask, differing
from mews_assets.lake.storage.parquet import (
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    cast_batch,
    open_batches,
    open_writer,
    plain,
)

_BATCH_ROWS = 16_384
_NO_CONTENT = {one.name for one in OWN_COLUMNS} - {"_exact_numbers"}
"""Columns that say how a row came, not what Mews said."""
RESTATED_SHOWN = 5
"""Versions named of those that were restated in one partition."""
Name = TypeVar("Name", bound=Hashable)
"""What a partition is called by whoever writes it."""


@dataclass
class Restated:
    """Versions of one partition that came with other content than before, under the same id and stamp."""

    count: int = 0
    shown: list[tuple[str, object]] = field(default_factory=list)
    """Id and version of the first few."""


class PartitionWriter(Generic[Name]):
    """The files of some partitions, by their position in the list; written once, in order."""

    def __init__(self, table: Table, partitions: list[Name], folder: Path) -> None:
        folder.mkdir()
        self._schema = plain(arrow_schema(table))
        self._version = snake_case(table.version_column)
        self._content = [name for name in self._schema.names if name not in _NO_CONTENT]
        self.paths = {one: folder / f"{number:06}.parquet" for number, one in enumerate(partitions)}
        self._partitions = partitions
        self._number = {one: number for number, one in enumerate(partitions)}
        self._rows = {True: np.zeros(len(partitions), np.int64), False: np.zeros(len(partitions), np.int64)}
        self._restated: dict[int, Restated] = {}
        self._overtaken: set[int] = set()

    def rows_arrived(self, partition: Name) -> int:
        """Rows that came for the partition, repeats among them."""
        return int(self._rows[True][self._number[partition]])

    def rows_before(self, partition: Name) -> int:
        """Rows that the partition held before."""
        return int(self._rows[False][self._number[partition]])

    def restated(self, partition: Name) -> Restated:
        """What Mews said otherwise than before."""
        return self._restated.get(self._number[partition], Restated())

    def needs_newer(self, partition: Name) -> bool:
        """Whether captures merged before may be needed to tell the last content and who saw it first: a version was
        restated, or a row came that is older than the one the partition held."""
        number = self._number[partition]
        return number in self._restated or number in self._overtaken

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Write every partition: rows come in the order of `in_file_order`. One without rows is empty."""
        at = 0
        writer = _Writer(self._schema)
        for batch in self._one_of_each(batches):
            places = np.asarray(batch.column(PARTITION_NUMBER))
            rows = batch.select(self._schema.names).cast(self._schema)
            cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
            for start, end in pairwise(cuts):
                if start == end:
                    continue
                at = self._go_to(writer, at, int(places[start]))
                writer.add(self.paths[self._partitions[at]], rows.slice(start, end - start))
        self._go_to(writer, at, len(self._partitions))

    def _go_to(self, writer: _Writer, at: int, place: int) -> int:
        """Finish the partitions before the place; those nothing came for become empty files."""
        while at < place:
            writer.finish(self.paths[self._partitions[at]])
            at += 1
        return at

    def _count(self, batch: pa.RecordBatch) -> None:
        places, is_new = np.asarray(batch.column(PARTITION_NUMBER)), np.asarray(batch.column(IS_NEW))
        for new in (True, False):
            self._rows[new] += np.bincount(places[is_new == new], minlength=len(self._partitions))

    def _one_of_each(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows that stay: of each version the first row of the last content.

        The rows of a version that say the same, one after the other, are a run. The last run's first row is held
        back until it is known whether another run of its version follows.
        """
        waiting: pa.RecordBatch | None = None
        for batch in batches:
            if not batch.num_rows:
                continue
            self._count(batch)
            again, other = self._repeats(batch, waiting)
            starts = np.flatnonzero(~again | other)
            if not len(starts):
                continue
            if waiting is not None and not other[starts[0]]:
                yield waiting
            is_last = np.append(~other[starts[1:]], False)  # of the batch's last run nothing is known yet
            yield batch.take(pa.array(starts[is_last]))
            waiting = batch.slice(int(starts[-1]), 1)
        if waiting is not None:
            yield waiting

    def _repeats(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None) -> tuple[Mask, Mask]:
        """Which rows are of the same version as the row before, and which of these say something else."""
        again, other = np.ones(batch.num_rows, bool), np.zeros(batch.num_rows, bool)
        again[1:] = ~differing(batch.slice(1), batch.slice(0, batch.num_rows - 1), self._key)
        again[0] = waiting is not None and not differing(batch.slice(0, 1), waiting, self._key)[0]
        if again[0] and waiting is not None:
            other[0] = differing(batch.slice(0, 1), waiting, self._content)[0]
        rows = np.flatnonzero(again[1:]) + 1
        if len(rows):
            ones, others = batch.take(pa.array(rows)), batch.take(pa.array(rows - 1))
            other[rows] = differing(ones, others, self._content)
        if other.any():
            self._note(batch, waiting, other)
        self._note_overtaken(batch, waiting, again)
        return again, other

    @property
    def _key(self) -> list[str]:
        return [PARTITION_NUMBER, self._version, "id"]

    def _note(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None, other: Mask) -> None:
        """Count the restated. Not what a file lacks that was written before the table had all of its columns."""
        whole = np.asarray(batch.column(IS_WHOLE))
        before = np.append(waiting is None or waiting.column(IS_WHOLE)[0].as_py(), whole[:-1])
        for row in np.flatnonzero(other & whole & before).tolist():
            found = self._restated.setdefault(batch.column(PARTITION_NUMBER)[row].as_py(), Restated())
            found.count += 1
            if len(found.shown) < RESTATED_SHOWN:
                found.shown.append(
                    (batch.column("id")[row].as_py(), batch.column(self._version)[row].as_py())
                )

    def _note_overtaken(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None, again: Mask) -> None:
        """Note where a row that the partition held comes after one of another capture."""
        late = again & ~np.asarray(batch.column(IS_NEW))
        late[1:] &= differing(batch.slice(1), batch.slice(0, batch.num_rows - 1), ["_landing_id"])
        late[0] &= waiting is not None and differing(batch.slice(0, 1), waiting, ["_landing_id"])[0]
        if late.any():
            self._overtaken.update(np.unique(np.asarray(batch.column(PARTITION_NUMBER))[late]).tolist())


@dataclass(frozen=True)
class Held:
    """A file whose rows all belong to one partition, by its position. `is_new` where they count as arrived."""

    path: Path
    position: int
    is_new: bool


def sorted_for_files(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    placed: str,
    files: list[Path],
    held: list[Held],
    room: Room,
) -> Iterator[pa.RecordBatch]:
    """Rows as they are written: by place, version and id, and of one version the first captured first.

    Of one capture the order of its lines decides. Rows that a partition held have none; they are their capture's last.
    `placed` is a query over `dealt` that gives rows of the files, by file and line, each with its position. Whole rows
    are read by Arrow: DuckDB gathers 2,048 of them wherever it joins or filters, however long they are.
    """
    version = snake_case(table.version_column)
    by = (PARTITION_NUMBER, version, "id", "_captured_at_utc", "_landing_id", LINE)
    schema = plain(arrow_schema(table))
    rows = chain(_arrived(engine, placed, files, schema), _held(held, schema))
    return sorted_batches(rows, tuple((name, "ascending") for name in by), room)


def _arrived(
    engine: duckdb.DuckDBPyConnection, placed: str, files: list[Path], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    engine.execute(f"CREATE OR REPLACE TEMP TABLE placed AS {placed}")
    window = schema.get_field_index("_window_utc")
    for file, path in enumerate(files):
        found = engine.execute(
            f"SELECT {LINE} AS line, position, epoch_us(_window_utc) AS stamp FROM placed "
            f"WHERE file = {file} ORDER BY line"
        ).fetchnumpy()
        lines, positions, stamps = (np.asarray(found[one], np.int64) for one in ("line", "position", "stamp"))
        at = 0
        for batch in open_batches(path, _BATCH_ROWS) if len(lines) else ():
            first, after = np.searchsorted(lines, (at, at + batch.num_rows))
            if after > first:
                chosen = lines[first:after]
                rows = cast_batch(batch.take(pa.array(chosen - at)), schema)
                dealt_by = pa.array(stamps[first:after]).cast(schema.field(window).type)
                rows = rows.set_column(window, schema.field(window), dealt_by)
                yield _placed(rows, pa.array(positions[first:after]), pa.array(chosen), is_new=True)
            at += batch.num_rows


def _held(held: list[Held], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for one in held:
        is_whole = pq.read_schema(one.path).equals(schema)
        for batch in open_batches(one.path, _BATCH_ROWS):
            count = batch.num_rows
            positions = pa.repeat(pa.scalar(one.position, pa.int64()), count)
            rows = cast_batch(batch, schema)
            yield _placed(rows, positions, pa.nulls(count, pa.int64()), is_new=one.is_new, is_whole=is_whole)


def _placed(
    rows: pa.RecordBatch, positions: pa.Array, lines: pa.Array, *, is_new: bool, is_whole: bool = True
) -> pa.RecordBatch:
    rows = rows.append_column(PARTITION_NUMBER, positions).append_column(LINE, lines)
    for name, value in ((IS_NEW, is_new), (IS_WHOLE, is_whole)):
        rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


class _Writer:
    """One partition at a time, in row groups: memory does not grow with the partition."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._open: pq.ParquetWriter | None = None

    def add(self, path: Path, rows: pa.RecordBatch) -> None:
        self._held.append(rows)
        self._rows += rows.num_rows
        self._bytes += rows.nbytes
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._write_group(path)

    def finish(self, path: Path) -> None:
        """End the partition; one without rows is a file with the schema and no rows."""
        if self._held or self._open is None:
            self._write_group(path)
        assert self._open is not None
        self._open.close()
        self._open = None

    def _write_group(self, path: Path) -> None:
        rows = pa.Table.from_batches(self._held, self._schema)
        if self._open is None:
            self._open = open_writer(path, self._schema, rows)
        self._open.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        self._held, self._rows, self._bytes = [], 0, 0
