"""Service orders as records: reservations, product service orders, and a stay while it changes."""

from __future__ import annotations

from typing import Any

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import text
from mews_assets.sandbox.simulation.money.billing import Charge, Folio

_ORIGINS = ("ChannelManager", "Distributor", "Commander", "Connector", "Import", "Navigator")
_ORIGIN_WEIGHTS = (42, 22, 26, 5, 3, 2)
_COMMANDER_ORIGINS = ("InPerson", "Phone", "Email", "Website", "Message", "CallCenter", "RoomingList")


class Stay:
    """One reservation with its guest, its room, its items. `payer` is the guest or a company."""

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

    def __init__(
        self, reservation: Entry, guest: Entry, payer: Entry, arrival: int, nights: int, room: int
    ) -> None:
        self.reservation = reservation
        self.guest = guest
        self.payer = payer
        self.arrival = arrival
        self.nights = nights
        self.room = room
        self.own_guest = False
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
    diary: EventQueue,
    number: int,
    *,
    guest: Entry,
    payer: Entry,
    group: str,
    kind: int,
    room: int,
    start: int,
    end: int,
    persons: tuple[int, int],
    block: str | None = None,
) -> dict[str, Any]:
    rng, now = diary.rng, text(diary.now)
    origin = "Commander" if block else rng.choices(_ORIGINS, _ORIGIN_WEIGHTS)[0]
    channel = origin == "ChannelManager"
    author = hotel.robot if channel or origin == "Connector" else rng.choice(hotel.staff)
    state = rng.choices(("Confirmed", "Optional", "Inquired", "Requested"), (91, 5, 2, 2))[0]
    return {
        "Id": diary.new_id(),
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
        "GroupId": group,
        "RequestedResourceCategoryId": hotel.kinds[kind][0],
        "AssignedResourceId": hotel.room_ids[room] if rng.random() < 0.8 else None,
        "AvailabilityBlockId": block,
        "PartnerCompanyId": payer.id if payer.entity == "Company" else None,
        "TravelAgencyId": None,
        "AssignedResourceLocked": rng.random() < 0.05,
        "ChannelNumber": f"CH{rng.randrange(10**8):08d}" if channel else None,
        "ChannelManagerNumber": f"{rng.randrange(10**9):09d}" if channel else None,
        "CancellationReason": None,
        "ReleasedUtc": None,
        "ScheduledStartUtc": text(start),
        "ActualStartUtc": None,
        "ScheduledEndUtc": text(end),
        "ActualEndUtc": None,
        "Purpose": rng.choice(("Leisure", "Leisure", "Business", None)),
        "QrCodeData": None,
        "PersonCounts": person_counts(hotel, *persons),
        "StartUtc": text(start),
        "EndUtc": text(end),
    }


def product_order_record(hotel: Hotel, diary: EventQueue, number: int, stay: Stay) -> dict[str, Any]:
    now, author = text(diary.now), diary.rng.choice(hotel.staff)
    return {
        "Id": diary.new_id(),
        "ServiceId": hotel.extras_service,
        "AccountId": stay.payer.id,
        "AccountType": stay.payer.entity,
        "CreatorProfileId": author,
        "UpdaterProfileId": author,
        "BookerId": None,
        "Number": str(number),
        "State": "Confirmed",
        "Origin": "Commander",
        "CommanderOrigin": diary.rng.choice(("InPerson", "Phone")),
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
