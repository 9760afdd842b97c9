"""Which version of a record is the newest, and two sorted runs of records put together by that rule.

Lives here: the order of versions, in SQL and over Arrow, and the merge. Not here: files (`current`).

The newest version has the latest stamp; of one stamp, what was captured last; then the landing id and the
window decide, so that the order is total and every way to the table gives the same rows. No stamp is the
oldest of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.storage.duckdb_session import identifier
from mews_assets.windows import Window

_TIES = ("_captured_at_utc", "_landing_id", "_window_utc")
_NO_STAMP = np.iinfo(np.int64).min


class UncertainError(Exception):
    """A record's newest version came from a file that was replaced and does not hold it any more; what came
    next to it is in files that were not read."""


@dataclass
class MergeCounts:
    """What a merge did: ids that were not there, and ids of which a newer version came."""

    added: int = 0
    replaced: int = 0


def order_columns(table: Table) -> tuple[str, ...]:
    """What tells the newest version, the most telling first."""
    return (snake_case(table.version_column), *_TIES)


def order_by(table: Table) -> str:
    """The order of a record's versions, the newest first."""
    return ", ".join(f"{identifier(name)} DESC NULLS LAST" for name in order_columns(table))


def merge_newest(
    table: Table,
    held: Iterable[pa.RecordBatch],
    arrived: Iterable[pa.RecordBatch],
    reread: Reread,
    counts: MergeCounts,
) -> Iterator[pa.Table]:
    """The newest version of each id of two runs, each sorted by id with every id once; sorted by id.

    `reread` are the files that the arrived rows come from: a held row of theirs must have come again, itself or a
    newer one. Raises UncertainError when one has not.
    """
    one, other = _Run(held), _Run(arrived)
    while (lasts := [run.last for run in (one, other) if run.last is not None]) != []:
        upto = min(lasts)
        yield from _together(table, one.cut(upto), other.cut(upto), reread, counts)


class _Run:
    """A sorted run of rows, one batch of it in memory."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._rows: pa.RecordBatch | None = None
        self.last: str | None = None
        self._go_on()

    def cut(self, upto: str) -> pa.RecordBatch | None:
        """The rows up to an id, the id among them, as far as they are in memory; they are not given again."""
        if self._rows is None:
            return None
        count = pc.sum(pc.less_equal(self._rows.column("id"), upto)).as_py()
        rows = self._rows.slice(0, count)
        self._rows = self._rows.slice(count)
        if not self._rows.num_rows:
            self._go_on()
        return rows if count else None

    def _go_on(self) -> None:
        self._rows = next((batch for batch in self._batches if batch.num_rows), None)
        self.last = None if self._rows is None else self._rows.column("id")[-1].as_py()


class Reread:
    """The files that were read again: of windows, which do not overlap, and perhaps of the snapshot."""

    def __init__(self, windows: Iterable[Window], *, snapshot: bool = False) -> None:
        self._snapshot = snapshot
        ordered = sorted(windows)
        utc = pa.timestamp("us", tz="UTC")
        self._starts = _numbers(pa.array([one.start for one in ordered], utc))
        self._ends = _numbers(pa.array([one.end for one in ordered], utc))

    def hold(self, stamps: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which rows, by their windows' stamps, come from one of the files. A snapshot's rows have no window."""
        instants = _numbers(stamps)
        found = np.zeros(len(instants), bool)
        if len(self._starts):
            place = np.searchsorted(self._starts, instants, side="right") - 1
            found |= (place >= 0) & (instants < self._ends[place])
        if self._snapshot:
            found |= instants == _NO_STAMP
        return found


def _together(
    table: Table,
    held: pa.RecordBatch | None,
    arrived: pa.RecordBatch | None,
    reread: Reread,
    counts: MergeCounts,
) -> Iterator[pa.Table]:
    """The rows of one stretch of ids."""
    if held is None:
        assert arrived is not None
        counts.added += arrived.num_rows
        yield pa.Table.from_batches([arrived])
        return
    must_come = reread.hold(held.column("_window_utc"))
    if arrived is None:
        _refuse(held, must_come)
        yield pa.Table.from_batches([held])
        return
    partner = pc.index_in(held.column("id"), value_set=arrived.column("id"))
    in_both = np.flatnonzero(np.asarray(pc.is_valid(partner)))
    in_arrived = np.asarray(pc.drop_null(partner), dtype=np.int64)
    ours, theirs = held.take(pa.array(in_both)), arrived.take(pa.array(in_arrived))
    stays = _is_newer(table, ours, theirs)
    must_come[in_both[~stays]] = False
    _refuse(held, must_come)
    counts.added += arrived.num_rows - len(in_both)
    counts.replaced += int(_is_newer(table, theirs, ours).sum())
    keep, take = np.ones(held.num_rows, bool), np.ones(arrived.num_rows, bool)
    keep[in_both[~stays]] = False
    take[in_arrived[stays]] = False
    rows = pa.Table.from_batches([held.filter(pa.array(keep)), arrived.filter(pa.array(take))])
    yield rows.take(pc.sort_indices(rows["id"]))


def _refuse(held: pa.RecordBatch, lost: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    if lost.any():
        first = held.column("id")[int(lost.argmax())].as_py()
        raise UncertainError(f"the version of {first} that was newest has left its partition")


def _is_newer(
    table: Table, one: pa.RecordBatch, other: pa.RecordBatch
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Row by row, whether the first is the newer version."""
    newer, tied = np.zeros(one.num_rows, bool), np.ones(one.num_rows, bool)
    for name in order_columns(table):
        left, right = one.column(name), other.column(name)
        if pa.types.is_string(left.type):
            above, same = np.asarray(pc.greater(left, right)), np.asarray(pc.equal(left, right))
        else:
            above, same = _numbers(left) > _numbers(right), _numbers(left) == _numbers(right)
        newer |= tied & above
        tied &= same
    return newer


def _numbers(stamps: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Instants or days as numbers that sort as they do; no stamp before all others."""
    whole = stamps.cast(pa.int32()) if pa.types.is_date32(stamps.type) else stamps
    return np.asarray(whole.cast(pa.int64()).fill_null(_NO_STAMP))
