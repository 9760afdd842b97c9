"""Service orders as records: reservations, product service orders, and a stay while it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import text
from mews_assets.sandbox.simulation.money.billing import Charge, Folio

_ORIGINS = ("ChannelManager", "Distributor", "Commander", "Connector", "Import", "Navigator")
_ORIGIN_WEIGHTS = (42, 22, 26, 5, 3, 2)
_COMMANDER_ORIGINS = ("InPerson", "Phone", "Email", "Website", "Message", "CallCenter", "RoomingList")


@dataclass(slots=True)
class Booking:
    """One room booked for some nights. `arrival` is the ordinal of a date in the hotel's calendar.

    `is_own_guest` says that the hotel itself made the guest's profile; `block` is the id of a group's block.
    """

    guest: Entry
    is_own_guest: bool
    company: Entry | None
    arrival: int
    nights: int
    room: int
    group: str
    block: str | None = None


class Stay:
    """One reservation with its guest, its room and its items. `payer` is the guest or a company."""

    __slots__ = (
        "adults",
        "arrival",
        "charges",
        "children",
        "deposit",
        "folio",
        "guest",
        "nights",
        "own_guest",
        "payer",
        "reservation",
        "room",
        "unit",
    )

    def __init__(self, reservation: Entry, booking: Booking, payer: Entry) -> None:
        self.reservation = reservation
        self.guest = booking.guest
        self.payer = payer
        self.arrival = booking.arrival
        self.nights = booking.nights
        self.room = booking.room
        self.own_guest = booking.is_own_guest
        self.adults = 1
        self.children = 0
        self.unit = 0
        self.deposit = 0
        self.charges: list[tuple[int, Charge]] = []
        self.folio: Folio | None = None

    @property
    def departure(self) -> int:
        return self.arrival + self.nights

    @property
    def state(self) -> str:
        return str(self.reservation.record["State"])


def person_counts(hotel: Hotel, adults: int, children: int) -> list[dict[str, Any]]:
    counts: list[dict[str, Any]] = [{"AgeCategoryId": hotel.adult, "Count": adults}]
    if children:
        counts.append({"AgeCategoryId": hotel.child, "Count": children})
    return counts


def reservation_record(
    hotel: Hotel,
    queue: EventQueue,
    number: int,
    booking: Booking,
    payer: Entry,
    period: tuple[int, int],
    persons: tuple[int, int],
) -> dict[str, Any]:
    """A new reservation. `period` is its start and end in microseconds since 1970, `persons` adults and children."""
    rng, now, guest, block = queue.rng, text(queue.now), booking.guest, booking.block
    start, end = map(text, period)
    kind = hotel.kind_of[booking.room]
    origin = "Commander" if block else rng.choices(_ORIGINS, _ORIGIN_WEIGHTS)[0]
    channel = origin == "ChannelManager"
    author = hotel.robot if channel or origin == "Connector" else rng.choice(hotel.staff)
    state = rng.choices(("Confirmed", "Optional", "Inquired", "Requested"), (91, 5, 2, 2))[0]
    return {
        "Id": queue.new_id(),
        "ServiceId": hotel.stay_service,
        "AccountId": payer.id,
        "AccountType": payer.entity,
        "CreatorProfileId": author,
        "UpdaterProfileId": author,
        "BookerId": guest.id if payer is not guest or rng.random() < 0.3 else None,
        "Number": str(number),
        "State": "Confirmed" if channel or block else state,
        "Origin": origin,
        "CommanderOrigin": rng.choice(_COMMANDER_ORIGINS) if origin == "Commander" else None,
        "OriginDetails": rng.choice(("Booking example", "Trip example")) if channel else None,
        "CreatedUtc": now,
        "UpdatedUtc": now,
        "CancelledUtc": None,
        "VoucherId": None,
        "BusinessSegmentId": rng.choice((*hotel.segments, None)),
        "Options": {
            "OwnerCheckedIn": False,
            "AllCompanionsCheckedIn": False,
            "AnyCompanionCheckedIn": False,
            "ConnectorCheckIn": False,
        },
        "RateId": rng.choice(hotel.rates),
        "CreditCardId": None,
        "GroupId": booking.group,
        "RequestedResourceCategoryId": hotel.kinds[kind][0],
        "AssignedResourceId": hotel.room_ids[booking.room] if rng.random() < 0.8 else None,
        "AvailabilityBlockId": block,
        "PartnerCompanyId": payer.id if payer.entity == "Company" else None,
        "TravelAgencyId": None,
        "AssignedResourceLocked": rng.random() < 0.05,
        "ChannelNumber": f"CH{rng.randrange(10**8):08d}" if channel else None,
        "ChannelManagerNumber": f"{rng.randrange(10**9):09d}" if channel else None,
        "CancellationReason": None,
        "ReleasedUtc": None,
        "ScheduledStartUtc": start,
        "ActualStartUtc": None,
        "ScheduledEndUtc": end,
        "ActualEndUtc": None,
        "Purpose": rng.choice(("Leisure", "Leisure", "Business", None)),
        "QrCodeData": None,
        "PersonCounts": person_counts(hotel, *persons),
        "StartUtc": start,
        "EndUtc": end,
    }


def product_order_record(hotel: Hotel, queue: EventQueue, number: int, stay: Stay) -> dict[str, Any]:
    now, author = text(queue.now), queue.rng.choice(hotel.staff)
    return {
        "Id": queue.new_id(),
        "ServiceId": hotel.extras_service,
        "AccountId": stay.payer.id,
        "AccountType": stay.payer.entity,
        "CreatorProfileId": author,
        "UpdaterProfileId": author,
        "BookerId": None,
        "Number": str(number),
        "State": "Confirmed",
        "Origin": "Commander",
        "CommanderOrigin": queue.rng.choice(("InPerson", "Phone")),
        "OriginDetails": None,
        "CreatedUtc": now,
        "UpdatedUtc": now,
        "CancelledUtc": None,
        "VoucherId": None,
        "BusinessSegmentId": None,
        "LinkedReservationId": stay.reservation.id,
        "Options": {
            "OwnerCheckedIn": False,
            "AllCompanionsCheckedIn": False,
            "AnyCompanionCheckedIn": False,
            "ConnectorCheckIn": False,
        },
    }
