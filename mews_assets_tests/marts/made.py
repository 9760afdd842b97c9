"""Hotels' books made by hand, in a lake: what no simulated hotel would write."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.marts import MARTS
from mews_assets.windows import Grain
from mews_assets_tests.marts.stage import TABLES, put_changes

AS_OF = datetime(2026, 4, 10, tzinfo=UTC)
STAMP = "2026-04-01T12:00:00Z"
STAMP_OF_ROOMS = "2025-01-01T12:00:00Z"
EVENING = "2026-04-05T18:00:00Z"

Record = dict[str, Any]


def hotel(id: str, zone: str | None = "Europe/Prague", closing: str | None = None, name: str = "") -> Record:
    return {
        "Id": id,
        "Name": name or f"Hotel {id}",
        "TimeZoneIdentifier": zone,
        "BusinessDayClosingOffset": closing,
    }


@dataclass
class Books:
    """`rows` by entity are (the enterprise they were fetched for, record); `more` are the other references' records."""

    hotels: list[Record]
    rows: dict[str, list[tuple[str, Record]]] = field(default_factory=lambda: defaultdict(list))
    more: dict[str, list[Record]] = field(default_factory=dict)

    def add(self, entity: str, scope: str, **record: Any) -> None:
        given = {"Id": f"{entity}-{len(self.rows[entity])}", "UpdatedUtc": STAMP, "CreatedUtc": STAMP}
        self.rows[entity].append((scope, {**given, **record}))

    def sold(self, scope: str, consumed: str | None, net: str | None, gross: str | None, **more: Any) -> None:
        amount = {"Currency": "EUR", "NetValue": number(net), "GrossValue": number(gross)}
        row = {
            "EnterpriseId": scope,
            "AccountingState": "Closed",
            "Type": "SpaceOrder",
            "ConsumedUtc": consumed,
        }
        self.add("OrderItem", scope, **{**row, "Amount": amount, **more})

    def stay(self, scope: str, start: str | None, end: str | None, **more: Any) -> None:
        row = {"ServiceId": f"service-{scope}", "State": "Confirmed", "ScheduledStartUtc": start}
        self.add("Reservation", scope, **{**row, "ScheduledEndUtc": end, **more})

    def paid(self, scope: str, value: str | None, **more: Any) -> None:
        """A payment of so much; Mews' amounts of payments are negative."""
        amount = {"Currency": "EUR", "NetValue": number(value), "GrossValue": number(value)}
        row = {"EnterpriseId": scope, "State": "Charged", "AccountingState": "Closed", "Type": "CashPayment"}
        self.add("Payment", scope, **{**row, "ConsumedUtc": EVENING, "Amount": amount, **more})

    def bill(self, scope: str, id: str, **more: Any) -> None:
        row = {"EnterpriseId": scope, "State": "Open", "Type": "Receipt", "AccountType": "Customer"}
        self.add(
            "Bill", scope, **{"Id": id, **row, "PaidUtc": None, "DueUtc": None, "IssuedUtc": None, **more}
        )

    def room(self, scope: str, id: str, category: str, kind: str = "Room", **more: Any) -> None:
        """A room in a category of the hotel's service, both made on the first mention."""
        own = {"EnterpriseId": scope, "IsActive": True}
        self.refer(
            "Resource", Id=id, **{**own, "CreatedUtc": STAMP_OF_ROOMS, "UpdatedUtc": STAMP_OF_ROOMS, **more}
        )
        service = f"service-{scope}"
        names = {"en-GB": f"Category {category}"}
        self.refer("ResourceCategory", Id=category, ServiceId=service, Type=kind, Names=names, **own)
        self.refer(
            "ResourceCategoryAssignment",
            Id=f"{id}-{category}",
            IsActive=True,
            ResourceId=id,
            CategoryId=category,
        )

    def refer(self, entity: str, **record: Any) -> None:
        """A record of a reference table, unless it is there already."""
        records = self.more.setdefault(entity, [])
        if all(one["Id"] != record["Id"] for one in records):
            records.append(record)

    def block(self, scope: str, room: str, start: str | None, end: str | None, **more: Any) -> None:
        row = {"EnterpriseId": scope, "AssignedResourceId": room, "IsActive": True, "Type": "OutOfOrder"}
        self.add(
            "ResourceBlock", scope, **{**row, "StartUtc": start, "EndUtc": end, "DeletedUtc": None, **more}
        )

    def posted(self, scope: str, date: str, side: str, value: str, **more: Any) -> None:
        row = {"EnterpriseId": scope, "LedgerType": "Guest", "LedgerEntryType": side, "PostingDate": date}
        self.add("LedgerEntry", scope, **{**row, "Value": number(value), **more})

    def without(self, scopes: set[str]) -> Books:
        """The same, as if those hotels were not there."""
        rows = defaultdict(
            list, {name: [one for one in own if one[0] not in scopes] for name, own in self.rows.items()}
        )
        return Books([one for one in self.hotels if one["Id"] not in scopes], rows, self.more)


def number(text: str | None) -> Any:
    return None if text is None else Decimal(text)


def line(record: Record) -> bytes:
    """As JSON, each decimal with its own digits."""
    marks: list[str] = []

    def marked(value: Any) -> Any:
        if isinstance(value, Decimal):
            marks.append(str(value))
            return f"@{len(marks) - 1}@"
        return value

    def walked(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walked(one) for name, one in value.items()}
        if isinstance(value, list):
            return [walked(one) for one in value]
        return marked(value)

    text = json.dumps(walked(record))
    for place, digits in enumerate(marks):
        text = text.replace(f'"@{place}@"', digits)
    return text.encode()


_REFERENCES_OF_MARTS = {
    name.partition("/")[2] for mart in MARTS for name in mart.inputs if name.startswith("reference/")
}


def fill(folder: Path, books: Books) -> Lake:
    lake = open_lake(str(folder), Grain.DAILY)
    for reference in (one for one in REFERENCES if one.name in _REFERENCES_OF_MARTS):
        records = books.hotels if reference.entity == "Enterprise" else books.more.get(reference.entity, [])
        write_reference(lake, reference, [line(one) for one in records], AS_OF, [])
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for entity, rows in books.rows.items():
        for scope, record in rows:
            found[entity, scope].append(line(record))
    for name in TABLES:
        put_changes(lake, name, found)
    return lake


def books_of(*hotels: dict[str, Any]) -> Books:
    """Each hotel sells one thing, has one guest, one room, which is out of order for two nights, a
    bill with a payment, and two ledger entries."""
    books = Books(list(hotels))
    for one in hotels:
        id = one["Id"]
        books.sold(id, EVENING, "10.5", "12.1")
        books.stay(id, "2026-04-05T13:00:00Z", "2026-04-07T09:00:00Z")
        books.stay(
            id,
            "2026-04-05T13:00:00Z",
            "2026-04-06T09:00:00Z",
            State="Canceled",
            CancelledUtc="2026-04-03T12:00:00Z",
        )
        books.posted(id, "2026-04-05", "Debit", "12.1")
        books.posted(id, "2026-04-05", "Credit", "12.1")
        books.paid(id, "-12.1", BillId=f"folio-{id}")
        books.bill(id, f"folio-{id}")
        books.room(id, f"room-{id}", f"category-{id}")
        books.block(id, f"room-{id}", "2026-04-02T13:00:00Z", "2026-04-04T09:00:00Z")
        books.add("OutletBill", id, Id=f"bill-{id}", OutletId=f"outlet-{id}", EnterpriseId=id)
        books.add(
            "OutletItem",
            id,
            BillId=f"bill-{id}",
            EnterpriseId=id,
            Type="Revenue",
            ConsumedUtc=EVENING,
            UnitCount=2,
            UnitAmount={"Currency": "EUR", "NetValue": Decimal("3.3"), "GrossValue": Decimal("4")},
        )
    return books
