"""The mart occupancy_and_pickup: room nights per stay date, now and as seen before.

Lives here: the mart occupancy_and_pickup. DESCRIPTION is the text that the Dagster UI shows. Not here: storing it
(`make`) and drawing (`plot_parts`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog import table
from mews_assets.lake.current.version_order import order_by
from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.model import DaysPanel, Form, Mart, Plot, Series

DESCRIPTION = """Room nights on the books per stay date: now, as seen 7 and 30 days ago, and the pickup since.

    rooms         = reservations on the books that sleep there that night
    on the books  = State is Confirmed, Started or Processed
                    (not Inquired, Requested, Optional or Canceled)
    nights        = every business day from that of ScheduledStartUtc up to,
                    without, that of ScheduledEndUtc; none within one day
    seen at T     = of every reservation the newest version with UpdatedUtc
                    before T
    pickup over n = rooms - rooms_n_days_ago; below zero where more was canceled
                    than booked

T is the mart's instant, and 7 and 30 days before it. A reservation of which the lake has only versions later than T
(the first pull of a lake brings newest versions only) is inferred: it counts at T if CreatedUtc is before T and
CancelledUtc is not, with the dates of its oldest version. `inferred...` counts those:
the longer the lake has been kept fresh, the fewer. Once versions are a month old there are none, unless the mart is
made as of an instant long past.

Business days are the hotel's (TimeZoneIdentifier, BusinessDayClosingOffset). Services that are booked by time but are
no rooms, such as parking, are rows of their own (`service`). How many rooms there are is not in the lake, so there is
no percentage. A reservation that was not updated since MEWS_START_DATE is not here: older nights are
not whole, nor are coming ones that were booked before it. A stay with invalid dates, or
longer than ten years, is left out, and reported by the check `none_left_out`.
From changes/reservations, reference/enterprises, reference/services."""

LONGEST_STAY = 3653
"""Nights in ten years: longer than any lease by reservation. It limits the rows of one stay: a stay until 9999-12-31,
which means "for ever", would make 2.9 million."""

GIVEN = f"""
WITH moments AS (
    SELECT days_ago, as_of() - to_days(days_ago) AS moment FROM (VALUES (0), (7), (30)) AS asked (days_ago)
),
seen AS (
    SELECT
        days_ago, moment, scope, id, service_id, state, cancelled_utc, scheduled_start_utc, scheduled_end_utc,
        updated_utc >= moment AS is_inferred
    FROM changes.reservations, moments
    WHERE updated_utc < moment OR created_utc < moment
    QUALIFY row_number() OVER (
        PARTITION BY scope, id, days_ago
        ORDER BY
            is_inferred,
            CASE WHEN is_inferred THEN updated_utc END,
            {order_by(table("reservations"))}
    ) = 1
),
stays AS (
    SELECT
        seen.scope, hotels.enterprise, seen.id, seen.service_id, days_ago, is_inferred, arrivals.today,
        {clocks.day_of("arrivals", "scheduled_start_utc")} AS arrival,
        {clocks.day_of("departures", "scheduled_end_utc")} AS departure,
        CASE
            WHEN {faults.HOTEL}
            WHEN scheduled_start_utc IS NULL OR scheduled_end_utc IS NULL
                THEN 'ScheduledStartUtc or ScheduledEndUtc is missing'
            WHEN out_of_range(scheduled_start_utc) OR out_of_range(scheduled_end_utc)
                THEN 'ScheduledStartUtc or ScheduledEndUtc is {faults.OUT_OF_RANGE}'
            WHEN scheduled_end_utc < scheduled_start_utc THEN 'ScheduledEndUtc is before ScheduledStartUtc'
            WHEN departure - arrival > {LONGEST_STAY} THEN 'the stay is longer than {LONGEST_STAY} nights'
        END AS fault
    FROM seen LEFT JOIN hotels ON hotels.enterprise_id = seen.scope
    {clocks.joined("arrivals", "scheduled_start_utc")}
    {clocks.joined("departures", "scheduled_end_utc")}
    WHERE state IN ('Confirmed', 'Started', 'Processed')
        OR (is_inferred AND state = 'Canceled' AND cancelled_utc >= moment)
),
counted AS (
    -- A reservation that is left out at several moments counts once.
    SELECT *, row_number() OVER (PARTITION BY scope, id ORDER BY fault IS NULL, days_ago) = 1 AS is_counted FROM stays
)
SELECT
    scope AS enterprise_id, enterprise, service_id, today, arrival, departure, fault,
    count(*) FILTER (days_ago = 0) AS rooms,
    count(*) FILTER (days_ago = 7) AS rooms_7_days_ago,
    count(*) FILTER (days_ago = 30) AS rooms_30_days_ago,
    count(*) FILTER (days_ago = 0 AND is_inferred) AS inferred,
    count(*) FILTER (days_ago = 7 AND is_inferred) AS inferred_7_days_ago,
    count(*) FILTER (days_ago = 30 AND is_inferred) AS inferred_30_days_ago,
    count(*) FILTER (is_counted) AS items
FROM counted
GROUP BY ALL
"""

_COUNTS = (
    "rooms",
    "rooms_7_days_ago",
    "rooms_30_days_ago",
    "inferred",
    "inferred_7_days_ago",
    "inferred_30_days_ago",
)

# Running sums of arrivals and departures, not night by night: the work grows with stays plus rows, not with nights
# times
# stays.
QUERY = f"""
WITH moves AS (
    SELECT enterprise_id, enterprise, service_id, today, arrival AS day, {", ".join(_COUNTS)}
    FROM given WHERE arrival < departure
    UNION ALL
    SELECT enterprise_id, enterprise, service_id, today, departure, {", ".join(f"-{name}" for name in _COUNTS)}
    FROM given WHERE arrival < departure
),
days AS (
    SELECT
        enterprise_id, enterprise, service_id, today, day, {", ".join(f"sum({name}) AS {name}" for name in _COUNTS)}
    FROM moves
    GROUP BY ALL
),
levels AS (
    SELECT
        enterprise_id, enterprise, service_id, today, day AS first_night,
        lead(day) OVER by_day AS next_day, {", ".join(f"sum({name}) OVER by_day AS {name}" for name in _COUNTS)}
    FROM days
    WINDOW by_day AS (PARTITION BY enterprise_id, service_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
nights AS (
    SELECT
        * EXCLUDE (first_night, next_day),
        CAST(unnest(range(first_night, next_day, INTERVAL 1 DAY)) AS DATE) AS stay_date
    FROM levels
    WHERE rooms + rooms_7_days_ago + rooms_30_days_ago > 0
)
SELECT
    nights.enterprise_id, nights.enterprise, nights.service_id,
    first_text(services.names) AS service,
    nights.stay_date, nights.stay_date - nights.today AS days_ahead,
    rooms, rooms_7_days_ago, rooms_30_days_ago,
    rooms - rooms_7_days_ago AS pickup_7_days,
    rooms - rooms_30_days_ago AS pickup_30_days,
    inferred, inferred_7_days_ago, inferred_30_days_ago
FROM nights LEFT JOIN reference.services services ON services.id = nights.service_id
ORDER BY nights.enterprise, nights.enterprise_id, service, nights.service_id, nights.stay_date
"""

_DAYS_BEFORE, _DAYS_AFTER = 7, 45
"""Days before and after today in the plot."""


_SEEN = (
    ("on the books now", "rooms", Form.LINE),
    ("7 days ago", "rooms_7_days_ago", Form.DASHED),
    ("30 days ago", "rooms_30_days_ago", Form.DOTTED),
)


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Rooms on the books around today as seen at the three moments, a panel per hotel and service."""
    ahead = rows.column("days_ahead")
    near = pc.and_(pc.greater_equal(ahead, -_DAYS_BEFORE), pc.less_equal(ahead, _DAYS_AFTER))
    if grids.is_many(rows):
        coming = rows.filter(pc.fill_null(pc.and_(near, pc.greater_equal(ahead, 0)), False))
        return grids.grid(
            "Rooms on the books", coming, grids.Cell("rooms", by="stay_date", only_complete=False)
        )
    found = rows.filter(pc.fill_null(near, False)).to_pylist()
    has_more = len({(row["enterprise_id"], row["service_id"]) for row in found}) > len(
        {row["enterprise_id"] for row in found}
    )
    shown, others = plot_parts.by_hotel(found, *(["service_id", "service"] if has_more else []))
    first = min((_today(row) for row in found), default=as_of.date()) - timedelta(days=_DAYS_BEFORE)
    days = [first + timedelta(days=number) for number in range(_DAYS_BEFORE + _DAYS_AFTER + 1)]
    panels = [_panel(", ".join(name), own, days) for name, own in shown]
    subtitle = f"per stay date, as of {as_of:%Y-%m-%d %H:%M} UTC"
    seen = sum(row["rooms_30_days_ago"] for row in found)
    if inferred := sum(row["inferred_30_days_ago"] for row in found):
        subtitle += f"; of what was seen 30 days ago, {100 * inferred / seen:.0f} % is inferred"
    return Plot(
        "Rooms on the books, and pickup", subtitle + others, tuple(panels), hotels=plot_parts.hotels_of(found)
    )


def _today(row: plot_parts.Row) -> date:
    found: date = row["stay_date"] - timedelta(days=row["days_ahead"])
    return found


def _panel(name: str, rows: list[plot_parts.Row], days: list[date]) -> DaysPanel:
    today = _today(rows[0])
    by_day = {row["stay_date"]: row for row in rows}
    coming = [row for row in rows if row["days_ahead"] >= 0]
    rooms, pickup = (sum(row[column] for row in coming) for column in ("rooms", "pickup_7_days"))
    return DaysPanel(
        f"{name}: {rooms:,} room nights from today on, {pickup:+,} in the last 7 days",
        "rooms",
        days,
        [
            Series(label, [by_day.get(day, {}).get(column, 0) for day in days], form)
            for label, column, form in _SEEN
        ],
        (today, "today"),
    )


OCCUPANCY_AND_PICKUP = Mart(
    name="occupancy_and_pickup",
    summary="Room nights on the books per stay date: now, as seen 7 and 30 days ago, and the pickup since.",
    description=DESCRIPTION,
    inputs=("changes/reservations", "reference/enterprises", "reference/services"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.text("service_id", "Id of the service the stays are booked from."),
        columns.text("service", "Name of the service, in the first language it has one in."),
        columns.day("stay_date", "The night, by the business day on which it begins."),
        columns.count("days_ahead", "Days from the hotel's business day, as of which the mart was made."),
        columns.count("rooms", "Reservations on the books that sleep there that night."),
        columns.count("rooms_7_days_ago", "The same, as seen 7 days before."),
        columns.count("rooms_30_days_ago", "The same, as seen 30 days before."),
        columns.count("pickup_7_days", "Rooms picked up in the last 7 days."),
        columns.count("pickup_30_days", "Rooms picked up in the last 30 days."),
        columns.count(
            "inferred",
            "Of the rooms, how many are inferred: none, unless the mart is as of a time long past.",
        ),
        columns.count("inferred_7_days_ago", "Of those seen 7 days before, how many are inferred."),
        columns.count("inferred_30_days_ago", "Of those seen 30 days before, how many are inferred."),
    ),
    key=("enterprise_id", "service_id", "stay_date"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.nearest, "days_ahead"),
    named=("enterprise", "service"),
)
