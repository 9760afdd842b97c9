"""Products: what is sold besides, and with, stays.

Lives here: the tables product_categories and products. Not here: their prices per day.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, json, record, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, Reference, Whole

CHARGING_MODES = ("Once", "PerTimeUnit", "PerPersonPerTimeUnit", "PerPerson")

PRODUCT_CATEGORY_COLUMNS = (
    shapes.row_id("product category"),
    shapes.ENTERPRISE_ID,
    shapes.SERVICE_ID,
    shapes.texts("Names", "Name of the category"),
    shapes.texts("ShortNames", "Short name of the category"),
    shapes.texts("Descriptions", "Description of the category"),
    # One object by the reference's table, a list of two halves in its example.
    json("ParentProductCategory", "The category it is part of: its Id and Names."),
    shapes.updated_utc("product category"),
    shapes.created_utc("product category"),
    shapes.ORDERING,
)

PRODUCT_COLUMNS = (
    shapes.row_id("product"),
    shapes.SERVICE_ID,
    string("CategoryId", "Id of the product category it is in.", refers_to="product_categories"),
    shapes.ACCOUNTING_CATEGORY_ID,
    shapes.IS_ACTIVE,
    shapes.texts("Names", "Name of the product"),
    shapes.texts("ExternalNames", "Name shown to guests"),
    shapes.texts("ShortNames", "Short name of the product"),
    shapes.texts("Descriptions", "Description of the product", required=False),
    enum("ChargingMode", CHARGING_MODES, "What it is charged for.", required=True),
    enum(
        "PostingMode",
        ("Once", "PerTimeUnit"),
        "When it is charged: at once, or for each night.",
        required=True,
    ),
    record(
        "Options",
        (
            boolean("BillAsPackage", "Whether it is billed as part of a package.", required=True),
            boolean("ExcludePriceFromOffer", "Whether the price of an offer leaves it out.", required=True),
        ),
        "How it is billed and offered.",
        required=True,
    ),
    record(
        "Promotions",
        (
            boolean("BeforeCheckIn", "Whether it is offered before check-in.", required=True),
            boolean("AfterCheckIn", "Whether it is offered after check-in.", required=True),
            boolean("DuringStay", "Whether it is offered during the stay.", required=True),
            boolean("BeforeCheckOut", "Whether it is offered before check-out.", required=True),
            boolean("AfterCheckOut", "Whether it is offered after check-out.", required=True),
            boolean("DuringCheckOut", "Whether it is offered at check-out.", required=True),
        ),
        "When it is offered to guests.",
        required=True,
    ),
    record(
        "Classifications",
        (
            boolean("Food", "Whether it is food.", required=True),
            boolean("Beverage", "Whether it is a drink.", required=True),
            boolean("Wellness", "Whether it is wellness.", required=True),
            boolean("CityTax", "Whether it is a city tax.", required=True),
            boolean("Fee", "Whether it is a fee.", required=True),
        ),
        "What the product is.",
        required=True,
    ),
    shapes.amount("Price", "Price of one unit."),
    string("ImageIds", "Ids of its pictures.", is_list=True),
    shapes.ORDERING,
    shapes.EXTERNAL_IDENTIFIER,
    shapes.tax_exemption_reason("product"),
    string("TaxExemptionLegalReference", "The law that exempts the product from tax."),
    shapes.created_utc("product"),
    shapes.updated_utc("product"),
    enum(
        "ConsumptionMoment",
        ("ServiceOrderEnd", "ServiceOrderStart", "PostingTimeUnit", "NextTimeUnit"),
        "When it counts as consumed.",
        required=True,
    ),
    boolean("IsDefault", "Whether it is added to every stay.", required=True, deprecated=True),
    string("Name", "Name; replaced by Names.", deprecated=True),
    string("ExternalName", "Name shown to guests; replaced by ExternalNames.", deprecated=True),
    string("ShortName", "Short name; replaced by ShortNames.", deprecated=True),
    string("Description", "Description; replaced by Descriptions.", deprecated=True),
    enum("Charging", CHARGING_MODES, "Replaced by ChargingMode.", required=True, deprecated=True),
    enum("Posting", ("Once", "Daily"), "Replaced by PostingMode.", required=True, deprecated=True),
    json("Pricing", "Replaced by Price.", required=True, deprecated=True),
)

PRODUCT_CATEGORIES = Reference(
    "product_categories",
    "ProductCategory",
    "One row per product category of a service.",
    PRODUCT_CATEGORY_COLUMNS,
    Whole("productCategories/getAll", ("ProductCategories",), parents=(shapes.OF_SERVICES,)),
    vanishes=True,
)

PRODUCTS = Reference(
    "products",
    "Product",
    "One row per product, the nights' own products too.",
    PRODUCT_COLUMNS,
    Whole(
        "products/getAll",
        ("Products", "CustomerProducts"),
        parents=(shapes.OF_SERVICES,),
        # The products of nights are left out otherwise, and order items name them.
        parameters={"IncludeDefault": True},
    ),
    owner=Owner("ServiceId", through="services"),
)
