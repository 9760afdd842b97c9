"""Double entry: every transaction's debits equal its credits, to the last digit.

Lives here: ledger entries (immutable, one version each) and the postings the hotel makes. Not here: bills and
payments themselves (billing.py).

`Value` is positive; `LedgerEntryType` gives the side, and a negative amount (rebate, refund) swaps the sides.
`PostingDate` is the hotel's local date of the consumption or payment, `CreatedUtc` is when it was written
down, which is later for night audits and rebates.
"""

from __future__ import annotations

from mews_assets.sandbox.simulation.amounts import Amount, number
from mews_assets.sandbox.simulation.event_queue import EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import day_text, text


class Posting:
    """What all entries of one transaction share."""

    __slots__ = ("account", "bill", "date", "item", "kind", "transaction")

    def __init__(
        self, transaction: str, kind: str, item: str, account: str, bill: str | None, date: str
    ) -> None:
        self.transaction = transaction
        self.kind = kind
        self.item = item
        self.account = account
        self.bill = bill
        self.date = date


class Ledger:
    def __init__(self, hotel: Hotel, diary: EventQueue) -> None:
        self._hotel = hotel
        self._diary = diary

    def sale(
        self,
        kind: str,
        item: str,
        account: str,
        bill: str | None,
        category: str,
        amount: Amount,
        consumed: int,
        *,
        against: str = "Guest",
        revenue: str = "Revenue",
        transaction: str | None = None,
    ) -> None:
        """Something sold: the guest (or the payment) owes the gross value of revenue and tax."""
        posting = self._posting(transaction, kind, item, account, bill, consumed)
        self._entry(posting, against, amount.gross, category)
        for code, net, tax in amount.parts:
            self._entry(posting, revenue, -net, category, code)
            self._entry(posting, "Tax", -tax, category, code, net)

    def move(
        self,
        kind: str,
        item: str,
        account: str,
        bill: str | None,
        category: str,
        value: int,
        when: int,
        *,
        debit: str,
        credit: str,
    ) -> None:
        """A value moved from one ledger to another: money received, a deposit used, an invoice written."""
        posting = self._posting(None, kind, item, account, bill, when)
        self._entry(posting, debit, value, category)
        self._entry(posting, credit, -value, category)

    def _posting(
        self, transaction: str | None, kind: str, item: str, account: str, bill: str | None, when: int
    ) -> Posting:
        date = day_text(self._hotel.clock.ordinal(when))
        return Posting(transaction or self._diary.new_id(), kind, item, account, bill, date)

    def _entry(
        self,
        posting: Posting,
        ledger: str,
        debit: int,
        category: str,
        tax_code: str | None = None,
        net_base: int | None = None,
    ) -> None:
        """One entry; a negative debit is a credit. Nothing is written for nothing."""
        if not debit:
            return
        precision = self._hotel.till.precision
        record = {
            "Id": self._diary.new_id(),
            "EnterpriseId": self._hotel.id,
            "TransactionId": posting.transaction,
            "AccountId": posting.account,
            "BillId": posting.bill,
            "AccountingCategoryId": category,
            "AccountingItemId": posting.item,
            "AccountingItemType": posting.kind,
            "LedgerType": ledger,
            "LedgerEntryType": "Debit" if debit > 0 else "Credit",
            "PostingDate": posting.date,
            "Value": number(abs(debit), precision),
            "NetBaseValue": None if net_base is None else number(abs(net_base), precision),
            "TaxRateCode": tax_code,
            "CreatedUtc": text(self._diary.now),
        }
        self._diary.write_once("LedgerEntry", self._hotel.id, record)
