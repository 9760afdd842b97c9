"""Snapshots: what exports of all there was of a scope have shown, one Parquet file per scope, sorted by id.

Lives here: taking landed snapshots into the scope's file, which holds the newest version of each record that any of
them showed. So one that brings less than another, or nothing, takes nothing away. Its rows have no `_window_utc`: no
window found them. Not here: asking Mews (`ingest.snapshot`), and what becomes of the rows (`current`).

A capture stays pending until its rows are in the file, and the file is put in place whole: a process killed in
between loses nothing, and who comes next completes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.landing.convert_capture import convert_capture
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.unmerged_captures import UnmergedError, note_unmerged
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import Room
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import machine_errors_said
from mews_assets.lake.storage.parquet import plain, write_rows


@dataclass(frozen=True)
class Snapshot:
    """A scope's file after what landed was taken in. `lines` arrived in `captures`; `foreign` of their records name
    another scope than was asked about, and are left out."""

    scope: str
    name: str
    rows: int
    rows_before: int
    lines: int
    foreign: int
    size_bytes: int
    captures: tuple[Manifest, ...]
    unknown: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Fields that the catalog does not know, and how many records had them."""

    @property
    def captured_at(self) -> datetime | None:
        """When the newest of the captures was taken."""
        return max((one.captured_at for one in self.captures), default=None)


def lock_name(table: Table) -> str:
    """Of the lock that whoever writes snapshots of the table holds."""
    return f"{layout.SNAPSHOT}-{table.name}"


def pending(lake: Lake, table: Table, scope: str) -> list[Manifest]:
    """Snapshots of the scope that landed and are not in its file yet, oldest first."""
    every = capture_store.pending(lake, layout.snapshot_landing(table.name))
    return [one for one in every if one.scopes == (scope,)]


def landed_snapshots(lake: Lake, table: Table) -> list[Manifest]:
    """All landed snapshots of a table but those that are rejected or set aside, oldest first."""
    name = layout.snapshot_landing(table.name)
    without_rows = capture_store.without_rows(lake, name)
    captures = (one for one in capture_store.captures(lake, name) if one not in without_rows)
    return [capture_store.read_manifest(lake, name, one) for one in captures]


def merge_snapshots(
    lake: Lake,
    table: Table,
    scope: str,
    *,
    raw: Mapping[str, list[Path]] | None = None,
    from_landing: bool = False,
    threads: int | None = None,
) -> Snapshot:
    """Bring the scope's file up to all snapshots that landed.

    `raw` are uncompressed files of captures just fetched, by capture. `from_landing` makes the file of all captures
    anew, whatever stands there; not where one of them is left. Raises RecordError on a capture with a record that
    cannot become a row, and UnmergedError on one that was not taken in for another reason, after the others are in;
    LakeError where nothing landed, or where bytes are gone that it would take.
    """
    said = machine_errors_said(f"{table.name}: the snapshot of {scope} was not taken in", "What landed stays")
    with said, lake.lock(lock_name(table)), lake.workspace() as workspace:
        wanted = pending(lake, table, scope)
        if from_landing:
            wanted = [one for one in landed_snapshots(lake, table) if one.scopes == (scope,)]
            _refuse_gone(table, scope, wanted)
        return _SnapshotMerge(lake, table, scope, workspace, threads).run(wanted, raw or {}, from_landing)


class _SnapshotMerge:
    def __init__(self, lake: Lake, table: Table, scope: str, workspace: Path, threads: int | None) -> None:
        self.lake, self.table, self.scope, self.workspace = lake, table, scope, workspace
        self.threads = threads
        self.name = layout.snapshot_file(table.name, scope)
        self.schema = plain(arrow_schema(table))
        self.findings = FileFindings()
        self.foreign = 0

    def run(self, manifests: list[Manifest], raw: Mapping[str, list[Path]], from_scratch: bool) -> Snapshot:
        there = self.lake.exists(self.name)
        if not manifests and not (there and not from_scratch):
            raise LakeError(
                f"{self.table.name}: no snapshot of {self.scope} has landed; materialise "
                f"{layout.SNAPSHOT}/{self.table.name} of it to ask Mews for one"
            )
        taken, problem = self._convert(manifests, raw)
        if from_scratch and isinstance(problem, UnmergedError):
            raise problem
        held = self.lake.pin(self.name, self.workspace) if there else None
        rows_before = self._rows_of(held, from_scratch) if held is not None else 0
        target = held
        if taken:
            kept = [held] if held is not None and not from_scratch else []
            target = self.workspace / layout.ROWS_FILE
            try:
                self._write(target, [*kept, *taken.values()])
            except Exception as error:  # of any kind: it says of what it stopped
                left = [note_unmerged(self.lake, one, error) for one in manifests if one.capture in taken]
                raise left[0] from error
        rows = size = 0
        if target is not None:
            rows, size = int(pq.read_metadata(target).num_rows), target.stat().st_size
        if taken and target is not None:
            self.lake.put(target, self.name)
        done = [one for one in manifests if one.capture in taken]
        for manifest in done:
            capture_store.mark_merged(self.lake, manifest)
        if problem is not None:
            raise problem
        return Snapshot(
            scope=self.scope,
            name=self.name,
            rows=rows,
            rows_before=rows_before,
            lines=sum(one.lines for one in done),
            foreign=self.foreign,
            size_bytes=size,
            captures=tuple(done),
            unknown={path: seen.count for path, seen in self.findings.unknown.items()},
        )

    def _rows_of(self, held: Path, is_made_anew: bool) -> int:
        try:
            return int(pq.read_metadata(held).num_rows)
        except pa.ArrowInvalid as error:
            if is_made_anew:
                return 0
            raise LakeError(
                f"{self.table.name}: {self.lake.uri(self.name)} is not Parquet ({error}). Materialise "
                f"{layout.SNAPSHOT}/{self.table.name} of {self.scope} with from_landing: true, and it is made again "
                "from what landed"
            ) from None

    def _convert(
        self, manifests: Iterable[Manifest], raw: Mapping[str, list[Path]]
    ) -> tuple[dict[str, Path], LakeError | None]:
        """The captures that can become rows, each converted; and the problem of the first that cannot."""
        hiding = row_masker(self.lake, self.table)
        taken: dict[str, Path] = {}
        problem: LakeError | None = None
        files = {capture: {self.table.name: paths} for capture, paths in raw.items()}
        for manifest in manifests:
            try:
                rows, findings = convert_capture(
                    self.lake, self.table, manifest, files, self.workspace, self.threads, hiding
                )
            except RecordError as error:
                capture_store.reject(self.lake, manifest, str(error))
                problem = problem or error
                continue
            except Exception as error:  # of any kind: the others go on
                problem = problem or note_unmerged(self.lake, manifest, error)
                continue
            taken[manifest.capture] = rows
            self.findings.add(findings)
        return taken, problem

    def _write(self, target: Path, sources: list[Path]) -> None:
        with open_duckdb(self.workspace, threads=self.threads, memory=self.lake.memory) as engine:
            rows = latest_rows(engine, self.table, sources, Room(self.workspace, self.lake.memory))
            write_rows(target, self.schema, self._own(rows))

    def _own(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
        """The rows of the scope, where they say whose they are."""
        says = self.table.scope_column if self.table.lookup is None else None
        for batch in rows:
            if says is not None:
                named = pc.fill_null(batch.column(snake_case(says)), "")
                own = batch.filter(pc.equal(named, self.scope))
                self.foreign += batch.num_rows - own.num_rows
                batch = own
            yield pa.Table.from_batches([batch])


def _refuse_gone(table: Table, scope: str, manifests: Iterable[Manifest]) -> None:
    gone = [one.capture for one in manifests if one.expired_at is not None]
    if gone:
        raise LakeError(
            f"{table.name}: the snapshot of {scope} cannot be made again from what landed: {len(gone)} captures, "
            f"{gone[0]} the first, are past MEWS_LANDING_DAYS and removed. Its file stays as it is; materialise it "
            "without from_landing to ask Mews again"
        )
