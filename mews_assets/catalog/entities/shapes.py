"""Shapes that several tables share, written once.

Lives here: columns and groups of columns that mean the same wherever they stand, and the values of enums that
more than one table uses. Not here: what only one family of tables has.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, integer, json, number, record, string, utc
from mews_assets.catalog.model import Column, Lookup
from mews_assets.catalog.reference_model import ParentIds

ENTERPRISE_ID = string("EnterpriseId", "Id of the enterprise the row belongs to.", required=True)

SERVICE_ID = string("ServiceId", "Id of the service it is of.", required=True, refers_to="services")

CHAIN_ID = string("ChainId", "Id of the chain the row belongs to.", required=True)

NOTES = string("Notes", "Free text that people wrote about it.", pii=True)

EXTERNAL_IDENTIFIER = string("ExternalIdentifier", "Identifier given to it by another system.")

ACCOUNTING_CATEGORY_ID = string(
    "AccountingCategoryId",
    "Id of the accounting category it is booked under.",
    refers_to="accounting_categories",
)

BUSINESS_SEGMENT_ID = string(
    "BusinessSegmentId", "Id of the business segment it is counted in.", refers_to="business_segments"
)

ORDERING = integer("Ordering", "Place in lists; the lower comes first.", required=True)

CREATOR_PROFILE_ID = string("CreatorProfileId", "Id of the user who created it.", required=True)

UPDATER_PROFILE_ID = string("UpdaterProfileId", "Id of the user who updated it last.", required=True)

BOOKER_ID = string("BookerId", "Id of the customer on whose behalf it was booked.", person=True)

IS_ACTIVE = boolean("IsActive", "Whether it still holds, that is, was not deleted.", required=True)


ACTIVITY_STATE = enum(
    "ActivityState", ("Active", "Deleted"), "Replaced by IsActive.", required=True, deprecated=True
)


def row_id(what: str, *, person: bool = False) -> Column:
    """The id of one record: the same in all of its versions."""
    return string("Id", f"Id of the {what}; the same in all its versions.", required=True, person=person)


def created_utc(what: str, required: bool = True) -> Column:
    return utc("CreatedUtc", f"When the {what} was created.", required=required)


def updated_utc(what: str, required: bool = True) -> Column:
    return utc(
        "UpdatedUtc", f"When the {what} was last changed; tells its versions apart.", required=required
    )


def texts(name: str, what: str, required: bool = True) -> Column:
    """A text in several languages."""
    return json(name, f"{what}, by language.", required=required)


def account_type(required: bool = True) -> Column:
    return enum("AccountType", ("Company", "Customer"), "What the account is.", required=required)


def accounting_state() -> Column:
    values = ("Open", "Closed", "Inactive", "Canceled")
    return enum("AccountingState", values, "Where it stands in accounting.", required=True)


ACTIVE_OR_DELETED = {"ActivityStates": ["Active", "Deleted"]}
"""Requested if the operation allows it: by default pages bring active records only, exports bring all."""

OF_SERVICES = ParentIds("ServiceIds", "services")
"""For operations that answer for the services that are named."""

SERVICES = Lookup("services/getAll", "Services", "ServiceIds")
"""For rows that name their service and not their enterprise."""

PURPOSES = ("Leisure", "Business", "Student")

TITLES = ("Mister", "Miss", "Misses")

CANCELLATION_REASON = enum(
    "CancellationReason",
    (
        "Other",
        "ConfirmationMissed",
        "BookedElsewhere",
        "ForceMajeure",
        "GuestComplaint",
        "NoShow",
        "PriceTooHigh",
        "ServiceNotAvailable",
        "InputError",
        "InvalidPayment",
        "TravelAgency",
        "RequestedByGuest",
        "Update",
        "BookingAbandoned",
        "RequestedByBooker",
    ),
    "Why it was canceled.",
)

TAX_EXEMPTION_REASONS = (
    "Unknown",
    "IT_N1",
    "IT_N2_1",
    "IT_N2_2",
    "IT_N3_4",
    "IT_N3_5",
    "IT_N4",
    "IT_N5",
    "PL_ZW",
    "PL_NP",
    "DE_NATO",
    "FR_261_7",
    "FR_262_00_BIS",
    "FR_293_B",
)


def tax_exemption_reason(what: str) -> Column:
    return enum(
        "TaxExemptionReason", TAX_EXEMPTION_REASONS, f"Why the {what} is exempt from tax, by country."
    )


CURRENCY = string("Currency", "ISO 4217 code of the currency.", required=True)

AMOUNT_COLUMNS = (
    CURRENCY,
    number("NetValue", "Value without taxes, in the currency.", required=True),
    number("GrossValue", "Value with all taxes, in the currency.", required=True),
    record(
        "TaxValues",
        (
            string("Code", "Code of the tax."),
            number("Value", "Tax charged, in the currency.", required=True),
        ),
        "The taxes charged, one per code.",
        required=True,
        is_list=True,
    ),
    record(
        "Breakdown",
        (
            record(
                "Items",
                (
                    string("TaxRateCode", "Code of the tax rate; empty where untaxed."),
                    number("NetValue", "Value the tax is reckoned from, in the currency.", required=True),
                    number("TaxValue", "Tax, in the currency.", required=True),
                ),
                "One line per tax rate.",
                required=True,
                is_list=True,
            ),
        ),
        "The amount broken down by tax rate.",
        required=True,
    ),
)


def amount(name: str, description: str, required: bool = True) -> Column:
    """Money: a currency, net and gross values and the taxes between them."""
    return record(name, AMOUNT_COLUMNS, description, required=required)


def address_columns(pii: bool) -> tuple[Column, ...]:
    """The address of a person, or with `pii` false that of a hotel."""
    return (
        string("Line1", "First line of the address.", pii=pii),
        string("Line2", "Second line of the address.", pii=pii),
        string("City", "City.", pii=pii),
        string("PostalCode", "Postal code.", pii=pii),
        string("CountryCode", "ISO 3166-1 code of the country.", pii=pii),
        string("CountrySubdivisionCode", "ISO 3166-2 code of the region.", pii=pii),
        number("Latitude", "Latitude, in degrees.", pii=pii),
        number("Longitude", "Longitude, in degrees.", pii=pii),
    )


PERSON_COUNTS = record(
    "PersonCounts",
    (
        string("AgeCategoryId", "Id of the age category.", required=True, refers_to="age_categories"),
        integer("Count", "Number of people of that age category.", required=True),
    ),
    "For how many people it was booked, by age category.",
    required=True,
    is_list=True,
)

SERVICE_ORDER_OPTIONS = record(
    "Options",
    (
        boolean("OwnerCheckedIn", "Whether the owner has checked in.", required=True),
        boolean("AllCompanionsCheckedIn", "Whether all companions have checked in.", required=True),
        boolean("AnyCompanionCheckedIn", "Whether any companion has checked in.", required=True),
        boolean("ConnectorCheckIn", "Whether the check-in came through the Connector API.", required=True),
    ),
    "Who has checked in, and how.",
    required=True,
)
