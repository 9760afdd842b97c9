"""Bills, the items on them, and how they are paid.

Lives here: `Charge` (an order item and its amount), `Folio` (an open bill), opening, paying and closing
bills. Not here: what is sold and when (`stays`), the payments' records (`payments`), double entry (`ledger`).

Items have positive amounts and payments negative ones: on a closed bill they add up to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mews_assets.sandbox.simulation.amounts import Amount, raw
from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, MINUTE, next_midnight, text
from mews_assets.sandbox.simulation.money.bill_records import bill_record
from mews_assets.sandbox.simulation.money.ledger import Ledger, LedgerItem
from mews_assets.sandbox.simulation.money.payments import Payments

REVENUE_TYPES = {"SpaceOrder": "Service", "ProductOrder": "Product", "NightRebate": "Service"}


@dataclass(slots=True)
class NewItem:
    """An order item to be made: what is sold to which account, for which order, in which accounting category.

    `unit` is the price of one; `consumed` and `start` are instants in microseconds since 1970; `data` is the item's
    `Data`.
    """

    kind: str
    service: str
    order: str
    account: Entry
    category: str
    unit: Amount
    consumed: int
    count: int = 1
    data: dict[str, Any] | None = None
    start: int | None = None


class Charge:
    """An order item while it can still change."""

    __slots__ = ("amount", "consumed", "entry", "posted")

    def __init__(self, entry: Entry, amount: Amount, consumed: int) -> None:
        self.entry = entry
        self.amount = amount
        self.consumed = consumed
        self.posted = False


class Folio:
    """A bill and its items. `paid` is the amount paid so far, in minor units."""

    __slots__ = ("bill", "charges", "owner", "paid", "payments", "reservation")

    def __init__(self, bill: Entry, owner: Entry, reservation: str | None) -> None:
        self.bill = bill
        self.owner = owner
        self.reservation = reservation
        self.charges: list[Charge] = []
        self.payments: list[Entry] = []
        self.paid = 0

    @property
    def balance(self) -> int:
        """The amount that is still owed, in minor units."""
        return sum(charge.amount.gross for charge in self.charges) - self.paid


class Billing:
    def __init__(self, hotel: Hotel, queue: EventQueue, ledger: Ledger) -> None:
        self._hotel = hotel
        self._queue = queue
        self._ledger = ledger
        self.payments = Payments(hotel, queue, ledger)
        self._number = 1000 * (hotel.index + 1)

    def charge(self, item: NewItem) -> Charge:
        """Make a new order item, open and on no bill yet."""
        queue, amount, account = self._queue, item.unit.times(item.count), item.account
        created, author = text(queue.now), queue.rng.choice(self._hotel.staff)
        total = raw(amount)
        record: dict[str, Any] = {
            "Id": queue.new_id(),
            "EnterpriseId": self._hotel.id,
            "AccountId": account.id,
            "AccountType": account.entity,
            "ServiceId": item.service,
            "ServiceOrderId": item.order,
            "Notes": None,
            "BillId": None,
            "AccountingCategoryId": self._hotel.categories[item.category],
            "BillingName": None if item.kind == "SpaceOrder" else item.category,
            "ExternalIdentifier": None,
            "UnitCount": item.count,
            "UnitAmount": raw(item.unit),
            "Amount": total,
            "OriginalAmount": total,
            "RevenueType": REVENUE_TYPES.get(item.kind, "Additional"),
            "CreatorProfileId": author,
            "UpdaterProfileId": author,
            "CreatedUtc": created,
            "UpdatedUtc": created,
            "ConsumedUtc": text(item.consumed),
            "CanceledUtc": None,
            "ClosedUtc": None,
            "StartUtc": None if item.start is None else text(item.start),
            "ClaimedUtc": None,
            "AccountingState": "Open",
            "Type": item.kind,
            "Options": {"CanceledWithReservation": False},
            "Data": item.data,
            "TaxExemptionReason": None,
            "TaxExemptionLegalReference": None,
        }
        entry = Entry("OrderItem", self._hotel.id, record)
        queue.write(entry)
        return Charge(entry, amount, item.consumed)

    def reprice(self, charge: Charge, unit: Amount) -> None:
        """Change the price; OriginalAmount keeps the first price."""
        charge.amount = unit.times(charge.entry.record["UnitCount"])
        charge.entry.record["UnitAmount"] = raw(unit)
        charge.entry.record["Amount"] = raw(charge.amount)
        self._queue.write(charge.entry)

    def cancel(self, charge: Charge, *, with_reservation: bool) -> None:
        record = charge.entry.record
        record["AccountingState"] = "Canceled"
        record["CanceledUtc"] = text(self._queue.now)
        record["Options"] = {"CanceledWithReservation": with_reservation}
        self._queue.write(charge.entry)

    def post(self, charge: Charge, bill: str | None) -> None:
        """Post an item to the ledger, once, when it has been consumed."""
        if charge.posted:
            return
        charge.posted = True
        record = charge.entry.record
        kind = record["Type"]
        item = LedgerItem(
            "DepositItem" if kind == "Deposit" else "OrderItem",
            charge.entry.id,
            record["AccountId"],
            bill,
            record["AccountingCategoryId"],
            charge.consumed,
        )
        revenue = {"Deposit": "Deposit", "CityTax": "NonRevenue"}.get(kind, "Revenue")
        self._ledger.sale(item, charge.amount, revenue=revenue)

    def open(self, owner: Entry, reservation: str | None, guest: Entry | None = None) -> Folio:
        """Make a new bill. `guest` is the guest whose stay a company pays for."""
        bill = Entry("Bill", self._hotel.id, bill_record(self._hotel, self._queue, owner, guest))
        self._queue.write(bill)
        return Folio(bill, owner, reservation)

    def settle(self, folio: Folio, *, corrects: Entry | None = None, at_midnight: bool = False) -> None:
        """Pay the balance now, and close the bill two minutes later, or at the night audit at midnight UTC."""
        by_invoice = folio.owner.entity == "Company" and folio.balance > 0
        if folio.balance:
            self._pay(folio, by_invoice)
        closing = next_midnight(self._queue.now) if at_midnight else self._queue.now + 2 * MINUTE
        self._queue.plan(closing, self._close, folio, by_invoice, corrects)

    def _pay(self, folio: Folio, by_invoice: bool) -> None:
        value, bill = folio.balance, folio.bill.id
        if by_invoice:
            folio.payments.append(self.payments.invoice(folio.owner, bill, folio.reservation, value))
        elif value > 0 and folio.paid == 0 and self._queue.chance(0.12):  # two guests share the bill
            first = value // 2
            for part in (first, value - first):
                folio.payments.append(self.payments.pay(folio.owner, bill, folio.reservation, part))
        else:
            folio.payments.append(self.payments.pay(folio.owner, bill, folio.reservation, value))
        folio.paid += value

    def _close(self, folio: Folio, by_invoice: bool, corrects: Entry | None) -> None:
        queue, hotel = self._queue, self._hotel
        now = text(queue.now)
        for charge in folio.charges:
            charge.entry.record.update(BillId=folio.bill.id, AccountingState="Closed", ClosedUtc=now)
            queue.write(charge.entry)
        for payment in folio.payments:
            payment.record.update(AccountingState="Closed", ClosedUtc=now)
            queue.write(payment)
            self.payments.settle_later(payment)
        self._number += 1
        record = folio.bill.record
        record.update(
            State="Closed",
            Type="Invoice" if by_invoice or corrects else "Receipt",
            CounterId=hotel.counter,
            Number=f"{'INV' if by_invoice else 'REC'}-{self._number}",
            VariableSymbol=str(self._number) if hotel.place.country == "CZ" else None,
            IssuedUtc=now,
            TaxedUtc=now,
            PaidUtc=None if by_invoice else now,
            DueUtc=text(queue.now + 14 * DAY) if by_invoice else None,
        )
        if corrects:
            record.update(
                CorrectionState="CorrectiveBill", CorrectionType="CreditNote", CorrectedBillId=corrects.id
            )
        queue.write(folio.bill)
        if by_invoice:
            due = queue.between(queue.now + 5 * DAY, queue.now + 30 * DAY)
            if due > queue.now + 16 * DAY:
                queue.plan(next_midnight(queue.now + 15 * DAY), self._remind, folio.bill)
            value = sum(charge.amount.gross for charge in folio.charges)
            queue.plan(due, self._invoice_paid, folio.owner, folio.bill, value)

    def _remind(self, bill: Entry) -> None:
        bill.record["LastReminderDateUtc"] = text(self._queue.now)
        self._queue.write(bill)

    def _invoice_paid(self, owner: Entry, bill: Entry, value: int) -> None:
        """The company pays: the payment balances the invoice in the city ledger."""
        self.payments.wire(owner, bill.id, value)
        bill.record["PaidUtc"] = text(self._queue.now)
        self._queue.write(bill)
