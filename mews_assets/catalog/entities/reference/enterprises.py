"""Enterprises and what they consist of.

Lives here: the tables enterprises, services and outlets.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, integer, json, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, Reference, Whole

ENTERPRISE_COLUMNS = (
    shapes.row_id("enterprise"),
    shapes.EXTERNAL_IDENTIFIER,
    string("HoldingKey", "Key of the enterprise within its holding company."),
    shapes.CHAIN_ID,
    string("ChainName", "Name of the chain.", required=True),
    shapes.created_utc("enterprise"),
    shapes.updated_utc("enterprise"),
    string("Name", "Name of the enterprise.", required=True),
    string("ShortName", "Short name of the enterprise."),
    string("TimeZoneIdentifier", "IANA time zone it lives by.", required=True),
    string("LegalEnvironmentCode", "Code of the legal environment.", required=True),
    string("AccommodationEnvironmentCode", "Code of the accommodation environment.", required=True),
    string("AccountingEnvironmentCode", "Code of the accounting environment.", required=True),
    string("TaxEnvironmentCode", "Code of the tax environment.", required=True),
    string("DefaultLanguageCode", "Language and culture it uses by default.", required=True),
    string(
        "AccountingEditableHistoryInterval",
        "How far back accounting data can still change, as an ISO 8601 duration.",
        required=True,
    ),
    string(
        "OperationalEditableHistoryInterval",
        "How far back operational data can still change, as an ISO 8601 duration.",
        required=True,
    ),
    string("BusinessDayClosingOffset", "When the business day ends, as an ISO 8601 duration from midnight."),
    string("WebsiteUrl", "Address of its website."),
    string("Email", "E-mail address of the enterprise."),
    string("Phone", "Phone number of the enterprise."),
    string("LogoImageId", "Id of its logo."),
    string("CoverImageId", "Id of its cover picture."),
    enum("Pricing", ("Gross", "Net"), "Whether prices are set with or without taxes.", required=True),
    integer("TaxPrecision", "Decimal places that taxes are rounded to."),
    string("AddressId", "Id of its address.", required=True),
    record(
        "Address",
        (string("Id", "Id of the address.", required=True), *shapes.address_columns(pii=False)),
        "Where the enterprise stands.",
        required=True,
    ),
    string("GroupNames", "Names of the groups of enterprises it is in.", required=True, is_list=True),
    record(
        "Subscription",
        (string("TaxIdentifier", "Tax number of the enterprise."),),
        "What Mews knows of its subscription.",
        required=True,
    ),
    utc("LinkedUtc", "When the enterprise was connected to the integration.", required=True),
    string(
        "EditableHistoryInterval",
        "How far back data can still change; replaced by the two intervals above.",
        required=True,
        deprecated=True,
    ),
)

SERVICE_COLUMNS = (
    shapes.row_id("service"),
    shapes.ENTERPRISE_ID,
    shapes.IS_ACTIVE,
    json("Names", "Name of the service, by language.", required=True),
    record(
        "Options",
        (boolean("BillAsPackage", "Whether its products are billed as one package.", required=True),),
        "How the service is billed.",
        required=True,
    ),
    integer("Ordering", "Place of the service in lists; the lower comes first.", required=True),
    record(
        "Data",
        (
            enum("Discriminator", ("Bookable", "Additional"), "Whether it is booked by time.", required=True),
            json("Value", "Details, in a form that depends on which it is.", required=True),
        ),
        "Details that depend on the kind of the service.",
        required=True,
    ),
    shapes.EXTERNAL_IDENTIFIER,
    shapes.created_utc("service"),
    shapes.updated_utc("service"),
    string("Name", "Name; replaced by Names.", required=True, deprecated=True),
    string("StartTime", "Usual start; replaced by Data.", deprecated=True),
    string("EndTime", "Usual end; replaced by Data.", deprecated=True),
    json("Promotions", "Promotions; replaced by Data.", deprecated=True),
    string("Type", "Kind of the service; replaced by Data.", deprecated=True),
)

OUTLET_COLUMNS = (
    shapes.row_id("outlet"),
    shapes.IS_ACTIVE,
    string("Name", "Name of the outlet.", required=True),
    shapes.ENTERPRISE_ID,
    shapes.created_utc("outlet"),
    shapes.updated_utc("outlet"),
)

ENTERPRISES = Reference(
    "enterprises",
    "Enterprise",
    "One row per enterprise that a connection sees or has seen.",
    ENTERPRISE_COLUMNS,
    Whole("enterprises/getAll", ("Enterprises",), scope_parameter=""),
    owner=Owner("Id"),
)

SERVICES = Reference(
    "services",
    "Service",
    "One row per service: what can be booked or bought in an enterprise.",
    SERVICE_COLUMNS,
    Whole("services/getAll", ("Services",)),
)

OUTLETS = Reference(
    "outlets",
    "Outlet",
    "One row per outlet: a restaurant, bar or shop whose sales another system reports.",
    OUTLET_COLUMNS,
    Whole("outlets/getAll", ("Outlets",)),
)
