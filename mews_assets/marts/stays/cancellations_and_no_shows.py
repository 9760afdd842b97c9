"""The mart cancellations_and_no_shows: what was canceled, how late, and which fees were kept.

Lives here: the mart, its text and plot. Not here: what a stay is (`stay_sql`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.columns import count, money, text
from mews_assets.marts.model import Mart, Plot
from mews_assets.marts.plot_parts import Stack
from mews_assets.marts.stays import lodging, stay_sql

SUMMARY = "Canceled reservations and no-shows by lead time, notice, segment and source, with the fees kept."
DESCRIPTION = f"""{SUMMARY}

    reservations = reservations of rooms with State Canceled, by the business day
                   of CancelledUtc
    kind         = no-show where CancellationReason is NoShow, else canceled
    lead time    = business days from CreatedUtc to arrival
    notice       = business days from CancelledUtc to arrival
    fees         = net of the reservation's order items of Type CancellationFee
    lost revenue = net of its order items that were canceled with it

By days of cancellation, so yesterday's row changes no more when guests cancel today; fees that are charged later are
added to it. For the rate of cancellation, divide by the reservations that were booked:
lead_time_and_length_of_stay has those that stand. Source is OriginDetails. Amounts in another currency than most of a
hotel's, and rows with another fault, are left out, and reported by the check `none_left_out`.
From current/reservations, current/order_items, reference/enterprises, reference/resources,
reference/resource_categories, reference/resource_category_assignments, reference/business_segments."""

NOTICE_DAYS = (0, 1, 2, 4, 8, 15, 31)

GIVEN = f"""
WITH room_categories AS MATERIALIZED ({lodging.ROOM_CATEGORIES}),
canceled AS (FROM current.reservations WHERE state = 'Canceled'),
stays AS ({stay_sql.stays("canceled", "given_stays.cancellation_reason,", with_booking=True)}),
amounts AS (
    SELECT
        items.scope, items.enterprise_id, service_order_id, amount.currency AS currency,
        money(amount.net_value, _exact_numbers, 'Amount.NetValue') AS net, items.type = 'CancellationFee' AS is_fee
    FROM current.order_items items
    WHERE (type = 'CancellationFee' AND coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive'))
        OR (accounting_state = 'Canceled' AND options.canceled_with_reservation
            AND coalesce(type, '') NOT IN ('CityTax', 'CityTaxDiscount', 'Deposit'))
),
currencies AS ({columns.hotel_currencies("amounts")}),
judged AS (
    SELECT
        amounts.*,
        CASE
            WHEN {faults.owner("amounts")}
            WHEN net IS NULL THEN 'NetValue is missing, or {faults.TOO_MUCH}'
            WHEN currency <> own_currency THEN '{faults.OTHER_CURRENCY}'
        END AS fault
    FROM amounts LEFT JOIN currencies ON currencies.scope = amounts.scope
),
fees AS (
    SELECT scope, service_order_id, any_value(currency) AS currency,
        total(CASE WHEN is_fee THEN net ELSE 0 END) AS fee, total(CASE WHEN is_fee THEN 0 ELSE net END) AS lost
    FROM judged WHERE fault IS NULL GROUP BY ALL
)
SELECT
    'stays' AS kind, stays.scope AS enterprise_id, enterprise, canceled_on AS business_day,
    coalesce(cancellation_reason = 'NoShow', false) AS is_no_show, business_segment_id, source,
    coalesce(fault, CASE WHEN canceled_on IS NULL
        THEN 'CancelledUtc is missing, or {faults.OUT_OF_RANGE}' END) AS fault,
    {stay_sql.bucket("greatest(0, arrival - booked_on)", stay_sql.LEAD_DAYS)} AS lead_time_from,
    {stay_sql.bucket("greatest(0, arrival - canceled_on)", NOTICE_DAYS)} AS notice_from,
    CAST(sum(departure - arrival) AS BIGINT) AS nights, max(currency) AS currency,
    coalesce(sum(fee), 0) AS fees, count(*) FILTER (fee > 0) AS with_fee, coalesce(sum(lost), 0) AS lost_revenue,
    count(*) AS items
FROM stays LEFT JOIN fees ON fees.scope = stays.scope AND fees.service_order_id = stays.id
GROUP BY ALL
UNION ALL BY NAME
SELECT 'amounts' AS kind, scope AS enterprise_id, hotels.enterprise, judged.fault, count(*) AS items
FROM judged LEFT JOIN hotels ON hotels.enterprise_id = judged.scope
WHERE judged.fault IS NOT NULL
GROUP BY ALL
"""

QUERY = f"""
SELECT
    enterprise_id, given.enterprise, given.business_day, {clocks.is_complete("given", "'reservations'")} AS is_complete,
    CASE WHEN is_no_show THEN 'no-show' ELSE 'canceled' END AS kind,
    lead_time_from, {stay_sql.bucket_name("lead_time_from", stay_sql.LEAD_DAYS, "days")} AS lead_time,
    notice_from, {stay_sql.bucket_name("notice_from", NOTICE_DAYS, "days")} AS notice,
    business_segment_id,
    CASE WHEN business_segment_id IS NULL THEN '{stay_sql.NOT_GIVEN}' ELSE segments.name END AS segment,
    coalesce(source, '{stay_sql.NOT_GIVEN}') AS source,
    max(currency) OVER (PARTITION BY enterprise_id) AS currency,
    items AS reservations, nights, with_fee AS reservations_with_fee, fees, lost_revenue
FROM (
    SELECT given.*, hotels.today, hotels.whole_from FROM given LEFT JOIN hotels USING (enterprise_id)
) given
LEFT JOIN reference.business_segments segments ON segments.id = business_segment_id
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Reservations canceled on each day, no-shows apart."""
    subtitle, parts = "by the business day of cancellation", ("canceled", "no-show")
    stack = Stack("Cancellations and no-shows", subtitle, "reservations", _kind, parts, unit="reservations")
    return grids.stacked(stack, rows)


def _kind(row: plot_parts.Row) -> str:
    return str(row["kind"])


CANCELLATIONS_AND_NO_SHOWS = Mart(
    name="cancellations_and_no_shows",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=("current/reservations", "current/order_items", *lodging.INPUTS, "reference/business_segments"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.day("business_day", "Day of cancellation, by the hotel's business day."),
        columns.IS_COMPLETE,
        text("kind", "Whether it was canceled, or the guest did not come: canceled or no-show."),
        columns.LEAD_TIME_FROM,
        columns.LEAD_TIME,
        count("notice_from", "Fewest days of the group of notices, by which they are in order."),
        text("notice", "Group of days from the cancellation to arrival."),
        columns.SEGMENT_ID,
        columns.SEGMENT,
        columns.SOURCE,
        columns.CURRENCY,
        count("reservations", "Number of reservations."),
        count("nights", "Nights that they were booked for."),
        count("reservations_with_fee", "Reservations for which a fee above zero was kept."),
        money("fees", "Net fees kept."),
        money("lost_revenue", "Net revenue canceled with them."),
    ),
    key=(
        *("enterprise_id", "business_day", "kind", "lead_time_from", "notice_from"),
        *("business_segment_id", "source"),
    ),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "segment"),
)
