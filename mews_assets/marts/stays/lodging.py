"""What a room is: the resources that guests sleep in, each in its category, and the days on which it is there.

Lives here: SQL for lodging categories, the category of each room, and rooms by day. Not here: stays (`stay_sql`), rooms
that are blocked (`performance_counts`).
"""

from __future__ import annotations

from mews_assets.marts import clocks

INPUTS = (
    "reference/enterprises",
    "reference/resources",
    "reference/resource_categories",
    "reference/resource_category_assignments",
)

TYPES = (
    *("Room", "Bed", "Dorm", "Apartment", "Suite", "Villa", "Site", "PrivateSpaces"),
    *("Tent", "CaravanOrRV", "UnequippedCampsite"),
)
"""Types of resource categories in which guests sleep. Not: extra beds, parking, offices, things for hire."""

_TYPES = ", ".join(f"'{name}'" for name in TYPES)


def is_lodging(category: str) -> str:
    """SQL for whether a joined category is of rooms. A category that the reference does not have counts as one."""
    return f"coalesce({category}.type, 'Room') IN ({_TYPES})"


ROOM_CATEGORIES = """
    SELECT assignments.resource_id, assignments.category_id, categories.service_id, categories.type,
        assignments.is_active, assignments.updated_utc
    FROM reference.resource_category_assignments assignments
    JOIN reference.resource_categories categories ON categories.id = assignments.category_id
    QUALIFY row_number() OVER (
        PARTITION BY assignments.resource_id, categories.service_id
        ORDER BY assignments.is_active DESC NULLS LAST, assignments.category_id
    ) = 1
"""
"""The category of each resource in each service that sells it. A resource that is assigned to several categories of one
service counts in the first by id."""

ROOMS = f"""
    SELECT
        rooms.enterprise_id, rooms.resource_id, rooms.category_id,
        CASE WHEN born_utc IS NULL THEN DATE '1970-01-01' ELSE {clocks.day_of("born", "born_utc")} END AS first_day,
        CASE WHEN is_there THEN DATE '9999-12-31' WHEN gone_utc IS NULL THEN DATE '1970-01-01'
            ELSE {clocks.day_of("gone", "gone_utc")} END AS last_day
    FROM (
        SELECT
            resources.enterprise_id, resources.id AS resource_id, own.category_id,
            resources.is_active IS NOT FALSE AND own.is_active IS NOT FALSE AS is_there,
            CASE WHEN NOT out_of_range(resources.created_utc) THEN resources.created_utc END AS born_utc,
            CASE WHEN resources.is_active IS FALSE THEN resources.updated_utc ELSE own.updated_utc END AS left_utc,
            CASE WHEN NOT out_of_range(left_utc) THEN left_utc END AS gone_utc
        FROM reference.resources resources
        JOIN room_categories own ON own.resource_id = resources.id AND own.type IN ({_TYPES})
        -- A dormitory whose beds are sold one by one is not counted beside them.
        WHERE resources.id NOT IN (
            SELECT beds.parent_resource_id
            FROM reference.resources beds JOIN room_categories ON room_categories.resource_id = beds.id
            WHERE beds.parent_resource_id IS NOT NULL AND beds.is_active AND room_categories.type IN ({_TYPES})
        )
    ) rooms
    LEFT JOIN hotels ON hotels.enterprise_id = rooms.enterprise_id
    {clocks.joined("born", "born_utc")}
    {clocks.joined("gone", "gone_utc")}
"""
"""The rooms of all hotels, a row per room and category, with the day from which and before which it is there.

A room is there from the business day of its CreatedUtc. One that is no longer active was there until its UpdatedUtc:
Mews does not say when it was given up."""
