"""Stays and blocks against the availability of services: occupied, out of order and usable, per category and day.

Lives here: the comparison, a pure function, and reading what it compares: the mart daily_performance_by_dimension, and
the series service_availability.

By Mews' definitions `Occupied` counts reservations and availability blocks that deduct; so these blocks, and optional
reservations, are taken off it: the mart counts stays. `UsableResources` are the active ones that are not out of order,
and `OutOfOrderBlocks` has rooms that are closed for long as well. House use is on both sides a use, and no block.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.entities.availability import RESOURCE_BLOCKS
from mews_assets.catalog.entities.reference.spaces import RESOURCE_CATEGORIES
from mews_assets.catalog.entities.reservations import RESERVATIONS
from mews_assets.catalog.entities.series.availability import SERVICE_AVAILABILITY
from mews_assets.defs.checks.reconciliation.moments import Compared, Difference, Stood
from mews_assets.lake.landing.reference_rows import read_rows
from mews_assets.lake.landing.series_rows import month_of, months_there, newest_rows
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

DAYS = 14
"""Days before the mart's newest that are compared: as many as are asked for again."""
MART = "daily_performance_by_dimension"
NEW_DAYS = 60
"""For this long after the lake's first day, guests may be in the house who came before it."""
OCCUPIED, OUT_OF_ORDER, USABLE = "occupied", "out of order", "usable"
_TABLES = {OCCUPIED: RESERVATIONS, OUT_OF_ORDER: RESOURCE_BLOCKS, USABLE: RESOURCE_BLOCKS}
"""The table that each count comes from."""
_BY_CATEGORY = [("dimension", "=", "resource_category")]
Counts = Mapping[str, int]
_ROOMS = ("rooms_occupied", "rooms_out_of_order", "rooms_closed", "rooms_available")
_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Place:
    """A category of a hotel, on a day."""

    scope: str
    day: date
    category: str


@dataclass(frozen=True)
class Availability:
    """The counts of one place by Mews, and while they stood."""

    place: Place
    counts: Counts
    stood: Stood


def compare_rooms(
    figures: Iterable[Availability],
    lake: Mapping[Place, Counts],
    known: Mapping[str, datetime | None],
    may_lack: Callable[[str, Place], bool],
) -> Compared[Place]:
    """Each figure against the lake's counts of its place. Categories that the lake has no rooms of are left out.

    `known` has by hotel the instant as of which the lake's counts are. Counts that agree were read at whatever time;
    those that differ count only if the figure stood at that instant. `may_lack` says whether the lake may lack what is
    older than itself; then fewer rooms taken are not a difference.
    """
    categories = {(place.scope, place.category) for place in lake}
    days = {(place.scope, place.day) for place in lake}
    agree, differ, not_yet = 0, list[Difference[Place]](), 0
    for figure in figures:
        place = figure.place
        if (place.scope, place.category) not in categories or (place.scope, place.day) not in days:
            continue
        ours = lake.get(place, {})
        known_until = known.get(place.scope)
        stood = figure.stood.with_lake(known_until) == known_until and known_until is not None
        for what, count in figure.counts.items():
            own = ours.get(what, 0)
            has_fewer = own > count if what == USABLE else own < count
            if own == count:
                agree += 1
            elif stood and not (has_fewer and may_lack(what, place)):
                differ.append(Difference(place, what, count, own, own - count))
            else:
                not_yet += 1
    return Compared(agree, tuple(differ), not_yet)


def read_and_compare(
    lake: Lake, scopes: Collection[str], known: Mapping[str, datetime | None], start: date
) -> Compared[Place]:
    """The last days of the mart against the newest figures, hotel by hotel. `start` is the lake's first day."""
    months, rows = months_there(lake, SERVICE_AVAILABILITY), _mart(lake, start)
    whole = {
        (what, scope)
        for what, table in _TABLES.items()
        for scope in scopes
        if lake.exists(layout.snapshot_file(table.name, scope))
    }

    def may_lack(what: str, place: Place) -> bool:
        # Without a snapshot: guests who came before the lake began are in it once they leave, blocks may never be.
        is_new = what != OCCUPIED or place.day < start + NEW_DAYS * _DAY
        return is_new and (what, place.scope) not in whole

    agree, differ, not_yet = 0, list[Difference[Place]](), 0
    for scope in scopes:
        own = {place: counts for place, counts in rows.items() if place.scope == scope}
        last = max((place.day for place in own), default=None)
        if last is None:
            continue
        since = last - (DAYS - 1) * _DAY
        wanted = [month for month in months.get(scope, ()) if month_of(since) <= month <= month_of(last)]
        figures = [
            _availability(scope, row)
            for row in newest_rows(lake, SERVICE_AVAILABILITY, scope, wanted).to_pylist()
            if since <= row["_day"] <= last
        ]
        found = compare_rooms(figures, own, known, may_lack)
        agree, not_yet = agree + found.agree, not_yet + found.not_yet
        differ += found.differ
    return Compared(agree, tuple(differ), not_yet)


def _availability(scope: str, row: Mapping[str, Any]) -> Availability:
    occupied = row["occupied"], row["optional_reservations"], row["allocated_block_availability"]
    counts = {
        OCCUPIED: None if occupied[0] is None else occupied[0] - (occupied[1] or 0) - (occupied[2] or 0),
        OUT_OF_ORDER: row["out_of_order_blocks"],
        USABLE: row["usable_resources"],
    }
    return Availability(
        Place(scope, row["_day"], row["resource_category_id"]),
        {what: count for what, count in counts.items() if count is not None},
        Stood(row["_asked_utc"], row["_last_asked_utc"]),
    )


def _mart(lake: Lake, start: date) -> dict[Place, dict[str, int]]:
    """The mart's counts by category of the last days since the lake's first; none where it was not made yet."""
    name = layout.mart_file(MART)
    if not lake.exists(name):
        return {}
    columns = ["enterprise_id", "business_day", "value_id", *_ROOMS]
    with lake.open_input_file(name) as file:
        rows = pq.read_table(file, partitioning=None, columns=columns, filters=_BY_CATEGORY)
    newest = pc.max(rows["business_day"]).as_py()
    if newest is None:
        return {}
    # A day more, because hotels east and west of each other do not end their days together.
    since = pa.scalar(max(newest - (DAYS + 1) * _DAY, start), pa.date32())
    return {
        Place(row["enterprise_id"], row["business_day"], row["value_id"]): _counts(row)
        for row in rows.filter(pc.greater_equal(rows["business_day"], since)).to_pylist()
        if row["value_id"] is not None
    }


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    occupied, out_of_order, closed, available = (row[name] or 0 for name in _ROOMS)
    return {OCCUPIED: occupied, OUT_OF_ORDER: out_of_order + closed, USABLE: available - out_of_order}


def name_of(lake: Lake, category: str) -> str:
    """The first of a category's names; empty where the lake does not know it."""
    with lake.workspace() as workspace:
        rows, _ = read_rows(lake, RESOURCE_CATEGORIES, workspace)
    texts = rows.filter(pc.equal(rows["id"], category))["names"].to_pylist()
    names = json.loads(texts[0]) if texts and texts[0] else None
    return str(next(iter(names.values()), "")) if isinstance(names, dict) else ""
