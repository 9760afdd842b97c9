"""Records that follow from others: where a reservation came from, a guest's address, cash put into the till.

Lives here: `Derived`, which makes them of each version that is written, without chance, so that the simulation goes the
same way with and without them. Not here: what happens in a hotel.

Which records have followers is decided by digits of their ids, which are as good as drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from mews_assets.sandbox.simulation.amounts import raw
from mews_assets.sandbox.simulation.event_queue import new_id
from mews_assets.sandbox.simulation.hotel import Chain, Hotel
from mews_assets.sandbox.simulation.instants import DAY, text
from mews_assets.sandbox.simulation.locations import STREETS
from mews_assets.sandbox.simulation.reference.made import platform_id, record_id
from mews_assets.sandbox.simulation.reference.platform import loyalty_id

Record = dict[str, Any]
Follower = tuple[str, str, Record]
"""Entity, scope and record."""
SOURCES = {
    "Distributor": "Own website",
    "Commander": "Front desk",
    "Connector": "Example GDS",
    "Import": "Example Travel",
    "Navigator": "Lobby kiosk",
}
"""By the origin of a reservation; through a channel manager it comes from the agency that `OriginDetails` names."""
_PROFILE = {
    "Discriminator": "Enterprise",
    "EnterpriseProfile": {"ProfileId": "00000000-0000-4000-8000-000000000001"},
}


class Derived:
    """The followers of the records of a chain, and of one of its hotels."""

    def __init__(self, chain: Chain, hotel: Hotel | None = None) -> None:
        self._chain = chain
        self._hotel = hotel
        self._groups: set[str] = set()
        self._makers: dict[str, Callable[[Record, int], Iterator[Follower]]] = {
            "Reservation": self._of_reservation,
            "Customer": self._of_customer,
            "Payment": self._of_payment,
            "ResourceBlock": self._of_block,
            "AvailabilityBlock": self._of_allotment,
        }

    def __call__(self, entity: str, record: Record, stamp: int) -> Iterator[Follower]:
        """What follows from a version that is written at this stamp."""
        maker = self._makers.get(entity)
        if maker is not None:
            yield from maker(record, stamp)

    def _of_reservation(self, record: Record, stamp: int) -> Iterator[Follower]:
        hotel, id = self._hotel, record["Id"]
        if hotel is None:
            return
        if _digit(id, 1) < 2:
            yield "PaymentRequest", hotel.id, self._payment_request(hotel, record, stamp)
        if not _is_new(record):
            return
        name = record["OriginDetails"] if record["Origin"] == "ChannelManager" else SOURCES[record["Origin"]]
        source = platform_id(f"source {name}")
        if record["GroupId"] not in self._groups:
            self._groups.add(record["GroupId"])
            yield from self._of_group(hotel, record, source)
        assignment = {"Id": _id(id, "source"), "ReservationId": id, "SourceId": source, "IsPrimary": True}
        yield "ReservationSourceAssignment", hotel.id, assignment | {"UpdatedUtc": text(stamp)}
        if _digit(id, 2) == 0:
            thread = {"Id": _id(id, "thread"), "OriginalSender": "Guest", "Subject": "Late arrival"}
            yield "MessageThread", hotel.id, thread | {"IsResolved": False} | _stamps(stamp)
        if _digit(id, 5) < 3:
            note = {
                "Id": _id(id, "note"),
                "OrderId": id,
                "Text": "Quiet room, please",
                "Type": "SpecialRequest",
            }
            yield "ServiceOrderNote", hotel.id, note | _stamps(stamp)
        guest = record["BookerId"] or (record["AccountId"] if record["AccountType"] == "Customer" else None)
        if guest:
            companion = {
                "Id": _id(id, "companion"),
                "CustomerId": guest,
                "ReservationGroupId": record["GroupId"],
            }
            yield "Companionship", hotel.id, companion | {"ReservationId": id}
        if record["AccountType"] == "Customer":
            yield from self._of_account(hotel, record["AccountId"], id, stamp)

    def _of_group(self, hotel: Hotel, record: Record, source: str) -> Iterator[Follower]:
        group = record["GroupId"]
        by_channel = record["Origin"] == "ChannelManager"
        yield (
            "ReservationGroup",
            hotel.id,
            {
                "Id": group,
                "Name": f"Group {record['Number']}",
                "ChannelManager": "Example Channels" if by_channel else None,
                "ChannelManagerGroupNumber": record["ChannelNumber"],
                "EnterpriseId": hotel.id,
            },
        )
        assignment = {"Id": _id(group, "source"), "ReservationGroupId": group, "SourceId": source}
        yield "SourceAssignment", hotel.id, assignment | {"IsPrimary": True}

    def _of_account(self, hotel: Hotel, account: str, reservation: str, stamp: int) -> Iterator[Follower]:
        if _digit(reservation, 3) < 4:
            yield (
                "CreditCard",
                hotel.id,
                {
                    "Id": _id(reservation, "card"),
                    "EnterpriseId": hotel.id,
                    "CustomerId": account,
                    "IsActive": True,
                    "State": "Enabled",
                    "Kind": "Gateway",
                    "Format": "Virtual",
                    "Type": "Visa",
                    "ObfuscatedNumber": "************0000",
                    "Expiration": "2031-12",
                }
                | _stamps(stamp),
            )
        if _digit(reservation, 4) == 0:
            yield (
                "AccountNote",
                self._chain.id,
                {
                    "Id": _id(reservation, "note"),
                    "AccountId": account,
                    "Content": "Asks for a room away from the lift",
                    "AccountType": "Customer",
                    "Classifications": ["FrontOffice"],
                    "IsActive": True,
                    "CreatorProfile": _PROFILE,
                    "UpdaterProfile": _PROFILE,
                },
            )

    def _payment_request(self, hotel: Hotel, record: Record, stamp: int) -> Record:
        state = {"Started": "Completed", "Processed": "Completed", "Canceled": "Canceled"}.get(
            record["State"]
        )
        return {
            "Id": _id(record["Id"], "payment request"),
            "EnterpriseId": hotel.id,
            "AccountId": record["AccountId"],
            "ReservationGroupId": record["GroupId"],
            "ReservationId": record["Id"],
            "State": state or "Pending",
            "Amount": raw(hotel.till.plain(hotel.till.whole(hotel.place.room_price))),
            "Type": "Payment",
            "Reason": "Deposit",
            "ExpirationUtc": record["ScheduledStartUtc"],
            "Description": "Deposit for the stay",
            "Notes": None,
            "CreatedUtc": record["CreatedUtc"],
            "UpdatedUtc": text(stamp),
        }

    def _of_customer(self, record: Record, stamp: int) -> Iterator[Follower]:
        id = record["Id"]
        if record["LoyaltyCode"] and _is_new(record):
            yield (
                "LoyaltyMembership",
                self._chain.id,
                {
                    "Id": _id(id, "membership"),
                    "ChainId": self._chain.id,
                    "AccountId": id,
                    "LoyaltyProgramId": loyalty_id(self._chain, "program"),
                    "State": "Enrolled",
                    "IsPrimary": True,
                    "ProviderMembershipId": None,
                    "MembershipNumber": record["LoyaltyCode"],
                    "Points": 100 * _digit(id, 0),
                    "ExpirationDate": None,
                    "Url": None,
                    "LoyaltyTierId": loyalty_id(self._chain, "tier Bronze"),
                    "CreatorProfile": _PROFILE,
                    "UpdaterProfile": _PROFILE,
                },
            )
        if record["BirthDate"]:  # the registration card is filled in
            yield (
                "IdentityDocument",
                self._chain.id,
                {
                    "Id": _id(id, "document"),
                    "CustomerId": id,
                    "Type": "Passport",
                    "Number": f"EX{id[:6].upper()}",
                    "ExpirationDate": "2031-12-31T00:00:00Z",
                    "IssuanceDate": "2021-12-31T00:00:00Z",
                    "IssuingCountryCode": record["NationalityCode"],
                    "IssuingCountrySubdivisionCode": None,
                    "IssuingCity": None,
                    "IdentityDocumentSupportNumber": None,
                    "IsVerified": True,
                },
            )
        if record["AddressId"]:
            yield (
                "AccountAddress",
                self._chain.id,
                {
                    "Id": record["AddressId"],
                    "AccountId": id,
                    "ChainId": self._chain.id,
                    "AccountType": "Customer",
                    "Line1": f"{_digit(id, 0) + 1} {STREETS[_digit(id, 1) % len(STREETS)]}",
                    "Line2": None,
                    "City": "Exampleton",
                    "PostalCode": f"{10_000 + _digit(id, 2)}",
                    "CountryCode": record["NationalityCode"],
                    "CountrySubdivisionCode": None,
                    "Latitude": None,
                    "Longitude": None,
                    "UpdatedUtc": text(stamp),
                    "IsActive": record["IsActive"],
                },
            )

    def _of_payment(self, record: Record, stamp: int) -> Iterator[Follower]:
        hotel = self._hotel
        if hotel is None or record["Type"] != "CashPayment" or not _is_new(record):
            return
        is_refund = record["Kind"] == "Refund"
        yield (
            "CashierTransaction",
            hotel.id,
            {
                "Id": _id(record["Id"], "cash"),
                "EnterpriseId": hotel.id,
                "CashierId": record_id(hotel, "cashier Front desk"),
                "PaymentId": record["Id"],
                "CreatedUtc": text(stamp),
                "Number": record["Id"][:8],
                "Notes": None,
                "Amount": {
                    "Currency": hotel.place.currency,
                    "Value": None,
                    "Net": None,
                    "Tax": None,
                    "TaxRate": None,
                },
                "Type": "CashOut" if is_refund else "CashIn",
            },
        )

    def _of_block(self, record: Record, stamp: int) -> Iterator[Follower]:
        """A room out of order is a task, which is closed when the block is taken away."""
        hotel = self._hotel
        if hotel is None or not (_is_new(record) or not record["IsActive"]):
            return
        yield (
            "Task",
            hotel.id,
            {
                "Id": _id(record["Id"], "task"),
                "EnterpriseId": hotel.id,
                "Name": record["Name"],
                "State": "Open" if record["IsActive"] else "Closed",
                "Description": None,
                "DepartmentId": record_id(hotel, "department Housekeeping"),
                "ServiceOrderId": None,
                "CreatedUtc": record["CreatedUtc"],
                "DeadlineUtc": record["EndUtc"],
                "ClosedUtc": None if record["IsActive"] else text(stamp),
            },
        )

    def _of_allotment(self, record: Record, stamp: int) -> Iterator[Follower]:
        """While a group's rooms are held, its rate cannot be booked for a single night."""
        hotel = self._hotel
        if hotel is None or not _is_new(record):
            return
        conditions = dict.fromkeys(
            ("BaseRateId", "RateGroupId", "ResourceCategoryId", "ResourceCategoryType", "Days", "Hours")
        )
        exceptions = dict.fromkeys(("MinAdvance", "MaxAdvance", "MaxLength", "MinPrice", "MaxPrice"))
        yield (
            "Restriction",
            hotel.id,
            {
                "Id": _id(record["Id"], "restriction"),
                "ServiceId": hotel.stay_service,
                "ExternalIdentifier": None,
                "Origin": "User",
                "Conditions": conditions
                | {
                    "Type": "Stay",
                    "ExactRateId": record["RateId"],
                    "StartUtc": record["FirstTimeUnitStartUtc"],
                    "EndUtc": text(stamp + 365 * DAY),
                },
                "Exceptions": exceptions | {"MinLength": "P0M2DT0H0M0S"},
            },
        )


def _is_new(record: Record) -> bool:
    return bool(record["CreatedUtc"] == record["UpdatedUtc"])


def _digit(id: str, place: int) -> int:
    return int(id[place], 16)


def _id(of: str, what: str) -> str:
    return new_id(Random(f"{of}/{what}"))  # noqa: S311


def _stamps(stamp: int) -> Record:
    return {"CreatedUtc": text(stamp), "UpdatedUtc": text(stamp)}
