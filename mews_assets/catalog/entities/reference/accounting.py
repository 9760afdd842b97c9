"""Accounting: what revenue and payments are booked under, and by whom.

Lives here: the tables accounting_categories, cashiers, counters and departments. Not here: taxes and currencies.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, integer, string
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

COUNTER_TYPES = (
    "Counter",
    "AccountingCounter",
    "AvailabilityBlockCounter",
    "BillCounter",
    "BillPreviewCounter",
    "FiscalCounter",
    "ProformaCounter",
    "RegistrationCardCounter",
    "ServiceOrderCounter",
    "CorrectionBillCounter",
    "PaymentConfirmationBillCounter",
    "CreditNoteBillCounter",
    "PaymentSplitBillCounter",
)

CASHIER_COLUMNS = (
    shapes.row_id("cashier"),
    shapes.ENTERPRISE_ID,
    shapes.IS_ACTIVE,
    string("Name", "Name of the cashier, often that of a person on the staff.", required=True, pii=True),
    shapes.created_utc("cashier"),
    shapes.updated_utc("cashier"),
)

COUNTER_COLUMNS = (
    shapes.row_id("counter"),
    shapes.ENTERPRISE_ID,
    string("Name", "Name of the counter.", required=True),
    boolean("IsDefault", "Whether it is used where no other is chosen.", required=True),
    integer("Value", "The last number that it gave; it moves with every document.", required=True),
    string("Format", "How the number is written on documents.", required=True),
    enum("Type", COUNTER_TYPES, "What kind of documents it numbers.", required=True),
    shapes.created_utc("counter"),
    shapes.updated_utc("counter"),
)

DEPARTMENT_COLUMNS = (
    shapes.row_id("department"),
    shapes.ENTERPRISE_ID,
    shapes.IS_ACTIVE,
    string("Name", "Name of the department.", required=True),
    shapes.created_utc("department"),
    shapes.updated_utc("department"),
)

ACCOUNTING_CATEGORIES = Reference(
    "accounting_categories",
    "AccountingCategory",
    "One row per accounting category, deleted ones too: what revenue and payments are booked under.",
    ACCOUNTING_CATEGORY_COLUMNS,
    # By default Mews leaves out deleted records, and old order items would refer to nothing.
    Whole("accountingCategories/getAll", ("AccountingCategories",), parameters=shapes.ACTIVE_OR_DELETED),
)

CASHIERS = Reference(
    "cashiers",
    "Cashier",
    "One row per cashier, deleted ones too: where cash is taken and paid out.",
    CASHIER_COLUMNS,
    Whole("cashiers/getAll", ("Cashiers",), parameters=shapes.ACTIVE_OR_DELETED),
)

COUNTERS = Reference(
    "counters",
    "Counter",
    "One row per counter: what numbers bills and other documents.",
    COUNTER_COLUMNS,
    Whole("counters/getAll", ("Counters",)),
    vanishes=True,
)

DEPARTMENTS = Reference(
    "departments",
    "Department",
    "One row per department of an enterprise.",
    DEPARTMENT_COLUMNS,
    Whole("departments/getAll", ("Departments",)),
    is_standard=False,
)
