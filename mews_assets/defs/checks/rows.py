"""Checks of rows that every table has: no row twice, lost or in the wrong window.

Lives here: judging. Not here: counting (`lake.quality.measures`, `lake.changes.merge_result`).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.defs.checks.model import Check, Evidence, Verdict
from mews_assets.lake.changes.merge_result import MergedCapture
from mews_assets.lake.changes.partition_writer import Restated
from mews_assets.lake.quality.rules import DUPLICATES, MISSING, OUTSIDE


def _key_unique(evidence: Evidence) -> Verdict:
    duplicates = evidence.measures.duplicate_keys
    numbers = {"rows": evidence.measures.rows, "duplicate_keys": duplicates}
    return Verdict(duplicates == 0, numbers, duplicates, evidence.worst(DUPLICATES))


def _required_present(evidence: Evidence) -> Verdict:
    missing = evidence.measures.missing
    numbers = {"rows": evidence.measures.rows, "missing": dict(missing)}
    return Verdict(not missing, numbers, sum(missing.values()), evidence.worst(MISSING))


def _rows_in_window(evidence: Evidence) -> Verdict:
    outside = evidence.measures.rows_outside_window
    numbers = {"rows": evidence.measures.rows, "rows_outside_window": outside}
    return Verdict(outside == 0, numbers, outside, evidence.worst(OUTSIDE))


def _rows_reconciled(evidence: Evidence) -> Verdict:
    partition = evidence.merged
    assert partition is not None
    own = [capture for capture in evidence.captures if evidence.partition.scope in capture.manifest.scopes]
    unexplained = sum(abs(_unexplained(capture)) for capture in own)
    return Verdict(
        unexplained == 0 and partition.repeats >= 0,
        {
            "rows_held_before": partition.rows_before,
            "rows_arrived": partition.rows_arrived,
            "repeats": partition.repeats,
            "rows_written": partition.measures.rows,
            "lines_unexplained": unexplained,
        },
        unexplained or abs(min(partition.repeats, 0)),
        tuple(
            {
                "capture": capture.manifest.capture,
                "lines": capture.manifest.lines,
                "blank": capture.findings.blank_lines,
                "in its windows": capture.rows_assigned,
                "of the next window": capture.edge_rows,
                "merged before": capture.aside,
                "unexplained": _unexplained(capture),
            }
            for capture in own
        ),
    )


def _versions_stable(evidence: Evidence) -> Verdict:
    restated = evidence.merged.restated if evidence.merged is not None else Restated()
    return Verdict(
        restated.count == 0,
        {"rows": evidence.measures.rows, "versions_restated": restated.count},
        restated.count,
        tuple({"id": record_id, "version": version} for record_id, version in restated.shown),
    )


def _unexplained(capture: MergedCapture) -> int:
    explained = capture.findings.blank_lines + capture.rows_assigned + capture.edge_rows + capture.aside
    return capture.manifest.lines - explained


ROW_CHECKS = (
    Check(
        "key_unique",
        "No two rows share id and version. ERROR: sums over the table would count money twice. Blocking, for so "
        "would everything made from it.",
        dg.AssetCheckSeverity.ERROR,
        _key_unique,
        blocking=True,
    ),
    Check(
        "required_present",
        "Every column that Mews requires is filled. ERROR: a required field that is gone is a broken contract.",
        dg.AssetCheckSeverity.ERROR,
        _required_present,
    ),
    Check(
        "rows_in_window",
        "Every row's stamp lies in the partition's window. ERROR: a row elsewhere is missing where it belongs.",
        dg.AssetCheckSeverity.ERROR,
        _rows_in_window,
    ),
    Check(
        "rows_reconciled",
        "Lines landed, but for blank ones, = rows written + rows of the next window + repeats. ERROR: a line "
        "unexplained is a row lost. Blocking, for what is made from the table would be short of it, and not show it.",
        dg.AssetCheckSeverity.ERROR,
        _rows_reconciled,
        blocking=True,
    ),
    Check(
        "versions_stable",
        "No version came again with other content under the same id and stamp. WARN: the content captured last stands "
        "and the landing has both, but who follows the table by its stamps has not seen the change.",
        dg.AssetCheckSeverity.WARN,
        _versions_stable,
    ),
)
