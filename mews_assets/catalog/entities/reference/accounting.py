"""Accounting: what revenue and payments are booked under.

Lives here: the table accounting_categories.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Reference, Whole

CLASSIFICATIONS = (
    "Accommodation",
    "FoodAndBeverage",
    "Taxes",
    "Payments",
    "ExternalRevenue",
    "SundryIncome",
    "Wellness",
    "Sport",
    "Technology",
    "Facilities",
    "Events",
    "Tourism",
)

ACCOUNTING_CATEGORY_COLUMNS = (
    shapes.row_id("accounting category"),
    shapes.ENTERPRISE_ID,
    shapes.IS_ACTIVE,
    string("Name", "Name of the category.", required=True),
    string("Code", "Code of the category in Mews."),
    string("ExternalCode", "Code of the category in another system."),
    string("LedgerAccountCode", "Code of the ledger account, for double entry."),
    string("PostingAccountCode", "Code of the posting account, for double entry."),
    string("CostCenterCode", "Code of the cost center."),
    enum("Classification", CLASSIFICATIONS, "What kind of revenue or payment it holds."),
    shapes.created_utc("accounting category"),
    shapes.updated_utc("accounting category"),
)

ACCOUNTING_CATEGORIES = Reference(
    "accounting_categories",
    "AccountingCategory",
    "One row per accounting category, deleted ones too: what revenue and payments are booked under.",
    ACCOUNTING_CATEGORY_COLUMNS,
    # By default Mews leaves out deleted records, and old order items would refer to nothing.
    Whole("accountingCategories/getAll", ("AccountingCategories",), parameters=shapes.ACTIVE_OR_DELETED),
)
