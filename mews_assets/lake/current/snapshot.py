"""Snapshots: the records in exports of all records of a scope, one Parquet file per scope, sorted by id.

Lives here: merging landed snapshots into the scope's file, which holds the newest version of each record in any of
them. So a snapshot with fewer records than another, or none, removes nothing. Its rows have no `_window_utc`, because
no window found them. Not here: requests to Mews (`ingest.snapshot`), and merging the rows into current (`update`).

A capture stays pending until its rows are in the file, and the file is replaced whole: a process killed in between
loses nothing, and the next one completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.conversion.check_file import FileFindings
from mews_assets.lake.current.latest_rows import latest_rows
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.convert_capture import convert_capture
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.landing.repeat_write import repeat_until_valid
from mews_assets.lake.landing.unmerged_captures import UnmergedError, note_unmerged
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import SortSpace
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import as_passing_error
from mews_assets.lake.storage.parquet import plain, write_rows
from mews_assets.lake.storage.store import ABSENT, Pinned


@dataclass(frozen=True)
class Snapshot:
    """A scope's file after a merge. `captures` brought `lines`; `foreign` of their records name another scope than was
    requested, and are left out."""

    scope: str
    name: str
    rows: int
    rows_before: int
    lines: int
    foreign: int
    size_bytes: int
    captures: tuple[Manifest, ...]
    unknown: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Fields that the catalog does not know, each with the number of records that had it."""

    @property
    def captured_at(self) -> datetime | None:
        """When the newest of the captures was taken; None without captures."""
        return max((manifest.captured_at for manifest in self.captures), default=None)


def lock_name(table: Table) -> str:
    """The name of the lock for writing snapshots of the table."""
    return f"{layout.SNAPSHOT}-{table.name}"


def pending(lake: Lake, table: Table, scope: str) -> list[Manifest]:
    """The snapshots of the scope that landed and are not in its file yet, oldest first."""
    manifests = capture_states.pending(lake, layout.snapshot_landing(table.name))
    return [manifest for manifest in manifests if manifest.scopes == (scope,)]


def landed_snapshots(lake: Lake, table: Table) -> list[Manifest]:
    """The landed snapshots of a table, without those that are rejected or set aside, oldest first."""
    name = layout.snapshot_landing(table.name)
    without_rows = capture_states.without_rows(lake, name)
    captures = (capture for capture in capture_store.captures(lake, name) if capture not in without_rows)
    return [read_manifest(lake, name, capture) for capture in captures]


def merge_snapshots(
    lake: Lake,
    table: Table,
    scope: str,
    *,
    raw: Mapping[str, list[Path]] | None = None,
    from_landing: bool = False,
    threads: int | None = None,
) -> Snapshot:
    """Merge all snapshots that landed into the scope's file.

    `raw` are uncompressed files of captures just fetched, by capture. `from_landing` rebuilds the file from all
    captures; not where one of them cannot be converted. Raises, once the other captures are merged, RecordError on a
    capture with a record that cannot become a row, and UnmergedError on one that failed for another reason; LakeError
    where nothing landed, or where expired bytes would be needed.
    """
    wrapped = as_passing_error(f"{table.name}: the snapshot of {scope} was not merged", "What landed stays")

    def merge_all(_: Collection[str]) -> _Merged:
        with lake.workspace() as workspace:
            wanted = pending(lake, table, scope)
            if from_landing:
                wanted = [
                    manifest for manifest in landed_snapshots(lake, table) if manifest.scopes == (scope,)
                ]
                _refuse_expired(table, scope, wanted)
            work = _SnapshotMerge(lake, table, scope, workspace, threads)
            return work.run(wanted, raw or {}, from_landing, confirm)

    with wrapped, lake.lock(lock_name(table)) as confirm:
        merged = repeat_until_valid(lake, table, merge_all)
        for manifest in merged.snapshot.captures:
            capture_states.mark_merged(lake, manifest)
        if merged.problem is not None:
            raise merged.problem
        return merged.snapshot


@dataclass(frozen=True)
class _Merged:
    """The scope's file after a merge, and the problem of the first capture that was not merged."""

    snapshot: Snapshot
    problem: LakeError | None


class _SnapshotMerge:
    def __init__(self, lake: Lake, table: Table, scope: str, workspace: Path, threads: int | None) -> None:
        self.lake, self.table, self.scope, self.workspace = lake, table, scope, workspace
        self.threads = threads
        self.name = layout.snapshot_file(table.name, scope)
        self.schema = plain(arrow_schema(table))
        self.findings = FileFindings()
        self.foreign = 0

    def run(
        self,
        manifests: list[Manifest],
        raw: Mapping[str, list[Path]],
        from_scratch: bool,
        confirm: Callable[[], None],
    ) -> _Merged:
        pinned = self._pin()
        existing = pinned.path if pinned is not None else None
        if not manifests and (existing is None or from_scratch):
            raise LakeError(
                f"{self.table.name}: no snapshot of {self.scope} has landed; materialise "
                f"{layout.SNAPSHOT}/{self.table.name} of it to ask Mews for one"
            )
        converted, problem = self._convert(manifests, raw)
        if from_scratch and isinstance(problem, UnmergedError):
            raise problem
        rows_before = self._rows_of(existing, from_scratch) if existing is not None else 0
        target = existing
        if converted:
            sources = [existing] if existing is not None and not from_scratch else []
            target = self.workspace / layout.ROWS_FILE
            try:
                self._write(target, [*sources, *converted.values()])
            except Exception as error:  # of any kind: the captures are left with the cause
                unmerged = [
                    note_unmerged(self.lake, manifest, error)
                    for manifest in manifests
                    if manifest.capture in converted
                ]
                raise unmerged[0] from error
        rows = size = 0
        if target is not None:
            rows, size = int(pq.read_metadata(target).num_rows), target.stat().st_size
        if converted and target is not None:
            confirm()
            self.lake.put(target, self.name, over=pinned.version if pinned is not None else ABSENT)
        merged = [manifest for manifest in manifests if manifest.capture in converted]
        snapshot = Snapshot(
            scope=self.scope,
            name=self.name,
            rows=rows,
            rows_before=rows_before,
            lines=sum(manifest.lines for manifest in merged),
            foreign=self.foreign,
            size_bytes=size,
            captures=tuple(merged),
            unknown={path: seen.count for path, seen in self.findings.unknown.items()},
        )
        return _Merged(snapshot, problem)

    def _pin(self) -> Pinned | None:
        """The scope's existing file; None where there is none yet."""
        try:
            return self.lake.pin(self.name, self.workspace)
        except FileNotFoundError:
            return None

    def _rows_of(self, existing: Path, is_rebuilt: bool) -> int:
        try:
            return int(pq.read_metadata(existing).num_rows)
        except pa.ArrowInvalid as error:
            if is_rebuilt:
                return 0
            raise LakeError(
                f"{self.table.name}: {self.lake.uri(self.name)} is not Parquet ({error}). Materialise "
                f"{layout.SNAPSHOT}/{self.table.name} of {self.scope} with from_landing: true, and it is made again "
                "from what landed"
            ) from None

    def _convert(
        self, manifests: Iterable[Manifest], raw: Mapping[str, list[Path]]
    ) -> tuple[dict[str, Path], LakeError | None]:
        """The captures that were converted, each with its file, and the problem of the first that could not be."""
        masker = row_masker(self.lake, self.table)
        converted: dict[str, Path] = {}
        problem: LakeError | None = None
        files = {capture: {self.table.name: paths} for capture, paths in raw.items()}
        for manifest in manifests:
            try:
                rows, findings = convert_capture(
                    self.lake, self.table, manifest, files, self.workspace, self.threads, masker
                )
            except RecordError as error:
                capture_states.reject(self.lake, manifest, str(error))
                problem = problem or error
                continue
            except Exception as error:  # of any kind: the others go on
                problem = problem or note_unmerged(self.lake, manifest, error)
                continue
            converted[manifest.capture] = rows
            self.findings.add(findings)
        return converted, problem

    def _write(self, target: Path, sources: list[Path]) -> None:
        with open_duckdb(self.workspace, threads=self.threads, memory=self.lake.memory) as engine:
            rows = latest_rows(engine, self.table, sources, SortSpace(self.workspace, self.lake.memory))
            write_rows(target, self.schema, self._own(rows))

    def _own(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
        """The rows of the scope; all rows where they do not name their scope."""
        scope_column = self.table.scope_column if self.table.lookup is None else None
        for batch in rows:
            if scope_column is not None:
                scopes = pc.fill_null(batch.column(snake_case(scope_column)), "")
                own = batch.filter(pc.equal(scopes, self.scope))
                self.foreign += batch.num_rows - own.num_rows
                batch = own
            yield pa.Table.from_batches([batch])


def _refuse_expired(table: Table, scope: str, manifests: Iterable[Manifest]) -> None:
    expired = [manifest.capture for manifest in manifests if manifest.expired_at is not None]
    if expired:
        raise LakeError(
            f"{table.name}: the snapshot of {scope} cannot be rebuilt from what landed: {len(expired)} captures, "
            f"{expired[0]} the first, are past MEWS_LANDING_DAYS and removed. Its file stays as it is; materialise it "
            "without from_landing to ask Mews again"
        )
