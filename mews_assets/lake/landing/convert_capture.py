"""A landed capture converted to one Parquet file.

Lives here: the rows of a capture, each with the capture it came by, and the refusal of a landing that was cut. Not
here: what becomes of the rows (`changes`, `snapshot`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.conversion.check_file import FileFindings
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.storage.duckdb_session import literal
from mews_assets.lake.storage.lake import Lake


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

    `raw` are its uncompressed files, by capture and table, where they are at hand. Raises RecordError.
    """
    target = workspace / f"{table.name}-{manifest.capture}.parquet"
    sources = raw.get(manifest.capture, {}).get(table.name)
    if sources is None:
        sources = capture_store.landed_files(lake, manifest, workspace)
    own = {
        "_landing_id": literal(manifest.capture),
        "_captured_at_utc": f"TIMESTAMPTZ {literal(manifest.captured_at.isoformat())}",
    }
    if not any(path.stat().st_size for path in sources):
        _refuse_other_lines(manifest, FileFindings())
        fields = [field for field in arrow_schema(table) if field.name != "_window_utc"]
        pq.write_table(pa.schema(fields).empty_table(), target)
        return target, FileFindings()
    converted = convert(table, sources, target, own=own, hiding=hiding, threads=threads)
    _refuse_other_lines(manifest, converted.findings)
    return target, converted.findings


def _refuse_other_lines(manifest: Manifest, findings: FileFindings) -> None:
    """A compressed file cut at a line end reads like a shorter one."""
    if (found := findings.lines + findings.blank_lines) != manifest.lines:
        problem = f"{found} lines where {manifest.lines} landed: a landed file was changed or cut"
        raise RecordError(manifest.table, f"capture {manifest.capture}", found, None, problem)
