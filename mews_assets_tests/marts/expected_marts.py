"""What the marts must say, computed straight from the versions, without a lake in between.

Lives here: plain sums over versions, slow and obvious, for tests to compare with. Not here: how marts are
computed.

What is true by construction, and may be relied on by a test:

- What Mews shows at an instant is, of every record, the newest version stamped at or before it (`newest`).
  What it showed 7 or 30 days ago is `newest` at that instant: pickup is the difference of two
  `rooms_on_the_books`.
- Dates are the hotel's: an instant's date in the enterprise's time zone. A business day ends later by
  BusinessDayClosingOffset: of a hotel that closes at 02:00, what is sold at 01:30 is of the day before. It begins when
  the clock first shows the closing time, and never goes back. Reservation,
  AvailabilityAdjustment and ProductServiceOrder do not name their enterprise; their version's `scope` does.
- Revenue is of order items that are not Canceled. City tax and deposits are not revenue. Items of coming nights
  exist already, so leave out what is consumed after the instant.
- The ledger's PostingDate is a date and no business day, so `posted_revenue`, which is to equal it, goes by
  dates; what people ask for goes by business days.
- In the ledger, debits equal credits in every transaction, and so on every posting date of every
  enterprise. Its Revenue entries of `OrderItem`s, by posting date and accounting category, equal that
  revenue of every date the night audit has passed: two days back is safe. Night rebates are written days
  after the date they are posted on.
- A closed bill's order items and payments add up to zero. What is in the Guest ledger belongs to open
  bills.
- An outlet's revenue is unit times count of items of type Revenue, at the item's
  ConsumedUtc; the outlet is that of the item's bill. The ledger has a later correction on the date it was
  made, so its dates can differ.
- All this is complete from the first simulated day on. Before it there are only stays that touch it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mews_assets.sandbox.records.versions import Version

ON_THE_BOOKS = ("Confirmed", "Started", "Processed")
NOT_REVENUE = ("CityTax", "CityTaxDiscount", "Deposit")


class Sales(NamedTuple):
    """What an outlet did on one business day. Tips and payments are gross, and no revenue."""

    net: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    tips: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)


class Truth:
    """What was known at one instant (microseconds since the epoch)."""

    def __init__(self, versions: Iterable[Version], at_us: int) -> None:
        self._at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        self._newest = newest(versions, at_us)
        self._zones = {
            record["Id"]: ZoneInfo(record["TimeZoneIdentifier"]) for _, record in self.records("Enterprise")
        }
        self._closings = {
            record["Id"]: _hours(record["BusinessDayClosingOffset"])
            for _, record in self.records("Enterprise")
        }

    def records(self, entity: str) -> list[tuple[str, dict[str, Any]]]:
        """(scope, record) of every record of the entity, its numbers exact."""
        return [
            (version.scope, json.loads(version.record, parse_float=Decimal))
            for (kind, _), version in self._newest.items()
            if kind == entity
        ]

    def posted_revenue(self) -> dict[tuple[str, date, str], Decimal]:
        """Net revenue by (enterprise, date, accounting category) from order items."""
        sums: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
        for scope, item in self._earned():
            day = self._local(scope, item["ConsumedUtc"])
            sums[scope, day, item["AccountingCategoryId"]] += item["Amount"]["NetValue"]
        return dict(sums)

    def daily_revenue(self) -> dict[tuple[str, date, str, str], tuple[Decimal, Decimal]]:
        """(net, gross) by (enterprise, business day, accounting category, entity) from order and outlet items."""
        sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for scope, item in self._earned():
            key = (
                scope,
                self._business_day(scope, item["ConsumedUtc"]),
                item["AccountingCategoryId"],
                "OrderItem",
            )
            sums[key][0] += item["Amount"]["NetValue"]
            sums[key][1] += item["Amount"]["GrossValue"]
        for scope, item in self.records("OutletItem"):
            if item["Type"] == "Revenue":
                day = self._business_day(scope, item["ConsumedUtc"])
                key = scope, day, item["AccountingCategoryId"], "OutletItem"
                sums[key][0] += item["UnitAmount"]["NetValue"] * item["UnitCount"]
                sums[key][1] += item["UnitAmount"]["GrossValue"] * item["UnitCount"]
        return {key: (net, gross) for key, (net, gross) in sums.items()}

    def _earned(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for scope, item in self.records("OrderItem"):
            if item["AccountingState"] in ("Canceled", "Inactive") or item["Type"] in NOT_REVENUE:
                continue
            if _instant(item["ConsumedUtc"]) <= self._at:
                yield scope, item

    def rooms_on_the_books(self) -> dict[tuple[str, date], int]:
        """Room nights by (enterprise, stay date) of reservations that count."""
        nights: dict[tuple[str, date], int] = defaultdict(int)
        for scope, reservation in self.records("Reservation"):
            if reservation["State"] not in ON_THE_BOOKS:
                continue
            night = self._business_day(scope, reservation["ScheduledStartUtc"])
            departure = self._business_day(scope, reservation["ScheduledEndUtc"])
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

    def outlet_revenue(self) -> dict[tuple[str, date], Sales]:
        """What was sold by (outlet, business day), from outlet items whose bill is there."""
        outlet_of = {bill["Id"]: bill["OutletId"] for _, bill in self.records("OutletBill")}
        sums: dict[tuple[str, date], Sales] = defaultdict(Sales)
        for scope, item in self.records("OutletItem"):
            if item["BillId"] not in outlet_of:
                continue
            key = outlet_of[item["BillId"]], self._business_day(scope, item["ConsumedUtc"])
            net, gross = (item["UnitAmount"][name] * item["UnitCount"] for name in ("NetValue", "GrossValue"))
            before = sums[key]
            sums[key] = {
                "Revenue": before._replace(net=before.net + net, gross=before.gross + gross),
                "NonRevenue": before._replace(tips=before.tips + gross),
                "Payment": before._replace(paid=before.paid + gross),
            }[item["Type"]]
        return dict(sums)

    def payments(self) -> dict[tuple[str, date, str], Decimal]:
        """What was received by (hotel, business day, type), also at outlets."""
        sums: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
        for scope, one in self.records("Payment"):
            if one["State"] == "Charged" and one["AccountingState"] not in ("Canceled", "Inactive"):
                day = self._business_day(scope, one["ConsumedUtc"])
                sums[scope, day, one["Type"]] -= one["Amount"]["GrossValue"]
        for scope, item in self.records("OutletItem"):
            if item["Type"] == "Payment":
                day = self._business_day(scope, item["ConsumedUtc"])
                sums[scope, day, "OutletPayment"] += item["UnitAmount"]["GrossValue"] * item["UnitCount"]
        return dict(sums)

    def taxes(self) -> dict[tuple[str, date, str], Decimal]:
        """Tax by (hotel, business day, code), by the TaxValues of every amount."""
        sums: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
        found = [
            (scope, item, "Amount", 1)
            for scope, item in self.records("OrderItem")
            if item["AccountingState"] not in ("Canceled", "Inactive")
            and _instant(item["ConsumedUtc"]) <= self._at
        ]
        found += [
            (scope, item, "UnitAmount", item["UnitCount"])
            for scope, item in self.records("OutletItem")
            if item["Type"] == "Revenue"
        ]
        for scope, item, amount, count in found:
            day = self._business_day(scope, item["ConsumedUtc"])
            for tax in item[amount]["TaxValues"]:
                sums[scope, day, tax["Code"]] += tax["Value"] * count
        return dict(sums)

    def ledger_balance(self, ledger: str) -> dict[str, Decimal]:
        """Debits less credits of one ledger by hotel, of all that is posted."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for scope, entry in self.records("LedgerEntry"):
            if entry["LedgerType"] == ledger:
                sums[scope] += entry["Value"] * (1 if entry["LedgerEntryType"] == "Debit" else -1)
        return dict(sums)

    def not_posted(self) -> dict[str, Decimal]:
        """Gross of what was consumed since the last night audit, so that the ledger does not have it yet."""
        posted = {entry["AccountingItemId"] for _, entry in self.records("LedgerEntry")}
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for scope, item in self.records("OrderItem"):
            is_there = item["AccountingState"] not in ("Canceled", "Inactive") and item["Id"] not in posted
            if is_there and _instant(item["ConsumedUtc"]) <= self._at:
                sums[scope] += item["Amount"]["GrossValue"]
        return sums

    def _local(self, enterprise: str, text: str) -> date:
        return _instant(text).astimezone(self._zones[enterprise]).date()

    def _business_day(self, enterprise: str, text: str) -> date:
        instant, zone, closing = _instant(text), self._zones[enterprise], self._closings[enterprise]
        day = (instant.astimezone(zone).replace(tzinfo=None) - closing).date()
        # Where the clock is turned back over the closing, the day after has begun already. Of two equal times of a
        # night, Python takes the first.
        following = datetime.combine(day + timedelta(days=1), time()) + closing
        return day + timedelta(days=1) if instant >= following.replace(tzinfo=zone).astimezone(UTC) else day


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


def _hours(offset: str | None) -> timedelta:
    """As the simulated hotels have it: `P0M0DT2H0M0S`, whole hours."""
    return timedelta(hours=int(offset.removeprefix("P0M0DT").removesuffix("H0M0S")) if offset else 0)
