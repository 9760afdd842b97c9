"""Rooms and what makes them unavailable: stays, rooms out of order, allotments for groups.

Lives here: `Rooms` (which room is taken in which night), ResourceBlock, AvailabilityBlock and
AvailabilityAdjustment. Not here: reservations, though an allotment asks for them (`pick_up`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, next_midnight, text
from mews_assets.sandbox.simulation.stays.guests import Guests

RELEASE_DAYS = 7
"""Days before arrival when the rooms left in an allotment go back on sale."""


class Rooms:
    """One whole number per room, one bit per night: set when the room is taken."""

    def __init__(self, hotel: Hotel, base: int) -> None:
        self._kind_of = hotel.kind_of
        self._base = base
        self._taken = [0] * len(hotel.room_ids)

    def forget_before(self, ordinal: int) -> None:
        gone = ordinal - self._base
        self._taken = [nights >> gone for nights in self._taken]
        self._base = ordinal

    def take(self, start: int, nights: int, kind: int | None = None) -> int | None:
        """Take a room that is free in all these nights; None when the hotel is full."""
        mask = self._mask(start, nights)
        for room, taken in enumerate(self._taken):
            if not taken & mask and (kind is None or self._kind_of[room] == kind):
                self._taken[room] = taken | mask
                return room
        return None

    def extend(self, room: int, night: int) -> bool:
        """Extend a stay by one night in the same room. Returns whether the room is free."""
        mask = self._mask(night, 1)
        if self._taken[room] & mask:
            return False
        self._taken[room] |= mask
        return True

    def release(self, room: int, start: int, nights: int) -> None:
        self._taken[room] &= ~self._mask(start, nights)

    def _mask(self, start: int, nights: int) -> int:
        first = max(start, self._base)
        length = start + nights - first
        return ((1 << length) - 1) << (first - self._base) if length > 0 else 0


class Allotment:
    """A block of rooms of one kind for a group, and the rooms that are not booked yet."""

    __slots__ = ("adjustment", "arrival", "block", "company", "left", "nights")

    def __init__(self, block: Entry, adjustment: Entry, company: Entry, arrival: int, nights: int) -> None:
        self.block = block
        self.adjustment = adjustment
        self.company = company
        self.arrival = arrival
        self.nights = nights
        self.left: list[int] = []


class Inventory:
    def __init__(self, hotel: Hotel, queue: EventQueue, guests: Guests, rooms: Rooms) -> None:
        self._hotel = hotel
        self._queue = queue
        self._guests = guests
        self._rooms = rooms
        self._number = 0

    def allot(self, arrival: int, nights: int, size: int, pick_up: Callable[[Allotment], None]) -> None:
        """A group blocks rooms: some are booked one by one; the rest is released, or all are cancelled."""
        queue, hotel = self._queue, self._hotel
        kind = queue.rng.choice((0, 0, 1))
        taken = [room for _ in range(size) if (room := self._rooms.take(arrival, nights, kind)) is not None]
        if not taken:
            return
        start, last = hotel.clock.at(arrival, 0), hotel.clock.at(arrival + nights - 1, 0)
        release = next_midnight(hotel.clock.at(arrival - RELEASE_DAYS, 0))
        company = self._guests.employer()
        block = Entry("AvailabilityBlock", hotel.id, self._block(company, start, last, release, len(taken)))
        adjustment = Entry(
            "AvailabilityAdjustment",
            hotel.id,
            self._adjustment(block.id, hotel.kinds[kind][0], start, last, release, len(taken)),
        )
        allotment = Allotment(block, adjustment, company, arrival, nights)
        allotment.left = taken
        queue.write(block)
        queue.write(adjustment)
        if queue.chance(0.5):
            queue.plan(queue.between(queue.now, queue.now + 4 * DAY), self._confirm, allotment)
        for _ in range(queue.rng.randint(len(taken) // 2, len(taken))):
            queue.plan(queue.between(queue.now + 5 * DAY, release), pick_up, allotment)
        if queue.chance(0.12):
            queue.plan(queue.between(queue.now + 5 * DAY, release), self._cancel, allotment)
        queue.plan(release, self._release, allotment)

    def picked(self, allotment: Allotment) -> int | None:
        """Book one room of the allotment; None when none is left."""
        if not allotment.left:
            return None
        room = allotment.left.pop()
        self._adjust(allotment)
        return room

    def block_room(self, today: int) -> None:
        """Put a room out of order for some nights, unless it is booked or the repair is cancelled."""
        queue, hotel = self._queue, self._hotel
        start, nights = today + queue.rng.randint(1, 10), queue.rng.randint(1, 3)
        room = self._rooms.take(start, nights)
        if room is None:
            return
        now = text(queue.now)
        kind = queue.rng.choice(("OutOfOrder", "OutOfOrder", "InternalUse"))
        begins, ends = hotel.clock.at(start, 15), hotel.clock.at(start + nights, 11)
        record = {
            "Id": queue.new_id(),
            "EnterpriseId": hotel.id,
            "AssignedResourceId": hotel.room_ids[room],
            "IsActive": True,
            "Type": kind,
            "StartUtc": text(begins),
            "EndUtc": text(ends),
            "CreatedUtc": now,
            "UpdatedUtc": now,
            "DeletedUtc": None,
            "Name": queue.rng.choice(
                ("Painting", "Leaking tap", "Lock repair", "Photo shoot", "Staff night")
            ),
            "Notes": None,
        }
        block = Entry("ResourceBlock", hotel.id, record)
        queue.write(block)
        luck = queue.rng.random()
        if luck < 0.25:
            queue.plan(queue.between(queue.now, begins), self._unblock, block, room, start, nights)
        elif luck < 0.45:
            queue.plan(queue.between(queue.now, begins), self._note, block)
        elif luck < 0.65:  # the nightly clean-up deletes what is over
            queue.plan(next_midnight(ends), self._unblock, block, room, start, 0)

    def _unblock(self, block: Entry, room: int, start: int, nights: int) -> None:
        self._rooms.release(room, start, nights)
        block.record.update(IsActive=False, DeletedUtc=text(self._queue.now))
        self._queue.write(block)

    def _note(self, block: Entry) -> None:
        block.record["Notes"] = "Contractor confirmed; spare parts ordered"
        self._queue.write(block)

    def _confirm(self, allotment: Allotment) -> None:
        if allotment.block.record["State"] == "Optional":
            allotment.block.record["State"] = "Confirmed"
            self._queue.write(allotment.block)

    def _cancel(self, allotment: Allotment) -> None:
        now = text(self._queue.now)
        record = allotment.block.record
        record.update(
            State="Canceled", IsActive=False, CanceledUtc=now, CancellationReason="RequestedByBooker"
        )
        record["CancellationReasonDetail"] = "The wedding is off" if self._queue.chance(0.5) else None
        self._queue.write(allotment.block)
        self._give_back(allotment)

    def _release(self, allotment: Allotment) -> None:
        if allotment.block.record["State"] != "Canceled":
            allotment.block.record["State"] = "Confirmed"
            self._queue.write(allotment.block)
            self._give_back(allotment)

    def _give_back(self, allotment: Allotment) -> None:
        for room in allotment.left:
            self._rooms.release(room, allotment.arrival, allotment.nights)
        allotment.left = []
        allotment.adjustment.record.update(IsActive=False, ActivityState="Deleted")
        self._adjust(allotment)

    def _adjust(self, allotment: Allotment) -> None:
        allotment.adjustment.record["UnitCount"] = -len(allotment.left)
        self._queue.write(allotment.adjustment)

    def _block(self, company: Entry, start: int, last: int, release: int, size: int) -> dict[str, Any]:
        queue, hotel, rng = self._queue, self._hotel, self._queue.rng
        self._number += 1
        budget = {
            "Currency": hotel.place.currency,
            "Value": hotel.place.room_price * size,
            "Net": None,
            "Tax": None,
            "TaxRate": None,
        }
        now = text(queue.now)
        return {
            "Id": queue.new_id(),
            "EnterpriseId": hotel.id,
            "ServiceId": hotel.stay_service,
            "RateId": rng.choice(hotel.rates),
            "VoucherId": None,
            "BookerId": None,
            "CompanyId": company.id,
            "TravelAgencyId": None,
            "Budget": budget if rng.random() < 0.5 else None,
            "State": rng.choice(("Confirmed", "Optional")),
            "ReservationPurpose": rng.choice(("Leisure", "Business", None)),
            "CreatedUtc": now,
            "UpdatedUtc": now,
            "FirstTimeUnitStartUtc": text(start),
            "LastTimeUnitStartUtc": text(last),
            "ReleasedUtc": text(release),
            "RollingReleaseOffset": None,
            "ExternalIdentifier": None,
            "Name": f"{company.record['Name']} meeting",
            "Notes": None,
            "PickupDistribution": rng.choice(("AllInOneGroup", "IndividualGroups")),
            "IsActive": True,
            "QuoteId": None,
            "AvailabilityBlockNumber": f"B{hotel.index + 1}{self._number:04d}",
            "ReleaseStrategy": "FixedRelease",
            "PurchaseOrderNumber": None,
            "BusinessSegmentId": rng.choice(hotel.segments),
            "CanceledUtc": None,
            "CancellationReason": None,
            "CancellationReasonDetail": None,
        }

    def _adjustment(
        self, block: str, kind: str, start: int, last: int, release: int, size: int
    ) -> dict[str, Any]:
        return {
            "Id": self._queue.new_id(),
            "AvailabilityBlockId": block,
            "ResourceCategoryId": kind,
            "FirstTimeUnitStartUtc": text(start),
            "LastTimeUnitStartUtc": text(last),
            "StartUtc": text(start),
            "EndUtc": text(last + DAY),
            "UnitCount": -size,
            "ReleaseOverrideUtc": None,
            "FirstTimeUnitReleaseUtc": text(release),
            "UpdatedUtc": text(self._queue.now),
            "IsActive": True,
            "ActivityState": "Active",
            "PaxCounts": [{"PersonCount": 2, "UnitCount": -size}],
        }
