"""Double entry: every transaction's debits equal its credits, to the last digit.

Lives here: ledger entries (immutable, one version each) and the postings the hotel makes. Not here: bills
(`billing`) and payments (`payments`).

`Value` is positive; `LedgerEntryType` gives the side, and a negative amount (rebate, refund) swaps the sides.
`PostingDate` is the hotel's local date of the consumption or payment, `CreatedUtc` is when the entry was written,
which is later for night audits and rebates.
"""

from __future__ import annotations

from dataclasses import dataclass

from mews_assets.sandbox.simulation.amounts import Amount, number
from mews_assets.sandbox.simulation.event_queue import EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import day_text, text


@dataclass(slots=True)
class LedgerItem:
    """The item or payment that a transaction posts: its type, id, account, bill and accounting category.

    `at` is the instant of the consumption or payment, in microseconds since 1970; its local date is the posting date.
    """

    kind: str
    id: str
    account: str
    bill: str | None
    category: str
    at: int


@dataclass(slots=True)
class Posting:
    """What all entries of one transaction share."""

    transaction: str
    date: str
    item: LedgerItem


class Ledger:
    def __init__(self, hotel: Hotel, queue: EventQueue) -> None:
        self._hotel = hotel
        self._queue = queue

    def sale(self, item: LedgerItem, amount: Amount, *, revenue: str = "Revenue") -> None:
        """Post a sale: the guest ledger is debited with the gross value, revenue and tax are credited."""
        posting = self._posting(item)
        self._entry(posting, "Guest", amount.gross)
        for code, net, tax in amount.parts:
            self._entry(posting, revenue, -net, code)
            self._entry(posting, "Tax", -tax, code, net)

    def move(self, item: LedgerItem, value: int, *, debit: str, credit: str) -> None:
        """Move a value from one ledger to another: money received, a deposit used, an invoice issued."""
        posting = self._posting(item)
        self._entry(posting, debit, value)
        self._entry(posting, credit, -value)

    def _posting(self, item: LedgerItem) -> Posting:
        date = day_text(self._hotel.clock.ordinal(item.at))
        return Posting(self._queue.new_id(), date, item)

    def _entry(
        self,
        posting: Posting,
        ledger: str,
        debit: int,
        tax_code: str | None = None,
        net_base: int | None = None,
    ) -> None:
        """Write one entry; a negative debit is a credit, and a debit of zero writes nothing."""
        if not debit:
            return
        item, precision = posting.item, self._hotel.till.precision
        record = {
            "Id": self._queue.new_id(),
            "EnterpriseId": self._hotel.id,
            "TransactionId": posting.transaction,
            "AccountId": item.account,
            "BillId": item.bill,
            "AccountingCategoryId": item.category,
            "AccountingItemId": item.id,
            "AccountingItemType": item.kind,
            "LedgerType": ledger,
            "LedgerEntryType": "Debit" if debit > 0 else "Credit",
            "PostingDate": posting.date,
            "Value": number(abs(debit), precision),
            "NetBaseValue": None if net_base is None else number(abs(net_base), precision),
            "TaxRateCode": tax_code,
            "CreatedUtc": text(self._queue.now),
        }
        self._queue.write_once("LedgerEntry", self._hotel.id, record)
