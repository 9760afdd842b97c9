"""Taxes and currencies: what amounts are reckoned by.

Lives here: the tables taxations, tax_rates, tax_environments, currencies and exchange_rates. All but the last are the
same for everyone.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, json, number, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Reference, Whole

TAXATION_COLUMNS = (
    string("Code", "Code of the taxation.", required=True),
    string("Name", "Name of the taxation.", required=True),
    string("LocalName", "Name of the taxation in the language of the country.", required=True),
)

TAX_RATE_COLUMNS = (
    string("Code", "Code of the tax rate, as amounts name it.", required=True),
    string("TaxationCode", "Code of the taxation it is of.", required=True, refers_to="taxations"),
    number("Value", "The rate, as a fraction; of a flat tax, the amount.", required=True),
    record(
        "ValidityInvervalsUtc",  # spelled so by Mews
        (
            utc("StartUtc", "From when on it holds; empty if always.", required=True),
            utc("EndUtc", "Until when it holds; empty if it still does.", required=True),
        ),
        "When the rate holds.",
        is_list=True,
    ),
    record(
        "Strategy",
        (
            enum(
                "Discriminator", ("Relative", "Flat", "Dependent"), "How the tax is reckoned.", required=True
            ),
            json("Value", "Details, in a form that depends on how.", required=True),
        ),
        "How the tax is reckoned.",
        required=True,
    ),
)

TAX_ENVIRONMENT_COLUMNS = (
    string("Code", "Code of the tax environment, as enterprises name it.", required=True),
    string("CountryCode", "ISO 3166-1 code of the country.", required=True, refers_to="countries"),
    utc("ValidityStartUtc", "From when on it holds in this form."),
    utc("ValidityEndUtc", "Until when it holds in this form."),
    string("TaxationCodes", "Codes of its taxations.", required=True, is_list=True),
)

CURRENCY_COLUMNS = (
    string("Code", "ISO 4217 code of the currency.", required=True),
    integer("Precision", "Decimal places of an amount in the currency.", required=True),
)

EXCHANGE_RATE_COLUMNS = (
    shapes.row_id("exchange rate"),
    shapes.ENTERPRISE_ID,
    string("SourceCurrency", "ISO 4217 code of the currency to convert from.", required=True),
    string("TargetCurrency", "ISO 4217 code of the currency to convert to.", required=True),
    number("Value", "Units of the target currency for one of the source currency.", required=True),
)

TAXATIONS = Reference(
    "taxations",
    "Taxation",
    "One row per taxation that Mews knows: a tax with its rates.",
    TAXATION_COLUMNS,
    Whole("taxations/getAll", ("Taxations",), scope_parameter="", paginated=False),
    owner=None,
    for_everyone=True,
    keyed_by=("Code",),
)

TAX_RATES = Reference(
    "tax_rates",
    "TaxRate",
    "One row per tax rate that Mews knows.",
    TAX_RATE_COLUMNS,
    Whole("taxations/getAll", ("TaxRates",), scope_parameter="", paginated=False),
    owner=None,
    for_everyone=True,
    keyed_by=("Code",),
)

TAX_ENVIRONMENTS = Reference(
    "tax_environments",
    "TaxEnvironment",
    "One row per tax environment and time for which it holds: the taxations of a country.",
    TAX_ENVIRONMENT_COLUMNS,
    Whole("taxEnvironments/getAll", ("TaxEnvironments",), scope_parameter="", paginated=False),
    owner=None,
    for_everyone=True,
    keyed_by=("Code", "ValidityStartUtc"),
    is_standard=False,
)

CURRENCIES = Reference(
    "currencies",
    "Currency",
    "One row per currency that Mews knows.",
    CURRENCY_COLUMNS,
    Whole("currencies/getAll", ("Currencies",), scope_parameter="", paginated=False),
    owner=None,
    for_everyone=True,
    keyed_by=("Code",),
    is_standard=False,
)

EXCHANGE_RATES = Reference(
    "exchange_rates",
    "ExchangeRate",
    "One row per pair of currencies of an enterprise and day, in UTC, on which it was read.",
    EXCHANGE_RATE_COLUMNS,
    Whole("exchangeRates/getAll", ("ExchangeRates",), paginated=False),
    daily=True,
)
