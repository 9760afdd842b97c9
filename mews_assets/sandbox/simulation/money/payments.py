"""Payments by card, cash, voucher, invoice and wire transfer, from pending to settled.

Lives here: Payment records, their states, and their ledger postings. Not here: bills (`billing`).

The amount of money received is negative, as items' amounts are positive; a refund is positive.
"""

from __future__ import annotations

from typing import Any

from mews_assets.sandbox.simulation.amounts import raw
from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, SECOND, next_midnight, text
from mews_assets.sandbox.simulation.money.ledger import Ledger, LedgerItem

_KINDS = ("CreditCardPayment", "CashPayment", "ExternalPayment", "AlternativePayment")
_KIND_WEIGHTS = (66, 14, 12, 8)
_CATEGORIES = {
    "CreditCardPayment": "Cards",
    "CashPayment": "Cash",
    "ExternalPayment": "Other payments",
    "AlternativePayment": "Other payments",
    "InvoicePayment": "City ledger",
}
_ORIGINS = ("Operations", "Terminal", "AutomaticPayment", "OnlineCheckout", None)


class Payments:
    def __init__(self, hotel: Hotel, queue: EventQueue, ledger: Ledger) -> None:
        self._hotel = hotel
        self._queue = queue
        self._ledger = ledger

    def pay(self, payer: Entry, bill: str, reservation: str | None, value: int) -> Entry:
        """Receive money, or pay it back where `value` is negative. A card is sometimes refused first, or pending for
        some seconds."""
        queue = self._queue
        kind = queue.rng.choices(_KINDS, _KIND_WEIGHTS)[0]
        if kind == "CreditCardPayment" and value > 0 and queue.chance(0.04):
            self._refused(payer, bill, reservation, value)
        payment = self._payment(kind, payer, bill, reservation, value)
        if value > 0 and kind in ("CreditCardPayment", "AlternativePayment") and queue.chance(0.15):
            payment.record.update(State="Pending", ChargedUtc=None)
            queue.write(payment)
            payment.record.update(State="Charged", ChargedUtc=text(queue.now + 5 * SECOND))
            queue.write(payment, queue.now + 5 * SECOND)
        else:
            queue.write(payment)
        self._received(payment, value, "Guest")
        return payment

    def invoice(self, payer: Entry, bill: str, reservation: str | None, value: int) -> Entry:
        """The company will pay later: the debt moves from the guest ledger to the city ledger."""
        payment = self._payment("InvoicePayment", payer, bill, reservation, value)
        self._queue.write(payment)
        self._move(payment, value, debit="City", credit="Guest")
        return payment

    def wire(self, payer: Entry, bill: str, value: int) -> None:
        """The invoice is paid: a payment and its balancing entry, both closed at once."""
        now = text(self._queue.now)
        money = self._payment("ExternalPayment", payer, bill, None, value)
        money.record["Data"]["External"]["Type"] = "WireTransfer"
        balance = self._payment("InvoicePayment", payer, bill, None, -value)
        balance.record["Data"]["Invoice"]["Type"] = "Balancing"
        balance.record["Kind"] = "Payment"
        for payment in (money, balance):
            payment.record.update(AccountingState="Closed", ClosedUtc=now)
            self._queue.write(payment)
        self._received(money, value, "City")

    def settle_later(self, payment: Entry) -> None:
        """Settle half of the card payments, in the nightly batch at midnight UTC."""
        if payment.record["Type"] == "CreditCardPayment" and self._queue.chance(0.5):
            self._queue.plan(next_midnight(self._queue.now + DAY), self._settle, payment)

    def _settle(self, payment: Entry) -> None:
        record = payment.record
        batch = self._queue.now // DAY * 1000 + self._hotel.index
        record["SettlementId"] = f"S{batch}"
        record["SettlementUtc"] = text(self._queue.now)
        transaction = record["Data"]["CreditCard"]["Transaction"]
        transaction.update(SettlementId=f"S{batch}", SettledUtc=text(self._queue.now))
        transaction["SettledAmount"] = transaction["ChargedAmount"]
        self._queue.write(payment)

    def _refused(self, payer: Entry, bill: str, reservation: str | None, value: int) -> None:
        payment = self._payment("CreditCardPayment", payer, bill, reservation, value)
        payment.record.update(State="Pending", ChargedUtc=None)
        self._queue.write(payment)
        payment.record.update(State="Failed", AccountingState="Inactive", BillId=None)
        self._queue.write(payment, self._queue.now + 4 * SECOND)

    def _received(self, payment: Entry, value: int, credit: str) -> None:
        self._move(payment, value, debit="Payment", credit=credit)

    def _move(self, payment: Entry, value: int, *, debit: str, credit: str) -> None:
        record = payment.record
        item = LedgerItem(
            "Payment",
            payment.id,
            record["AccountId"],
            record["BillId"],
            record["AccountingCategoryId"],
            self._queue.now,
        )
        self._ledger.move(item, value, debit=debit, credit=credit)

    def _payment(self, kind: str, payer: Entry, bill: str, reservation: str | None, value: int) -> Entry:
        queue, amount = self._queue, raw(self._hotel.till.plain(-value))
        now, id = text(queue.now), queue.new_id()
        record: dict[str, Any] = {
            "Id": id,
            "EnterpriseId": self._hotel.id,
            "AccountId": payer.id,
            "AccountType": payer.entity,
            "PaymentRequestId": None,
            "BillId": bill,
            "ReservationId": reservation,
            "AccountingCategoryId": self._hotel.categories[_CATEGORIES[kind]],
            "Amount": amount,
            "OriginalAmount": amount,
            "Notes": None,
            "SettlementId": None,
            "ConsumedUtc": now,
            "ClosedUtc": None,
            "ChargedUtc": now,
            "CreatedUtc": now,
            "UpdatedUtc": now,
            "SettlementUtc": text(next_midnight(queue.now + DAY)),
            "AccountingState": "Open",
            "State": "Charged",
            "Identifier": f"{queue.rng.randrange(10_000):04d}" if kind == "CreditCardPayment" else None,
            "Type": kind,
            "Kind": "Payment" if value > 0 else "Refund",
            "Data": self._data(kind, id, value),
            "PaymentOrigin": queue.rng.choice(_ORIGINS),
        }
        return Entry("Payment", self._hotel.id, record)

    def _data(self, kind: str, id: str, value: int) -> dict[str, Any] | None:
        """The `Data` of a payment, which depends on its kind."""
        parts: dict[str, Any] = {
            "CreditCard": None,
            "Invoice": None,
            "External": None,
            "Ghost": None,
            "Alternative": None,
        }
        if kind == "CreditCardPayment":
            charged = raw(self._hotel.till.plain(value))
            parts["CreditCard"] = {
                "CreditCardId": self._queue.new_id(),
                "Transaction": {
                    "PaymentId": id,
                    "SettlementId": None,
                    "SettledUtc": None,
                    "Fee": None,
                    "AdjustedFee": None,
                    "ChargedAmount": charged,
                    "SettledAmount": None,
                },
            }
            return {"Discriminator": "CreditCard", **parts}
        if kind == "InvoicePayment":
            parts["Invoice"] = {"InvoiceId": None, "Type": "Receivable"}
            return {"Discriminator": "Invoice", **parts}
        if kind == "ExternalPayment":
            parts["External"] = {
                "Type": self._queue.rng.choice(("Prepayment", "Voucher", "GiftCard")),
                "ExternalIdentifier": None,
            }
            return {"Discriminator": "External", **parts}
        if kind == "AlternativePayment":
            parts["Alternative"] = {"Type": self._queue.rng.choice(("Ideal", "ApplePay", "PayPal"))}
            return {"Discriminator": "Alternative", **parts}
        return None
