"""A landed capture converted to one Parquet file.

Lives here: converting the lines of a capture to rows, each with the capture's id, and refusing a landed file that was
cut. Not here: merging the rows (`changes.merge`, `current.snapshot`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.conversion.check_file import FileFindings, open_lines
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import DamagedError, LakeError, LostRaceError, PassingError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import literal
from mews_assets.lake.storage.lake import Lake

_PIECE_BYTES = 1 << 20


def convert_capture(
    lake: Lake,
    table: Table,
    manifest: Manifest,
    raw: Mapping[str, Mapping[str, list[Path]]],
    workspace: Path,
    threads: int | None,
    masker: RowMasker | None = None,
) -> tuple[Path, FileFindings]:
    """A Parquet file of the capture's rows, without their windows, and the findings of the check of its lines.

    `raw` are uncompressed files by capture and table; where a capture is not in it, the landed files are read and
    compared with the manifest's hashes first. Raises RecordError on a record that cannot become a row, DamagedError on
    a file that was changed on disk, LostRaceError where an erasure replaced it since the manifest was read, and the
    errors of reading and writing.
    """
    target = workspace / f"{table.name}-{manifest.capture}.parquet"
    sources = raw.get(manifest.capture, {}).get(table.name)
    if sources is None:
        sources = capture_store.landed_files(lake, manifest, workspace)
        try:
            _refuse_damaged(manifest, sources)
        except DamagedError:
            _refuse_redacted(lake, manifest)
            raise
    own = {
        "_landing_id": literal(manifest.capture),
        "_captured_at_utc": f"TIMESTAMPTZ {literal(manifest.captured_at.isoformat())}",
    }
    if not any(path.stat().st_size for path in sources):
        _refuse_other_lines(manifest, FileFindings())
        fields = [field for field in arrow_schema(table) if field.name != "_window_utc"]
        pq.write_table(pa.schema(fields).empty_table(), target)
        return target, FileFindings()
    converted = convert(table, sources, target, own=own, masker=masker, threads=threads, memory=lake.memory)
    _refuse_other_lines(manifest, converted.findings)
    return target, converted.findings


def _refuse_damaged(manifest: Manifest, paths: Iterable[Path]) -> None:
    """Raise DamagedError where a landed file has another hash than in the manifest."""
    for file, path in zip(manifest.files, paths, strict=True):
        digest, lines, size = hashlib.sha256(), 0, 0
        problem = ""
        try:
            with open_lines(path) as source:
                while piece := source.read(_PIECE_BYTES):
                    digest.update(piece)
                    lines, size = lines + piece.count(b"\n"), size + len(piece)
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the archive's
            problem = f"it cannot be unpacked beyond {lines:,} lines, {size:,} bytes"
        if not problem and digest.hexdigest() != file.sha256:
            problem = f"it holds {lines:,} whole lines, {size:,} bytes, of another hash"
        if problem:
            raise DamagedError(
                f"{manifest.table}: {file.name} of capture {manifest.capture} was changed or cut on disk: {problem}, "
                f"where {file.lines:,} lines, {file.size_bytes:,} bytes landed. Restore the file from a copy; without "
                "one, materialise its windows again: Mews sends what it still has"
            )


def _refuse_redacted(lake: Lake, manifest: Manifest) -> None:
    """Raise a passing error where an erasure is the cause of another hash: it replaces a file, then its manifest."""
    name = layout.manifest(manifest.table, manifest.capture)
    try:
        standing = read_manifest(lake, manifest.table, manifest.capture)
    except (LakeError, FileNotFoundError):
        return
    if standing.files != manifest.files:
        raise LostRaceError(lake.uri(name))
    if lake.files(layout.pending_searches_folder()):
        raise PassingError(
            f"{manifest.table}: a file of capture {manifest.capture} is not as its manifest says, and an erasure is not"
            " finished that may be between the two: run mews-assets forget for that customer again"
        )


def _refuse_other_lines(manifest: Manifest, findings: FileFindings) -> None:
    """Raise DamagedError where the check counted other lines than landed."""
    if (found := findings.lines + findings.blank_lines) != manifest.lines:
        raise DamagedError(
            f"{manifest.table}: capture {manifest.capture} has {found} lines where {manifest.lines} landed"
        )
