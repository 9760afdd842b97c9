"""Outlets: sales of restaurants, bars and shops, as their point of sale reported them.

Lives here: the tables outlet_items and outlet_bills, which one operation answers together.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, json, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Pages, ParentKey, Table

_OPERATION = "outletItems/getAll"

OUTLET_ITEM_COLUMNS = (
    shapes.row_id("outlet item"),
    shapes.ENTERPRISE_ID,
    string("BillId", "Id of the outlet bill the item is on.", required=True, refers_to="outlet_bills"),
    shapes.ACCOUNTING_CATEGORY_ID,
    enum("Type", ("Revenue", "NonRevenue", "Payment"), "What the item is.", required=True),
    string("Name", "Name of the item."),
    integer("UnitCount", "Number of units.", required=True),
    shapes.amount("UnitAmount", "Amount of one unit."),
    shapes.created_utc("outlet item"),
    shapes.updated_utc("outlet item"),
    utc("ConsumedUtc", "When the item was or will be consumed.", required=True),
    shapes.EXTERNAL_IDENTIFIER,
    shapes.NOTES,
    string("PaymentCardPaymentId", "Id of the card payment the item stands for, where its type is Payment."),
    json("UnitCost", "Cost of one unit; replaced by UnitAmount.", deprecated=True),
)

OUTLET_BILL_COLUMNS = (
    shapes.row_id("outlet bill"),
    shapes.ENTERPRISE_ID,
    string("OutletId", "Id of the outlet that issued the bill.", required=True, refers_to="outlets"),
    string("Number", "Number of the bill."),
    utc("ClosedUtc", "When the bill was closed.", required=True),
    shapes.updated_utc("outlet bill"),
    shapes.NOTES,
)

OUTLET_ITEMS = Table(
    "outlet_items",
    "OutletItem",
    "One row per version of an outlet item: a thing sold, or paid, on a bill of an outlet.",
    OUTLET_ITEM_COLUMNS,
    Pages(_OPERATION, "OutletItems"),
    parent_key=ParentKey("outlet_bills", "BillId"),
)

OUTLET_BILLS = Table(
    "outlet_bills",
    "OutletBill",
    "One row per version of an outlet bill: a bill that an outlet issued and closed.",
    OUTLET_BILL_COLUMNS,
    Pages(_OPERATION, "OutletBills"),
)
