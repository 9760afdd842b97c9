"""What the marts must say, computed straight from the versions, without a lake in between.

Lives here: plain sums over versions, slow and obvious, for tests to compare with. Not here: how marts are
computed.

What is true by construction, and may be relied on by a test:

- What Mews shows at an instant is, of every record, the newest version stamped at or before it (`newest`).
  What it showed 7 or 30 days ago is `newest` at that instant: pickup is the difference of two
  `rooms_on_the_books`.
- Dates are the hotel's: an instant's date in the enterprise's time zone. Reservation,
  AvailabilityAdjustment and ProductServiceOrder do not name their enterprise; their version's `scope` does.
- Revenue is net, at the date of ConsumedUtc, of order items that are not Canceled. City tax and deposits
  are not revenue. Items of coming nights exist already, so leave out what is consumed after the instant.
- In the ledger, debits equal credits in every transaction, and so on every posting date of every
  enterprise. Its Revenue entries of `OrderItem`s, by posting date and accounting category, equal that
  revenue of every date the night audit has passed: two days back is safe. Night rebates are written days
  after the date they are posted on.
- A closed bill's order items and payments add up to zero. What is in the Guest ledger belongs to open
  bills.
- An outlet's revenue is net, unit times count, of items of type Revenue, at the date of the item's
  ConsumedUtc; the outlet is that of the item's bill. The ledger has a later correction on the date it was
  made, so its dates can differ.
- All this is complete from the first simulated day on. Before it there are only stays that touch it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mews_assets.sandbox.versions import Version

ON_THE_BOOKS = ("Confirmed", "Started", "Processed")
NOT_REVENUE = ("CityTax", "Deposit")


class Truth:
    """What was known at one instant (microseconds since the epoch)."""

    def __init__(self, versions: Iterable[Version], at_us: int) -> None:
        self._at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        self._newest = newest(versions, at_us)
        self._zones = {
            record["Id"]: ZoneInfo(record["TimeZoneIdentifier"]) for _, record in self.records("Enterprise")
        }

    def records(self, entity: str) -> list[tuple[str, dict[str, Any]]]:
        """(scope, record) of every record of the entity, its numbers exact."""
        return [
            (version.scope, json.loads(version.record, parse_float=Decimal))
            for (kind, _), version in self._newest.items()
            if kind == entity
        ]

    def revenue(self) -> dict[tuple[str, date, str], Decimal]:
        """Net revenue by (enterprise, date, accounting category) from order items."""
        sums: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
        for scope, item in self.records("OrderItem"):
            if item["AccountingState"] in ("Canceled", "Inactive") or item["Type"] in NOT_REVENUE:
                continue
            if _instant(item["ConsumedUtc"]) <= self._at:
                day = self._local(scope, item["ConsumedUtc"])
                sums[scope, day, item["AccountingCategoryId"]] += item["Amount"]["NetValue"]
        return dict(sums)

    def rooms_on_the_books(self) -> dict[tuple[str, date], int]:
        """Room nights by (enterprise, stay date) of reservations that count."""
        nights: dict[tuple[str, date], int] = defaultdict(int)
        for scope, reservation in self.records("Reservation"):
            if reservation["State"] not in ON_THE_BOOKS:
                continue
            night = self._local(scope, reservation["ScheduledStartUtc"])
            departure = self._local(scope, reservation["ScheduledEndUtc"])
            while night < departure:
                nights[scope, night] += 1
                night += timedelta(days=1)
        return dict(nights)

    def trial_balance(self) -> dict[tuple[str, date, str], tuple[Decimal, Decimal]]:
        """(debits, credits) by (enterprise, posting date, ledger type)."""
        sums: dict[tuple[str, date, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for scope, entry in self.records("LedgerEntry"):
            key = scope, date.fromisoformat(entry["PostingDate"]), entry["LedgerType"]
            sums[key][entry["LedgerEntryType"] == "Credit"] += entry["Value"]
        return {key: (debits, credits) for key, (debits, credits) in sums.items()}

    def outlet_revenue(self) -> dict[tuple[str, date], Decimal]:
        """Net revenue by (outlet, date) from outlet items whose bill is there."""
        outlet_of = {bill["Id"]: bill["OutletId"] for _, bill in self.records("OutletBill")}
        sums: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        for scope, item in self.records("OutletItem"):
            if item["Type"] == "Revenue" and item["BillId"] in outlet_of:
                day = self._local(scope, item["ConsumedUtc"])
                sums[outlet_of[item["BillId"]], day] += item["UnitAmount"]["NetValue"] * item["UnitCount"]
        return dict(sums)

    def _local(self, enterprise: str, text: str) -> date:
        return _instant(text).astimezone(self._zones[enterprise]).date()


def newest(versions: Iterable[Version], at_us: int) -> dict[tuple[str, str], Version]:
    """The newest version stamped at or before the instant, of each (entity, id)."""
    found: dict[tuple[str, str], Version] = {}
    for version in versions:
        key = version.entity, version.id
        if version.stamp_us <= at_us and (key not in found or found[key].stamp_us < version.stamp_us):
            found[key] = version
    return found


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
