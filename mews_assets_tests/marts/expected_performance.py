"""What the marts about stays must say, computed straight from the versions, night by night.

Lives here: plain loops over rooms, stays, blocks and items, for tests to compare with. Not here: what was known at an
instant (`expected_marts.Truth`).

True by construction in the simulated hotels: every room is there from before the first day on, except the one that was
given up before; only rooms are booked by the night; `OriginDetails` is the source's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from mews_assets_tests.marts.expected_marts import ON_THE_BOOKS, Truth

DAY = timedelta(days=1)
Record = dict[str, Any]
COLUMNS = {
    "resource_category": "Category",
    "segment": "BusinessSegmentId",
    "rate": "RateId",
    "source": "OriginDetails",
    "origin": "Origin",
}


class Performance:
    """What one instant's `truth` says of rooms and stays."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.category_of = {
            record["ResourceId"]: record["CategoryId"]
            for _, record in truth.records("ResourceCategoryAssignment")
            if record["IsActive"]
        }
        self.classes = {
            record["Id"]: record["Classification"] for _, record in truth.records("AccountingCategory")
        }
        self.stays = {(scope, one["Id"]): one for scope, one in truth.records("Reservation")}

    def nights(self, scope: str, stay: Record, *, slept: bool) -> Iterator[date]:
        night = self.truth._business_day(scope, stay["ScheduledStartUtc"])
        end = self.truth._business_day(scope, stay["ScheduledEndUtc"])
        if slept and stay["State"] == "Processed" and stay["ActualEndUtc"]:
            end = min(end, self.truth._business_day(scope, stay["ActualEndUtc"]))
        while night < end:
            yield night
            night += DAY

    def group(self, stay: Record | None, dimension: str) -> Any:
        if stay is None:
            return None
        if dimension == "resource_category":
            return self.category_of.get(stay["AssignedResourceId"], stay["RequestedResourceCategoryId"])
        return stay[COLUMNS[dimension]]

    def rooms(self, *, slept: bool, dimension: str = "") -> dict[Any, int]:
        """Rooms by (hotel, night), or (hotel, group, night)."""
        found: dict[Any, int] = defaultdict(int)
        for (scope, _), stay in self.stays.items():
            if stay["State"] in ON_THE_BOOKS:
                for night in self.nights(scope, stay, slept=slept):
                    key = (scope, self.group(stay, dimension), night) if dimension else (scope, night)
                    found[key] += 1
        return dict(found)

    def revenue(self, dimension: str = "") -> dict[Any, tuple[Decimal, Decimal, Decimal]]:
        """(rooms, total, outlet) revenue, net, by (hotel, business day), or (hotel, group, business day)."""
        found: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
        for scope, item in self.truth._earned():
            day = self.truth._business_day(scope, item["ConsumedUtc"])
            stay = self.stays.get((scope, item["ServiceOrderId"]))
            sums = found[(scope, self.group(stay, dimension), day) if dimension else (scope, day)]
            net = item["Amount"]["NetValue"]
            sums[1] += net
            if self.classes[item["AccountingCategoryId"]] == "Accommodation":
                sums[0] += net
        for scope, item in self.truth.records("OutletItem"):
            if item["Type"] == "Revenue":
                day = self.truth._business_day(scope, item["ConsumedUtc"])
                sums = found[(scope, None, day) if dimension else (scope, day)]
                net = item["UnitAmount"]["NetValue"] * item["UnitCount"]
                sums[1] += net
                sums[2] += net
        return {key: (rooms, total, outlet) for key, (rooms, total, outlet) in found.items()}

    def blocked(self) -> dict[tuple[str, date], tuple[int, int]]:
        """(out of order, house use) rooms by (hotel, night)."""
        kinds: dict[tuple[str, date], dict[str, str]] = defaultdict(dict)
        for scope, block in self.truth.records("ResourceBlock"):
            end = block["EndUtc"]
            if not block["IsActive"]:
                end = min(end, block["DeletedUtc"], key=datetime.fromisoformat)
            night = self.truth._business_day(scope, block["StartUtc"])
            while night < self.truth._business_day(scope, end):
                room = block["AssignedResourceId"]
                if kinds[scope, night].get(room) != "OutOfOrder":
                    kinds[scope, night][room] = block["Type"]
                night += DAY
        return {
            key: (list(rooms.values()).count("OutOfOrder"), list(rooms.values()).count("InternalUse"))
            for key, rooms in kinds.items()
        }

    def inventory(self) -> dict[str, int]:
        """Rooms of each hotel."""
        found: dict[str, int] = defaultdict(int)
        for scope, room in self.truth.records("Resource"):
            found[scope] += room["IsActive"]
        return dict(found)

    def arrivals(self) -> dict[tuple[str, date], tuple[int, int, int, int]]:
        """(reservations, nights, nights slept, days from booking to arrival) by (hotel, day of arrival)."""
        found: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0] * 4)
        for (scope, _), stay in self.stays.items():
            if stay["State"] in ON_THE_BOOKS:
                arrival = self.truth._business_day(scope, stay["ScheduledStartUtc"])
                sums = found[scope, arrival]
                sums[0] += 1
                sums[1] += sum(1 for _ in self.nights(scope, stay, slept=False))
                sums[2] += sum(1 for _ in self.nights(scope, stay, slept=True))
                sums[3] += max(0, (arrival - self.truth._business_day(scope, stay["CreatedUtc"])).days)
        return {key: (sums[0], sums[1], sums[2], sums[3]) for key, sums in found.items()}

    def cancellations(self) -> dict[Any, tuple[int, int, Decimal, Decimal]]:
        """(reservations, nights, fees, revenue lost) by (hotel, day of cancellation, whether a no-show)."""
        found: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0), Decimal(0)])
        of_stay: dict[tuple[str, str], list[Any]] = {}
        for (scope, id), stay in self.stays.items():
            if stay["State"] == "Canceled":
                day = self.truth._business_day(scope, stay["CancelledUtc"])
                sums = found[scope, day, stay["CancellationReason"] == "NoShow"]
                of_stay[scope, id] = sums
                sums[0] += 1
                sums[1] += sum(1 for _ in self.nights(scope, stay, slept=False))
        for scope, item in self.truth.records("OrderItem"):
            own = of_stay.get((scope, item["ServiceOrderId"]))
            if own and item["Type"] == "CancellationFee" and item["AccountingState"] != "Canceled":
                own[2] += item["Amount"]["NetValue"]
            elif own and item["Options"]["CanceledWithReservation"] and item["AccountingState"] == "Canceled":
                own[3] += item["Amount"]["NetValue"]
        return {key: (sums[0], sums[1], sums[2], sums[3]) for key, sums in found.items()}
