"""Checks of Mews' side of the contract: values and fields that the catalog does not know, and types that changed.

Lives here: judging. Personal data is not shown: a new value of a personal column is counted, not named. Not here:
counting (`lake.quality.rules`, `lake.conversion`).
"""

from __future__ import annotations

import re
from typing import Any

import dagster as dg

from mews_assets.catalog.fields import enums, fields
from mews_assets.catalog.model import Table
from mews_assets.defs.checks.model import Check, Evidence, Verdict, counted
from mews_assets.lake.errors import RecordError
from mews_assets.lake.quality.rules import ENUMS

WITHHELD = "(not shown: personal data)"


def _enum_values_known(evidence: Evidence) -> Verdict:
    personal = {field.path for field in enums(evidence.table) if field.is_personal}
    new: dict[str, dict[str, int]] = {}
    for one in evidence.broken(ENUMS):
        new[one.at] = {WITHHELD: one.count} if one.at in personal else dict(one.values)
    by_place, rows = counted(evidence.broken(ENUMS))
    worst: list[dict[str, Any]] = [
        {"column": at, "new value": value, "rows": count}
        for at, values in new.items()
        for value, count in values.items()
    ]
    worst.sort(key=lambda row: (-row["rows"], row["column"]))
    numbers = {"rows": evidence.measures.rows, "rows_with_new_values": rows, "new_values": new}
    return Verdict(not by_place, numbers, rows, tuple(worst[:10]))


def _schema_drift(evidence: Evidence) -> Verdict:
    unknown: dict[str, dict[str, Any]] = {}
    for capture in evidence.captures:
        for path, seen in capture.findings.unknown.items():
            known = unknown.setdefault(path, {"records": 0, "type": seen.kind})
            known["records"] += seen.count
    gone = []
    if evidence.merged is not None and evidence.measures.rows:
        rows = evidence.measures.rows
        gone = sorted(name for name, count in evidence.measures.missing.items() if count == rows)
    changed = [_rejected(evidence.table, error) for error in evidence.rejected]
    worst: list[dict[str, Any]] = [{"field": one["field"], "what": one["problem"]} for one in changed]
    worst += [{"field": name, "what": "required, and in no row"} for name in gone]
    by_count = sorted(unknown.items(), key=lambda pair: (-int(pair[1]["records"]), pair[0]))
    worst += [
        {"field": path, "what": f"not in the catalog; {seen['type']}", "records": seen["records"]}
        for path, seen in by_count
    ]
    # The captures' own counts: one capture may cover more than this partition.
    numbers = {"unknown_fields": unknown, "required_fields_gone": gone, "types_changed": changed}
    severity = dg.AssetCheckSeverity.ERROR if changed or gone else None
    at_fault = len(unknown) + len(gone) + len(changed)
    return Verdict(not at_fault, numbers, at_fault, tuple(worst[:10]), severity)


def _rejected(table: Table, error: RecordError) -> dict[str, Any]:
    """Field, file, line and problem of a rejected record, without the value where it may identify a guest."""
    field = re.sub(r"\[\d+\]", "", error.field or "")
    open_fields = {one.mews_path for one in fields(table) if not one.is_personal}
    shown = error.problem if not field or field in open_fields else f"a value of another type {WITHHELD}"
    return {
        "field": error.field or "the whole record",
        "file": error.file.rsplit("/", 1)[-1],
        "line": error.line,
        "problem": shown,
    }


CONTRACT_CHECKS = (
    Check(
        "enum_values_known",
        "Enums hold values that the catalog knows. WARN: Mews adds values at any time and they are kept as they come, "
        "but a query that lists the values leaves the new ones out.",
        dg.AssetCheckSeverity.WARN,
        _enum_values_known,
        applies=lambda table: bool(enums(table)),
    ),
    Check(
        "schema_drift",
        "Records have the fields of the catalog, of the types it says. WARN for new fields: they stay in the landing, "
        "and nothing is wrong with the rows. ERROR for a type that changed (the capture cannot become rows) and for "
        "a required field that is in no row: what was promised is not there.",
        dg.AssetCheckSeverity.WARN,
        _schema_drift,
    ),
)
