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

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import as_kept
from mews_assets.lake import landing, layout
from mews_assets.lake.boundary import keep, seen_early, waiting_files
from mews_assets.lake.captured import convert_capture
from mews_assets.lake.dealing import (
    LINE,
    PLACE,
    Partition,
    Places,
    Staged,
    count_dealt,
    covered,
    deal,
)
from mews_assets.lake.engine import hold, open_engine
from mews_assets.lake.errors import RecordError
from mews_assets.lake.failures import is_of_all_work, machine_errors_said
from mews_assets.lake.forgotten import hiding_of
from mews_assets.lake.landing import Manifest
from mews_assets.lake.left import leave
from mews_assets.lake.measures import measure
from mews_assets.lake.merged import Merged, MergedCapture, MergedPartition
from mews_assets.lake.news import holds_the_same
from mews_assets.lake.ordering import Room
from mews_assets.lake.overtaken import overtaking
from mews_assets.lake.partition_files import Held, PartitionFiles, Restated, in_file_order
from mews_assets.lake.recall import recalled
from mews_assets.lake.store import Lake
from mews_assets.lake.tax_decimals import DEFAULT_DECIMALS, tax_decimals


def merge(
    lake: Lake,
    table: Table,
    manifests: Iterable[Manifest] = (),
    *,
    raw: Mapping[str, Mapping[str, list[Path]]] | None = None,
    threads: int | None = None,
    from_scratch: bool = False,
    only: Collection[Partition] | None = None,
) -> Merged:
    """Merge captures into changes, and with them all that landed before and was not merged yet.

    A partition whose file is gone is made of all that landed of it. A partition that nothing new came for is not
    written again.

    `raw` are uncompressed files of captures just fetched, by capture and table: they save reading the
    landing back. A capture with a record that cannot become a row is rejected as a whole and named; one that
    cannot be merged for another reason is left pending, or set aside (`left`); the others are merged.
    `from_scratch` makes partitions of the captures alone, whatever stood there. With `only`, captures that were
    merged before bring rows of these partitions and of no other. All partitions are written and measured aside
    before the first is put in place. Raises PassingError where nothing could be merged; from scratch also where any
    capture could not, before anything is written.
    """
    merged = Merged()
    then = "What landed stays, and the next run merges it"
    said = machine_errors_said(f"{table.name}: nothing was merged", then)
    with said, lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        pending = landing.pending(lake, table.name)
        wanted = {manifest.capture: manifest for manifest in (*pending, *manifests)}
        staged = _stage(lake, table, list(wanted.values()), raw or {}, workspace, threads, merged)
        if only is not None:
            new = {manifest.capture for manifest in pending}
            staged = [
                one if one.manifest.capture in new else replace(one, only=frozenset(only)) for one in staged
            ]
        if from_scratch and (problem := next(iter((*merged.left.values(), *merged.rejected.values())), None)):
            raise problem
        for capture in _Work(lake, table, merged, from_scratch, threads).merge(staged, workspace):
            landing.settle(lake, capture.manifest)
    return merged


@dataclass(frozen=True)
class _Work:
    """The merge of staged captures, together where that goes well."""

    lake: Lake
    table: Table
    merged: Merged
    from_scratch: bool
    threads: int | None

    def merge(self, staged: list[Staged], workspace: Path) -> list[Staged]:
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
                self.merged.left[name] = leave(self.lake, capture.manifest, error)
                self.merged.captures.pop(name, None)
            return []
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _together(self, staged: list[Staged], folder: Path) -> list[Staged]:
        """Merge them, and the captures that must be read once more for it."""
        staged = list(staged)
        work = self._begun(staged, folder)
        known = {one.manifest.capture for one in staged}
        if again := {} if self.from_scratch else recalled(self.lake, self.table.name, work.absent, known):
            manifests = [manifest for manifest, _ in again.values()]
            staged += [
                replace(one, only=again[one.manifest.capture][1]) for one in self._more(manifests, folder)
            ]
            work = self._begun(staged, folder)
        if newer := work.run(self.threads):
            staged += [replace(one, only=frozenset(work.unclear)) for one in self._more(newer, folder)]
            again_in = folder / "again"
            again_in.mkdir()
            self._begun(staged, again_in).run(self.threads, is_last=True)
        return staged

    def _begun(self, staged: list[Staged], folder: Path) -> _Merge:
        return _Merge(self.lake, self.table, staged, folder, self.merged, self.from_scratch)

    def _more(self, manifests: list[Manifest], folder: Path) -> list[Staged]:
        """Captures that were merged before. Raises LeftError where one cannot be read: its rows would be missing."""
        found = _stage(self.lake, self.table, manifests, {}, folder, self.threads, self.merged)
        for manifest in manifests:
            if problem := self.merged.left.get(manifest.capture):
                raise problem
        return found


def standing(lake: Lake, table: Table, partitions: Iterable[Partition]) -> dict[Partition, MergedPartition]:
    """The partitions that stand in the lake, measured as they are; those that do not are left out."""
    names = {one: layout.changes_file(table.name, one.scope, one.key(lake.grain)) for one in partitions}
    there = sorted(one for one, name in names.items() if lake.exists(name))
    said = machine_errors_said(
        f"{table.name}: partitions that stand were not read", "The next run reads them"
    )
    with said, lake.workspace() as workspace, open_engine(workspace, memory=lake.memory) as engine:
        files = [(lake.fetch(names[one], workspace), one.window) for one in there]
        measured = measure(engine, as_kept(table, lake.privacy.pii), files, _decimals(lake, there))
    return {
        one: MergedPartition(one, names[one], 0, measures.rows, measures, stood=True, is_written=False)
        for one, measures in zip(there, measured, strict=True)
    }


def _decimals(lake: Lake, partitions: Iterable[Partition]) -> list[int]:
    by_enterprise = tax_decimals(lake)
    return [by_enterprise.get(one.scope, DEFAULT_DECIMALS) for one in partitions]


def _stage(
    lake: Lake,
    table: Table,
    manifests: list[Manifest],
    raw: Mapping[str, Mapping[str, list[Path]]],
    workspace: Path,
    threads: int | None,
    merged: Merged,
) -> list[Staged]:
    """Convert each capture; one that cannot be is rejected or left, and left out."""
    staged = []
    hiding = hiding_of(lake, table) if manifests else None
    for manifest in manifests:
        try:
            rows, findings = convert_capture(lake, table, manifest, raw, workspace, threads, hiding)
            found_by = None
            if table.via is not None:
                other = landing.read_manifest(lake, table.via.table, manifest.capture)
                found_by, _ = convert_capture(lake, table_of(table.via.table), other, raw, workspace, threads)
        except RecordError as error:
            landing.reject(lake, manifest, str(error))
            merged.rejected[manifest.capture] = error
            continue
        except Exception as error:  # of any kind: the others go on
            merged.left[manifest.capture] = leave(lake, manifest, error)
            continue
        staged.append(Staged(manifest, rows, found_by))
        merged.captures[manifest.capture] = MergedCapture(manifest, findings, 0, 0, 0)
    return staged


class _Merge:
    """One merge under way: the plan it was given and the engine it runs in."""

    def __init__(
        self,
        lake: Lake,
        table: Table,
        staged: list[Staged],
        workspace: Path,
        merged: Merged,
        from_scratch: bool,
    ) -> None:
        self.lake, self.table, self.staged, self.workspace = lake, table, staged, workspace
        self.merged = merged
        self.room = Room(workspace, lake.memory)
        self.places = Places.of(staged, lake.grain)
        self.measured_as = as_kept(table, lake.privacy.pii)
        self.covered = set[Partition]().union(*(one.covered(lake.grain) for one in staged))
        self.from_scratch = from_scratch
        self.unclear: list[Partition] = []
        self.standing = set[Partition]() if from_scratch else self._standing_files()

    def run(self, threads: int | None, *, is_last: bool = False) -> list[Manifest]:
        """Merge, and give nothing; or give the captures that must be taken along first, and put nothing in place."""
        with open_engine(self.workspace, threads=threads, memory=self.lake.memory) as engine:
            deal(engine, self.table, self.staged, self.places)
            counts = count_dealt(engine)
            arrived: dict[Partition, int] = {}
            for (_, place), rows in counts.items():
                if place is not None:
                    partition = self.places.partitions[place]
                    arrived[partition] = arrived.get(partition, 0) + rows
            early = {one for one in arrived if one not in self.covered and one not in self.standing}
            waiting = {} if self.from_scratch else waiting_files(self.lake, self.table, self.covered)
            changing = [
                partition
                for partition in self.places.partitions
                if partition not in early
                and (arrived.get(partition) or partition in waiting or self._is_new(partition))
            ]
            files = self._write(engine, changing, waiting)
            self.unclear = [one for one in changing if files.needs_newer(one)]
            if self.unclear and not is_last:
                manifests = [one.manifest for one in self.staged]
                if newer := overtaking(self.lake, self.table.name, manifests, self.unclear):
                    return newer
            seen = seen_early(self.places, early, counts)
            keep(
                self.lake, self.table, engine, self.places, seen, [one.rows for one in self.staged], self.room
            )
            self._put_in_place(engine, files, arrived, waiting)
            self._explain(counts)
        return []

    @property
    def absent(self) -> set[Partition]:
        """The covered partitions that have no file."""
        return self.covered - self.standing

    def _is_new(self, partition: Partition) -> bool:
        return partition in self.covered and partition not in self.standing

    def _name(self, partition: Partition) -> str:
        return layout.changes_file(self.table.name, partition.scope, partition.key(self.lake.grain))

    def _standing_files(self) -> set[Partition]:
        """Which of the partitions have a file already."""
        names: set[str] = set()
        for scope in sorted({partition.scope for partition in self.places.partitions}):
            names.update(self.lake.files(layout.scope_folder(self.table.name, scope), recursive=True))
        return {partition for partition in self.places.partitions if self._name(partition) in names}

    def _write(
        self,
        engine: duckdb.DuckDBPyConnection,
        changing: list[Partition],
        waiting: Mapping[Partition, list[str]],
    ) -> PartitionFiles[Partition]:
        """All rows of the changing partitions, in their final order, written aside."""
        files = PartitionFiles(self.table, changing, self.workspace / "partitions")
        number = {partition: place for place, partition in enumerate(changing)}
        places = [self.places.number[one] for one in changing]
        positions = pa.array(
            range(len(changing)), pa.int64()
        )  # whose type no value tells where nothing changes
        hold(engine, "changing", pa.table({"place": pa.array(places, pa.int64()), "position": positions}))
        placed = (
            f"SELECT dealt.file, dealt.{LINE}, dealt._window_utc, changing.position "
            f"FROM dealt JOIN changing ON changing.place = dealt.{PLACE}"
        )
        held = [(self._name(one), number[one], False) for one in changing if one in self.standing]
        held += [(name, number[one], True) for one in changing for name in waiting.get(one, ())]
        fetched = [Held(self.lake.fetch(name, self.workspace), place, is_new) for name, place, is_new in held]
        arrived = [one.rows for one in self.staged]
        files.write(in_file_order(engine, self.table, placed, arrived, fetched, self.room))
        return files

    def _put_in_place(
        self,
        engine: duckdb.DuckDBPyConnection,
        files: PartitionFiles[Partition],
        arrived: Mapping[Partition, int],
        waiting: Mapping[Partition, list[str]],
    ) -> None:
        """Measure what was written, put it in place, and account for the partitions left as they were."""
        stands = {
            one: self.lake.fetch(self._name(one), self.workspace)
            for one in sorted(self.standing & (self.covered | files.paths.keys()))
        }
        same = {
            one for one, path in files.paths.items() if one in stands and holds_the_same(stands[one], path)
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
                files.arrived(partition) if came else 0,
                files.held(partition) if came else measures.rows,
                measures,
                files.restated(partition) if came else Restated(),
                stood=partition in self.standing,
                is_written=is_written,
            )

    def _explain(self, counts: Mapping[tuple[str, int | None], int]) -> None:
        for capture in self.staged:
            manifest = capture.manifest
            own = covered(manifest, self.lake.grain)
            dealt = boundary = unexplained = 0  # rows that are left aside belong nowhere either
            for (landing_id, place), rows in counts.items():
                if landing_id != manifest.capture:
                    continue
                if place is None:
                    unexplained += rows
                elif self.places.partitions[place] in own:
                    dealt += rows
                else:
                    boundary += rows
            findings = self.merged.captures[manifest.capture].findings
            nowhere = (0, unexplained) if capture.only is not None else (unexplained, 0)
            self.merged.captures[manifest.capture] = MergedCapture(
                manifest, findings, dealt, boundary, *nowhere
            )
