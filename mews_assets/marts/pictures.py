"""What the marts' pictures have in common, as plain values.

Lives here: the rows and days shown, names, and panels of stacked days. Not here: drawing (`plots`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.marts.model import DaysPanel, Form, Picture, Series

DAYS = 35
"""How many days back a picture of days goes: five weeks, so that weekdays can be compared."""
PANELS = 8
"""More hotels than this are not looked at one by one; the rows have them all."""

_OWN_PARTS = 3
"""Of a panel with a legend of its own, beside its title: more do not fit."""
OTHER = "Other"

Row = dict[str, Any]


def recent(rows: pa.Table) -> list[Row]:
    """The rows of the last complete business days. Hotels' dates differ by one at most, so by one too many."""
    days = rows.column("business_day")
    shown = pc.fill_null(pc.and_(rows.column("is_complete"), pc.is_valid(days)), False)
    last = pc.max(days.filter(shown)).as_py()
    if last is None:
        return []
    since = pa.scalar(last - timedelta(days=DAYS), pa.date32())
    found: list[Row] = rows.filter(
        pc.and_(shown, pc.fill_null(pc.greater_equal(days, since), False))
    ).to_pylist()
    return found


def hotel(row: Row) -> str:
    return str(row["enterprise"] or row["enterprise_id"])


def by_hotel(rows: Sequence[Row], *more: str) -> tuple[dict[tuple[str, ...], list[Row]], str]:
    """The rows of the hotels shown, by their name and what else tells panels apart, and a word on the others."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=hotel):
        found[hotel(row), *(str(row[name] or "") for name in more)].append(row)
    shown = dict(list(found.items())[:PANELS])
    return shown, f"; the first {PANELS} of {len(found)}" if len(found) > PANELS else ""


def days_of(rows: Sequence[Row]) -> list[date]:
    """Every day from the first to the last, those without rows too."""
    first, last = (pick(row["business_day"] for row in rows) for pick in (min, max))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def series(
    label: str, rows: Sequence[Row], days: Sequence[date], column: str, form: Form = Form.BARS
) -> Series:
    """The sums of a column by day."""
    sums: dict[date, float] = defaultdict(float)
    for row in rows:
        sums[row["business_day"]] += float(row[column])
    return Series(label, [sums.get(day, 0.0) for day in days], form)


def stacked(
    title: str,
    subtitle: str,
    rows: Sequence[Row],
    column: str,
    part: Callable[[Row], str],
    *,
    parts: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> Picture:
    """A panel per hotel and currency, in it a bar per day, in that a part per name.

    `parts` names the parts in their order, for all panels; without it each panel has its own biggest. What is
    in none of them is one part more. `marks` are columns to set beside the bars, by their label.
    """
    shown, others = by_hotel(rows, "currency")
    panels = []
    for (name, currency), own in shown.items():
        days = days_of(own)[-DAYS:]
        own = [row for row in own if row["business_day"] >= days[0]]
        names = parts or _biggest(own, column, part)
        of_part: dict[str, list[Row]] = defaultdict(list)
        for row in own:
            of_part[part(row) if part(row) in names else OTHER].append(row)
        drawn = [series(one, of_part[one], days, column) for one in (*names, OTHER) if one in of_part]
        for label, other in (marks or {}).items():
            drawn.append(series(label, own, days, other, Form.MARKS))
        total = sum(float(row[column]) for row in own)
        panels.append(
            DaysPanel(f"{name}: {currency} {total:,.0f} in {len(days)} days", currency, days, drawn)
        )
    return Picture(title, subtitle + others, tuple(panels), shares_legend=bool(parts))


def _biggest(rows: Sequence[Row], column: str, part: Callable[[Row], str]) -> list[str]:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[part(row)] += float(row[column])
    return sorted(sorted(sums, key=lambda name: -sums[name])[:_OWN_PARTS])
