"""What reservations have in common: groups, where they came from, and what may be booked.

Lives here: the tables reservation_groups, source_assignments, reservation_source_assignments and restrictions.
"""

from __future__ import annotations

from datetime import timedelta

from mews_assets.catalog.columns import boolean, enum, number, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.reference.spaces import CATEGORY_TYPES
from mews_assets.catalog.model import Column, Lookup, Pages, Table

RESERVATION_GROUP_COLUMNS = (
    shapes.row_id("reservation group"),
    string("Name", "Name of the group, often that of a guest.", pii=True),
    string("ChannelManager", "Name of the channel manager it came through."),
    string("ChannelManagerGroupNumber", "Number given to it by the channel manager."),
    shapes.ENTERPRISE_ID,
)

SOURCE_ASSIGNMENT_COLUMNS = (
    shapes.row_id("assignment"),
    string("ReservationGroupId", "Id of the reservation group.", required=True),
    string("SourceId", "Id of the source that it came from.", required=True, refers_to="sources"),
    boolean("IsPrimary", "Whether it is the first of the group's sources.", required=True),
)

RESERVATION_SOURCE_ASSIGNMENT_COLUMNS = (
    shapes.row_id("assignment"),
    string("ReservationId", "Id of the reservation.", required=True),
    string("SourceId", "Id of the source that it came from.", required=True, refers_to="sources"),
    boolean("IsPrimary", "Whether it is the first of the reservation's sources.", required=True),
    shapes.updated_utc("assignment"),
)

HOURS = (
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
    "Twenty",
    "TwentyOne",
    "TwentyTwo",
    "TwentyThree",
)


def _price_limit(name: str, which: str) -> Column:
    return record(
        name,
        (
            shapes.CURRENCY,
            number("Value", "Value with taxes, in the currency."),
            number("Net", "Value without taxes, in the currency.", deprecated=True),
            number("Tax", "Tax, in the currency.", deprecated=True),
            number("TaxRate", "Tax rate, as a fraction.", deprecated=True),
        ),
        f"{which} price of a stay that is not restricted.",
    )


RESTRICTION_COLUMNS = (
    shapes.row_id("restriction"),
    shapes.SERVICE_ID,
    shapes.EXTERNAL_IDENTIFIER,
    enum("Origin", ("User", "Integration"), "Who set it.", required=True),
    record(
        "Conditions",
        (
            enum(
                "Type",
                ("Stay", "Start", "End"),
                "What is restricted: staying on a day, arriving, or leaving.",
                required=True,
            ),
            string("ExactRateId", "Id of the rate it is for.", refers_to="rates"),
            string(
                "BaseRateId", "Id of the rate that it is for, with all that depend on it.", refers_to="rates"
            ),
            string("RateGroupId", "Id of the rate group it is for.", refers_to="rate_groups"),
            string(
                "ResourceCategoryId",
                "Id of the resource category it is for.",
                refers_to="resource_categories",
            ),
            enum("ResourceCategoryType", CATEGORY_TYPES, "Type of the resource categories it is for."),
            utc("StartUtc", "Start of the time it is for."),
            utc("EndUtc", "End of the time it is for."),
            string("Days", "Days of the week it is for.", is_list=True),
            record(
                "Hours",
                tuple(
                    boolean(hour, f"Whether it is for the hour from {at}:00.", required=True)
                    for at, hour in enumerate(HOURS)
                ),
                "Hours of the day it is for.",
            ),
        ),
        "What is restricted.",
        required=True,
    ),
    record(
        "Exceptions",
        (
            string("MinAdvance", "Shortest time before the arrival, as an ISO 8601 duration."),
            string("MaxAdvance", "Longest time before the arrival, as an ISO 8601 duration."),
            string("MinLength", "Shortest stay, as an ISO 8601 duration."),
            string("MaxLength", "Longest stay, as an ISO 8601 duration."),
            _price_limit("MinPrice", "Lowest"),
            _price_limit("MaxPrice", "Highest"),
        ),
        "What is not restricted all the same.",
    ),
)

RESERVATION_GROUPS = Table(
    "reservation_groups",
    "ReservationGroup",
    "One row per version of a reservation group: reservations that were made together.",
    RESERVATION_GROUP_COLUMNS,
    Pages("reservationGroups/getAll", "ReservationGroups"),
    window_column=None,
    version_column=None,
    is_standard=False,
)

SOURCE_ASSIGNMENTS = Table(
    "source_assignments",
    "SourceAssignment",
    "One row per version of an assignment of a source to a reservation group.",
    SOURCE_ASSIGNMENT_COLUMNS,
    Pages("sourceAssignments/getAll", "SourceAssignments"),
    scope_column="ReservationGroupId",
    lookup=Lookup("reservationGroups/getAll", "ReservationGroups", "ReservationGroupIds"),
    window_column=None,
    version_column=None,
)

RESERVATION_SOURCE_ASSIGNMENTS = Table(
    "reservation_source_assignments",
    "ReservationSourceAssignment",
    "One row per version of an assignment of a source to a reservation. Mews grants it on request.",
    RESERVATION_SOURCE_ASSIGNMENT_COLUMNS,
    # One enterprise and one month at a time: 28 days never exceed a month.
    Pages(
        "sourceAssignments/getAll/2024-09-20",
        "SourceAssignments",
        max_length=timedelta(days=28),
        max_scopes=1,
    ),
    scope_column=None,
    is_standard=False,
)

RESTRICTIONS = Table(
    "restrictions",
    "Restriction",
    "One row per version of a restriction: what may not be booked. Cleared ones leave no trace.",
    RESTRICTION_COLUMNS,
    Pages("restrictions/getAll", "Restrictions", owned_parameter="ServiceIds"),
    scope_column="ServiceId",
    lookup=shapes.SERVICES,
    window_column=None,
    version_column=None,
    is_standard=False,
)
