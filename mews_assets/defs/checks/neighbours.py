"""Checks of a partition against others: the records it refers to, and the rows of the weeks before it.

Lives here: judging. Not here: looking up (`lake.quality.references`, `lake.quality.volume`).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.catalog.fields import references
from mews_assets.defs.checks.model import Check, Evidence, Verdict
from mews_assets.lake.quality.references import ReferenceResult

TOLERATED = 0.25
"""Share of ids whose record may be absent: one older than the lake, or one that has just moved on into a window
that has not landed yet. A window that is missing altogether leaves most ids of its neighbours unresolved."""
MIN_IDS = 8
"""With fewer ids, a single record that moved on is a large share."""


def tolerates(reference: ReferenceResult) -> bool:
    """Whether so many ids may be missing; none in tables that the same request brings, or that are read whole."""
    if not reference.unresolved or reference.not_checked:
        return True
    if reference.is_exact:
        return False
    return reference.ids < MIN_IDS or reference.unresolved <= TOLERATED * reference.ids


def _references_resolve(evidence: Evidence) -> Verdict:
    judged = [reference for reference in evidence.references if not reference.not_checked]
    wrong = [reference for reference in judged if not tolerates(reference)]
    numbers = {
        "ids": {reference.at: reference.ids for reference in judged},
        "unresolved": {reference.at: reference.unresolved for reference in judged},
        "not_looked_up": {
            reference.at: reference.not_checked for reference in evidence.references if reference.not_checked
        },
    }
    worst = tuple(
        {
            "column": reference.at,
            "refers to": reference.table,
            "ids": reference.ids,
            "unresolved": reference.unresolved,
            "such as": reference.examples[0],
        }
        for reference in wrong
    )
    return Verdict(not wrong, numbers, sum(reference.unresolved for reference in wrong), worst)


def _volume_usual(evidence: Evidence) -> Verdict:
    volume = evidence.volume
    if volume is None:
        return Verdict(True, {"compared_with": []})
    numbers: dict[str, object] = {"rows": volume.rows, "compared_with": list(volume.before)}
    if volume.captured_late:
        numbers["not_compared"] = "captured long after its end: records have moved on since"
    if volume.usual is not None:
        numbers["usual_rows"] = volume.usual
    worst = (
        {"rows": volume.rows, "usual": volume.usual, "weeks before": ", ".join(map(str, volume.before))},
    )
    at_fault = round(abs(volume.rows - volume.usual)) if volume.usual is not None else 0
    return Verdict(not volume.is_unusual, numbers, at_fault, worst)


NEIGHBOUR_CHECKS = (
    Check(
        "references_resolve",
        "Ids refer to records that the lake has; also looked at again for the window before. WARN: a record may be "
        "older than the lake, or have moved on into a window that has not landed, so a share may be missing; none of "
        "what the same request brings, or of the reference tables (one may be newer than their last refresh).",
        dg.AssetCheckSeverity.WARN,
        _references_resolve,
        applies=lambda table: bool(references(table)),
    ),
    Check(
        "volume_usual",
        "As many rows as on the same weekday of the weeks before, within a factor of three. WARN: a quiet day may be a "
        "holiday, and a busy one a fair; or half of the hotel is not reporting.",
        dg.AssetCheckSeverity.WARN,
        _volume_usual,
    ),
)
