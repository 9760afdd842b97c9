"""Current: the newest version of each record, one Parquet file per scope, sorted by id.

Lives here: updating the file of a scope from changes, and from the snapshot where there is one. The file lists in its
own metadata the files it was made of, so the list is always true: an update that is killed leaves the old file with the
old list. An update reads only files that are not in the list, and copies the file once with their rows merged in. Not
here: merging two sorted runs of rows (`version_order`).

Mews never takes a record back: a deleted record is a version that says so. So no record leaves the table. A ledger
entry has one version, and its current table has all entries, each id once.

One file, not one per group of ids: the records that change in a day are spread over all groups, so every group would
be written again anyway (`benchmarks.current`).
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import KEEP
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.current.latest_rows import latest_rows
from mews_assets.lake.current.version_order import MergeCounts, Reread, UncertainError, merge_newest
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.repeat_write import repeat_until_valid
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.chunked_sort import SortSpace
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import as_passing_error
from mews_assets.lake.storage.parquet import cast_batch, open_batches, plain, write_rows
from mews_assets.lake.storage.store import ABSENT
from mews_assets.windows import from_key

SOURCES_KEY = b"mews_assets.folded"
_SNAPSHOT = layout.SNAPSHOT
"""The key of the snapshot's file among the keys of windows. No window has this key."""
FORMAT_VERSION = 1
"""Version of the list of sources and of the order of versions. Raise it when older files must be rebuilt."""
_BATCH_ROWS, _ID_BATCH_ROWS = 16_384, 65_536


class _Sources(msgspec.Struct):
    """The files that a current file was made of, by window key, each with its fingerprint. A file of another rule or
    other columns is rebuilt."""

    rule: int = 0
    columns: str = ""
    files: dict[str, str] = {}


@dataclass(frozen=True)
class CurrentResult:
    """A scope's file after an update. Ids are never removed, so `rows - rows_before` are new; `replaced` ids got a
    newer version. `files` are the scope's files of changes and that of its snapshot; `files_read` of them were new.
    `rebuilt` is why all were read, empty where only new files were.
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
    """Update the scope's current table from its changes. Raises LakeError where there are none.

    `from_scratch` reads all files, and gives the same rows as all updates before.
    """
    wrapped = as_passing_error(f"{table.name}: {scope} was not updated", "The existing file stays")
    reasons = ["asked for"] if from_scratch else []

    def update(people: Collection[str]) -> CurrentResult:
        with lake.workspace() as workspace:
            work = _Update(lake, table, scope, workspace, threads, people)
            try:
                result = work.run(reasons[-1] if reasons else work.reason_to_rebuild())
            except UncertainError as error:
                result = work.run(str(error))
            reasons.append("customers were erased meanwhile")  # why the update would be repeated
            return result

    with wrapped, lake.lock_here(f"{layout.CURRENT}-{table.name}-{scope}"):
        return repeat_until_valid(lake, table, update)


class _Update:
    def __init__(
        self,
        lake: Lake,
        table: Table,
        scope: str,
        workspace: Path,
        threads: int | None,
        people: Collection[str],
    ) -> None:
        self.lake, self.table, self.scope, self.workspace = lake, table, scope, workspace
        self.threads = threads
        self.erased = RowMasker(table, KEEP, people)
        self.name = layout.current_file(table.name, scope)
        self.schema = plain(arrow_schema(table))
        # Listed before they are read: a file that is replaced meanwhile is read again by the next update.
        self.listed = _files(lake, table, scope)
        if not self.listed:
            raise LakeError(
                f"{table.name}: changes has no file of {scope} yet, so there is nothing to make current from; "
                f"materialise changes/{table.name} of some of its windows first, or its snapshot"
            )
        self.existing: Path | None = None
        self.version = ABSENT
        with suppress(FileNotFoundError):
            pinned = lake.pin(self.name, workspace)
            self.existing, self.version = pinned.path, pinned.version
        self.rows_before, self.sources = 0, _Sources()
        if self.existing is not None:
            with suppress(pa.ArrowInvalid):  # a file that cannot be read is rebuilt
                metadata = pq.read_metadata(self.existing)
                self.rows_before, self.sources = metadata.num_rows, _read_sources(metadata)

    def reason_to_rebuild(self) -> str:
        """Why the existing file cannot be updated; empty where it can."""
        if self.existing is None:
            return "it is the first time"
        if self.sources.rule != FORMAT_VERSION:
            return "it was made by another rule"
        if self.sources.columns != _fingerprint(self.schema):
            return "the columns of the table have changed"
        if gone := sorted(set(self.sources.files) - set(self.listed)):
            if gone == [_SNAPSHOT]:
                return "the snapshot is no longer there"
            return f"the window {gone[0]} is no longer in changes"
        return ""

    def run(self, rebuilt: str) -> CurrentResult:
        known = {} if rebuilt else self.sources.files
        new_keys = sorted(key for key, stamp in self.listed.items() if known.get(key) != stamp)
        if not new_keys:
            assert self.existing is not None
            return self._result(self.existing, MergeCounts(), 0, 0, rebuilt)
        folder = self.workspace / ("all" if rebuilt else "fresh")
        folder.mkdir()
        names = [self._source(key) for key in new_keys]
        paths = [self.lake.local_copy(name, folder) for name in names]
        versions = sum(self._versions(name, path) for name, path in zip(names, paths, strict=True))
        target = folder / layout.ROWS_FILE
        windows = [from_key(key, self.lake.grain) for key in new_keys if key != _SNAPSHOT]
        reread = Reread(windows, snapshot=_SNAPSHOT in new_keys)
        counts = MergeCounts()
        with open_duckdb(folder, threads=self.threads, memory=self.lake.memory) as engine:
            existing = () if rebuilt or self.existing is None else open_batches(self.existing, _BATCH_ROWS)
            held_rows = (cast_batch(batch, self.schema) for batch in existing)
            newest = latest_rows(engine, self.table, paths, SortSpace(folder, self.lake.memory))
            arrived = (self.erased.mask(batch) for batch in newest)
            rows = merge_newest(self.table, held_rows, arrived, reread, counts)
            metadata = {SOURCES_KEY: _sources_metadata(self.schema, self.listed)}
            write_rows(target, self.schema, rows, metadata)
        result = self._result(target, counts, len(new_keys), versions, rebuilt)
        self.lake.put(target, self.name, over=self.version)
        return result

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
    """The window keys of a scope's files, and the snapshot's, each with the file's fingerprint."""
    fingerprints = lake.fingerprints(layout.scope_folder(table.name, scope))
    files = {layout.partition_of(name)[1]: stamp for name, stamp in fingerprints.items()}
    snapshot_file = layout.snapshot_file(table.name, scope)
    snapshot_fingerprint = lake.fingerprints(snapshot_file.rpartition("/")[0]).get(snapshot_file)
    return {**files, _SNAPSHOT: snapshot_fingerprint} if snapshot_fingerprint else files


def _count_ids(path: Path) -> tuple[int, int]:
    """The rows of a file sorted by id, and how many of them repeat an id."""
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
    sources = _Sources(FORMAT_VERSION, _fingerprint(schema), dict(files))
    return base64.b64encode(zlib.compress(msgspec.json.encode(sources)))


def _read_sources(metadata: pq.FileMetaData) -> _Sources:
    """The files that a current file was made of; of no rule where it does not say so."""
    written = (metadata.metadata or {}).get(SOURCES_KEY)
    if not written:
        return _Sources()
    return msgspec.json.decode(zlib.decompress(base64.b64decode(written)), type=_Sources)
