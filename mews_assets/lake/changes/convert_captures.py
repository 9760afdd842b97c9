"""Captures converted for a merge, each by itself: one that cannot be stops no other.

Lives here: which become rows, which are rejected for a record that is wrong, and which are not merged for another
reason. Not here: converting one (`landing.convert_capture`), and merging them (`merge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.assign_partitions import ConvertedCapture
from mews_assets.lake.changes.merge_result import MergedCapture, MergeResult
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.landing.convert_capture import convert_capture
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.unmerged_captures import note_unmerged
from mews_assets.lake.storage.lake import Lake


def convert_captures(
    lake: Lake,
    table: Table,
    manifests: list[Manifest],
    raw: Mapping[str, Mapping[str, list[Path]]],
    workspace: Path,
    threads: int | None,
    merged: MergeResult,
) -> list[ConvertedCapture]:
    """Convert each capture; one that cannot be is rejected or left, and left out."""
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
        except Exception as error:  # of any kind: the others go on
            merged.unmerged[manifest.capture] = note_unmerged(lake, manifest, error)
            continue
        staged.append(ConvertedCapture(manifest, rows, found_by))
        merged.captures[manifest.capture] = MergedCapture(manifest, findings, 0, 0, 0)
    return staged
