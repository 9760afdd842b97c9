"""What the marts must say of hand-made books: plain Python over the records, row by row.

Lives here: an answer that shares no code with the marts: Python's own zones, decimals of any length, and a loop over
nights. A row that cannot be reckoned with is told by `None` in place of what it would add.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

from mews_assets_tests.marts.made import Books, Record

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
LIMIT = Decimal(10) ** 18
NIGHTS = 3653
DAY = timedelta(days=1)
ON_THE_BOOKS = ("Confirmed", "Started", "Processed")

Answer = tuple[dict[Any, Any], dict[str, int]]
"""The rows by their key, and per hotel how many records are left out."""


class Oracle:
    def __init__(self, books: Books, as_of: datetime, start: datetime | None = None) -> None:
        self.books, self.as_of, self.start = books, as_of, start
        self.clocks = {one["Id"]: clock(one) for one in books.hotels}

    def rows(self, entity: str) -> Iterator[tuple[str, Record]]:
        yield from self.books.rows[entity]

    def day(self, scope: str, instant: datetime) -> date:
        found = self.clocks[scope]
        assert found is not None
        zone, closing = found
        day = (instant.astimezone(zone).replace(tzinfo=None) - closing).date()
        return day + DAY if instant >= self.begins(scope, day + DAY) else day

    def begins(self, scope: str, day: date) -> datetime:
        found = self.clocks[scope]
        assert found is not None
        zone, closing = found
        return (datetime.combine(day, time()) + closing).replace(tzinfo=zone).astimezone(UTC)

    def is_complete(self, scope: str, day: date | None) -> bool | None:
        if day is None:
            return None
        over = self.day(scope, self.as_of) > day
        whole = self.start is None or all(
            self.day(scope, self.start - timedelta(minutes=minutes)) < day for minutes in range(1, 200)
        )
        return over and whole

    def sold(
        self, scope: str, item: Record, amount: str, count: Any
    ) -> tuple[date | None, Decimal, Decimal] | None:
        """Day, net and gross; None where it cannot be told."""
        if self.clocks[scope] is None or item["EnterpriseId"] not in (scope, None):
            return None
        at = instant(item["ConsumedUtc"])
        if at is not None and not FIRST <= at < LAST:
            return None
        both = [(item[amount] or {}).get(name) for name in ("NetValue", "GrossValue")]
        if None in both or count is None:
            return None
        with localcontext(prec=200):
            net, gross = (value * count for value in both)
        if any(abs(value) >= LIMIT for value in (*both, net, gross)):
            return None
        return (None if at is None else self.day(scope, at)), net, gross

    def is_coming(self, item: Record) -> bool:
        at = instant(item["ConsumedUtc"])
        return at is not None and at >= self.as_of

    def lacking(self) -> set[tuple[str, date]]:
        """Nights of guests who booked before the lake's start and of which it has no item: those days are not whole."""
        if self.start is None:
            return set()
        days: dict[tuple[str, str], set[date]] = defaultdict(set)
        for scope, item in newest(self.rows("OrderItem")):
            at = instant(item["ConsumedUtc"])
            if self.clocks[scope] and item["Type"] == "SpaceOrder" and at and FIRST <= at < LAST:
                days[scope, item.get("ServiceOrderId") or ""].add(self.day(scope, at))
        found = set()
        for scope, stay in newest(self.rows("Reservation")):
            created, begins = instant(stay["CreatedUtc"]), instant(stay["ScheduledStartUtc"])
            ends = [at for at in (instant(stay["ScheduledEndUtc"]), instant(stay.get("ActualEndUtc"))) if at]
            if (
                self.clocks[scope] is None
                or stay["State"] not in ON_THE_BOOKS
                or (created is not None and created >= self.start)
                or (begins is None or not ends)
                or not (FIRST <= begins < min(self.as_of, LAST) and FIRST <= min(ends) < LAST)
            ):
                continue
            arrival, departure = self.day(scope, begins), self.day(scope, min(ends))
            nights = {arrival + number * DAY for number in range((departure - arrival).days)}
            posted = days[scope, stay["Id"]]
            if len(posted) < (1 if stay["State"] == "Processed" else len(nights)):
                found |= {(scope, night) for night in nights - posted}
        return found

    def daily_revenue(self) -> Answer:
        lacking = self.lacking()
        sums: dict[Any, list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
        left: dict[str, int] = defaultdict(int)
        given = [
            (scope, item, "order_items", self.sold(scope, item, "Amount", 1))
            for scope, item in self.rows("OrderItem")
            if item["AccountingState"] not in ("Canceled", "Inactive")
            and item["Type"] not in ("CityTax", "CityTaxDiscount", "Deposit")
            and not self.is_coming(item)
        ]
        given += [
            (scope, item, "outlet_items", self.sold(scope, item, "UnitAmount", item["UnitCount"]))
            for scope, item in self.rows("OutletItem")
            if item["Type"] == "Revenue" and not self.is_coming(item)
        ]
        for scope, item, source, found in given:
            if found is None:
                left[scope] += 1
                continue
            day, net, gross = found
            amount = item["Amount" if source == "order_items" else "UnitAmount"]
            key = (
                scope,
                day,
                self.is_complete(scope, day) and (scope, day) not in lacking if day else None,
                item.get("AccountingCategoryId"),
                source,
                amount["Currency"],
            )
            add(sums[key], net, gross, 1)
        return {key: rounded(values) for key, values in sums.items()}, dict(left)

    def outlet_revenue(self) -> Answer:
        outlets = {(scope, bill["Id"]): bill["OutletId"] for scope, bill in self.rows("OutletBill")}
        sums: dict[Any, list[Any]] = defaultdict(lambda: [Decimal(0)] * 4 + [0])
        bills: dict[Any, set[str]] = defaultdict(set)
        left: dict[str, int] = defaultdict(int)
        for scope, item in self.rows("OutletItem"):
            if self.is_coming(item):
                continue
            found = self.sold(scope, item, "UnitAmount", item["UnitCount"])
            if found is None:
                left[scope] += 1
                continue
            day, net, gross = found
            outlet = outlets.get((scope, item["BillId"]))
            key = scope, outlet, day, self.is_complete(scope, day), item["UnitAmount"]["Currency"]
            bills[key].add(item["BillId"])
            nothing = Decimal(0)
            add(
                sums[key],
                *{
                    "Revenue": (net, gross, nothing, nothing, 1),
                    "NonRevenue": (nothing, nothing, gross, nothing, 0),
                    "Payment": (nothing, nothing, nothing, gross, 0),
                }[item["Type"]],
            )
        return {
            key: (*rounded(values[:4]), len(bills[key]), values[4]) for key, values in sums.items()
        }, dict(left)

    def trial_balance(self) -> Answer:
        sums: dict[Any, list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0), 0, 0])
        left: dict[str, int] = defaultdict(int)
        for scope, entry in self.rows("LedgerEntry"):
            day = date.fromisoformat(entry["PostingDate"])
            value, side = entry["Value"], entry["LedgerEntryType"]
            if (
                entry["EnterpriseId"] not in (scope, None)
                or not FIRST.date() <= day < LAST.date()
                or (value is not None and abs(value) >= LIMIT)
            ):
                left[scope] += 1
                continue
            counted = value is not None and side in ("Debit", "Credit")
            debit = value if counted and side == "Debit" else Decimal(0)
            credit = value if counted and side == "Credit" else Decimal(0)
            add(sums[scope, day, entry["LedgerType"]], debit, credit, debit - credit, 1, 0 if counted else 1)
        return {key: (*rounded(values[:3]), *values[3:]) for key, values in sums.items()}, dict(left)

    def occupancy(self) -> Answer:
        """(rooms, inferred) at each of the three moments, by (hotel, service, night)."""
        counts: dict[Any, list[int]] = defaultdict(lambda: [0] * 6)
        left: dict[str, set[str]] = defaultdict(set)
        versions: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for scope, record in self.rows("Reservation"):
            versions[scope, record["Id"]].append(record)
        for place, days in enumerate((0, 7, 30)):
            moment = self.as_of - days * DAY
            for (scope, id), known in versions.items():
                seen, inferred = seen_at(known, moment)
                if seen is None or not is_on_the_books(seen, inferred, moment):
                    continue
                nights = self.nights(scope, seen)
                if nights is None:
                    left[scope].add(id)
                    continue
                for night in nights:
                    cell = counts[scope, seen["ServiceId"], night]
                    cell[place] += 1
                    cell[3 + place] += inferred
        return {key: tuple(cell) for key, cell in counts.items()}, {
            key: len(ids) for key, ids in left.items()
        }

    def nights(self, scope: str, stay: Record) -> list[date] | None:
        start, end = instant(stay["ScheduledStartUtc"]), instant(stay["ScheduledEndUtc"])
        if self.clocks[scope] is None or start is None or end is None or end < start:
            return None
        if not (FIRST <= start < LAST and FIRST <= end < LAST):
            return None
        arrival, departure = self.day(scope, start), self.day(scope, end)
        if (departure - arrival).days > NIGHTS:
            return None
        return [arrival + number * DAY for number in range((departure - arrival).days)]


def newest(rows: Iterator[tuple[str, Record]]) -> list[tuple[str, Record]]:
    """The newest version of each record, with its hotel."""
    found: dict[tuple[str, str], Record] = {}
    for scope, record in rows:
        known = found.get((scope, record["Id"]))
        if known is None or instant(known["UpdatedUtc"]) <= instant(record["UpdatedUtc"]):  # type: ignore[operator]
            found[scope, record["Id"]] = record
    return [(scope, record) for (scope, _), record in found.items()]


def seen_at(versions: list[Record], moment: datetime) -> tuple[Record | None, bool]:
    """The version that Mews showed at the moment; where only later ones are known, the oldest, inferred."""
    stamped = sorted(versions, key=lambda one: datetime.fromisoformat(one["UpdatedUtc"]))
    before = [one for one in stamped if datetime.fromisoformat(one["UpdatedUtc"]) < moment]
    if before:
        return before[-1], False
    created = [
        one for one in stamped if one["CreatedUtc"] and datetime.fromisoformat(one["CreatedUtc"]) < moment
    ]
    return (created[0], True) if created else (None, False)


def is_on_the_books(stay: Record, inferred: bool, moment: datetime) -> bool:
    if stay["State"] in ON_THE_BOOKS:
        return True
    canceled = instant(stay.get("CancelledUtc"))
    return inferred and stay["State"] == "Canceled" and canceled is not None and canceled >= moment


def clock(hotel: Record) -> tuple[ZoneInfo, timedelta] | None:
    """None where Mews' words cannot be read."""
    zone, closing = hotel["TimeZoneIdentifier"] or "UTC", hotel["BusinessDayClosingOffset"]
    if zone == "localtime":
        return None
    try:
        found = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return None
    if closing is None:
        return found, timedelta(0)
    read = re.fullmatch(r"P0M0DT(\d+)H(\d+)M0S", closing)
    return (found, timedelta(hours=int(read[1]), minutes=int(read[2]))) if read else None


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def add(sums: list[Any], *values: Any) -> None:
    with localcontext(prec=200):
        for place, value in enumerate(values):
            sums[place] += value


def rounded(values: list[Any]) -> tuple[Any, ...]:
    with localcontext(prec=200):
        return tuple(
            value.quantize(Decimal("1E-10"), rounding=ROUND_HALF_UP) if isinstance(value, Decimal) else value
            for value in values
        )


def as_key(value: Any) -> str:
    return json.dumps(value, default=str)
