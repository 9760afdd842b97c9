"""Captures converted for a merge, each by itself: a capture that fails stops no other.

Lives here: rejecting captures with a wrong record, and leaving captures that fail for another reason. Not here:
converting one capture (`landing.convert_capture`), and merging them (`merge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.assign_partitions import ConvertedCapture
from mews_assets.lake.changes.merge_result import MergedCapture, MergeResult
from mews_assets.lake.errors import LostRaceError, RecordError
from mews_assets.lake.landing import capture_states
from mews_assets.lake.landing.convert_capture import convert_capture
from mews_assets.lake.landing.erasure_list import row_masker
from mews_assets.lake.landing.manifests import Manifest, read_manifest
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
    """Convert each capture; those that fail are rejected or left pending, and are not in the result."""
    converted = []
    masker = row_masker(lake, table) if manifests else None
    for manifest in manifests:
        try:
            rows, findings = convert_capture(lake, table, manifest, raw, workspace, threads, masker)
            found_by = None
            if table.parent_key is not None:
                parent = read_manifest(lake, table.parent_key.table, manifest.capture)
                found_by, _ = convert_capture(
                    lake, table_of(table.parent_key.table), parent, raw, workspace, threads
                )
        except RecordError as error:
            capture_states.reject(lake, manifest, str(error))
            merged.rejected[manifest.capture] = error
            continue
        except LostRaceError:
            raise  # the merge is done again, with what stands now
        except Exception as error:  # of any kind: the others go on
            merged.unmerged[manifest.capture] = note_unmerged(lake, manifest, error)
            continue
        converted.append(ConvertedCapture(manifest, rows, found_by))
        merged.captures[manifest.capture] = MergedCapture(manifest, findings, 0, 0, 0)
    return converted
