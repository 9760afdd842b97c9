"""What a stay is, and how stays are grouped: SQL over rows with the columns of reservations.

Lives here: a stay's nights by business day, booked and slept; its groups (`DIMENSIONS`) and their names; the versions
seen at earlier moments. Not here: which rooms there are (`lodging`), counting (each mart).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mews_assets.catalog import table
from mews_assets.lake.current.version_order import order_by
from mews_assets.marts import clocks, faults
from mews_assets.marts.stays import lodging

LONGEST_STAY = 3653
"""Nights in ten years: longer than any lease by reservation. It limits the rows of one stay: a stay until 9999-12-31,
which means "for ever", would make 2.9 million."""

ON_THE_BOOKS = "('Confirmed', 'Started', 'Processed')"
"""States of reservations that count: not Inquired, Requested, Optional or Canceled."""


@dataclass(frozen=True)
class Dimension:
    """A way to group stays. `reference` is the table that names its ids, `name` the SQL of a name in it; without a
    table the id is the name."""

    name: str
    column: str
    reference: str = ""
    naming: str = ""


DIMENSIONS = (
    Dimension("resource_category", "category_id", "resource_categories", "first_text(names)"),
    Dimension("segment", "business_segment_id", "business_segments", "name"),
    Dimension("rate", "rate_id", "rates", "first_text(names)"),
    Dimension("source", "source"),
    Dimension("origin", "origin"),
)
COLUMNS = ", ".join(dimension.column for dimension in DIMENSIONS)
INPUTS = (*lodging.INPUTS, "reference/business_segments", "reference/rates")

NOT_GIVEN = "not given"
"""The name of the group of stays that have none."""

NAMES = " UNION ALL ".join(
    f"SELECT '{dimension.name}' AS dimension, id AS value_id, {dimension.naming} AS value "
    f"FROM reference.{dimension.reference}"
    for dimension in DIMENSIONS
    if dimension.reference
)
"""The name of each id of each dimension."""


def value_name(rows: str, names: str) -> str:
    """SQL for the name of a row's `dimension` and `value_id`, with the row of `NAMES` joined."""
    own = ", ".join(f"'{dimension.name}'" for dimension in DIMENSIONS if not dimension.reference)
    return (
        f"CASE WHEN {rows}.value_id IS NULL THEN '{NOT_GIVEN}' "
        f"WHEN {rows}.dimension IN ({own}) THEN {rows}.value_id ELSE {names}.value END"
    )


def by_dimension(dimensions: Sequence[Dimension]) -> str:
    """SQL that makes of each row one row per dimension, with the columns `dimension` and `value_id`."""
    structs = ", ".join(
        f"{{'dimension': '{dimension.name}', 'value_id': CAST({dimension.column} AS VARCHAR)}}"
        for dimension in dimensions
    )
    return f"unnest([{structs}], recursive := true)"


def stays(rows: str, more: str = "", *, with_booking: bool = False) -> str:
    """SQL for the stays in rooms among `rows`: each with its hotel, groups, fault and days. `more` are columns to keep.

    `arrival` up to, without, `departure` are the nights booked; up to `left_on` they were slept: a guest who checked
    out before the day of departure slept less. Needs a CTE `room_categories`. Those `with_booking` have the days
    `booked_on` and `canceled_on` too, null where they are not known.
    """
    moments = {"booked_on": "created_utc", "canceled_on": "cancelled_utc"} if with_booking else {}
    booking_days = "".join(
        f"CASE WHEN NOT out_of_range(given_stays.{moment}) "
        f"THEN {clocks.day_of(day, f'given_stays.{moment}')} END AS {day}, "
        for day, moment in moments.items()
    )
    booking_clocks = " ".join(clocks.joined(day, f"given_stays.{moment}") for day, moment in moments.items())
    end = "coalesce(actual_end_utc, scheduled_end_utc)"
    return f"""
    SELECT
        given_stays.scope, hotels.enterprise, given_stays.id, {more} {booking_days}
        coalesce(room.category_id, given_stays.requested_resource_category_id) AS category_id,
        given_stays.business_segment_id, given_stays.rate_id, given_stays.origin_details AS source, given_stays.origin,
        given_stays.state IN {ON_THE_BOOKS} AS is_on_the_books,
        {clocks.day_of("arrivals", "scheduled_start_utc")} AS arrival,
        {clocks.day_of("departures", "scheduled_end_utc")} AS departure,
        CASE WHEN given_stays.state = 'Processed' AND NOT out_of_range(actual_end_utc)
            THEN greatest(arrival, least(departure, {clocks.day_of("leaving", end)}))
            ELSE departure END AS left_on,
        CASE
            WHEN {faults.HOTEL}
            WHEN scheduled_start_utc IS NULL OR scheduled_end_utc IS NULL
                THEN 'ScheduledStartUtc or ScheduledEndUtc is missing'
            WHEN out_of_range(scheduled_start_utc) OR out_of_range(scheduled_end_utc)
                THEN 'ScheduledStartUtc or ScheduledEndUtc is {faults.OUT_OF_RANGE}'
            WHEN scheduled_end_utc < scheduled_start_utc THEN 'ScheduledEndUtc is before ScheduledStartUtc'
            WHEN departure - arrival > {LONGEST_STAY} THEN 'longer than ten years'
        END AS fault
    FROM {rows} given_stays
    LEFT JOIN hotels ON hotels.enterprise_id = given_stays.scope
    LEFT JOIN room_categories room
        ON room.resource_id = given_stays.assigned_resource_id AND room.service_id = given_stays.service_id
    LEFT JOIN reference.resource_categories category
        ON category.id = coalesce(room.category_id, given_stays.requested_resource_category_id)
    {clocks.joined("arrivals", "scheduled_start_utc")}
    {clocks.joined("departures", "scheduled_end_utc")}
    {clocks.joined("leaving", end)} {booking_clocks}
    WHERE {lodging.is_lodging("category")}
    """


def seen(days: Sequence[int]) -> str:
    """SQL for the version of every reservation as seen so many days before the mart's instant, with `days_ago` and
    `moment`. Where there are later versions only, it is the oldest of them, `is_inferred`."""
    asked = ", ".join(f"({number})" for number in days)
    return f"""
    SELECT versions.*, days_ago, moment, updated_utc >= moment AS is_inferred
    FROM changes.reservations versions, (
        SELECT days_ago, as_of() - to_days(days_ago) AS moment FROM (VALUES {asked}) AS asked (days_ago)
    ) moments
    WHERE updated_utc < moment OR created_utc < moment
    QUALIFY row_number() OVER (
        PARTITION BY scope, id, days_ago
        ORDER BY is_inferred, CASE WHEN is_inferred THEN updated_utc END, {order_by(table("reservations"))}
    ) = 1
    """


def bucket(days: str, starts: Sequence[int]) -> str:
    """SQL for the start of the bucket that a number of days is in; below the first it is the first."""
    branches = " ".join(f"WHEN {days} >= {start} THEN {start}" for start in sorted(starts, reverse=True))
    return f"CASE WHEN {days} IS NULL THEN NULL {branches} ELSE {min(starts)} END"


def bucket_name(start: str, starts: Sequence[int], unit: str) -> str:
    """SQL for the name of the bucket with that start, such as `4-7 days`."""
    order = sorted(starts)
    names = [f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(order)]
    named = zip(order, [*names, f"{order[-1]}+"], strict=True)
    one = unit.removesuffix("s")
    branches = " ".join(f"WHEN {low} THEN '{name} {one if name == '1' else unit}'" for low, name in named)
    return f"CASE {start} {branches} ELSE 'not known' END"


LEAD_DAYS = (0, 1, 2, 4, 8, 15, 31, 61, 91, 181)
"""Starts of the buckets of days before arrival."""
