"""Availability of a service: its rooms, and the stays, blocks and allotments that take them at an instant.

Lives here: counting the sandbox's own records by category and day of the hotel's calendar. Not here: the operation
(`series_operations`).

By Mews' definitions `Occupied` counts the bookings that are assigned to a category: reservations, and allotments that
deduct from it. `UsableResources` are the active ones that are not out of order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.records.store import Store

STAYS = ("Confirmed", "Started", "Processed")
Metrics = dict[str, int]


def availability(
    store: Store, at_us: int, enterprise: str, service: str, zone: ZoneInfo
) -> dict[str, Callable[[date], Metrics]]:
    """By category of the service: its metrics of a day."""

    def records(entity: str) -> Iterator[dict[str, Any]]:
        yield from map(msgspec.json.decode, store.records(RecordQuery(entity, at_us, {enterprise})))

    def day_of(instant: str) -> date:
        return datetime.fromisoformat(instant).astimezone(zone).date()

    categories = [one["Id"] for one in records("ResourceCategory") if _is_of(one, service)]
    rooms = {
        one["ResourceId"]: one["CategoryId"]
        for one in records("ResourceCategoryAssignment")
        if one["IsActive"] and one["CategoryId"] in categories
    }
    born = {
        one["Id"]: day_of(one["CreatedUtc"])
        for one in records("Resource")
        if one["IsActive"] and one["Id"] in rooms
    }
    taken: Counter[tuple[str, str, date]] = Counter()
    for stay in records("Reservation"):
        name = "OptionalReservations" if stay["State"] == "Optional" else "ConfirmedReservations"
        if stay["ServiceId"].lower() != service or stay["State"] not in (*STAYS, "Optional"):
            continue
        category = rooms.get(stay["AssignedResourceId"] or "", stay["RequestedResourceCategoryId"])
        ends = min(filter(None, (stay["ScheduledEndUtc"], stay["ActualEndUtc"])), key=datetime.fromisoformat)
        for day in _days(day_of(stay["ScheduledStartUtc"]), day_of(ends)):
            taken[name, category, day] += 1
    blocks = {one["Id"]: one["State"] for one in records("AvailabilityBlock")}
    for adjustment in records("AvailabilityAdjustment"):
        state = blocks.get(adjustment["AvailabilityBlockId"] or "")
        if not adjustment["IsActive"] or state in (None, "Canceled"):
            continue
        last = day_of(adjustment["LastTimeUnitStartUtc"]) + timedelta(days=1)
        for day in _days(day_of(adjustment["FirstTimeUnitStartUtc"]), last):
            at = adjustment["ResourceCategoryId"], day
            taken["BlockAvailability", *at] -= adjustment["UnitCount"]
            if state == "Confirmed":
                taken["AllocatedBlockAvailability", *at] -= adjustment["UnitCount"]
    blocked: dict[tuple[str, date], set[str]] = {}
    for block in records("ResourceBlock"):
        ends = min(filter(None, (block["EndUtc"], block["DeletedUtc"])), key=datetime.fromisoformat)
        for day in _days(day_of(block["StartUtc"]), day_of(ends)):
            blocked.setdefault((block["Type"], day), set()).add(block["AssignedResourceId"])

    def metrics_of(category: str) -> Callable[[date], Metrics]:
        own = [room for room in born if rooms[room] == category]

        def of_day(day: date) -> Metrics:
            there = {room for room in own if born[room] <= day}
            out_of_order = blocked.get(("OutOfOrder", day), set()) & there
            house_use = (blocked.get(("InternalUse", day), set()) & there) - out_of_order
            names = (
                "ConfirmedReservations",
                "OptionalReservations",
                "BlockAvailability",
                "AllocatedBlockAvailability",
            )
            counts = {name: taken[name, category, day] for name in names}
            return counts | {
                "ActiveResources": len(there),
                "UsableResources": len(there - out_of_order),
                "OutOfOrderBlocks": len(out_of_order),
                "HouseUse": len(house_use),
                "Occupied": sum(counts.values()) - counts["BlockAvailability"],
                "OtherServiceReservationCount": 0,
                "PublicAvailabilityAdjustment": 0,
            }

        return of_day

    return {category: metrics_of(category) for category in categories}


def _is_of(category: dict[str, Any], service: str) -> bool:
    return bool(category["IsActive"]) and str(category.get("ServiceId") or "").lower() == service


def _days(first: date, before: date) -> Iterator[date]:
    day = first
    while day < before:
        yield day
        day += timedelta(days=1)
