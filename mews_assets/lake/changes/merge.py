"""Changes: every version of every record once, one Parquet file per partition.

Lives here: merging captures into the partitions they cover. A partition becomes the union of what it held and
what arrived, one row per (id, version), in the order of version and id; so merging twice changes nothing,
and no version ever seen is dropped. Of a version that came with two contents the one captured last stands, in
whatever order the captures are merged. Not here: dealing rows to partitions (`dealing`), rows at a capture's end
(`boundary`), writing a partition's rows (`partition_files`), counting what is on disk (`measures`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog import table as table_of
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import with_nullable_pii
from mews_assets.lake.changes.assign_partitions import (
    IS_NEW,
    IS_WHOLE,
    LINE,
    PARTITION_NUMBER,
    ConvertedCapture,
    PartitionIndex,
    assign_partitions,
    count_assigned,
    covered_partitions,
)
from mews_assets.lake.changes.edge_rows import edge_files, park_edge_rows
from mews_assets.lake.changes.lost_partitions import recalled
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition, MergeResult
from mews_assets.lake.changes.newer_captures import overtaking
from mews_assets.lake.changes.partition_writer import PartitionWriter, Restated, sorted_for_files
from mews_assets.lake.changes.unchanged_partitions import holds_the_same
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.landing.convert_capture import convert_capture
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import measure
from mews_assets.lake.quality.tax_precision import DEFAULT_DECIMALS, tax_decimals
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import create_temp_table, open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import plain


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
    landing back. A capture with a record that cannot become a row is rejected as a whole and named; the
    others are merged. `from_scratch` makes partitions of the captures alone, whatever stood there. With `only`,
    captures that were merged before bring rows of these partitions and of no other. All
    partitions are written and measured aside before the first is put in place.
    """
    merged = MergeResult()
    with lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        pending = capture_store.pending(lake, table.name)
        wanted = {manifest.capture: manifest for manifest in (*pending, *manifests)}
        staged = _convert_captures(lake, table, list(wanted.values()), raw or {}, workspace, threads, merged)
        if only is not None:
            new = {manifest.capture for manifest in pending}
            staged = [
                one if one.manifest.capture in new else replace(one, only=frozenset(only)) for one in staged
            ]
        if staged:
            work = _Merge(lake, table, staged, workspace, merged, from_scratch)
            if again := {} if from_scratch else recalled(lake, table.name, work.absent, wanted):
                manifests_again = [manifest for manifest, _ in again.values()]
                staged += [
                    replace(one, only=again[one.manifest.capture][1])
                    for one in _convert_captures(lake, table, manifests_again, {}, workspace, threads, merged)
                ]
                work = _Merge(lake, table, staged, workspace, merged, from_scratch)
            if newer := work.run(threads):
                staged += [
                    replace(one, only=frozenset(work.unclear))
                    for one in _convert_captures(lake, table, newer, {}, workspace, threads, merged)
                ]
                again_in = workspace / "again"
                again_in.mkdir()
                _Merge(lake, table, staged, again_in, merged, from_scratch).run(threads, is_last=True)
        for capture in staged:
            capture_store.mark_merged(lake, capture.manifest)
    return merged


def measure_existing(
    lake: Lake, table: Table, partitions: Iterable[Partition]
) -> dict[Partition, MergedPartition]:
    """The partitions that stand in the lake, measured as they are; those that do not are left out."""
    names = {one: layout.changes_file(table.name, one.scope, one.key(lake.grain)) for one in partitions}
    there = sorted(one for one, name in names.items() if lake.exists(name))
    with lake.workspace() as workspace, open_duckdb(workspace) as engine:
        files = [(lake.local_copy(names[one], workspace), one.window) for one in there]
        measured = measure(engine, with_nullable_pii(table, lake.privacy.pii), files, _decimals(lake, there))
    return {
        one: MergedPartition(one, names[one], 0, measures.rows, measures, stood=True, is_written=False)
        for one, measures in zip(there, measured, strict=True)
    }


def _decimals(lake: Lake, partitions: Iterable[Partition]) -> list[int]:
    by_enterprise = tax_decimals(lake)
    return [by_enterprise.get(one.scope, DEFAULT_DECIMALS) for one in partitions]


def _convert_captures(
    lake: Lake,
    table: Table,
    manifests: list[Manifest],
    raw: Mapping[str, Mapping[str, list[Path]]],
    workspace: Path,
    threads: int | None,
    merged: MergeResult,
) -> list[ConvertedCapture]:
    """Convert each capture; one that cannot be is rejected and left out."""
    staged = []
    hiding = row_masker(lake, table) if manifests else None
    for manifest in manifests:
        try:
            rows, findings = convert_capture(lake, table, manifest, raw, workspace, threads, hiding)
            found_by = None
            if table.parent_key is not None:
                other = capture_store.read_manifest(lake, table.parent_key.table, manifest.capture)
                found_by, _ = convert_capture(
                    lake, table_of(table.parent_key.table), other, raw, workspace, threads
                )
        except RecordError as error:
            capture_store.reject(lake, manifest, str(error))
            merged.rejected[manifest.capture] = error
            continue
        staged.append(ConvertedCapture(manifest, rows, found_by))
        merged.captures[manifest.capture] = MergedCapture(manifest, findings, 0, 0, 0)
    return staged


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
        self.index = PartitionIndex.of(staged, lake.grain)
        self.measured_as = with_nullable_pii(table, lake.privacy.pii)
        self.covered = set[Partition]().union(*(one.covered(lake.grain) for one in staged))
        self.from_scratch = from_scratch
        self.unclear: list[Partition] = []
        self.existing = set[Partition]() if from_scratch else self._existing_files()

    def run(self, threads: int | None, *, is_last: bool = False) -> list[Manifest]:
        """Merge, and give nothing; or give the captures that must be taken along first, and put nothing in place."""
        with open_duckdb(self.workspace, threads=threads) as engine:
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
            files = self._write(engine, changing, waiting, sum(arrived.values()))
            self.unclear = [one for one in changing if files.needs_newer(one)]
            if self.unclear and not is_last:
                manifests = [one.manifest for one in self.staged]
                if newer := overtaking(self.lake, self.table.name, manifests, self.unclear):
                    return newer
            park_edge_rows(
                self.lake, self.table, engine, self.index, early, counts, self.workspace / "boundary"
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
        arriving: int,
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
        parts = [
            f"SELECT dealt.* EXCLUDE ({PARTITION_NUMBER}), changing.position AS {PARTITION_NUMBER}, true AS {IS_NEW} "
            f"FROM dealt JOIN changing ON changing.place = dealt.{PARTITION_NUMBER}"
        ]
        held = [(self._name(one), number[one], False) for one in changing if one in self.existing]
        held += [(name, number[one], True) for one in changing for name in waiting.get(one, ())]
        paths = [self.lake.local_copy(name, self.workspace) for name, _, _ in held]
        if held:
            parts.append(self._stored_rows(engine, held, paths))
        count = arriving + sum(pq.read_metadata(path).num_rows for path in paths)
        files.write(sorted_for_files(engine, self.table, " UNION ALL BY NAME ".join(parts), count))
        return files

    def _stored_rows(
        self, engine: duckdb.DuckDBPyConnection, held: list[tuple[str, int, bool]], paths: list[Path]
    ) -> str:
        whole = plain(arrow_schema(self.table))
        create_temp_table(
            engine,
            "held",
            pa.table(
                {
                    "path": [str(path) for path in paths],
                    "position": pa.array([position for _, position, _ in held], pa.int64()),
                    "is_new": [is_new for _, _, is_new in held],
                    "is_whole": [pq.read_schema(path).equals(whole) for path in paths],
                }
            ),
        )
        return (
            f"SELECT row.* EXCLUDE (file_path), held.position AS {PARTITION_NUMBER}, held.is_new AS {IS_NEW}, "
            f"NULL::BIGINT AS {LINE}, held.is_whole AS {IS_WHOLE} "
            f"FROM {parquet(paths, arrow_schema(self.table), file_as='file_path')} AS row "
            "JOIN held ON held.path = row.file_path"
        )

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
