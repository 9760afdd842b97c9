"""Availability: how many resources of each category there are, and what takes them.

Lives here: the table service_availability. Mews sends a matrix of lists; the table has a row per service, category and
time unit, and a column per metric: a report divides one metric by another in the same row, and a new metric is a new
column. There is no row for a service as a whole, because a sum over its categories is exactly that.
"""

from __future__ import annotations

from mews_assets.catalog.columns import integer, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, ParentIds
from mews_assets.catalog.series_model import SPREAD, Matrix, Series, SeriesTable

METRICS = (
    integer("ActiveResources", "Resources that there are."),
    integer("UsableResources", "Of the active resources, those not out of order."),
    integer("OutOfOrderBlocks", "Resources that a block puts out of order."),
    integer("HouseUse", "Resources that the hotel itself uses."),
    integer("Occupied", "Bookings assigned to the category: reservations, and blocks that deduct from it."),
    integer("ConfirmedReservations", "Confirmed reservations assigned to the category."),
    integer("OptionalReservations", "Optional reservations assigned to the category."),
    integer("BlockAvailability", "Resources that availability blocks hold."),
    integer("AllocatedBlockAvailability", "Of these, resources in blocks that deduct from the availability."),
    integer("OtherServiceReservationCount", "Resources that another service occupies."),
    integer("PublicAvailabilityAdjustment", "Resources that somebody added or took away by hand."),
)

SERVICE_AVAILABILITY_COLUMNS = (
    shapes.SERVICE_ID,
    string("ResourceCategoryId", "Id of the category.", required=True, refers_to="resource_categories"),
    utc("TimeUnitStartUtc", "Start of the time unit: of a day, midnight of the hotel.", required=True),
    *METRICS,
)

SERVICE_AVAILABILITY = SeriesTable(
    "service_availability",
    "ServiceAvailability",
    "One row per service, category and time unit, and per time it was found to have changed: what there is, and what "
    "takes it, by Mews' own count.",
    SERVICE_AVAILABILITY_COLUMNS,
    Series(
        "services/getAvailability/2024-01-22",
        first="FirstTimeUnitStartUtc",
        last="LastTimeUnitStartUtc",
        longest=367,
        lookback=14,
        ahead=350,
        matrix=Matrix("TimeUnitStartUtc", "ResourceCategoryAvailabilities", (("Metrics", SPREAD),)),
        scope_parameter="",
        parent=ParentIds("ServiceId", "services", limit=1, only=("Data.Discriminator", "Bookable")),
        parameters={"Metrics": [metric.name for metric in METRICS]},
    ),
    day="TimeUnitStartUtc",
    keyed_by=("ServiceId", "ResourceCategoryId", "TimeUnitStartUtc"),
    owner=Owner("ServiceId", through="services"),
)
