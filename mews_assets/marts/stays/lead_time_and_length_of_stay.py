"""The mart lead_time_and_length_of_stay: how long before arrival stays were booked, and for how many nights.

Lives here: the mart, its text and plot. Not here: what a stay is (`stay_sql`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, grids, preview
from mews_assets.marts.columns import count, text
from mews_assets.marts.model import Mart, Plot
from mews_assets.marts.stays import lodging, stay_sql

SUMMARY = "Reservations and room nights by lead time, length of stay, segment and source, per day of arrival."
DESCRIPTION = f"""{SUMMARY}

    reservations = reservations of rooms that are Confirmed, Started or Processed,
                   by the business day of ScheduledStartUtc
    lead_days    = sum of the business days from CreatedUtc to arrival
    nights       = sum of the nights booked; nights_slept: up to ActualEndUtc
    averages     = lead_days / reservations, nights / reservations

Stays of coming days are here as they are on the books. A reservation that was created after its arrival has a lead
time of 0 days. Source is OriginDetails, the channel's or agency's name. Stays with dates that make no sense are left
out, and reported by the check `none_left_out`.
From current/reservations, reference/enterprises, reference/resources, reference/resource_categories,
reference/resource_category_assignments, reference/business_segments."""

NIGHTS = (0, 1, 2, 3, 4, 5, 7, 14, 29)

GIVEN = f"""
WITH room_categories AS MATERIALIZED ({lodging.ROOM_CATEGORIES}),
stays AS ({stay_sql.stays("current.reservations", with_booking=True)})
SELECT
    scope AS enterprise_id, enterprise, fault, arrival AS business_day, business_segment_id, source,
    {stay_sql.bucket("greatest(0, arrival - booked_on)", stay_sql.LEAD_DAYS)} AS lead_time_from,
    {stay_sql.bucket("departure - arrival", NIGHTS)} AS length_from,
    CAST(sum(greatest(0, arrival - booked_on)) AS BIGINT) AS lead_days,
    CAST(sum(departure - arrival) AS BIGINT) AS nights, CAST(sum(left_on - arrival) AS BIGINT) AS nights_slept,
    count(*) AS items
FROM stays WHERE is_on_the_books
GROUP BY ALL
"""

QUERY = f"""
SELECT
    enterprise_id, given.enterprise, given.business_day, {clocks.is_complete("given", "'reservations'")} AS is_complete,
    lead_time_from, {stay_sql.bucket_name("lead_time_from", stay_sql.LEAD_DAYS, "days")} AS lead_time,
    length_from, {stay_sql.bucket_name("length_from", NIGHTS, "nights")} AS length_of_stay,
    business_segment_id,
    CASE WHEN business_segment_id IS NULL THEN '{stay_sql.NOT_GIVEN}' ELSE segments.name END AS segment,
    coalesce(source, '{stay_sql.NOT_GIVEN}') AS source,
    items AS reservations, nights, nights_slept, lead_days
FROM (
    SELECT given.*, hotels.today, hotels.whole_from FROM given LEFT JOIN hotels USING (enterprise_id)
) given
LEFT JOIN reference.business_segments segments ON segments.id = business_segment_id
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Reservations and room nights of each hotel by lead time."""
    buckets = grids.Buckets(
        "lead_time", "lead_time_from", "reservations", "nights", ("reservations", "room nights")
    )
    subtitle = "by days from booking to arrival, of all stays on the books"
    return grids.by_bucket("Lead time", subtitle, rows, buckets)


LEAD_TIME_AND_LENGTH_OF_STAY = Mart(
    name="lead_time_and_length_of_stay",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=("current/reservations", *lodging.INPUTS, "reference/business_segments"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.day("business_day", "Day of arrival, by the hotel's business day."),
        columns.IS_COMPLETE,
        columns.LEAD_TIME_FROM,
        columns.LEAD_TIME,
        count("length_from", "Fewest nights of the group of lengths, by which they are in order."),
        text("length_of_stay", "Group of lengths of stay, in nights."),
        columns.SEGMENT_ID,
        columns.SEGMENT,
        columns.SOURCE,
        count("reservations", "Number of reservations on the books."),
        count("nights", "Nights booked."),
        count("nights_slept", "Nights slept: fewer where guests left early."),
        count("lead_days", "Sum of the days from booking to arrival."),
    ),
    key=("enterprise_id", "business_day", "lead_time_from", "length_from", "business_segment_id", "source"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "segment"),
)
