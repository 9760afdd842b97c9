"""A landed capture converted to one Parquet file.

Lives here: the rows of a capture, each with the capture it came by, and the refusal of a landing that was cut. Not
here: what becomes of the rows (`changes`, `snapshot`).
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
from mews_assets.lake.errors import DamagedError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
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
    hiding: RowMasker | None = None,
) -> tuple[Path, FileFindings]:
    """The capture's rows, without the window they belong to, and what was found in its lines.

    `raw` are its uncompressed files, by capture and table, where they are at hand; else the landed ones are read, and
    compared with the manifest's hashes first. Raises RecordError on a record that is wrong, DamagedError on a file that
    is not what landed, and whatever error reading and writing ended by.
    """
    target = workspace / f"{table.name}-{manifest.capture}.parquet"
    sources = raw.get(manifest.capture, {}).get(table.name)
    if sources is None:
        sources = capture_store.landed_files(lake, manifest, workspace)
        _refuse_damaged(manifest, sources)
    own = {
        "_landing_id": literal(manifest.capture),
        "_captured_at_utc": f"TIMESTAMPTZ {literal(manifest.captured_at.isoformat())}",
    }
    if not any(path.stat().st_size for path in sources):
        _refuse_other_lines(manifest, FileFindings())
        fields = [field for field in arrow_schema(table) if field.name != "_window_utc"]
        pq.write_table(pa.schema(fields).empty_table(), target)
        return target, FileFindings()
    converted = convert(table, sources, target, own=own, hiding=hiding, threads=threads, memory=lake.memory)
    _refuse_other_lines(manifest, converted.findings)
    return target, converted.findings


def _refuse_damaged(manifest: Manifest, paths: Iterable[Path]) -> None:
    """Raises DamagedError where a landed file is not what landed, by the hash in its manifest."""
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
                "one, materialise its windows again, and Mews sends what it still has"
            )


def _refuse_other_lines(manifest: Manifest, findings: FileFindings) -> None:
    """What was checked line by line is what landed, or the check missed some."""
    if (found := findings.lines + findings.blank_lines) != manifest.lines:
        raise DamagedError(
            f"{manifest.table}: capture {manifest.capture} has {found} lines where {manifest.lines} landed"
        )
