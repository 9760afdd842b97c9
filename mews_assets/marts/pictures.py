"""What the marts' pictures have in common, as plain values.

Lives here: the rows and days shown, names, and panels of stacked days. Not here: drawing (`plots`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def told_apart(rows: Iterable[Row], id: str, name: str) -> dict[str, str]:
    """A name for each id: with the id behind it where several share a name, and the id where there is none."""
    named = {str(row[id]): str(row[name] or row[id]) for row in rows}
    shared = Counter(named.values())
    return {id: name if shared[name] == 1 else f"{name} ({id})" for id, name in named.items()}


def by_hotel(
    rows: Sequence[Row], more: str = "", label: str = ""
) -> tuple[list[tuple[tuple[str, ...], list[Row]]], str]:
    """The rows of the hotels shown, under their name, and a word on the others. `more` is what else tells panels apart,
    `label` the column with its name. Hotels go by their id: two may have one name."""
    names = told_apart(rows, "enterprise_id", "enterprise")
    labels = told_apart(rows, more, label) if more else {}
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row["enterprise_id"]), *([str(row[more])] if more else [])].append(row)
    panels = [((names[id], *(labels[one] for one in rest)), own) for (id, *rest), own in found.items()]
    panels.sort(key=lambda panel: panel[0])
    return panels[:PANELS], f"; the first {PANELS} of {len(panels)}" if len(panels) > PANELS else ""


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
    shown, others = by_hotel(rows, "currency", "currency")
    panels = []
    for (name, currency), own in shown:
        days = days_of(own)[-DAYS:]
        own = [row for row in own if row["business_day"] >= days[0]]
        names = parts or _biggest(own, column, part)
        of_part: dict[str, list[Row]] = defaultdict(list)
        for row in own:
            of_part[part(row) if part(row) in names else OTHER].append(row)
        labels = dict.fromkeys((*names, OTHER))  # a part can have the name of the others
        drawn = [series(one, of_part[one], days, column) for one in labels if one in of_part]
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
