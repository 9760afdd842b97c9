"""Changes: every version of every record once, one Parquet file per partition.

Lives here: which captures are merged together, and retrying them by halves. A partition becomes the union of its rows
and the arrived rows, one row per (id, version), sorted by version and id; so merging twice changes nothing, and no
version is ever dropped. Of a version that came with two contents the content captured last is kept, in whatever order
the captures are merged. Not here: one merge of converted captures (`merge_pass`), and counting rows on disk
(`quality.measures`).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import KEEP, with_nullable_pii
from mews_assets.lake.changes.assign_partitions import (
    ConvertedCapture,
)
from mews_assets.lake.changes.convert_captures import convert_captures
from mews_assets.lake.changes.lost_partitions import recalled
from mews_assets.lake.changes.merge_pass import MergeContext, MergePass, decimals_of
from mews_assets.lake.changes.merge_result import MergedPartition, MergeResult
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import LostRaceError, PolicyChangedError
from mews_assets.lake.file_statistics import save_statistics
from mews_assets.lake.landing import capture_states
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.landing.repeat_write import repeat_until_valid
from mews_assets.lake.landing.unmerged_captures import note_unmerged
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import measure
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.leases import LeaseLostError
from mews_assets.lake.storage.machine_errors import as_passing_error, is_of_all_work


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
    """Merge captures, and all pending captures of the table, into changes.

    A partition whose file is missing is made of all its landed captures. A partition without new rows is not written.

    `raw` are uncompressed files of captures just fetched, by capture and table: they save reading the landing. A
    capture with a record that cannot become a row is rejected as a whole; one that cannot be merged for another reason
    is left pending or set aside (`landing.unmerged_captures`); the others are merged. `from_scratch` makes partitions
    of the captures alone, without their existing rows. With `only`, captures that were merged before bring rows of
    these partitions only. All partitions are written and measured in a workspace before the first is put in place.

    Raises PassingError where the machine let nothing be merged, and with `from_scratch` the error of any capture that
    could not be merged, before anything is written.
    """
    merged = MergeResult()
    then = "What landed stays, and the next run merges it"
    wrapped = as_passing_error(f"{table.name}: nothing was merged", then)
    with wrapped, lake.lock(f"changes-{table.name}") as confirm:

        def merge_all(people: Collection[str]) -> list[ConvertedCapture]:
            erased = RowMasker(table, KEEP, people) if people else None
            work = _CaptureMerge(lake, table, merged, from_scratch, threads, confirm, erased)
            with lake.workspace() as workspace:
                return _merge_pending(work, manifests, raw or {}, only, workspace)

        try:
            done = repeat_until_valid(lake, table, merge_all)
        except PolicyChangedError:
            # Created under the policy before. The captures stay pending: the next merge makes these partitions of them
            # and of all else that landed.
            for partition in merged.partitions.values():
                if partition.is_written and not partition.existed:
                    lake.delete(partition.name)
            raise
        for capture in done:
            capture_states.mark_merged(lake, capture.manifest)
        save_statistics(lake, table, merged.statistics)
    return merged


def _merge_pending(
    work: _CaptureMerge,
    manifests: Iterable[Manifest],
    raw: Mapping[str, Mapping[str, list[Path]]],
    only: Collection[Partition] | None,
    workspace: Path,
) -> list[ConvertedCapture]:
    """Convert and merge the pending captures and the given ones. Returns the captures that were merged."""
    lake, table, merged = work.lake, work.table, work.merged
    merged.unmerged.clear()
    merged.rejected.clear()
    pending = capture_states.pending(lake, table.name)
    wanted = {manifest.capture: manifest for manifest in (*pending, *manifests)}
    wanted.update(
        {manifest.capture: manifest for manifest in pending}
    )  # read just now: an erasure may have been there
    converted = convert_captures(lake, table, list(wanted.values()), raw, workspace, work.threads, merged)
    if only is not None:
        new = {manifest.capture for manifest in pending}
        converted = [
            capture if capture.manifest.capture in new else replace(capture, only=frozenset(only))
            for capture in converted
        ]
    if work.from_scratch and (
        problem := next(iter((*merged.unmerged.values(), *merged.rejected.values())), None)
    ):
        raise problem
    return work.merge(converted, workspace)


@dataclass(frozen=True)
class _CaptureMerge(MergeContext):
    """The merge of converted captures: together, or where that fails in halves, down to single captures."""

    def merge(self, converted: list[ConvertedCapture], workspace: Path) -> list[ConvertedCapture]:
        """Returns the captures that were merged. The others are left, each with its cause."""
        if not converted:
            return []
        folder = workspace / uuid.uuid4().hex
        folder.mkdir()
        try:
            return self._merge_together(converted, folder)
        except (LostRaceError, LeaseLostError):
            raise
        except Exception as error:  # of any kind: one capture must not stop the others
            if self.from_scratch:  # partitions made of some captures would lack rows
                raise
            if len(converted) > 1 and not is_of_all_work(error):
                middle = len(converted) // 2
                return [
                    *self.merge(converted[:middle], workspace),
                    *self.merge(converted[middle:], workspace),
                ]
            for capture in converted:
                name = capture.manifest.capture
                self.merged.unmerged[name] = note_unmerged(self.lake, capture.manifest, error)
                self.merged.captures.pop(name, None)
            return []
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _merge_together(self, converted: list[ConvertedCapture], folder: Path) -> list[ConvertedCapture]:
        """Merge them, together with captures that must be read again for it, and return them.

        Captures that are read again are not in the result. One of them may have landed since the merge listed what is
        pending: only some of its rows are merged now, so it must stay pending.
        """
        own = converted
        converted = list(converted)
        merge_pass = self._pass(converted, folder)
        # Unmerged captures are retried later, and block no other.
        unmerged = {name for name, error in self.merged.unmerged.items() if not error.is_in_table}
        known = {capture.manifest.capture for capture in converted} | unmerged | self.merged.rejected.keys()
        lost = set() if self.from_scratch else merge_pass.absent
        if needed := recalled(self.lake, self.table.name, lost, known):
            manifests = [manifest for manifest, _ in needed.values()]
            converted += [
                replace(capture, only=needed[capture.manifest.capture][1])
                for capture in self._convert_again(manifests, folder)
            ]
            merge_pass = self._pass(converted, folder)
        if newer := merge_pass.run(self.threads, without=unmerged):
            converted += [
                replace(capture, only=frozenset(merge_pass.unclear))
                for capture in self._convert_again(newer, folder)
            ]
            second_folder = folder / "again"
            second_folder.mkdir()
            self._pass(converted, second_folder).run(self.threads, is_last=True)
        return own

    def _pass(self, converted: list[ConvertedCapture], folder: Path) -> MergePass:
        return MergePass(self, converted, folder)

    def _convert_again(self, manifests: list[Manifest], folder: Path) -> list[ConvertedCapture]:
        """Convert captures that were merged before. Raises UnmergedError where one cannot be read: rows would be
        missing."""
        for manifest in manifests:
            self.merged.unmerged.pop(manifest.capture, None)
        converted = convert_captures(self.lake, self.table, manifests, {}, folder, self.threads, self.merged)
        for manifest in manifests:
            if problem := self.merged.unmerged.get(manifest.capture):
                raise problem
        return converted


def measure_existing(
    lake: Lake, table: Table, partitions: Iterable[Partition]
) -> dict[Partition, MergedPartition]:
    """The partitions that have a file, measured; others are left out."""
    names = {
        partition: layout.changes_file(table.name, partition.scope, partition.key(lake.grain))
        for partition in partitions
    }
    existing = sorted(partition for partition, name in names.items() if lake.exists(name))
    wrapped = as_passing_error(f"{table.name}: existing partitions were not read", "The next run reads them")
    with wrapped, lake.workspace() as workspace, open_duckdb(workspace, memory=lake.memory) as engine:
        files = [(lake.local_copy(names[partition], workspace), partition.window) for partition in existing]
        measured = measure(
            engine, with_nullable_pii(table, lake.privacy.pii), files, decimals_of(lake, existing)
        )
    return {
        partition: MergedPartition(
            partition, names[partition], 0, measures.rows, measures, existed=True, is_written=False
        )
        for partition, measures in zip(existing, measured, strict=True)
    }
