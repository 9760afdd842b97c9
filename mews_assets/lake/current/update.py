"""Current: the newest version of each record, one Parquet file per scope, sorted by id.

Lives here: folding changes, and the snapshot where there is one, into the file of a scope. The file remembers, in
its own metadata, which files it holds, so it cannot disagree with what is written about it: a fold that is killed
leaves the old file with the old memory. A fold reads the files that are new to it, and copies the file once with
their rows merged in. Not here: putting two sorted runs of rows together (`newest`).

Mews never takes a record back: one that was deleted there is a version that says so. So no record leaves the
table. A ledger entry has one version, and its current table is all entries, each id once.

One file, and not one per group of ids: the records that change in a day are spread over all groups, so that
every group would be written again anyway (`benchmarks.current`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.current.latest_rows import latest_rows
from mews_assets.lake.current.version_order import MergeCounts, Reread, UncertainError, merge_newest
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import Room
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import machine_errors_said
from mews_assets.lake.storage.parquet import cast_batch, open_batches, plain, write_rows
from mews_assets.windows import from_key

SOURCES_KEY = b"mews_assets.folded"
_SNAPSHOT = layout.SNAPSHOT
"""Among the keys of windows: the file of the snapshot. No window has such a key."""
FORMAT_VERSION = 1
"""Of what is remembered and how the newest is chosen. Raised when a file made before must be made anew."""
_BATCH_ROWS, _ID_BATCH_ROWS = 16_384, 65_536


@dataclass(frozen=True)
class CurrentResult:
    """A scope's file after a fold: ids only come, so `rows - rows_before` are new ones; `replaced` got a newer
    version. `files_read` of the scope's `files` were new to it; `rebuilt` says why all were, if so. They are its
    files of changes, and that of its snapshot where there is one.
    """

    scope: str
    name: str
    rows: int
    rows_before: int
    replaced: int
    repeated_ids: int
    files: int
    files_read: int
    has_snapshot: bool
    versions_read: int
    size_bytes: int
    rebuilt: str = ""


def update_current(
    lake: Lake, table: Table, scope: str, *, from_scratch: bool = False, threads: int | None = None
) -> CurrentResult:
    """Bring the scope's current table up to all of its changes. Raises LakeError where there are none.

    `from_scratch` reads all of them, and gives the same rows as fold after fold did.
    """
    said = machine_errors_said(f"{table.name}: {scope} was not brought up to date", "What stood there stands")
    with said, lake.lock(f"{layout.CURRENT}-{table.name}-{scope}"), lake.workspace() as workspace:
        work = _Update(lake, table, scope, workspace, threads)
        try:
            return work.run("asked for" if from_scratch else work.reason_to_rebuild())
        except UncertainError as error:
            return work.run(str(error))


class _Update:
    def __init__(self, lake: Lake, table: Table, scope: str, workspace: Path, threads: int | None) -> None:
        self.lake, self.table, self.scope, self.workspace = lake, table, scope, workspace
        self.threads = threads
        self.name = layout.current_file(table.name, scope)
        self.schema = plain(arrow_schema(table))
        # Listed before they are read: one that is replaced meanwhile is read again by the next fold.
        self.listed = _files(lake, table, scope)
        if not self.listed:
            raise LakeError(
                f"{table.name}: nothing stands in changes for {scope} yet, so nothing is known to be current; "
                f"materialise changes/{table.name} of some of its windows first, or its snapshot"
            )
        self.held = lake.local_copy(self.name, workspace) if lake.exists(self.name) else None
        self.rows_before, self.memory = 0, dict[str, Any]()
        if self.held is not None:
            with suppress(pa.ArrowInvalid):  # what cannot be read is made anew
                metadata = pq.read_metadata(self.held)
                self.rows_before, self.memory = metadata.num_rows, _read_sources(metadata)

    def reason_to_rebuild(self) -> str:
        """Why what stands there cannot be gone on with; empty if it can."""
        if self.held is None:
            return "it is the first time"
        if self.memory.get("rule") != FORMAT_VERSION:
            return "it was made by another rule"
        if self.memory.get("columns") != _fingerprint(self.schema):
            return "the columns of the table have changed"
        if gone := sorted(set(self.memory["files"]) - set(self.listed)):
            if gone == [_SNAPSHOT]:
                return "the snapshot is no longer there"
            return f"the window {gone[0]} is no longer in changes"
        return ""

    def run(self, rebuilt: str) -> CurrentResult:
        folded = {} if rebuilt else self.memory["files"]
        fresh = sorted(key for key, stamp in self.listed.items() if folded.get(key) != stamp)
        if not fresh:
            assert self.held is not None
            return self._result(self.held, MergeCounts(), 0, 0, rebuilt)
        folder = self.workspace / ("all" if rebuilt else "fresh")
        folder.mkdir()
        names = [self._source(key) for key in fresh]
        paths = [self.lake.pin(name, folder) for name in names]
        versions = sum(self._versions(name, path) for name, path in zip(names, paths, strict=True))
        target = folder / layout.ROWS_FILE
        windows = [from_key(key, self.lake.grain) for key in fresh if key != _SNAPSHOT]
        reread = Reread(windows, snapshot=_SNAPSHOT in fresh)
        counts = MergeCounts()
        with open_duckdb(folder, threads=self.threads, memory=self.lake.memory) as engine:
            held = () if rebuilt or self.held is None else open_batches(self.held, _BATCH_ROWS)
            ours = (cast_batch(batch, self.schema) for batch in held)
            arrived = latest_rows(engine, self.table, paths, Room(folder, self.lake.memory))
            rows = merge_newest(self.table, ours, arrived, reread, counts)
            says = {SOURCES_KEY: _sources_metadata(self.schema, self.listed)}
            write_rows(target, self.schema, rows, says)
        told = self._result(target, counts, len(fresh), versions, rebuilt)
        self.lake.put(target, self.name)
        return told

    def _source(self, key: str) -> str:
        if key == _SNAPSHOT:
            return layout.snapshot_file(self.table.name, self.scope)
        return layout.changes_file(self.table.name, self.scope, key)

    def _versions(self, name: str, path: Path) -> int:
        try:
            return int(pq.read_metadata(path).num_rows)
        except pa.ArrowInvalid as error:
            again = f"changes/{self.table.name} of its partition: it is made"
            if name == self._source(_SNAPSHOT):
                again = f"snapshot/{self.table.name} with from_landing: true: it is made"
            raise LakeError(
                f"{self.table.name}: {self.lake.uri(name)} is not Parquet ({error}). Delete it and materialise "
                f"{again} again from what landed"
            ) from None

    def _result(
        self, path: Path, counts: MergeCounts, files: int, versions: int, rebuilt: str
    ) -> CurrentResult:
        rows, repeated = _count_ids(path)
        return CurrentResult(
            scope=self.scope,
            name=self.name,
            rows=rows,
            rows_before=self.rows_before,
            replaced=counts.replaced,
            repeated_ids=repeated,
            files=len(self.listed),
            files_read=files,
            has_snapshot=_SNAPSHOT in self.listed,
            versions_read=versions,
            size_bytes=path.stat().st_size,
            rebuilt=rebuilt,
        )


def _files(lake: Lake, table: Table, scope: str) -> dict[str, str]:
    """The windows of a scope, and its snapshot, each with what tells its file from the one it replaced."""
    stamps = lake.fingerprints(layout.scope_folder(table.name, scope))
    found = {layout.partition_of(name)[1]: stamp for name, stamp in stamps.items()}
    snapshot = layout.snapshot_file(table.name, scope)
    shown = lake.fingerprints(snapshot.rpartition("/")[0]).get(snapshot)
    return {**found, _SNAPSHOT: shown} if shown else found


def _count_ids(path: Path) -> tuple[int, int]:
    """Rows of a file, and those whose id is not above the one before: in a sorted file, the repeats."""
    rows = repeated = 0
    last: str | None = None
    for batch in open_batches(path, _ID_BATCH_ROWS, ["id"]):
        ids = batch.column("id")
        repeated += pc.sum(pc.less_equal(ids[1:], ids[:-1])).as_py() or 0
        repeated += last is not None and ids[0].as_py() <= last
        rows, last = rows + len(ids), ids[-1].as_py()
    return rows, repeated


def _fingerprint(schema: pa.Schema) -> str:
    return hashlib.sha256(str(schema).encode()).hexdigest()[:16]


def _sources_metadata(schema: pa.Schema, files: Mapping[str, str]) -> bytes:
    memory = {"rule": FORMAT_VERSION, "columns": _fingerprint(schema), "files": dict(files)}
    return base64.b64encode(zlib.compress(json.dumps(memory).encode()))


def _read_sources(metadata: pq.FileMetaData) -> dict[str, Any]:
    """What a file says it holds; nothing where it says nothing."""
    written = (metadata.metadata or {}).get(SOURCES_KEY)
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(written))) if written else {}
    return found
