"""Balances of ledgers: sums of the entries that the sandbox holds at an instant.

Lives here: adding up. A debit raises a balance and a credit lowers it, in every ledger. Not here: the operation
(`series_operations`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from mews_assets.sandbox.records.record_query import Days, RecordQuery
from mews_assets.sandbox.records.store import Store


class _Entry(msgspec.Struct, rename="pascal"):
    ledger_type: str = ""
    ledger_entry_type: str = ""
    posting_date: str = ""
    value: Decimal = Decimal(0)


_DECODER = msgspec.json.Decoder(_Entry)


def balances(
    store: Store, at_us: int, scope: str, days: tuple[date, date], ledgers: Collection[str]
) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Day, ledger, opening and closing balance of one enterprise."""
    query = RecordQuery(
        "LedgerEntry",
        at_us,
        {scope},
        conditions=(Days("PostingDate", "0001-01-01", days[1].isoformat()),),
    )
    opening = dict.fromkeys(ledgers, Decimal(0))
    moves: dict[tuple[str, str], Decimal] = {}
    first = days[0].isoformat()
    for record in store.records(query):
        entry = _DECODER.decode(record)
        if entry.ledger_type not in opening:
            continue
        value = entry.value if entry.ledger_entry_type == "Debit" else -entry.value
        if entry.posting_date < first:
            opening[entry.ledger_type] += value
        else:
            key = (entry.posting_date, entry.ledger_type)
            moves[key] = moves.get(key, Decimal(0)) + value
    day = days[0]
    while day <= days[1]:
        text = day.isoformat()
        for ledger in ledgers:
            closing = opening[ledger] + moves.get((text, ledger), Decimal(0))
            yield text, ledger, opening[ledger], closing
            opening[ledger] = closing
        day += timedelta(days=1)
