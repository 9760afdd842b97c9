"""Ledger balances: what each ledger held when a day began and when it ended.

Lives here: the table ledger_balances.
"""

from __future__ import annotations

from mews_assets.catalog.columns import date, enum
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.ledger import LEDGER_TYPES
from mews_assets.catalog.series_model import Series, SeriesTable

LEDGER_BALANCE_COLUMNS = (
    shapes.ENTERPRISE_ID,
    date("Date", "Day of the balances, in the hotel's own calendar.", required=True),
    enum("LedgerType", LEDGER_TYPES, "The ledger.", required=True),
    shapes.amount("OpeningBalance", "Balance when the day began."),
    shapes.amount("ClosingBalance", "Balance when the day ended."),
)

LEDGER_BALANCES = SeriesTable(
    "ledger_balances",
    "LedgerBalance",
    "One row per ledger and day, and per time it was found to have changed: Mews' own opening and closing balance.",
    LEDGER_BALANCE_COLUMNS,
    Series(
        "ledgerBalances/getAll",
        first="Date.Start",
        last="Date.End",
        # A month is the limit: from the first day to the last, 28 days later, is within every month.
        longest=28,
        # Postings to past days are possible until the editable history ends, usually within some weeks.
        lookback=27,
        records_key="LedgerBalances",
        parameters={"LedgerTypes": list(LEDGER_TYPES)},
    ),
    day="Date",
    keyed_by=("EnterpriseId", "Date", "LedgerType"),
)
