"""Availability: spaces that are not for sale, because of groups and repairs.

Lives here: the tables availability_adjustments, availability_blocks and resource_blocks.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, number, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, Table

FIRST_TIME_UNIT = utc(
    "FirstTimeUnitStartUtc", "Start of the first time unit (night, say) it covers.", required=True
)

LAST_TIME_UNIT = utc(
    "LastTimeUnitStartUtc", "Start of the last time unit (night, say) it covers.", required=True
)

AVAILABILITY_ADJUSTMENT_COLUMNS = (
    shapes.row_id("availability adjustment"),
    string("AvailabilityBlockId", "Id of the availability block it is part of."),
    string(
        "ResourceCategoryId",
        "Id of the resource category whose availability it changes.",
        required=True,
        refers_to="resource_categories",
    ),
    FIRST_TIME_UNIT,
    LAST_TIME_UNIT,
    integer("UnitCount", "Number of units it adjusts availability by; may be negative.", required=True),
    utc("ReleaseOverrideUtc", "When it is released, in place of its block's own rule."),
    shapes.updated_utc("availability adjustment"),
    shapes.IS_ACTIVE,
    record(
        "PaxCounts",
        (
            integer("PersonCount", "Number of people in one unit.", required=True),
            integer("UnitCount", "Number of units with that many people.", required=True),
        ),
        "How many people are expected, by number of people in a unit.",
        is_list=True,
    ),
    utc("FirstTimeUnitReleaseUtc", "When its first time unit is released, by whichever rule holds."),
    utc("StartUtc", "Start; replaced by FirstTimeUnitStartUtc.", deprecated=True),
    utc("EndUtc", "End; replaced by LastTimeUnitStartUtc.", deprecated=True),
    shapes.ACTIVITY_STATE,
)

AVAILABILITY_BLOCK_COLUMNS = (
    shapes.row_id("availability block"),
    shapes.ENTERPRISE_ID,
    string("ServiceId", "Id of the service the block is of.", required=True, refers_to="services"),
    string("RateId", "Id of the rate the block is sold at.", required=True, refers_to="rates"),
    string("VoucherId", "Id of the voucher that opens the rate.", refers_to="vouchers"),
    shapes.BOOKER_ID,
    string("CompanyId", "Id of the company the block is for."),
    string("TravelAgencyId", "Id of the company that mediated it."),
    record(
        "Budget",
        (
            shapes.CURRENCY,
            number("Value", "Value with taxes, in the currency."),
            number("Net", "Value without taxes, in the currency.", deprecated=True),
            number("Tax", "Tax, in the currency.", deprecated=True),
            number("TaxRate", "Tax rate, as a fraction.", deprecated=True),
        ),
        "Price that the reservations of the block should come to.",
    ),
    enum(
        "State",
        ("Confirmed", "Optional", "Inquired", "Canceled"),
        "How firm the block is; only Confirmed and Optional take away from what is free.",
        required=True,
    ),
    enum("ReservationPurpose", shapes.PURPOSES, "Why the group travels."),
    shapes.created_utc("availability block"),
    shapes.updated_utc("availability block"),
    FIRST_TIME_UNIT,
    LAST_TIME_UNIT,
    utc("ReleasedUtc", "When what is left of the block is released, at once."),
    string("RollingReleaseOffset", "How long before each day it is released, as an ISO 8601 duration."),
    shapes.EXTERNAL_IDENTIFIER,
    string("Name", "Name of the block, often that of the group.", pii=True),
    shapes.NOTES,
    enum(
        "PickupDistribution",
        ("AllInOneGroup", "IndividualGroups"),
        "Whether its reservations form one group or several.",
        required=True,
    ),
    shapes.IS_ACTIVE,
    string("QuoteId", "Id of the quote in Mews Events."),
    string("AvailabilityBlockNumber", "Number of the block in Mews.", required=True),
    enum(
        "ReleaseStrategy",
        ("FixedRelease", "RollingRelease", "None"),
        "Whether it is released at once, day by day, or not by itself.",
        required=True,
    ),
    string("PurchaseOrderNumber", "Number of the payer's purchase order."),
    shapes.BUSINESS_SEGMENT_ID,
    utc("CanceledUtc", "When the block was canceled."),
    shapes.CANCELLATION_REASON,
    string("CancellationReasonDetail", "Free text on why it was canceled.", pii=True),
)

RESOURCE_BLOCK_COLUMNS = (
    shapes.row_id("resource block"),
    shapes.ENTERPRISE_ID,
    string(
        "AssignedResourceId",
        "Id of the resource (a room, say) that is blocked.",
        required=True,
        refers_to="resources",
    ),
    shapes.IS_ACTIVE,
    enum("Type", ("OutOfOrder", "InternalUse"), "What kind of block it is.", required=True),
    utc("StartUtc", "Start of the block.", required=True),
    utc("EndUtc", "End of the block.", required=True),
    shapes.created_utc("resource block"),
    shapes.updated_utc("resource block"),
    utc("DeletedUtc", "When the block was deleted."),
    string("Name", "What the block is for.", required=True),
    shapes.NOTES,
)

AVAILABILITY_ADJUSTMENTS = Table(
    "availability_adjustments",
    "AvailabilityAdjustment",
    "One row per version of an availability adjustment: by how many units a category is adjusted.",
    AVAILABILITY_ADJUSTMENT_COLUMNS,
    Export("AvailabilityAdjustment"),
    scope_column=None,
    alternative=Pages(
        "availabilityAdjustments/getAll", "AvailabilityAdjustments", parameters=shapes.ACTIVE_OR_DELETED
    ),
)

AVAILABILITY_BLOCKS = Table(
    "availability_blocks",
    "AvailabilityBlock",
    "One row per version of an availability block: space held for a group.",
    AVAILABILITY_BLOCK_COLUMNS,
    Export("AvailabilityBlock"),
    alternative=Pages(
        "availabilityBlocks/getAll",
        "AvailabilityBlocks",
        parameters={"Extent": {"AvailabilityBlocks": True}, **shapes.ACTIVE_OR_DELETED},
    ),
)

RESOURCE_BLOCKS = Table(
    "resource_blocks",
    "ResourceBlock",
    "One row per version of a resource block: a room or other resource out of order, or used by the house.",
    RESOURCE_BLOCK_COLUMNS,
    Export("ResourceBlock"),
    alternative=Pages("resourceBlocks/getAll", "ResourceBlocks", parameters=shapes.ACTIVE_OR_DELETED),
)
