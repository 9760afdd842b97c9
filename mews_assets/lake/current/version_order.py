"""The order of a record's versions, and merging two sorted runs of records by it.

Lives here: the order, in SQL and over Arrow, and the merge. Not here: files (`update`).

The newest version has the latest stamp; of equal stamps the latest capture time; then capture id and window decide, so
that the order is total and every way of building the table gives the same rows. A version without a stamp is the
oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog.model import Table
from mews_assets.lake.storage.duckdb_session import identifier
from mews_assets.windows import Window

_TIES = ("_captured_at_utc", "_landing_id", "_window_utc")
_NO_STAMP = np.iinfo(np.int64).min


class UncertainError(Exception):
    """A record's newest version came from a file that was replaced and no longer holds it. Its next version is in
    files that were not read, so the table must be rebuilt from all files."""


@dataclass
class MergeCounts:
    """Counts of a merge: new ids, and ids of which a newer version came."""

    added: int = 0
    replaced: int = 0


def order_columns(table: Table) -> tuple[str, ...]:
    """The columns that order versions, the most significant first."""
    return tuple(dict.fromkeys((table.version_field, *_TIES)))


def order_by(table: Table) -> str:
    """The order of a record's versions as SQL, the newest first."""
    return ", ".join(f"{identifier(name)} DESC NULLS LAST" for name in order_columns(table))


def merge_newest(
    table: Table,
    held: Iterable[pa.RecordBatch],
    arrived: Iterable[pa.RecordBatch],
    reread: Reread,
    counts: MergeCounts,
) -> Iterator[pa.Table]:
    """The newest version of each id of two runs, sorted by id. Each run is sorted by id and has every id once.

    `reread` are the files that the arrived rows come from: a held row from one of them must have arrived again, or a
    newer version of it. Raises UncertainError where it has not.
    """
    held_run, arrived_run = _Run(held), _Run(arrived)
    while (lasts := [run.last for run in (held_run, arrived_run) if run.last is not None]) != []:
        upto = min(lasts)
        yield from _merge_range(table, held_run.cut(upto), arrived_run.cut(upto), reread, counts)


class _Run:
    """A sorted run of rows, with one batch in memory."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._rows: pa.RecordBatch | None = None
        self.last: str | None = None
        self._next_batch()

    def cut(self, upto: str) -> pa.RecordBatch | None:
        """The rows in memory up to and including an id; they are not returned again."""
        if self._rows is None:
            return None
        count = pc.sum(pc.less_equal(self._rows.column("id"), upto)).as_py()
        rows = self._rows.slice(0, count)
        self._rows = self._rows.slice(count)
        if not self._rows.num_rows:
            self._next_batch()
        return rows if count else None

    def _next_batch(self) -> None:
        self._rows = next((batch for batch in self._batches if batch.num_rows), None)
        self.last = None if self._rows is None else self._rows.column("id")[-1].as_py()


class Reread:
    """The files that were read again: of windows, which do not overlap, and perhaps the snapshot."""

    def __init__(self, windows: Iterable[Window], *, snapshot: bool = False) -> None:
        self._snapshot = snapshot
        ordered = sorted(windows)
        utc = pa.timestamp("us", tz="UTC")
        self._starts = _numbers(pa.array([window.start for window in ordered], utc))
        self._ends = _numbers(pa.array([window.end for window in ordered], utc))

    def contain(self, stamps: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which rows, given their `_window_utc`, come from one of the files. A snapshot's rows have none."""
        instants = _numbers(stamps)
        contained = np.zeros(len(instants), bool)
        if len(self._starts):
            at = np.searchsorted(self._starts, instants, side="right") - 1
            contained |= (at >= 0) & (instants < self._ends[at])
        if self._snapshot:
            contained |= instants == _NO_STAMP
        return contained


def _merge_range(
    table: Table,
    held: pa.RecordBatch | None,
    arrived: pa.RecordBatch | None,
    reread: Reread,
    counts: MergeCounts,
) -> Iterator[pa.Table]:
    """Merge the rows of one range of ids."""
    if held is None:
        assert arrived is not None
        counts.added += arrived.num_rows
        yield pa.Table.from_batches([arrived])
        return
    must_arrive = reread.contain(held.column("_window_utc"))
    if arrived is None:
        _check_present(held, must_arrive)
        yield pa.Table.from_batches([held])
        return
    match = pc.index_in(held.column("id"), value_set=arrived.column("id"))
    in_both = np.flatnonzero(np.asarray(pc.is_valid(match)))
    in_arrived = np.asarray(pc.drop_null(match), dtype=np.int64)
    held_rows, arrived_rows = held.take(pa.array(in_both)), arrived.take(pa.array(in_arrived))
    is_kept = _is_newer(table, held_rows, arrived_rows)
    must_arrive[in_both[~is_kept]] = False
    _check_present(held, must_arrive)
    counts.added += arrived.num_rows - len(in_both)
    counts.replaced += int(_is_newer(table, arrived_rows, held_rows).sum())
    keep, use = np.ones(held.num_rows, bool), np.ones(arrived.num_rows, bool)
    keep[in_both[~is_kept]] = False
    use[in_arrived[is_kept]] = False
    rows = pa.Table.from_batches([held.filter(pa.array(keep)), arrived.filter(pa.array(use))])
    yield rows.take(pc.sort_indices(rows["id"]))


def _check_present(held: pa.RecordBatch, is_missing: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    if is_missing.any():
        first = held.column("id")[int(is_missing.argmax())].as_py()
        raise UncertainError(f"the file that held the newest version of {first} was replaced without it")


def _is_newer(
    table: Table, left_rows: pa.RecordBatch, right_rows: pa.RecordBatch
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Row by row, whether the first is the newer version."""
    newer, tied = np.zeros(left_rows.num_rows, bool), np.ones(left_rows.num_rows, bool)
    for name in order_columns(table):
        left, right = left_rows.column(name), right_rows.column(name)
        if pa.types.is_string(left.type):
            above, same = np.asarray(pc.greater(left, right)), np.asarray(pc.equal(left, right))
        else:
            above, same = _numbers(left) > _numbers(right), _numbers(left) == _numbers(right)
        newer |= tied & above
        tied &= same
    return newer


def _numbers(stamps: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Instants or days as numbers of the same order; null is the lowest."""
    whole = stamps.cast(pa.int32()) if pa.types.is_date32(stamps.type) else stamps
    return np.asarray(whole.cast(pa.int64()).fill_null(_NO_STAMP))
