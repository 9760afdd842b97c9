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
from mews_assets.lake import landing
from mews_assets.lake.convert import convert
from mews_assets.lake.engine import literal
from mews_assets.lake.errors import DamagedError
from mews_assets.lake.hiding import Hiding
from mews_assets.lake.landing import Manifest
from mews_assets.lake.lines import Findings
from mews_assets.lake.store import Lake


def convert_capture(
    lake: Lake,
    table: Table,
    manifest: Manifest,
    raw: Mapping[str, Mapping[str, list[Path]]],
    workspace: Path,
    threads: int | None,
    hiding: Hiding | None = None,
) -> tuple[Path, Findings]:
    """The capture's rows, without the window they belong to, and what was found in its lines.

    `raw` are its uncompressed files, by capture and table, where they are at hand; else the landed ones are read, and
    compared with the manifest's hashes first. Raises RecordError on a record that is wrong, DamagedError on a file that
    is not what landed, and whatever error reading and writing ended by.
    """
    target = workspace / f"{table.name}-{manifest.capture}.parquet"
    sources = raw.get(manifest.capture, {}).get(table.name)
    if sources is None:
        sources = landing.landed_files(lake, manifest, workspace)
        landing.refuse_damaged(manifest, sources)
    own = {
        "_landing_id": literal(manifest.capture),
        "_captured_at_utc": f"TIMESTAMPTZ {literal(manifest.captured_at.isoformat())}",
    }
    if not any(path.stat().st_size for path in sources):
        _refuse_other_lines(manifest, Findings())
        fields = [field for field in arrow_schema(table) if field.name != "_window_utc"]
        pq.write_table(pa.schema(fields).empty_table(), target)
        return target, Findings()
    converted = convert(table, sources, target, own=own, hiding=hiding, threads=threads, memory=lake.memory)
    _refuse_other_lines(manifest, converted.findings)
    return target, converted.findings


def _refuse_other_lines(manifest: Manifest, findings: Findings) -> None:
    """What was checked line by line is what landed, or the check missed some."""
    if (found := findings.lines + findings.blank_lines) != manifest.lines:
        raise DamagedError(
            f"{manifest.table}: capture {manifest.capture} has {found} lines where {manifest.lines} landed"
        )
