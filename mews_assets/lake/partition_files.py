"""Partition files written from one ordered pass over the rows of many partitions.

Lives here: cutting a sorted run of rows at partition ends, leaving out repeats, and writing each partition's
Parquet file aside. Not here: where the rows come from and where the files go (`changes`).

One pass writes thousands of small files because Arrow's writer costs a few milliseconds a file, where the
engine's own costs forty.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Generic, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.dealing import IS_NEW, PLACE
from mews_assets.lake.engine import identifier
from mews_assets.lake.ordering import in_order
from mews_assets.lake.parquet import open_writer, plain

_ROW_GROUP_ROWS = 65_536
Name = TypeVar("Name", bound=Hashable)
"""What a partition is called by whoever writes it."""


class PartitionFiles(Generic[Name]):
    """The files of some partitions, by their position in the list; written once, in order."""

    def __init__(self, table: Table, partitions: list[Name], folder: Path) -> None:
        folder.mkdir()
        self._schema = plain(arrow_schema(table))
        self._version = snake_case(table.version_column)
        self.paths = {one: folder / f"{number:06}.parquet" for number, one in enumerate(partitions)}
        self._partitions = partitions
        self._number = {one: number for number, one in enumerate(partitions)}
        self._rows = {True: np.zeros(len(partitions), np.int64), False: np.zeros(len(partitions), np.int64)}

    def arrived(self, partition: Name) -> int:
        """Rows that came for the partition, repeats among them."""
        return int(self._rows[True][self._number[partition]])

    def held(self, partition: Name) -> int:
        """Rows that the partition held before."""
        return int(self._rows[False][self._number[partition]])

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Write every partition: rows come sorted by position, version and id. One without rows is empty."""
        at = 0
        writer = _Writer(self._schema)
        previous: tuple[object, ...] | None = None
        for batch in batches:
            if not batch.num_rows:
                continue
            self._count(batch)
            keep, previous = self._first_of_each(batch, previous)
            batch = batch.filter(pa.array(keep))
            places = np.asarray(batch.column(PLACE))
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
        places, is_new = np.asarray(batch.column(PLACE)), np.asarray(batch.column(IS_NEW))
        for new in (True, False):
            self._rows[new] += np.bincount(places[is_new == new], minlength=len(self._partitions))

    def _first_of_each(
        self, batch: pa.RecordBatch, previous: tuple[object, ...] | None
    ) -> tuple[np.ndarray, tuple[object, ...]]:
        """Which rows are not a repeat of the one before them, by partition, version and id."""
        keep = np.zeros(batch.num_rows, bool)
        last = []
        for number, name in enumerate((PLACE, self._version, "id")):
            column = batch.column(name)
            missing = np.asarray(pc.is_null(column))
            differs = np.asarray(pc.fill_null(pc.not_equal(column[1:], column[:-1]), False))
            keep[1:] |= differs | (missing[1:] != missing[:-1])
            keep[0] |= previous is None or previous[number] != column[0].as_py()
            last.append(column[-1].as_py())
        return keep, tuple(last)


def in_file_order(
    engine: duckdb.DuckDBPyConnection, table: Table, rows: str, count: int
) -> Iterator[pa.RecordBatch]:
    """A query's rows as they are written: by place, version and id, and of one version the first captured first."""
    columns = ", ".join(identifier(name) for name in arrow_schema(table).names)
    # Rows without a version come last, as they do in any sort of DuckDB's.
    version = f"coalesce({identifier(snake_case(table.version_column))}, 'infinity')"
    return in_order(
        engine,
        rows,
        f"{columns}, {PLACE}, {IS_NEW}",
        keys=(PLACE, version, "id"),
        then=("_captured_at_utc", "_landing_id"),
        count=count,
    )


class _Writer:
    """One partition at a time, in row groups: memory does not grow with the partition."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._open: pq.ParquetWriter | None = None

    def add(self, path: Path, rows: pa.RecordBatch) -> None:
        self._held.append(rows)
        if sum(held.num_rows for held in self._held) >= _ROW_GROUP_ROWS:
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
            self._open = open_writer(path, self._schema, rows, level=3)
        self._open.write_table(rows, row_group_size=_ROW_GROUP_ROWS)
        self._held = []
