"""The check of late rows: those that came after their window had landed without them.

Lives here: judging. Not here: counting, which the merge does (`lake.changes.merge_result`).
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from mews_assets.defs.checks.model import Check, Evidence, Verdict
from mews_assets.windows import over_after

LATE_ROWS = "late_rows"
_HOUR = timedelta(hours=1)


def _late_rows(evidence: Evidence) -> Verdict:
    partition = evidence.merged
    assert partition is not None
    numbers: dict[str, object] = {"rows": partition.measures.rows, LATE_ROWS: partition.late}
    if not partition.late:
        return Verdict(True, numbers)
    window = evidence.partition.window
    asked = [capture.manifest for capture in evidence.captures]
    if asked:
        over = window.end + over_after(by_day=evidence.table.by_day)
        hours = round((max(manifest.captured_at for manifest in asked) - over) / _HOUR, 1)
        numbers["hours_after_end"] = hours
    # No earlier window was asked for again, so rows that come even later would not be seen.
    is_oldest = all(manifest.window.start >= window.start for manifest in asked)
    numbers["in_oldest_window_looked_at"] = is_oldest
    # In some tables late rows are usual: they are posted to days that are over, and the look back is made for them.
    passed = bool(evidence.table.lookback) and not is_oldest
    worst = {"late rows": partition.late, "hours after the window's end": numbers.get("hours_after_end")}
    return Verdict(passed, numbers, 0 if passed else partition.late, (worst,))


LATE_CHECKS = (
    Check(
        LATE_ROWS,
        "No row came after its window had landed without it. WARN: the row is in the table now, but sums made before "
        "lack it. It passes when the window is asked for again and no more came. Where late rows are usual (the "
        "ledger), only rows in the oldest window asked for again fail: MEWS_LOOKBACK may then be too short.",
        dg.AssetCheckSeverity.WARN,
        _late_rows,
    ),
)
