"""Plots of many hotels: a grid with a row per hotel and a column per day, week or month, or per bucket.

Lives here: when a grid is drawn, its columns, and its values. Not here: plots with a panel per hotel (`plot_parts`),
drawing (`plot_png`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.marts.model import GridPanel, Plot, SidesPanel
from mews_assets.marts.plot_parts import (
    PANELS,
    Row,
    Stack,
    by_hotel,
    hotels_of,
    stacked_days,
    unique_names,
)

MOST_HOTELS = 60
"""Rows of a grid: more hotels are in the mart's rows only."""
_MOST_COLUMNS = 62


@dataclass(frozen=True)
class Cell:
    """What a cell shows: the sum of a column of the mart, as a part of the hotel's highest or of another column's sum.

    `of` is that other column, and `whole` what 100 % is in words. `by` is the column with the day; with `only_complete`
    days that are not complete are left out.
    """

    column: str
    of: str = ""
    whole: str = "the highest of the hotel itself"
    by: str = "business_day"
    only_complete: bool = True


@dataclass(frozen=True)
class Buckets:
    """Rows by bucket: the column with the bucket's label, and that with its start, by which they are in order.

    `left` and `right` are the columns that are added up, `labels` what they are; `unit` is a column that separates
    panels, such as the currency. `known` are buckets that are shown, even if empty, by their start.
    """

    label: str
    start: str
    left: str
    right: str
    labels: tuple[str, str]
    unit: str = ""
    known: Mapping[int, str] = field(default_factory=dict)


def is_many(rows: pa.Table) -> bool:
    """Whether there are more hotels than fit as panels."""
    return len(rows.column("enterprise_id").unique()) > PANELS


def grid(title: str, rows: pa.Table, cell: Cell) -> Plot:
    """The sums of each hotel by day, week or month, whichever fits."""
    columns = [cell.column, *([cell.of] if cell.of else [])]
    kept = pc.is_valid(rows.column(cell.by))
    if cell.only_complete:
        kept = pc.and_(kept, pc.fill_null(rows.column("is_complete"), False))
    sums = (
        rows.filter(kept)
        .group_by(["enterprise_id", "enterprise", cell.by])
        .aggregate([(column, "sum") for column in columns])
        .to_pylist()
    )
    if not sums:
        return Plot(title, "", (), hotels=frozenset())
    first, last = (pick(row[cell.by] for row in sums) for pick in (min, max))
    start_of, step = _columns(first, last)
    starts = sorted({start_of(first + timedelta(days=number)) for number in range((last - first).days + 1)})
    names = unique_names(sums, "enterprise_id", "enterprise")
    found: dict[str, dict[date, list[float]]] = defaultdict(dict)
    for row in sums:
        both = found[row["enterprise_id"]].setdefault(start_of(row[cell.by]), [0.0, 0.0])
        for place, column in enumerate(columns):
            both[place] += float(row[f"{column}_sum"] or 0)
    order = sorted(names, key=lambda id: names[id])
    values = [_parts([found[id].get(start) for start in starts], bool(cell.of)) for id in order[:MOST_HOTELS]]
    others = f"; the first {MOST_HOTELS} of {len(order)}" if len(order) > MOST_HOTELS else ""
    scale = f"100 % is {cell.whole}"
    panel = GridPanel(
        f"{first} to {last}", [names[id] for id in order[:MOST_HOTELS]], [_label(start, step) for start in starts],
        values, scale,
    )  # fmt: skip
    subtitle = f"each hotel by {step}; {scale}{others}"
    return Plot(title, subtitle, (panel,), hotels=hotels_of(sums))


def stacked(stack: Stack, rows: pa.Table) -> Plot:
    """The last days of each hotel as bars; of more hotels than fit, the sums of each as a grid."""
    return grid(stack.title, rows, Cell(stack.column)) if is_many(rows) else stacked_days(stack, rows)


def by_bucket(title: str, subtitle: str, rows: pa.Table, given: Buckets) -> Plot:
    """Two sums for each bucket, such as ages or lead times, in a panel per hotel; of more hotels than fit, the left
    sum's shares as a grid."""
    keys = ["enterprise_id", "enterprise", given.label, given.start, *([given.unit] if given.unit else [])]
    sums = rows.group_by(keys).aggregate([(given.left, "sum"), (given.right, "sum")]).to_pylist()
    sums.sort(key=lambda row: (row[given.start] is None, row[given.start]))
    if is_many(rows):
        return _bucket_grid(title, subtitle, sums, given)
    shown, others = by_hotel(sums, *([given.unit, given.unit] if given.unit else []))
    panels = []
    for names, found in shown:
        empty = sorted(given.known.keys() - {row[given.start] for row in found})
        own = [*found, *({given.start: start, given.label: given.known[start]} for start in empty)]
        own.sort(key=lambda row: (row[given.start] is None, row[given.start]))
        left, right = (
            [float(row.get(f"{column}_sum") or 0) for row in own] for column in (given.left, given.right)
        )
        totals = " and ".join(
            f"{sum(values):,.0f} {label}" for values, label in zip((left, right), given.labels, strict=True)
        )
        labels = [str(row[given.label]) for row in own]
        panels.append(
            SidesPanel(" in ".join([f"{names[0]}: {totals}", *names[1:]]), labels, left, right, given.labels)
        )
    return Plot(title, subtitle + others, tuple(panels), hotels=hotels_of(sums))


def _bucket_grid(title: str, subtitle: str, sums: list[Row], given: Buckets) -> Plot:
    names = unique_names(sums, "enterprise_id", "enterprise")
    labels = list(dict.fromkeys(str(row[given.label]) for row in sums))
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in sums:
        found[row["enterprise_id"]][str(row[given.label])] += max(0.0, float(row[f"{given.left}_sum"] or 0))
    order = sorted(names, key=lambda id: names[id])[:MOST_HOTELS]
    values = [
        [found[id][label] / whole if (whole := sum(found[id].values())) else math.nan for label in labels]
        for id in order
    ]
    scale = f"100 % is all {given.labels[0]} of the hotel"
    others = f"; the first {MOST_HOTELS} of {len(names)}" if len(names) > MOST_HOTELS else ""
    panel = GridPanel("", [names[id] for id in order], labels, values, scale)
    return Plot(title, f"{subtitle}; {scale}{others}", (panel,), hotels=hotels_of(sums))


def _parts(sums: list[list[float] | None], is_of_other: bool) -> list[float]:
    highest = max((both[0] for both in sums if both), default=0.0)
    values = []
    for both in sums:
        whole = (both[1] if is_of_other else highest) if both else 0.0
        values.append(min(1.0, max(0.0, both[0] / whole)) if both and whole > 0 else math.nan)
    return values


def _columns(first: date, last: date) -> tuple[Callable[[date], date], str]:
    """The first day of the column that a day is in, and what a column is."""
    days = (last - first).days + 1
    if days <= _MOST_COLUMNS:
        return (lambda day: day), "day"
    if days <= 7 * _MOST_COLUMNS:
        return (lambda day: day - timedelta(days=day.weekday())), "week"
    if days <= 31 * _MOST_COLUMNS:
        return (lambda day: day.replace(day=1)), "month"
    return (lambda day: day.replace(month=1, day=1)), "year"


def _label(start: date, step: str) -> str:
    return {"month": f"{start:%b %Y}", "year": f"{start:%Y}"}.get(step, f"{start.day} {start:%b}")
