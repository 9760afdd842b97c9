"""Changes: every version of every record once, one Parquet file per partition.

Lives here: merging captures into the partitions they cover. A partition becomes the union of what it held and
what arrived, one row per (id, version), in the order of version and id; so merging twice changes nothing,
and no version ever seen is dropped. Of a version that came with two contents the one captured last stands, in
whatever order the captures are merged. Not here: dealing rows to partitions (`dealing`), rows at a capture's end
(`boundary`), writing a partition's rows (`partition_files`), counting what is on disk (`measures`).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Iterable, Mapping
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
from mews_assets.lake.changes.convert_captures import convert_captures
from mews_assets.lake.changes.edge_rows import edge_files, park_edge_rows, seen_early
from mews_assets.lake.changes.lost_partitions import recalled
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition, MergeResult
from mews_assets.lake.changes.newer_captures import overtaking
from mews_assets.lake.changes.partition_writer import Held, PartitionWriter, Restated, sorted_for_files
from mews_assets.lake.changes.unchanged_partitions import holds_the_same
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.landing.unmerged_captures import note_unmerged
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import measure
from mews_assets.lake.quality.tax_precision import DEFAULT_DECIMALS, tax_decimals
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import Room
from mews_assets.lake.storage.duckdb_session import create_temp_table, open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import is_of_all_work, machine_errors_said


def merge(
    lake: Lake,
    table: Table,
    manifests: Iterable[Manifest] = (),
    *,
    raw: Mapping[str, Mapping[str, list[Path]]] | None = None,
    threads: int | None = None,
    from_scratch: bool = False,
    only: Collection[Partition] | None = None,
) -> MergeResult:
    """Merge captures into changes, and with them all that landed before and was not merged yet.

    A partition whose file is gone is made of all that landed of it. A partition that nothing new came for is not
    written again.

    `raw` are uncompressed files of captures just fetched, by capture and table: they save reading the
    landing back. A capture with a record that cannot become a row is rejected as a whole and named; one that
    cannot be merged for another reason is left pending, or set aside (`unmerged_captures`); the others are merged.
    `from_scratch` makes partitions of the captures alone, whatever stood there. With `only`, captures that were
    merged before bring rows of these partitions and of no other. All partitions are written and measured aside
    before the first is put in place. Raises PassingError where nothing could be merged; from scratch also where any
    capture could not, before anything is written.
    """
    merged = MergeResult()
    then = "What landed stays, and the next run merges it"
    said = machine_errors_said(f"{table.name}: nothing was merged", then)
    with said, lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        pending = capture_store.pending(lake, table.name)
        wanted = {manifest.capture: manifest for manifest in (*pending, *manifests)}
        staged = convert_captures(lake, table, list(wanted.values()), raw or {}, workspace, threads, merged)
        if only is not None:
            new = {manifest.capture for manifest in pending}
            staged = [
                one if one.manifest.capture in new else replace(one, only=frozenset(only)) for one in staged
            ]
        if from_scratch and (
            problem := next(iter((*merged.unmerged.values(), *merged.rejected.values())), None)
        ):
            raise problem
        for capture in _Work(lake, table, merged, from_scratch, threads).merge(staged, workspace):
            capture_store.mark_merged(lake, capture.manifest)
    return merged


@dataclass(frozen=True)
class _Work:
    """The merge of staged captures, together where that goes well."""

    lake: Lake
    table: Table
    merged: MergeResult
    from_scratch: bool
    threads: int | None

    def merge(self, staged: list[ConvertedCapture], workspace: Path) -> list[ConvertedCapture]:
        """Gives those that were merged. The others are left, each with its cause."""
        if not staged:
            return []
        folder = workspace / uuid.uuid4().hex
        folder.mkdir()
        try:
            return self._together(staged, folder)
        except Exception as error:  # of any kind: what one capture brings must not stop the others
            if self.from_scratch:  # made of some of them, a partition would lack rows that it had
                raise
            if len(staged) > 1 and not is_of_all_work(error):
                middle = len(staged) // 2
                return [*self.merge(staged[:middle], workspace), *self.merge(staged[middle:], workspace)]
            for capture in staged:
                name = capture.manifest.capture
                self.merged.unmerged[name] = note_unmerged(self.lake, capture.manifest, error)
                self.merged.captures.pop(name, None)
            return []
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _together(self, staged: list[ConvertedCapture], folder: Path) -> list[ConvertedCapture]:
        """Merge them, and the captures that must be read once more for it."""
        staged = list(staged)
        work = self._begun(staged, folder)
        # What waits for its own turn is merged then; it holds up no other.
        later = {name for name, error in self.merged.unmerged.items() if not error.is_in_table}
        known = {one.manifest.capture for one in staged} | later | self.merged.rejected.keys()
        if again := {} if self.from_scratch else recalled(self.lake, self.table.name, work.absent, known):
            manifests = [manifest for manifest, _ in again.values()]
            staged += [
                replace(one, only=again[one.manifest.capture][1]) for one in self._more(manifests, folder)
            ]
            work = self._begun(staged, folder)
        if newer := work.run(self.threads, without=later):
            staged += [replace(one, only=frozenset(work.unclear)) for one in self._more(newer, folder)]
            again_in = folder / "again"
            again_in.mkdir()
            self._begun(staged, again_in).run(self.threads, is_last=True)
        return staged

    def _begun(self, staged: list[ConvertedCapture], folder: Path) -> _Merge:
        return _Merge(self.lake, self.table, staged, folder, self.merged, self.from_scratch)

    def _more(self, manifests: list[Manifest], folder: Path) -> list[ConvertedCapture]:
        """Captures that were merged before. Raises UnmergedError where one cannot be read: rows would be missing."""
        for manifest in manifests:
            self.merged.unmerged.pop(manifest.capture, None)
        found = convert_captures(self.lake, self.table, manifests, {}, folder, self.threads, self.merged)
        for manifest in manifests:
            if problem := self.merged.unmerged.get(manifest.capture):
                raise problem
        return found


def measure_existing(
    lake: Lake, table: Table, partitions: Iterable[Partition]
) -> dict[Partition, MergedPartition]:
    """The partitions that stand in the lake, measured as they are; those that do not are left out."""
    names = {one: layout.changes_file(table.name, one.scope, one.key(lake.grain)) for one in partitions}
    there = sorted(one for one, name in names.items() if lake.exists(name))
    said = machine_errors_said(
        f"{table.name}: partitions that stand were not read", "The next run reads them"
    )
    with said, lake.workspace() as workspace, open_duckdb(workspace, memory=lake.memory) as engine:
        files = [(lake.local_copy(names[one], workspace), one.window) for one in there]
        measured = measure(engine, with_nullable_pii(table, lake.privacy.pii), files, _decimals(lake, there))
    return {
        one: MergedPartition(one, names[one], 0, measures.rows, measures, stood=True, is_written=False)
        for one, measures in zip(there, measured, strict=True)
    }


def _decimals(lake: Lake, partitions: Iterable[Partition]) -> list[int]:
    by_enterprise = tax_decimals(lake)
    return [by_enterprise.get(one.scope, DEFAULT_DECIMALS) for one in partitions]


class _Merge:
    """One merge under way: the plan it was given and the engine it runs in."""

    def __init__(
        self,
        lake: Lake,
        table: Table,
        staged: list[ConvertedCapture],
        workspace: Path,
        merged: MergeResult,
        from_scratch: bool,
    ) -> None:
        self.lake, self.table, self.staged, self.workspace = lake, table, staged, workspace
        self.merged = merged
        self.room = Room(workspace, lake.memory)
        self.index = PartitionIndex.of(staged, lake.grain)
        self.measured_as = with_nullable_pii(table, lake.privacy.pii)
        self.covered = set[Partition]().union(*(one.covered(lake.grain) for one in staged))
        self.from_scratch = from_scratch
        self.unclear: list[Partition] = []
        self.existing = set[Partition]() if from_scratch else self._existing_files()

    def run(
        self, threads: int | None, *, without: Collection[str] = (), is_last: bool = False
    ) -> list[Manifest]:
        """Merge, and give nothing; or give the captures that must be taken along first, and put nothing in place.

        Those `without` are not taken along: they wait for their own turn.
        """
        with open_duckdb(self.workspace, threads=threads, memory=self.lake.memory) as engine:
            assign_partitions(engine, self.table, self.staged, self.index)
            counts = count_assigned(engine)
            arrived: dict[Partition, int] = {}
            for (_, place), rows in counts.items():
                if place is not None:
                    partition = self.index.partitions[place]
                    arrived[partition] = arrived.get(partition, 0) + rows
            early = {one for one in arrived if one not in self.covered and one not in self.existing}
            waiting = {} if self.from_scratch else edge_files(self.lake, self.table, self.covered)
            changing = [
                partition
                for partition in self.index.partitions
                if partition not in early
                and (arrived.get(partition) or partition in waiting or self._is_new(partition))
            ]
            files = self._write(engine, changing, waiting)
            self.unclear = [one for one in changing if files.needs_newer(one)]
            if self.unclear and not is_last:
                manifests = [one.manifest for one in self.staged]
                newer = overtaking(self.lake, self.table.name, manifests, self.unclear)
                if newer := [one for one in newer if one.capture not in without]:
                    return newer
            seen = seen_early(self.index, early, counts)
            park_edge_rows(
                self.lake, self.table, engine, self.index, seen, [one.rows for one in self.staged], self.room
            )
            self._put_in_place(engine, files, arrived, waiting)
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
        """Which of the partitions have a file already."""
        names: set[str] = set()
        for scope in sorted({partition.scope for partition in self.index.partitions}):
            names.update(self.lake.files(layout.scope_folder(self.table.name, scope), recursive=True))
        return {partition for partition in self.index.partitions if self._name(partition) in names}

    def _write(
        self,
        engine: duckdb.DuckDBPyConnection,
        changing: list[Partition],
        waiting: Mapping[Partition, list[str]],
    ) -> PartitionWriter[Partition]:
        """All rows of the changing partitions, in their final order, written aside."""
        files = PartitionWriter(self.table, changing, self.workspace / "partitions")
        number = {partition: place for place, partition in enumerate(changing)}
        places = [self.index.number[one] for one in changing]
        positions = pa.array(
            range(len(changing)), pa.int64()
        )  # whose type no value tells where nothing changes
        create_temp_table(
            engine, "changing", pa.table({"place": pa.array(places, pa.int64()), "position": positions})
        )
        placed = (
            f"SELECT dealt.file, dealt.{LINE}, dealt._window_utc, changing.position "
            f"FROM dealt JOIN changing ON changing.place = dealt.{PARTITION_NUMBER}"
        )
        held = [(self._name(one), number[one], False) for one in changing if one in self.existing]
        held += [(name, number[one], True) for one in changing for name in waiting.get(one, ())]
        fetched = [
            Held(self.lake.local_copy(name, self.workspace), place, is_new) for name, place, is_new in held
        ]
        arrived = [one.rows for one in self.staged]
        files.write(sorted_for_files(engine, self.table, placed, arrived, fetched, self.room))
        return files

    def _put_in_place(
        self,
        engine: duckdb.DuckDBPyConnection,
        files: PartitionWriter[Partition],
        arrived: Mapping[Partition, int],
        waiting: Mapping[Partition, list[str]],
    ) -> None:
        """Measure what was written, put it in place, and account for the partitions left as they were."""
        stands = {
            one: self.lake.local_copy(self._name(one), self.workspace)
            for one in sorted(self.existing & (self.covered | files.paths.keys()))
        }
        same = {
            one
            for one, path in files.paths.items()
            if one in stands
            and holds_the_same(stands[one], path, with_captures=files.restated(one).count > 0)
        }
        places = {**stands, **{one: path for one, path in files.paths.items() if one not in same}}
        measured = measure(
            engine,
            self.measured_as,
            [(path, one.window) for one, path in places.items()],
            _decimals(self.lake, places),
        )
        for partition, measures in zip(places, measured, strict=True):
            came = partition in files.paths
            is_written = came and partition not in same
            if is_written:
                self.lake.put(files.paths[partition], self._name(partition))
            for name in waiting.get(partition, ()):
                self.lake.delete(name)
            self.merged.partitions[partition] = MergedPartition(
                partition,
                self._name(partition),
                files.rows_arrived(partition) if came else 0,
                files.rows_before(partition) if came else measures.rows,
                measures,
                files.restated(partition) if came else Restated(),
                stood=partition in self.existing,
                is_written=is_written,
            )

    def _account_for_lines(self, counts: Mapping[tuple[str, int | None], int]) -> None:
        for capture in self.staged:
            manifest = capture.manifest
            own = covered_partitions(manifest, self.lake.grain)
            dealt = boundary = unexplained = 0  # rows that are left aside belong nowhere either
            for (landing_id, place), rows in counts.items():
                if landing_id != manifest.capture:
                    continue
                if place is None:
                    unexplained += rows
                elif self.index.partitions[place] in own:
                    dealt += rows
                else:
                    boundary += rows
            findings = self.merged.captures[manifest.capture].findings
            nowhere = (0, unexplained) if capture.only is not None else (unexplained, 0)
            self.merged.captures[manifest.capture] = MergedCapture(
                manifest, findings, dealt, boundary, *nowhere
            )
