"""Rates: what a stay is sold at, and how it is counted.

Lives here: the tables rate_groups, rates, business_segments, age_categories and sources.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, integer, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, Reference, Whole

RATE_GROUP_COLUMNS = (
    shapes.row_id("rate group"),
    shapes.SERVICE_ID,
    shapes.IS_ACTIVE,
    shapes.created_utc("rate group"),
    shapes.updated_utc("rate group"),
    shapes.ORDERING,
    shapes.texts("Names", "Name of the group"),
    shapes.texts("ShortNames", "Short name of the group", required=False),
    shapes.texts("Descriptions", "Description of the group", required=False),
    shapes.EXTERNAL_IDENTIFIER,
)

RATE_COLUMNS = (
    shapes.row_id("rate"),
    string("GroupId", "Id of the rate group it is in.", required=True, refers_to="rate_groups"),
    shapes.SERVICE_ID,
    string("BaseRateId", "Id of the rate that its prices depend on.", refers_to="rates"),
    boolean("IsBaseRate", "Whether its prices are set, and depend on no other rate.", required=True),
    shapes.BUSINESS_SEGMENT_ID,
    shapes.IS_ACTIVE,
    boolean("IsEnabled", "Whether it can be booked now.", required=True),
    boolean("IsPublic", "Whether everyone may book it.", required=True),
    boolean("IsDefault", "Whether it is the rate that is proposed first.", required=True),
    enum("Type", ("Public", "Private", "AvailabilityBlock"), "For whom the rate is.", required=True),
    shapes.texts("Names", "Name of the rate"),
    string("ShortName", "Short name of the rate."),
    shapes.updated_utc("rate"),
    shapes.texts("ExternalNames", "Name shown to guests", required=False),
    shapes.texts("Description", "Description of the rate", required=False),
    shapes.EXTERNAL_IDENTIFIER,
    shapes.tax_exemption_reason("rate"),
    string("TaxExemptionLegalReference", "The law that exempts the rate from tax."),
    string("Name", "Name; replaced by Names.", deprecated=True),
)

BUSINESS_SEGMENT_COLUMNS = (
    shapes.row_id("business segment"),
    shapes.SERVICE_ID,
    shapes.IS_ACTIVE,
    string("Name", "Name of the segment.", required=True),
    shapes.created_utc("business segment"),
    shapes.updated_utc("business segment"),
)

AGE_CATEGORY_COLUMNS = (
    shapes.row_id("age category"),
    shapes.SERVICE_ID,
    integer("MinimalAge", "Youngest age in it, in years."),
    integer("MaximalAge", "Oldest age in it, in years."),
    shapes.texts("Names", "Name of the age category"),
    shapes.texts("ShortNames", "Short name of the age category", required=False),
    shapes.created_utc("age category"),
    shapes.updated_utc("age category"),
    enum("Classification", ("Adult", "Child"), "Whether it is of adults or children.", required=True),
    shapes.IS_ACTIVE,
    shapes.EXTERNAL_IDENTIFIER,
)

SOURCE_TYPES = (
    "OnlineTravelAgency",
    "CentralReservationSystem",
    "GlobalDistributionSystem",
    "AlternativeDistributionSystem",
    "SalesAndCateringSystem",
    "PropertyManagementSystem",
    "TourOperatorSystem",
    "OnlineBookingEngine",
    "Kiosk",
    "Agent",
)

SOURCE_COLUMNS = (
    shapes.row_id("source"),
    string("Name", "Name of the source.", required=True),
    enum("Type", SOURCE_TYPES, "What kind of source it is.", required=True),
    shapes.updated_utc("source"),
    integer("Code", "Number by which Mews knows the source.", required=True),
)

RATE_GROUPS = Reference(
    "rate_groups",
    "RateGroup",
    "One row per rate group, deleted ones too: rates with the same conditions of cancellation.",
    RATE_GROUP_COLUMNS,
    Whole(
        "rateGroups/getAll",
        ("RateGroups",),
        parents=(shapes.OF_SERVICES,),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("ServiceId", through="services"),
)

RATES = Reference(
    "rates",
    "Rate",
    "One row per rate, deleted ones too: what a stay is priced by.",
    RATE_COLUMNS,
    Whole(
        "rates/getAll",
        ("Rates",),
        parents=(shapes.OF_SERVICES,),
        parameters={
            "Extent": {"Rates": True, "AvailabilityBlockAssignments": False},
            **shapes.ACTIVE_OR_DELETED,
        },
    ),
    owner=Owner("ServiceId", through="services"),
)

BUSINESS_SEGMENTS = Reference(
    "business_segments",
    "BusinessSegment",
    "One row per business segment, deleted ones too: the kind of business that a stay is counted in.",
    BUSINESS_SEGMENT_COLUMNS,
    Whole("businessSegments/getAll", ("BusinessSegments",), parameters=shapes.ACTIVE_OR_DELETED),
    owner=Owner("ServiceId", through="services"),
)

AGE_CATEGORIES = Reference(
    "age_categories",
    "AgeCategory",
    "One row per age category, deleted ones too: whom prices and numbers of people are counted by.",
    AGE_CATEGORY_COLUMNS,
    Whole("ageCategories/getAll", ("AgeCategories",), parameters=shapes.ACTIVE_OR_DELETED),
    owner=Owner("ServiceId", through="services"),
)

SOURCES = Reference(
    "sources",
    "Source",
    "One row per source: the agency or system through which reservations are made.",
    SOURCE_COLUMNS,
    Whole("sources/getAll", ("Sources",), scope_parameter=""),
    owner=None,
    vanishes=True,
)
