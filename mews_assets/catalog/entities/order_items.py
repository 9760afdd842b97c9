"""Order items: charges to guests and companies.

Lives here: the table order_items. Not here: items of outlets such as restaurants (see `outlets`).
"""

from __future__ import annotations

from mews_assets.catalog.bookkeeping import Sign
from mews_assets.catalog.columns import boolean, enum, integer, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, Table

TYPES = (
    "CancellationFee",
    "NightRebate",
    "ProductOrderRebate",
    "AdditionalExpenseRebate",
    "Deposit",
    "ExchangeRateDifference",
    "CustomItem",
    "ServiceCharge",
    "CityTax",
    "CityTaxDiscount",
    "SpaceOrder",
    "ProductOrder",
    "Surcharge",
    "TaxCorrection",
    "ResourceUpgradeFee",
    "InvoiceFee",
    "MulticurrencyFee",
    "AllowanceDiscount",
    "AllowanceBreakage",
    "AllowanceContraBreakage",
)

REBATES = ("NightRebate", "ProductOrderRebate", "AdditionalExpenseRebate")
"""Types of items that are never positive: they lower the debt."""

DATA = record(
    "Data",
    (
        enum(
            "Discriminator",
            ("Rebate", "Product", "AllowanceDiscount", "AllowanceProfits"),
            "Which one of the details is filled.",
            required=True,
        ),
        record(
            "Rebate",
            (
                string(
                    "ProductId",
                    "Id of the product the rebate is given on.",
                    required=True,
                    refers_to="products",
                ),
                string("RebatedItemId", "Id of the order item the rebate lowers.", required=True),
            ),
            "Details of a rebate.",
        ),
        record(
            "Product",
            (
                string("ProductId", "Id of the product.", required=True, refers_to="products"),
                string(
                    "AgeCategoryId",
                    "Id of the age category the product was charged for.",
                    refers_to="age_categories",
                ),
                enum("ProductType", ("Product", "Allowance"), "What the product is."),
            ),
            "Details of a product.",
        ),
        record(
            "AllowanceDiscount",
            (
                string("DiscountedOrderItemId", "Id of the order item paid from it.", required=True),
                string("AllowanceProductOrderItemId", "Id of the allowance's order item.", required=True),
            ),
            "Details of a discount paid from an allowance.",
        ),
        record(
            "AllowanceProfits",
            (
                string("AllowanceProductOrderItemId", "Id of the allowance's order item.", required=True),
                enum(
                    "AllowanceProfitType",
                    ("AllowanceBreakage", "AllowanceContraBreakage", "AllowanceLoss", "AllowanceContraLoss"),
                    "Which profit or loss it is.",
                    required=True,
                ),
            ),
            "Details of what an allowance left over or overspent.",
        ),
    ),
    "Details that depend on the type of the item.",
)

ORDER_ITEM_COLUMNS = (
    shapes.row_id("order item"),
    shapes.ENTERPRISE_ID,
    string("AccountId", "Id of the customer or company that is charged.", person=True),
    shapes.account_type(required=False),
    string("ServiceId", "Id of the service the item was ordered from.", required=True, refers_to="services"),
    string("ServiceOrderId", "Id of the reservation or product service order it is part of.", required=True),
    shapes.NOTES,
    string("BillId", "Id of the bill the item is on.", refers_to="bills"),
    shapes.ACCOUNTING_CATEGORY_ID,
    string("BillingName", "Name of the item as printed on the bill.", pii=True),
    shapes.EXTERNAL_IDENTIFIER,
    integer("UnitCount", "Number of units.", required=True),
    shapes.amount("UnitAmount", "Amount of one unit."),
    shapes.amount("Amount", "Amount of all units; negative for a rebate."),
    shapes.amount("OriginalAmount", "Amount as first known, before any conversion of currency."),
    enum("RevenueType", ("Service", "Product", "Additional"), "Kind of revenue.", required=True),
    shapes.CREATOR_PROFILE_ID,
    shapes.UPDATER_PROFILE_ID,
    shapes.created_utc("order item"),
    shapes.updated_utc("order item"),
    utc("ConsumedUtc", "When the item was or will be consumed.", required=True),
    utc("CanceledUtc", "When the item was canceled."),
    utc("ClosedUtc", "When the bill of the item was closed."),
    utc("StartUtc", "Start of the time the item is for."),
    utc("ClaimedUtc", "When the item was claimed."),
    shapes.accounting_state(),
    enum("Type", TYPES, "What the item is.", required=True),
    record(
        "Options",
        (boolean("CanceledWithReservation", "Whether it was canceled with its reservation.", required=True),),
        "How the item came to its state.",
        required=True,
    ),
    DATA,
    shapes.tax_exemption_reason("item"),
    string("TaxExemptionLegalReference", "The law that exempts the item from tax."),
)

ORDER_ITEMS = Table(
    "order_items",
    "OrderItem",
    "One row per version of an order item: a night, product, fee, tax or rebate charged to an account.",
    ORDER_ITEM_COLUMNS,
    Export("OrderItem"),
    alternative=Pages("orderItems/getAll", "OrderItems"),
    signs=(Sign("Amount.GrossValue", never="positive", by="Type", among=REBATES),),
)
