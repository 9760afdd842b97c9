"""The mart ledger_trial_balance: debits and credits of each ledger per posting date.

Lives here: the mart ledger_trial_balance and its check `zero_sum`. DESCRIPTION is the text that the Dagster UI shows.
Not here: storing it (`make`) and drawing (`plot_parts`).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial

import pyarrow as pa

from mews_assets.marts import columns, faults, plot_parts, preview
from mews_assets.marts.model import Mart, MartCheck, MartVerdict, Plot, SidesPanel

DESCRIPTION = """Debits and credits of each ledger on each posting date; over all ledgers they are equal.

    debits   = sum of Value of LedgerEntry, where LedgerEntryType is Debit
    credits  = the same, where it is Credit
    balance  = debits - credits, per hotel, PostingDate and LedgerType
    zero-sum : over the ledgers of one hotel and one PostingDate, balance adds up
               to exactly 0: every transaction is double entry on one date

PostingDate is the hotel's own date, as Mews posted it; nothing is computed from an instant. Values are in the currency
the hotel keeps its books in, and added as decimals, so zero means zero. Entries can be posted days after their date.
Rows with a fault are left out, and reported by the check `none_left_out`.
From current/ledger_entries, reference/enterprises."""

GIVEN = f"""
WITH posted AS (
    SELECT
        entries.scope, hotels.enterprise, entries.posting_date, entries.ledger_type, entries.ledger_entry_type AS side,
        bounded(entries.value) AS amount,
        CASE
            WHEN {faults.owner("entries")}
            WHEN out_of_range(CAST(entries.posting_date AS TIMESTAMPTZ)) THEN 'PostingDate is {faults.OUT_OF_RANGE}'
            WHEN entries.value IS NOT NULL AND amount IS NULL THEN 'Value is {faults.TOO_MUCH}'
        END AS fault
    FROM current.ledger_entries entries LEFT JOIN hotels ON hotels.enterprise_id = entries.scope
)
SELECT
    scope AS enterprise_id, enterprise, posting_date, ledger_type, fault,
    coalesce(total(CASE WHEN fault IS NULL AND side = 'Debit' THEN amount END), 0) AS debits,
    coalesce(total(CASE WHEN fault IS NULL AND side = 'Credit' THEN amount END), 0) AS credits,
    coalesce(total(
        CASE WHEN fault IS NOT NULL THEN NULL WHEN side = 'Debit' THEN amount WHEN side = 'Credit' THEN -amount END
    ), 0) AS balance,
    count(*) AS items,
    count(*) FILTER (coalesce(side, '') NOT IN ('Debit', 'Credit') OR amount IS NULL) AS unread
FROM posted
GROUP BY ALL
"""

QUERY = """
SELECT enterprise_id, enterprise, posting_date, ledger_type, debits, credits, balance, items AS entries, unread
FROM given
ORDER BY ALL
"""

LEDGERS = ("Guest", "Deposit", "City", "Payment", "Revenue", "NonRevenue", "Tax")
"""The order of ledgers in the plot: assets first, then revenue and liabilities."""


def balances(rows: pa.Table) -> dict[tuple[str, str], Decimal]:
    """The balance of each hotel, by its name, on each date: zero, if the books are complete."""
    sums = (
        rows.group_by(["enterprise_id", "enterprise", "posting_date"])
        .aggregate([("balance", "sum")])
        .to_pylist()
    )
    names = plot_parts.unique_names(sums, "enterprise_id", "enterprise")
    return {(names[row["enterprise_id"]], str(row["posting_date"])): row["balance_sum"] for row in sums}


def zero_sum(rows: pa.Table) -> MartVerdict:
    """Whether debits equal credits on every date of every hotel, and every entry could be put on a side."""
    left_over = balances(rows)
    off = {f"{hotel} {day}": f"{value.normalize():f}" for (hotel, day), value in left_over.items() if value}
    unread = sum(rows.column("unread").to_pylist())
    shown = dict(list(off.items())[:_MAX_DATES])
    return MartVerdict(
        not off and not unread,
        {
            "dates": len(left_over),
            "dates_out_of_balance": len(off),
            "out_of_balance": shown,
            "unread_entries": unread,
        },
    )


_MAX_DATES = 50
"""Dates out of balance that are named in a verdict; all are in the rows."""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Debits against credits of each ledger, over all dates there are."""
    by_ledger = rows.group_by(["enterprise_id", "enterprise", "ledger_type"]).aggregate(
        [("debits", "sum"), ("credits", "sum"), ("posting_date", "min"), ("posting_date", "max")]
    )
    left_over = balances(rows)
    shown, others = plot_parts.by_hotel(by_ledger.to_pylist())
    panels = []
    for (hotel,), hotel_rows in shown:
        order = {name: number for number, name in enumerate(LEDGERS)}
        hotel_rows = sorted(hotel_rows, key=lambda row: order.get(row["ledger_type"], len(order)))
        dated = [row for row in hotel_rows if row["posting_date_min"]]
        first = min((str(row["posting_date_min"]) for row in dated), default="no date")
        last = max((str(row["posting_date_max"]) for row in dated), default="no date")
        off = sorted(day for (name, day), value in left_over.items() if name == hotel and value)
        dates = sum(name == hotel for name, _ in left_over)
        panels.append(
            SidesPanel(
                f"{hotel}: posted {first} to {last}",
                [str(row["ledger_type"]) for row in hotel_rows],
                [float(row["credits_sum"]) for row in hotel_rows],
                [float(row["debits_sum"]) for row in hotel_rows],
                ("Credits", "Debits"),
                f"out of balance on {len(off)} of {dates} dates, first on {off[0]}"
                if off
                else f"debits equal credits on each of {dates} dates",
            )
        )
    subtitle = "by ledger, over all posting dates in the lake, in each hotel's own currency"
    return Plot("Trial balance", subtitle + others, tuple(panels))


LEDGER_TRIAL_BALANCE = Mart(
    name="ledger_trial_balance",
    summary="Debits and credits of each ledger on each posting date; over all ledgers they are equal.",
    description=DESCRIPTION,
    inputs=("current/ledger_entries", "reference/enterprises"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.day("posting_date", "Day on which it was posted, by the hotel's books."),
        columns.text("ledger_type", "Which ledger."),
        columns.money("debits", "Sum of the debits."),
        columns.money("credits", "Sum of the credits."),
        columns.money("balance", "Debits less credits."),
        columns.count("entries", "Number of entries."),
        columns.count("unread", "Entries without a value, or neither Debit nor Credit: they are in no sum."),
    ),
    key=("enterprise_id", "posting_date", "ledger_type"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "posting_date"),
    named=("enterprise", "posting_date", "ledger_type"),
    checks=(
        MartCheck(
            "zero_sum",
            "Debits equal credits on every date of every hotel, to the last digit. ERROR, and downstream "
            "assets wait: where books do not balance, a part of them is missing.",
            True,
            zero_sum,
        ),
    ),
)
