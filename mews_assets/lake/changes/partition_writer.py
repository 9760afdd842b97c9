"""Partition files written in one ordered pass over the rows of many partitions.

Lives here: cutting sorted rows at the ends of partitions, choosing one row of each version, and writing each
partition's Parquet file to a workspace. Not here: which partitions, and putting the files in place (`merge_pass`).

Of a version that came more than once the content captured last is written, with the id of the capture that first had
this content; so a row that only came again leaves the partition as it was. A version whose content changed under the
same stamp is counted as restated: Mews changed the record and not its stamp.

One pass can write thousands of small files, because Arrow's writer takes a few milliseconds per file and DuckDB's
takes forty.
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
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.assign_partitions import IS_NEW, IS_WHOLE, LINE, PARTITION_NUMBER
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.storage.chunked_sort import SortSpace, sorted_batches
from mews_assets.lake.storage.compare_rows import Mask, differing
from mews_assets.lake.storage.parquet import (
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    cast_batch,
    open_batches,
    open_writer,
    plain,
    repeating_columns,
)

_BATCH_ROWS = 16_384
_SAMPLE_ROWS, _FEW_ROWS = 50, 1_000
"""Rows of a partition from which the dictionary columns of others may be taken, and below which they are."""
_NO_CONTENT = {one.name for one in OWN_COLUMNS} - {"_exact_numbers"}
"""Columns of ours about how a row came: not content of the record."""
RESTATED_SHOWN = 5
"""Restated versions that are named for each partition."""
Name = TypeVar("Name", bound=Hashable)
"""What identifies a partition for the caller."""


@dataclass
class Restated:
    """Versions of one partition that came with other content than before under the same id and stamp."""

    count: int = 0
    shown: list[tuple[str, object]] = field(default_factory=list)
    """Id and version of the first few."""


class PartitionWriter(Generic[Name]):
    """Writes the files of some partitions, once and in order. A partition's position is its index in the list."""

    def __init__(self, table: Table, partitions: list[Name], folder: Path) -> None:
        folder.mkdir()
        self._schema = plain(arrow_schema(table))
        self._version = table.version_field
        self._content = [name for name in self._schema.names if name not in _NO_CONTENT]
        self.paths = {
            partition: folder / f"{number:06}.parquet" for number, partition in enumerate(partitions)
        }
        self._partitions = partitions
        self._number = {partition: number for number, partition in enumerate(partitions)}
        self._rows = {True: np.zeros(len(partitions), np.int64), False: np.zeros(len(partitions), np.int64)}
        self._restated: dict[int, Restated] = {}
        self._overtaken: set[int] = set()

    def rows_arrived(self, partition: Name) -> int:
        """Rows that arrived for the partition, repeats included."""
        return int(self._rows[True][self._number[partition]])

    def rows_before(self, partition: Name) -> int:
        """Rows of the partition's existing file."""
        return int(self._rows[False][self._number[partition]])

    def restated(self, partition: Name) -> Restated:
        """The restated versions of the partition."""
        return self._restated.get(self._number[partition], Restated())

    def needs_newer(self, partition: Name) -> bool:
        """Whether captures merged before may be needed to find the last content of a version and its first capture.

        So it is where a version was restated, or an arrived row is older than that of the existing file.
        """
        number = self._number[partition]
        return number in self._restated or number in self._overtaken

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Write every partition, from rows in the order of `sorted_for_files`. A partition without rows gets an empty
        file."""
        position = 0
        writer = _Writer(self._schema)
        for batch in self._chosen_rows(batches):
            positions = np.asarray(batch.column(PARTITION_NUMBER))
            rows = batch.select(self._schema.names).cast(self._schema)
            cuts = [0, *(np.flatnonzero(np.diff(positions)) + 1).tolist(), len(positions)]
            for start, end in pairwise(cuts):
                if start == end:
                    continue
                position = self._go_to(writer, position, int(positions[start]))
                writer.add(self.paths[self._partitions[position]], rows.slice(start, end - start))
        self._go_to(writer, position, len(self._partitions))

    def _go_to(self, writer: _Writer, position: int, end: int) -> int:
        """Finish the partitions before the position; those without rows get empty files."""
        while position < end:
            writer.finish(self.paths[self._partitions[position]])
            position += 1
        return position

    def _count(self, batch: pa.RecordBatch) -> None:
        positions, is_new = np.asarray(batch.column(PARTITION_NUMBER)), np.asarray(batch.column(IS_NEW))
        for new in (True, False):
            self._rows[new] += np.bincount(positions[is_new == new], minlength=len(self._partitions))

    def _chosen_rows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows to write: of each version the first row of the last content.

        Consecutive rows of a version with the same content are a run. The first row of the last run waits until it is
        known whether another run of its version follows.
        """
        waiting: pa.RecordBatch | None = None
        for batch in batches:
            if not batch.num_rows:
                continue
            self._count(batch)
            is_repeat, is_other = self._repeats(batch, waiting)
            starts = np.flatnonzero(~is_repeat | is_other)
            if not len(starts):
                continue
            if waiting is not None and not is_other[starts[0]]:
                yield waiting
            is_last = np.append(~is_other[starts[1:]], False)  # the batch's last run may go on
            yield batch.take(pa.array(starts[is_last]))
            waiting = batch.slice(int(starts[-1]), 1)
        if waiting is not None:
            yield waiting

    def _repeats(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None) -> tuple[Mask, Mask]:
        """Which rows are of the same version as the row before, and which of these have other content."""
        is_repeat, is_other = np.ones(batch.num_rows, bool), np.zeros(batch.num_rows, bool)
        is_repeat[1:] = ~differing(batch.slice(1), batch.slice(0, batch.num_rows - 1), self._key)
        is_repeat[0] = waiting is not None and not differing(batch.slice(0, 1), waiting, self._key)[0]
        if is_repeat[0] and waiting is not None:
            is_other[0] = differing(batch.slice(0, 1), waiting, self._content)[0]
        rows = np.flatnonzero(is_repeat[1:]) + 1
        if len(rows):
            rows_now, rows_before = batch.take(pa.array(rows)), batch.take(pa.array(rows - 1))
            is_other[rows] = differing(rows_now, rows_before, self._content)
        if is_other.any():
            self._note(batch, waiting, is_other)
        self._note_overtaken(batch, waiting, is_repeat)
        return is_repeat, is_other

    @property
    def _key(self) -> list[str]:
        return [PARTITION_NUMBER, self._version, "id"]

    def _note(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None, is_other: Mask) -> None:
        """Count restated versions. Rows of a file that lacks newer columns of the table do not count."""
        is_whole = np.asarray(batch.column(IS_WHOLE))
        was_whole = np.append(waiting is None or waiting.column(IS_WHOLE)[0].as_py(), is_whole[:-1])
        for row in np.flatnonzero(is_other & is_whole & was_whole).tolist():
            found = self._restated.setdefault(batch.column(PARTITION_NUMBER)[row].as_py(), Restated())
            found.count += 1
            if len(found.shown) < RESTATED_SHOWN:
                found.shown.append(
                    (batch.column("id")[row].as_py(), batch.column(self._version)[row].as_py())
                )

    def _note_overtaken(self, batch: pa.RecordBatch, waiting: pa.RecordBatch | None, is_repeat: Mask) -> None:
        """Note partitions in which a row of the existing file sorts after a row of another capture."""
        late = is_repeat & ~np.asarray(batch.column(IS_NEW))
        late[1:] &= differing(batch.slice(1), batch.slice(0, batch.num_rows - 1), ["_landing_id"])
        late[0] &= waiting is not None and differing(batch.slice(0, 1), waiting, ["_landing_id"])[0]
        if late.any():
            self._overtaken.update(np.unique(np.asarray(batch.column(PARTITION_NUMBER))[late]).tolist())


@dataclass(frozen=True)
class PartitionFile:
    """A file whose rows all belong to one partition, given by its position. `is_new`: they count as arrived. `erased`
    masks erased customers in its rows."""

    path: Path
    position: int
    is_new: bool
    erased: RowMasker | None = None


def sorted_for_files(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    assigned: str,
    files: list[Path],
    partition_files: list[PartitionFile],
    space: SortSpace,
) -> Iterator[pa.RecordBatch]:
    """The rows in the order in which they are written: by position, version and id, of one version by capture.

    Of one capture, by line. Rows of existing files have no line, and come last of their capture. `assigned` is a query
    over the table `assigned` for rows of `files`, by file and line, each with its position. Arrow reads the whole rows:
    DuckDB gathers 2,048 of them wherever it joins or filters, however long they are.
    """
    version = table.version_field
    by = (PARTITION_NUMBER, version, "id", "_captured_at_utc", "_landing_id", LINE)
    schema = plain(arrow_schema(table))
    rows = chain(_arrived_rows(engine, assigned, files, schema), _partition_rows(partition_files, schema))
    return sorted_batches(rows, tuple((name, "ascending") for name in by), space)


def _arrived_rows(
    engine: duckdb.DuckDBPyConnection, assigned: str, files: list[Path], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    engine.execute(f"CREATE OR REPLACE TEMP TABLE positioned AS {assigned}")
    window = schema.get_field_index("_window_utc")
    for file, path in enumerate(files):
        positioned = engine.execute(
            f"SELECT {LINE} AS line, position, epoch_us(_window_utc) AS stamp FROM positioned "
            f"WHERE file = {file} ORDER BY line"
        ).fetchnumpy()
        lines, positions, stamps = (
            np.asarray(positioned[name], np.int64) for name in ("line", "position", "stamp")
        )
        at = 0
        for batch in open_batches(path, _BATCH_ROWS) if len(lines) else ():
            first, after = np.searchsorted(lines, (at, at + batch.num_rows))
            if after > first:
                chosen = lines[first:after]
                rows = cast_batch(batch.take(pa.array(chosen - at)), schema)
                window_stamps = pa.array(stamps[first:after]).cast(schema.field(window).type)
                rows = rows.set_column(window, schema.field(window), window_stamps)
                yield _with_position(rows, pa.array(positions[first:after]), pa.array(chosen), is_new=True)
            at += batch.num_rows


def _partition_rows(partition_files: list[PartitionFile], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for file in partition_files:
        is_whole = pq.read_schema(file.path).equals(schema)
        for batch in open_batches(file.path, _BATCH_ROWS):
            count = batch.num_rows
            positions = pa.repeat(pa.scalar(file.position, pa.int64()), count)
            rows = cast_batch(file.erased.mask(batch) if file.erased else batch, schema)
            yield _with_position(
                rows, positions, pa.nulls(count, pa.int64()), is_new=file.is_new, is_whole=is_whole
            )


def _with_position(
    rows: pa.RecordBatch, positions: pa.Array, lines: pa.Array, *, is_new: bool, is_whole: bool = True
) -> pa.RecordBatch:
    rows = rows.append_column(PARTITION_NUMBER, positions).append_column(LINE, lines)
    for name, value in ((IS_NEW, is_new), (IS_WHOLE, is_whole)):
        rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


class _Writer:
    """Writes one partition at a time, in row groups: memory does not grow with the partition."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._open: pq.ParquetWriter | None = None
        self._dictionary: list[str] | None = None

    def add(self, path: Path, rows: pa.RecordBatch) -> None:
        self._held.append(rows)
        self._rows += rows.num_rows
        self._bytes += rows.nbytes
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._write_group(path)

    def finish(self, path: Path) -> None:
        """Close the file of the partition; without rows it has the schema only."""
        if self._held or self._open is None:
            self._write_group(path)
        assert self._open is not None
        self._open.close()
        self._open = None

    def _write_group(self, path: Path) -> None:
        rows = pa.Table.from_batches(self._held, self._schema)
        if self._open is None:
            self._open = open_writer(path, self._schema, rows, dictionary=self._repeating(rows))
        self._open.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        self._held, self._rows, self._bytes = [], 0, 0

    def _repeating(self, rows: pa.Table) -> list[str]:
        """The columns that get a dictionary. Small partitions take those of an earlier one: finding them is a third of
        the cost of a small file."""
        if self._dictionary is not None and rows.num_rows < _FEW_ROWS:
            return self._dictionary
        found = repeating_columns(rows)
        if rows.num_rows >= _SAMPLE_ROWS:
            self._dictionary = found
        return found
