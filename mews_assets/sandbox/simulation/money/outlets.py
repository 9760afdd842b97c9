"""The restaurant and the bar: bills paid at once, and sometimes corrected.

Lives here: OutletBill and OutletItem. Payments have positive amounts here, as in Mews' examples: a bill's
Revenue and NonRevenue add up to its Payments.
"""

from __future__ import annotations

from typing import Any

from mews_assets.sandbox.simulation.amounts import Amount, raw
from mews_assets.sandbox.simulation.demand import count
from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, HOUR, MINUTE, next_midnight, text
from mews_assets.sandbox.simulation.money.ledger import Ledger, LedgerItem

BILLS_PER_ROOM = 1 / 16
"""Bills of one outlet on a usual day, on average, for each room; twice as many on Friday and Saturday."""

MENU = (  # name, accounting category, share of a night's usual price
    ("Soup of the day", "Restaurant food", 0.05),
    ("Roast duck", "Restaurant food", 0.16),
    ("Garden salad", "Restaurant food", 0.08),
    ("House wine, glass", "Beverages", 0.05),
    ("Lager 0.5 l", "Beverages", 0.04),
    ("Espresso", "Beverages", 0.02),
)
MEALS = ((12.0, 14.5), (18.0, 22.0)), ((17.0, 23.0), (20.0, 25.5))
"""Local hours of the restaurant and of the bar; the bar closes after midnight."""


class Sale:
    """A bill with its items, which may still be corrected."""

    __slots__ = ("bill", "first", "payment", "total", "unit")

    def __init__(self, bill: Entry) -> None:
        self.bill = bill
        self.first: Entry | None = None
        self.unit: Amount | None = None
        self.payment: Entry | None = None
        self.total = 0


class Outlets:
    def __init__(self, hotel: Hotel, queue: EventQueue, ledger: Ledger) -> None:
        self._hotel = hotel
        self._queue = queue
        self._ledger = ledger
        self._number = 0

    def open_day(self, ordinal: int) -> None:
        """Plan the day's bills of every outlet."""
        busy = 2.0 if ordinal % 7 in (5, 6) else 1.0  # ordinal 1 is a Monday: 5 and 6 are Friday and Saturday
        usual = len(self._hotel.room_ids) * BILLS_PER_ROOM
        for number, (outlet, _) in enumerate(self._hotel.outlets):
            for _ in range(count(self._queue.rng, usual * busy)):
                opens, closes = self._queue.rng.choice(MEALS[number % 2])
                hour = opens + self._queue.rng.random() * (closes - opens)
                begun = self._hotel.clock.at(ordinal, hour)
                self._queue.plan(begun + 40 * MINUTE, self._sell, outlet, begun)

    def _sell(self, outlet: str, begun: int) -> None:
        """A table pays: all records are written when the bill closes; items ordered before have their own stamps."""
        queue, rng = self._queue, self._queue.rng
        self._number += 1
        now = text(queue.now)
        record = {
            "Id": queue.new_id(),
            "EnterpriseId": self._hotel.id,
            "OutletId": outlet,
            "Number": f"{self._number:06d}" if queue.chance(0.95) else None,
            "ClosedUtc": now,
            "UpdatedUtc": now,
            "Notes": None,
        }
        sale = Sale(Entry("OutletBill", self._hotel.id, record))
        for dish in rng.sample(MENU, rng.choice((1, 1, 2, 3))):
            self._add(sale, *dish, ordered=queue.between(begun, queue.now))
        if queue.chance(0.06):
            self._tip(sale)
        queue.write(sale.bill)
        self._take_payment(sale)
        luck = rng.random()
        if luck < 0.04:
            when = (
                next_midnight(queue.now)
                if luck < 0.015
                else queue.between(queue.now + HOUR, queue.now + 2 * DAY)
            )
            queue.plan(when, self._correct, sale)

    def _add(self, sale: Sale, name: str, category: str, share: float, *, ordered: int) -> None:
        hotel = self._hotel
        price = max(1, round(hotel.place.room_price * share))
        tax = hotel.place.food_tax if category == "Restaurant food" else hotel.place.drink_tax
        unit, units = hotel.till.price((hotel.till.whole(price), tax)), self._queue.rng.choice((1, 1, 2, 3))
        item = self._item(sale, "Revenue", name, category, unit, units, ordered)
        if sale.first is None:
            sale.first, sale.unit = item, unit
        sale.total += unit.times(units).gross
        self._queue.write(item, ordered)
        self._post(item, unit.times(units), ordered)

    def _tip(self, sale: Sale) -> None:
        amount = self._hotel.till.plain(sale.total // 10)
        item = self._item(sale, "NonRevenue", "Tip", "Tips", amount, 1, self._queue.now)
        self._queue.write(item)
        self._ledger.sale(self._ledger_item(item, self._queue.now), amount, revenue="NonRevenue")
        sale.total += amount.gross

    def _take_payment(self, sale: Sale) -> None:
        name = self._queue.rng.choice(("Cards", "Cards", "Cash"))
        amount = self._hotel.till.plain(sale.total)
        payment = self._item(sale, "Payment", name, name, amount, 1, self._queue.now)
        if name == "Cards" and self._queue.chance(0.5):
            payment.record["PaymentCardPaymentId"] = self._queue.new_id()
        self._queue.write(payment)
        sale.payment = payment
        self._receive(payment, sale.total)

    def _correct(self, sale: Sale) -> None:
        """The bill is corrected: a note is added, or a dish is removed and its price paid back today."""
        queue, item, payment = self._queue, sale.first, sale.payment
        sale.bill.record["Notes"] = "Checked by the manager"
        if item and payment and sale.unit and item.record["UnitCount"] > 1 and queue.chance(0.7):
            back = sale.unit.times(-1)
            item.record.update(UnitCount=item.record["UnitCount"] - 1, Notes="One taken off")
            queue.write(item)
            sale.total += back.gross
            payment.record["UnitAmount"] = self._raw(self._hotel.till.plain(sale.total))
            queue.write(payment)
            self._post(item, back, queue.now)
            self._receive(payment, back.gross)
            sale.bill.record["Notes"] = "One dish taken off"
        queue.write(sale.bill)

    def _post(self, item: Entry, amount: Amount, when: int) -> None:
        self._ledger.sale(self._ledger_item(item, when), amount)

    def _receive(self, payment: Entry, value: int) -> None:
        item = self._ledger_item(payment, self._queue.now)
        self._ledger.move(item, value, debit="Payment", credit="Guest")

    def _ledger_item(self, item: Entry, when: int) -> LedgerItem:
        category = item.record["AccountingCategoryId"]
        return LedgerItem("OutletItem", item.id, self._hotel.walk_in, None, category, when)

    def _raw(self, amount: Amount) -> Any:
        return raw(amount, breakdown=self._queue.chance(0.7))

    def _item(
        self, sale: Sale, kind: str, name: str, category: str, unit: Amount, units: int, when: int
    ) -> Entry:
        now = text(when)
        record = {
            "Id": self._queue.new_id(),
            "EnterpriseId": self._hotel.id,
            "BillId": sale.bill.id,
            "AccountingCategoryId": self._hotel.categories[category],
            "Type": kind,
            "Name": name,
            "UnitCount": units,
            "UnitAmount": self._raw(unit),
            "UnitCost": None,
            "CreatedUtc": now,
            "UpdatedUtc": now,
            "ConsumedUtc": now,
            "ExternalIdentifier": f"POS{self._number}" if kind == "Payment" else None,
            "Notes": None,
            "PaymentCardPaymentId": None,
        }
        return Entry("OutletItem", self._hotel.id, record)
