"""One merge of converted captures: their rows written into partition files, measured, and put in place.

Lives here: which partitions change, and the order of the steps. Not here: which captures are merged together
(`merge`), which partition a row belongs to (`assign_partitions`), writing the rows of partitions (`partition_writer`).

A file is replaced only over the version that was read. LostRaceError is raised where another run was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import with_nullable_pii
from mews_assets.lake.changes.assign_partitions import (
    LINE,
    PARTITION_NUMBER,
    ConvertedCapture,
    PartitionIndex,
    assign_partitions,
    count_assigned,
    covered_partitions,
)
from mews_assets.lake.changes.edge_rows import edge_files, park_edge_rows, seen_early
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition, MergeResult
from mews_assets.lake.changes.newer_captures import overtaking
from mews_assets.lake.changes.partition_writer import (
    PartitionFile,
    PartitionWriter,
    Restated,
    sorted_for_files,
)
from mews_assets.lake.changes.unchanged_partitions import holds_the_same
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.file_statistics import local_statistics, without_quotes
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import measure
from mews_assets.lake.quality.tax_precision import DEFAULT_DECIMALS, tax_decimals
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import SortSpace
from mews_assets.lake.storage.duckdb_session import create_temp_table, open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.store import ABSENT, Pinned


@dataclass(frozen=True)
class MergeContext:
    """What the passes of one merge have in common. `merged` is the result that they add to."""

    lake: Lake
    table: Table
    merged: MergeResult
    from_scratch: bool
    threads: int | None
    confirm: Callable[[], None]
    """Called before files are put in place. Raises LeaseLostError where another machine may have taken over."""
    erased: RowMasker | None
    """Masks erased customers in existing rows too: a merge that was killed may have put them there."""


class MergePass:
    """The captures to merge, and the partitions that they can change."""

    def __init__(self, context: MergeContext, captures: list[ConvertedCapture], workspace: Path) -> None:
        self.context, self.lake, self.table = context, context.lake, context.table
        self.captures, self.workspace, self.merged = captures, workspace, context.merged
        self.space = SortSpace(workspace, self.lake.memory)
        self.index = PartitionIndex.of(captures, self.lake.grain)
        self.measured_as = with_nullable_pii(self.table, self.lake.privacy.pii)
        self.covered = set[Partition]().union(*(capture.covered(self.lake.grain) for capture in captures))
        self.unclear: list[Partition] = []
        found = self._existing_files()
        self.existing = set[Partition]() if context.from_scratch else found
        self.pinned: dict[Partition, Pinned] = {}
        self.replaced = {
            partition: self.lake.version(self._name(partition)) for partition in found - self.existing
        }
        """The versions of the files that are made from scratch."""

    def run(
        self, threads: int | None, *, without: Collection[str] = (), is_last: bool = False
    ) -> list[Manifest]:
        """Merge, and return nothing; or put nothing in place, and return captures that must be merged together with
        these.

        Captures in `without` are not returned. With `is_last` the merge is done in any case.
        """
        with open_duckdb(self.workspace, threads=threads, memory=self.lake.memory) as engine:
            assign_partitions(engine, self.table, self.captures, self.index)
            counts = count_assigned(engine)
            arrived: dict[Partition, int] = {}
            for (_, number), rows in counts.items():
                if number is not None:
                    partition = self.index.partitions[number]
                    arrived[partition] = arrived.get(partition, 0) + rows
            outside = {
                partition
                for partition in arrived
                if partition not in self.covered and partition not in self.existing
            }
            edges = {} if self.context.from_scratch else edge_files(self.lake, self.table, self.covered)
            changing = [
                partition
                for partition in self.index.partitions
                if partition not in outside
                and (arrived.get(partition) or partition in edges or self._is_new(partition))
            ]
            files = self._write(engine, changing, edges)
            self.unclear = [partition for partition in changing if files.needs_newer(partition)]
            if self.unclear and not is_last:
                manifests = [capture.manifest for capture in self.captures]
                newer = overtaking(self.lake, self.table.name, manifests, self.unclear)
                if newer := [manifest for manifest in newer if manifest.capture not in without]:
                    return newer
            seen = seen_early(self.index, outside, counts)
            self.context.confirm()
            park_edge_rows(
                self.lake,
                self.table,
                engine,
                self.index,
                seen,
                [capture.rows for capture in self.captures],
                self.space,
            )
            self._put_in_place(engine, files, arrived, edges)
            self._refuse_missed_edge_rows(outside, edges)
            self._account_for_lines(counts)
        return []

    @property
    def absent(self) -> set[Partition]:
        """The covered partitions that have no file."""
        return self.covered - self.existing

    def _is_new(self, partition: Partition) -> bool:
        return partition in self.covered and partition not in self.existing

    def _name(self, partition: Partition) -> str:
        return layout.changes_file(self.table.name, partition.scope, partition.key(self.lake.grain))

    def _existing_files(self) -> set[Partition]:
        """The partitions that have a file already."""
        names: set[str] = set()
        for scope in sorted({partition.scope for partition in self.index.partitions}):
            names.update(self.lake.files(layout.scope_folder(self.table.name, scope), recursive=True))
        return {partition for partition in self.index.partitions if self._name(partition) in names}

    def _pin(self, partition: Partition) -> Pinned:
        """The existing file of a partition, the same version throughout the pass."""
        if partition not in self.pinned:
            name = self._name(partition)
            try:
                self.pinned[partition] = self.lake.pin(name, self.workspace)
            except FileNotFoundError:
                raise LostRaceError(self.lake.uri(name)) from None
        return self.pinned[partition]

    def _replaced_version(self, partition: Partition) -> str:
        """The version of the partition's file that this pass has read."""
        if partition in self.existing:
            return self._pin(partition).version
        return self.replaced.get(partition, ABSENT)

    def _refuse_missed_edge_rows(
        self, outside: Collection[Partition], edges: Mapping[Partition, list[str]]
    ) -> None:
        """Raise LostRaceError where another merge parked edge rows for a partition that this pass created meanwhile, or
        created a partition that this pass parked edge rows for."""
        created = [
            result.partition
            for result in self.merged.partitions.values()
            if result.is_written and not result.existed
        ]
        parked = {} if self.context.from_scratch else edge_files(self.lake, self.table, created)
        for partition, names in parked.items():
            if new := set(names) - set(edges.get(partition, ())):
                raise LostRaceError(self.lake.uri(min(new)))
        names = [self._name(partition) for partition in outside]
        if found := self.lake.existing(names) if names else set():
            raise LostRaceError(self.lake.uri(min(found)))

    def _write(
        self,
        engine: duckdb.DuckDBPyConnection,
        changing: list[Partition],
        edges: Mapping[Partition, list[str]],
    ) -> PartitionWriter[Partition]:
        """Write all rows of the changing partitions, in their final order, to files in the workspace."""
        files = PartitionWriter(self.table, changing, self.workspace / "partitions")
        position_of = {partition: position for position, partition in enumerate(changing)}
        numbers = [self.index.number[partition] for partition in changing]
        positions = pa.array(range(len(changing)), pa.int64())  # typed, because it may be empty
        create_temp_table(
            engine, "changing", pa.table({"number": pa.array(numbers, pa.int64()), "position": positions})
        )
        query = (
            f"SELECT assigned.file, assigned.{LINE}, assigned._window_utc, changing.position "
            f"FROM assigned JOIN changing ON changing.number = assigned.{PARTITION_NUMBER}"
        )
        erased = self.context.erased
        partition_files = [
            PartitionFile(self._pin(partition).path, position_of[partition], False, erased)
            for partition in changing
            if partition in self.existing
        ]
        partition_files += [
            PartitionFile(self.lake.local_copy(name, self.workspace), position_of[partition], True, erased)
            for partition in changing
            for name in edges.get(partition, ())
        ]
        arrived = [capture.rows for capture in self.captures]
        files.write(sorted_for_files(engine, self.table, query, arrived, partition_files, self.space))
        return files

    def _put_in_place(
        self,
        engine: duckdb.DuckDBPyConnection,
        files: PartitionWriter[Partition],
        arrived: Mapping[Partition, int],
        edges: Mapping[Partition, list[str]],
    ) -> None:
        """Measure the files, put the changed ones in place, and record every partition in the result."""
        existing = {
            partition: self._pin(partition).path
            for partition in sorted(self.existing & (self.covered | files.paths.keys()))
        }
        unchanged = {
            partition
            for partition, path in files.paths.items()
            if partition in existing
            and holds_the_same(existing[partition], path, with_captures=files.restated(partition).count > 0)
        }
        paths = {
            **existing,
            **{partition: path for partition, path in files.paths.items() if partition not in unchanged},
        }
        measured = measure(
            engine,
            self.measured_as,
            [(path, partition.window) for partition, path in paths.items()],
            decimals_of(self.lake, paths),
        )
        for partition, measures in zip(paths, measured, strict=True):
            is_in_files = partition in files.paths
            is_written = is_in_files and partition not in unchanged
            if is_written:
                self._put(files.paths[partition], partition)
            for name in edges.get(partition, ()):
                self.lake.delete(name)
            before = self.merged.partitions.get(partition)
            if before is not None and before.is_written and not is_written:
                continue  # an earlier try of this merge wrote it
            self.merged.partitions[partition] = MergedPartition(
                partition,
                self._name(partition),
                files.rows_arrived(partition) if is_in_files else 0,
                files.rows_before(partition) if is_in_files else measures.rows,
                measures,
                files.restated(partition) if is_in_files else Restated(),
                existed=partition in self.existing,
                is_written=is_written,
            )

    def _put(self, path: Path, partition: Partition) -> None:
        name, statistics = self._name(partition), local_statistics(self.table, path)
        fingerprint = self.lake.put(path, name, over=self._replaced_version(partition))
        self.merged.statistics[name] = replace(statistics, fingerprint=without_quotes(fingerprint))

    def _account_for_lines(self, counts: Mapping[tuple[str, int | None], int]) -> None:
        for capture in self.captures:
            manifest = capture.manifest
            covered = covered_partitions(manifest, self.lake.grain)
            assigned = edge_rows = unexplained = 0
            for (landing_id, number), rows in counts.items():
                if landing_id != manifest.capture:
                    continue
                if number is None:
                    unexplained += rows
                elif self.index.partitions[number] in covered:
                    assigned += rows
                else:
                    edge_rows += rows
            findings = self.merged.captures[manifest.capture].findings
            # Rows of a capture that is read again for some partitions are skipped, not unexplained.
            nowhere = (0, unexplained) if capture.only is not None else (unexplained, 0)
            self.merged.captures[manifest.capture] = MergedCapture(
                manifest, findings, assigned, edge_rows, *nowhere
            )


def decimals_of(lake: Lake, partitions: Iterable[Partition]) -> list[int]:
    """The decimals of each partition's taxes, in the order given."""
    by_enterprise = tax_decimals(lake)
    return [by_enterprise.get(partition.scope, DEFAULT_DECIMALS) for partition in partitions]
