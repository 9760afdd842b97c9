"""References: whether the ids in rows are ids of records in the lake.

Lives here: looking up the ids in partitions of one table in the tables they refer to. Not here: which column refers to
which table (the catalog), and how many may be missing (`defs.checks.neighbours`).

Only the columns of ids are read. Most records refer to a record that changed at the same time, so the partition's own
window is read first, then the windows around it, until all ids are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog import TABLES
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.fields import Field, references
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import from_key

WINDOWS_AROUND = 62
"""Windows read besides the partition's own: two months of days. Older records are rarely referred to."""
UNRESOLVED_SHOWN = 5
_PARTITIONS_AT_ONCE = 256
"""Partitions of one scope whose ids are in memory together."""
LEAD_IN = timedelta(days=7)
"""For this long after the first window of the other table many records referred to are older than the lake: a payment
is settled the day after its bill was closed, and a stay takes some days."""


@dataclass(frozen=True)
class ReferenceResult:
    """One column of one partition: how many distinct ids it has, and how many of them are of no record in the lake.

    `not_checked` is why they could not be looked up, empty where they could.
    """

    at: str
    table: str
    ids: int
    unresolved: int = 0
    examples: tuple[str, ...] = ()
    is_exact: bool = False
    """Whether every id must exist: the same request brings the records, or a reference table has all of them."""
    not_checked: str = ""


def resolve(
    lake: Lake, table: Table, partitions: Iterable[Partition]
) -> dict[Partition, list[ReferenceResult]]:
    """The references of partitions that have a file, scope by scope."""
    by_scope: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_scope.setdefault(partition.scope, []).append(partition)
    fields = sorted(references(table), key=_target)
    snapshots = {name: _snapshot(lake, name) for name in set(map(_target, fields)) if not _is_windowed(name)}
    found: dict[Partition, list[ReferenceResult]] = {}
    for scope, of_scope in by_scope.items():
        for start in range(0, len(of_scope), _PARTITIONS_AT_ONCE):
            some = of_scope[start : start + _PARTITIONS_AT_ONCE]
            ids = _read(lake, table, some, fields)
            for target, columns in groupby(fields, _target):
                # One table's ids at a time; columns that refer to the same table share them.
                known_ids = _KnownIds(lake, target, scope, snapshots.get(target))
                for field in columns:
                    for partition, of_partition in zip(some, ids, strict=True):
                        result = _resolved(table, field, partition, of_partition[field.path], known_ids)
                        found.setdefault(partition, []).append(result)
    return found


def _target(field: Field) -> str:
    return field.column.refers_to


def lead_in(lake: Lake, table: Table, partitions: Iterable[Partition]) -> list[Partition]:
    """For each scope the last partition with a file before its first one.

    When that was written, the table it refers to may not have had the window yet; now it may.
    """
    first: dict[str, Partition] = {}
    for partition in partitions:
        if partition.scope not in first or partition < first[partition.scope]:
            first[partition.scope] = partition
    found = []
    for scope, partition in first.items():
        earlier = [existing for existing in _partitions(lake, table.name, scope) if existing < partition]
        found += earlier[-1:]
    return found


def _is_windowed(name: str) -> bool:
    return any(table.name == name for table in TABLES)


def _resolved(
    table: Table, field: Field, partition: Partition, ids: pa.Array, known_ids: _KnownIds
) -> ReferenceResult:
    target = field.column.refers_to
    is_parent = table.parent_key is not None and (table.parent_key.table, table.parent_key.column) == (
        target,
        field.column.name,
    )
    is_exact = is_parent or not _is_windowed(target)
    count = len(ids)
    if not_checked := known_ids.not_checked(partition, is_parent):
        return ReferenceResult(field.path, target, count, not_checked=not_checked)
    unresolved = ids
    for ids_of_window in known_ids.nearest_first(partition):
        if not len(unresolved):
            break
        unresolved = unresolved.filter(pc.invert(pc.is_in(unresolved, ids_of_window)))
    examples = tuple(unresolved.slice(0, UNRESOLVED_SHOWN).to_pylist())
    return ReferenceResult(field.path, target, count, len(unresolved), examples, is_exact)


@dataclass
class _KnownIds:
    """The ids of the records of one table and scope, read on demand, each file once."""

    lake: Lake
    table: str
    scope: str
    snapshot: pa.Array | None

    def __post_init__(self) -> None:
        self._ids: dict[Partition, pa.Array] = {}
        self._existing = _partitions(self.lake, self.table, self.scope) if _is_windowed(self.table) else []

    def not_checked(self, partition: Partition, is_parent: bool) -> str:
        """Why ids that are not found may exist all the same; empty where they must exist."""
        if not _is_windowed(self.table):
            return "" if self.snapshot is not None else f"reference/{self.table} is not in the lake"
        if partition not in self._existing:
            return f"changes/{self.table} does not have this window yet"
        first = self._existing[0].window.start
        if partition.window.start < first + LEAD_IN and not is_parent:
            return f"changes/{self.table} begins on {first:%Y-%m-%d}: records referred to may be older"
        return ""

    def nearest_first(self, partition: Partition) -> Iterator[pa.Array]:
        if self.snapshot is not None:
            yield self.snapshot
            return

        def away(other: Partition) -> float:
            return abs((other.window.start - partition.window.start).total_seconds())

        for other in sorted(self._existing, key=away)[: WINDOWS_AROUND + 1]:
            if other not in self._ids:
                name = layout.changes_file(self.table, self.scope, other.key(self.lake.grain))
                self._ids[other] = _columns(self.lake, name, ["id"])["id"]
            yield self._ids[other]


def _snapshot(lake: Lake, name: str) -> pa.Array | None:
    file = layout.reference_file(name)
    key = next((snake_case(one.key[0]) for one in REFERENCES if one.name == name), "id")
    return _columns(lake, file, [key])[key] if lake.exists(file) else None


def _read(
    lake: Lake, table: Table, partitions: list[Partition], fields: Sequence[Field]
) -> list[dict[str, pa.Array]]:
    """For each partition the distinct ids of each field, by its path."""

    def ids(partition: Partition) -> dict[str, pa.Array]:
        name = layout.changes_file(table.name, partition.scope, partition.key(lake.grain))
        columns = _columns(lake, name, [field.path for field in fields])
        return {path: pc.drop_null(pc.unique(values)) for path, values in columns.items()}

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(ids, partitions))


def _columns(lake: Lake, name: str, paths: Iterable[str]) -> dict[str, pa.Array]:
    """The values of columns, by path; none of a column that the file was written before."""
    with lake.open_input_file(name) as source, pq.ParquetFile(source) as file:
        leaves = [file.schema.column(number).path for number in range(len(file.schema))]
        there = {path: any(leaf == path or leaf.startswith(f"{path}.") for leaf in leaves) for path in paths}
        read = file.read(columns=[path for path, is_there in there.items() if is_there])
    return {
        path: _value(read, path) if is_there else pa.array([], pa.string())
        for path, is_there in there.items()
    }


def _value(read: pa.Table, path: str) -> pa.Array:
    first, *inner = path.split(".")
    values = read.column(first).combine_chunks()
    for part in inner:
        values = pc.struct_field(values, part)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _partitions(lake: Lake, table: str, scope: str) -> list[Partition]:
    """The partitions of one scope that have a file, in order."""
    names = lake.files(layout.scope_folder(table, scope), recursive=True)
    keys = (layout.partition_of(name)[1] for name in names)
    return sorted(Partition(scope, from_key(key, lake.grain)) for key in keys)
