"""References: whether the ids that rows hold are those of records the lake has.

Lives here: looking up, for partitions of one table, the ids they hold in the table those refer to. Not here:
which column refers to what (the catalog), and how many may be missing (`tolerated`, and the check).

Only the columns of ids are read. A reference is looked up nearest first, since most records refer to one that
changed with them: the partition's own window, then those around it, until all are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog import TABLES
from mews_assets.catalog.fields import Field, references
from mews_assets.catalog.model import Table
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import from_key

WINDOWS_AROUND = 62
"""Looked into on top of the partition's own: two months of days. What is older is rarely referred to."""
UNRESOLVED_SHOWN = 5
LEAD_IN = timedelta(days=7)
"""After the first window of the other table, so long many records referred to are still older than the lake: a
payment is settled the day after its bill was closed, and a stay takes some days."""


@dataclass(frozen=True)
class ReferenceResult:
    """One column of one partition: how many ids it holds, and how many of them are of no record we have.

    `beside` says why it could not be looked up; then nothing is said of it.
    """

    at: str
    table: str
    ids: int
    unresolved: int = 0
    examples: tuple[str, ...] = ()
    is_exact: bool = False
    """Whether every one must be there: the same request brings the records, or a small table holds all there are."""
    beside: str = ""


def resolve(
    lake: Lake, table: Table, partitions: Iterable[Partition]
) -> dict[Partition, list[ReferenceResult]]:
    """The references of partitions that stand in the lake, scope by scope."""
    by_scope: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_scope.setdefault(partition.scope, []).append(partition)
    found: dict[Partition, list[ReferenceResult]] = {}
    for field in references(table):
        snapshot = None
        if not _is_windowed(field.column.refers_to):
            snapshot = _snapshot(lake, field.column.refers_to)
        for scope, own in by_scope.items():
            held = _KnownIds(lake, field.column.refers_to, scope, snapshot)
            for partition, ids in _read(lake, table, own, field):
                found.setdefault(partition, []).append(_resolved(table, field, partition, ids, held))
    return found


def lead_in(lake: Lake, table: Table, partitions: Iterable[Partition]) -> list[Partition]:
    """Of each scope, the window before its first, where it stands in the lake.

    When it was written, the table it refers to may not have had that window yet; now it has.
    """
    first: dict[str, Partition] = {}
    for partition in partitions:
        if partition.scope not in first or partition < first[partition.scope]:
            first[partition.scope] = partition
    found = []
    for scope, partition in first.items():
        earlier = [one for one in _partitions(lake, table.name, scope) if one < partition]
        found += earlier[-1:]
    return found


def _is_windowed(name: str) -> bool:
    return any(table.name == name for table in TABLES)


def _resolved(
    table: Table, field: Field, partition: Partition, ids: pa.Array, held: _KnownIds
) -> ReferenceResult:
    to = field.column.refers_to
    comes_along = table.parent_key is not None and (table.parent_key.table, table.parent_key.column) == (
        to,
        field.column.name,
    )
    is_exact = comes_along or not _is_windowed(to)
    count = len(ids)
    if beside := held.beside(partition, comes_along):
        return ReferenceResult(field.path, to, count, beside=beside)
    left = ids
    for known in held.nearest_first(partition):
        if not len(left):
            break
        left = left.filter(pc.invert(pc.is_in(left, known)))
    examples = tuple(left.slice(0, UNRESOLVED_SHOWN).to_pylist())
    return ReferenceResult(field.path, to, count, len(left), examples, is_exact)


@dataclass
class _KnownIds:
    """The ids of the records of one table and scope, read when asked for, each file once."""

    lake: Lake
    table: str
    scope: str
    snapshot: pa.Array | None

    def __post_init__(self) -> None:
        self._ids: dict[Partition, pa.Array] = {}
        self._standing = _partitions(self.lake, self.table, self.scope) if _is_windowed(self.table) else []

    def beside(self, partition: Partition, comes_along: bool) -> str:
        """Why what is not found could not be said to be missing; empty where it can."""
        if not _is_windowed(self.table):
            return "" if self.snapshot is not None else f"reference/{self.table} is not in the lake"
        if partition not in self._standing:
            return f"changes/{self.table} has not got this window yet"
        first = self._standing[0].window.start
        if partition.window.start < first + LEAD_IN and not comes_along:
            return f"changes/{self.table} begins on {first:%Y-%m-%d}: records referred to may be older"
        return ""

    def nearest_first(self, partition: Partition) -> Iterator[pa.Array]:
        if self.snapshot is not None:
            yield self.snapshot
            return

        def away(other: Partition) -> float:
            return abs((other.window.start - partition.window.start).total_seconds())

        for other in sorted(self._standing, key=away)[: WINDOWS_AROUND + 1]:
            if other not in self._ids:
                name = layout.changes_file(self.table, self.scope, other.key(self.lake.grain))
                self._ids[other] = _column(self.lake, name, "id")
            yield self._ids[other]


def _snapshot(lake: Lake, name: str) -> pa.Array | None:
    file = layout.reference_file(name)
    return _column(lake, file, "id") if lake.exists(file) else None


def _read(
    lake: Lake, table: Table, partitions: list[Partition], field: Field
) -> Iterator[tuple[Partition, pa.Array]]:
    """The different ids that each partition holds."""

    def ids(partition: Partition) -> pa.Array:
        name = layout.changes_file(table.name, partition.scope, partition.key(lake.grain))
        return pc.drop_null(pc.unique(_column(lake, name, field.path)))

    with ThreadPoolExecutor(8) as side_by_side:
        yield from zip(partitions, side_by_side.map(ids, partitions), strict=True)


def _column(lake: Lake, name: str, path: str) -> pa.Array:
    """The values of a column; none where the file is older than the column."""
    first, *inner = path.split(".")
    with lake.filesystem.open_input_file(lake.path(name)) as source, pq.ParquetFile(source) as file:
        leaves = (file.schema.column(number).path for number in range(len(file.schema)))
        if not any(leaf == path or leaf.startswith(f"{path}.") for leaf in leaves):
            return pa.array([], pa.string())
        read = file.read(columns=[path]).column(first).combine_chunks()
    for part in inner:
        read = pc.struct_field(read, part)
    return read.combine_chunks() if isinstance(read, pa.ChunkedArray) else read


def _partitions(lake: Lake, table: str, scope: str) -> list[Partition]:
    """The partitions of one scope that stand, in their order."""
    names = lake.files(layout.scope_folder(table, scope), recursive=True)
    keys = (layout.partition_of(name)[1] for name in names)
    return sorted(Partition(scope, from_key(key, lake.grain)) for key in keys)
