"""The check of rows that came late: after their window had landed without them.

Lives here: judging; the rows are counted where they are merged (the lake's `merged`).
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
    asked = [one.manifest for one in evidence.captures]
    if asked:
        over = window.end + over_after(by_day=evidence.table.by_day)
        hours = round((max(one.captured_at for one in asked) - over) / _HOUR, 1)
        numbers["hours_after_end"] = hours
    # No window before this one was looked at: perhaps rows come later still, and nobody looks.
    is_oldest = all(one.window.start >= window.start for one in asked)
    numbers["in_oldest_window_looked_at"] = is_oldest
    # Of some tables it is usual: their rows are posted to days that are over, and the look back is made for it.
    passed = bool(evidence.table.lookback) and not is_oldest
    worst = {"late rows": partition.late, "hours after the window's end": numbers.get("hours_after_end")}
    return Verdict(passed, numbers, 0 if passed else partition.late, (worst,))


LATE_CHECKS = (
    Check(
        LATE_ROWS,
        "No row came after its window had landed without it. WARN: the row is in the table now, but what was summed up "
        "before lacks it. It passes when the window is looked at again and no more came. Where late rows are usual "
        "(the ledger), only those fail that came in the oldest window looked at: MEWS_LOOKBACK may then be too short.",
        dg.AssetCheckSeverity.WARN,
        _late_rows,
    ),
)
