"""Building blocks of the marts' plots, as plain values.

Lives here: the rows and days shown, names, and panels of stacked days. Not here: drawing (`plot_png`).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.marts.model import DaysPanel, Form, Plot, Series

DAYS = 35
"""How many days back a plot of days goes: five weeks, so that weekdays can be compared."""
PANELS = 8
"""Panels of a plot: more hotels are one grid."""

_OWN_PARTS = 3
"""Parts of a panel with its own legend: more do not fit beside its title."""
OTHER = "Other"

Row = dict[str, Any]


def recent(rows: pa.Table) -> list[Row]:
    """The rows of the last complete business days. Hotels' dates differ by one day at most, so one day more than
    shown."""
    days = rows.column("business_day")
    shown = pc.fill_null(pc.and_(rows.column("is_complete"), pc.is_valid(days)), False)
    last = pc.max(days.filter(shown)).as_py()
    if last is None:
        return []
    since = pa.scalar(last - timedelta(days=DAYS), pa.date32())
    rows_shown: list[Row] = rows.filter(
        pc.and_(shown, pc.fill_null(pc.greater_equal(days, since), False))
    ).to_pylist()
    return rows_shown


def unique_names(rows: Iterable[Row], id: str, name: str) -> dict[str, str]:
    """A unique name for each id: with the id appended where several ids share a name, and the id where it has no
    name."""
    named = {str(row[id]): str(row[name] or row[id]) for row in rows}
    shared = Counter(named.values())
    return {id: name if shared[name] == 1 else f"{name} ({id})" for id, name in named.items()}


def by_hotel(
    rows: Sequence[Row], more: str = "", label: str = ""
) -> tuple[list[tuple[tuple[str, ...], list[Row]]], str]:
    """The rows of the hotels shown, by panel name, and a text on the hotels not shown. `more` is a further id column
    that separates panels, `label` the column with its name. Hotels are grouped by id: two may have the same name."""
    names = unique_names(rows, "enterprise_id", "enterprise")
    labels = unique_names(rows, more, label) if more else {}
    panels_by_id: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        panels_by_id[str(row["enterprise_id"]), *([str(row[more])] if more else [])].append(row)
    panels = [
        ((names[id], *(labels[id_] for id_ in rest)), panel_rows)
        for (id, *rest), panel_rows in panels_by_id.items()
    ]
    panels.sort(key=lambda panel: panel[0])
    return panels[:PANELS], f"; the first {PANELS} of {len(panels)}" if len(panels) > PANELS else ""


def hotels_of(rows: Iterable[Row]) -> frozenset[str]:
    """The ids of the hotels."""
    return frozenset(str(row["enterprise_id"]) for row in rows)


def days_of(rows: Sequence[Row]) -> list[date]:
    """The days of a plot: up to the last of all hotels, including days without rows, so that all its panels have
    the same."""
    if not rows:
        return []
    first, last = (pick(row["business_day"] for row in rows) for pick in (min, max))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)][-DAYS:]


def days_until_last(days: Sequence[date], rows: Sequence[Row]) -> int:
    """How many of the days of a plot have passed with a hotel's last row: hotels end on different days."""
    last = max((row["business_day"] for row in rows), default=None)
    return sum(day <= last for day in days) if last else 0


def series(
    label: str, rows: Sequence[Row], days: Sequence[date], column: str, form: Form = Form.BARS
) -> Series:
    """The sums of a column by day. A line has a gap where there are no rows, a bar is zero."""
    sums: dict[date, float] = defaultdict(float)
    for row in rows:
        sums[row["business_day"]] += float(row[column] or 0)
    otherwise = 0.0 if form in (Form.BARS, Form.MARKS) else math.nan
    return Series(label, [sums.get(day, otherwise) for day in days], form)


@dataclass(frozen=True)
class Stack:
    """A plot with a panel per hotel and a bar per day, stacked of a part per name.

    `column` is what is added up, `part` the name of a row's part. `parts` are the names in their order, for all panels;
    without them each panel has its own largest. All others are one more part. `marks` are columns that are drawn as
    marks, by label. Without a `unit` it is the currency, and each currency has a panel.
    """

    title: str
    subtitle: str
    column: str
    part: Callable[[Row], str]
    parts: Sequence[str] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


def stacked_days(stack: Stack, rows: pa.Table) -> Plot:
    """The last days of each hotel as bars."""
    given = recent(rows)
    days = days_of(given)
    shown, others = by_hotel(given, *([] if stack.unit else ["currency", "currency"]))
    panels = [_stack_panel(stack, name, hotel_rows, days) for name, hotel_rows in shown]
    return Plot(
        stack.title,
        stack.subtitle + others,
        tuple(panels),
        shares_legend=bool(stack.parts),
        hotels=hotels_of(given),
    )


def _stack_panel(stack: Stack, names: tuple[str, ...], rows: list[Row], days: Sequence[date]) -> DaysPanel:
    name, unit = names[0], stack.unit or names[1]
    rows = [row for row in rows if row["business_day"] >= days[0]]
    parts = stack.parts or _biggest(rows, stack.column, stack.part)
    of_part: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_part[stack.part(row) if stack.part(row) in parts else OTHER].append(row)
    labels = dict.fromkeys((*parts, OTHER))  # a part may be named OTHER itself
    drawn = [series(label, of_part[label], days, stack.column) for label in labels if label in of_part]
    for label, other in stack.marks.items():
        drawn.append(series(label, rows, days, other, Form.MARKS))
    total = sum(float(row[stack.column] or 0) for row in rows)
    amount = f"{total:,.0f} {stack.unit}" if stack.unit else f"{unit} {total:,.0f}"
    return DaysPanel(f"{name}: {amount} in {days_until_last(days, rows)} days", unit, days, drawn)


def _biggest(rows: Sequence[Row], column: str, part: Callable[[Row], str]) -> list[str]:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[part(row)] += float(row[column] or 0)
    return sorted(sorted(sums, key=lambda name: -sums[name])[:_OWN_PARTS])
