"""The ledger: postings to the books, which never change.

Lives here: the table ledger_entries.
"""

from __future__ import annotations

from datetime import timedelta

from mews_assets.catalog.bookkeeping import Balance, Sign
from mews_assets.catalog.columns import date, decimal, enum, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, Table

ITEM_TYPES = (
    "OrderItem",
    "OutletItem",
    "Invoice",
    "Payment",
    "DepositBalancingPayment",
    "CityLedgerBalancingPayment",
    "DepositItem",
)

LEDGER_TYPES = ("Revenue", "Tax", "Payment", "Deposit", "Guest", "City", "NonRevenue")

LEDGER_ENTRY_COLUMNS = (
    shapes.row_id("ledger entry"),
    shapes.ENTERPRISE_ID,
    string("TransactionId", "Id of the transaction the entry is part of; old ones have none."),
    string(
        "AccountId",
        "Id of the account (a customer or company, say) it is posted for.",
        required=True,
        person=True,
    ),
    string("BillId", "Id of the bill it comes from, which may have been deleted since."),
    shapes.ACCOUNTING_CATEGORY_ID,
    string("AccountingItemId", "Id of the item (of the type below) that was posted.", required=True),
    enum("AccountingItemType", ITEM_TYPES, "What kind of item was posted.", required=True),
    enum("LedgerType", LEDGER_TYPES, "Which ledger it is posted to.", required=True),
    enum("LedgerEntryType", ("Debit", "Credit"), "Which side it is posted on.", required=True),
    date("PostingDate", "Day on which it was posted to the ledger.", required=True),
    decimal("Value", "Money posted; never negative, its side tells the sign.", required=True),
    decimal("NetBaseValue", "On the tax ledger, the net value the tax is reckoned from."),
    string("TaxRateCode", "On the tax ledger, the code of the tax rate."),
    shapes.created_utc("ledger entry"),
)

LEDGER_ENTRIES = Table(
    "ledger_entries",
    "LedgerEntry",
    "One row per version of a ledger entry; there is only one version, since entries never change.",
    LEDGER_ENTRY_COLUMNS,
    Export("LedgerEntry", filter="Posting"),
    window_column="PostingDate",
    version_column="CreatedUtc",
    # Public clients use it, with Start = End and a list of ledgers, and it is in no page of Mews' reference.
    alternative=Pages(
        "ledgerEntries/getAll",
        "LedgerEntries",
        filter="PostingDate",
        parameters={"LedgerTypes": list(LEDGER_TYPES)},
        max_length=timedelta(days=1),
        by_dates=True,
        is_documented=False,
    ),
    # Night audits post to the day that is over, and rebates to the day of the stay, some days later.
    lookback=timedelta(days=3),
    balance=Balance(date="PostingDate", transaction="TransactionId", value="Value", side="LedgerEntryType"),
    signs=(Sign("Value", never="negative"),),
)
