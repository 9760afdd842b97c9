"""The mart pickup: rooms on the books per stay date, now and as seen 1, 7, 14 and 28 days ago, by dimension.

Lives here: the mart, its text and plot. Not here: what a stay is (`stay_sql`), services that are no rooms
(`occupancy_and_pickup`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.marts import columns, grids, plot_parts, preview
from mews_assets.marts.columns import count
from mews_assets.marts.model import DaysPanel, Mart, Plot, Series
from mews_assets.marts.stays import lodging, stay_sql
from mews_assets.marts.stays.stay_sql import Dimension

DAYS_AGO = (1, 7, 14, 28)

SUMMARY = "Rooms on the books per stay date, now and as seen 1, 7, 14 and 28 days ago, by dimension."
DESCRIPTION = f"""{SUMMARY}

    rooms         = reservations of rooms that are Confirmed, Started or Processed
                    and stay there that night, by the dates that were booked
    seen at T     = of every reservation the newest version with UpdatedUtc
                    before T: the mart's instant, and so many days before it
    pickup over n = rooms - rooms_n_days_ago; below zero where more was canceled
                    than booked
    dimension     = hotel, resource_category, segment, rate, source or origin, as
                    the reservation had it at T

Filter by one `dimension`: each of them counts every stay; `hotel` has no groups. Only coming nights and the last 28
have rows. A reservation of which the lake has only versions later than T is inferred: it counts if CreatedUtc is before
T and CancelledUtc is not, with the dates of its oldest version; `inferred` counts those, over the four earlier moments.
A reservation that was not updated since MEWS_START_DATE is not here, of coming nights neither. Source is
OriginDetails. Stays with dates that make no sense are left out, and reported by the check `none_left_out`.
From changes/reservations, reference/enterprises, reference/resources, reference/resource_categories,
reference/resource_category_assignments, reference/business_segments, reference/rates."""

_NAMES = ("rooms", *(f"rooms_{days}_days_ago" for days in DAYS_AGO), "inferred")
_MOMENTS = (0, *DAYS_AGO)
_DIMENSIONS = (Dimension("hotel", "NULL"), *stay_sql.DIMENSIONS)

# A canceled reservation of which there are later versions only was on the books before it was canceled.
GIVEN = f"""
WITH room_categories AS MATERIALIZED ({lodging.ROOM_CATEGORIES}),
seen AS ({stay_sql.seen(_MOMENTS)}),
booked AS (
    FROM seen WHERE state IN {stay_sql.ON_THE_BOOKS} OR (is_inferred AND state = 'Canceled' AND cancelled_utc >= moment)
),
stays AS ({stay_sql.stays("booked", "days_ago, is_inferred,")}),
counted AS (
    -- A reservation that is left out at several moments counts once.
    SELECT *, row_number() OVER (PARTITION BY scope, id ORDER BY fault IS NULL, days_ago) = 1 AS is_counted FROM stays
)
SELECT
    scope AS enterprise_id, enterprise, fault, {stay_sql.COLUMNS}, arrival, departure,
    {", ".join(f"count(*) FILTER (days_ago = {days}) AS {name}" for days, name in zip(_MOMENTS, _NAMES, strict=False))},
    count(*) FILTER (is_inferred AND days_ago > 0) AS inferred,
    count(*) FILTER (is_counted) AS items
FROM counted
GROUP BY ALL
"""

QUERY = f"""
WITH parted AS (SELECT *, {stay_sql.by_dimension(_DIMENSIONS)} FROM given WHERE arrival < departure),
moves AS (
    SELECT enterprise_id, dimension, value_id, arrival AS day, {", ".join(_NAMES)} FROM parted
    UNION ALL
    SELECT enterprise_id, dimension, value_id, departure, {", ".join(f"-{name}" for name in _NAMES)} FROM parted
),
days AS (
    SELECT enterprise_id, dimension, value_id, day, {", ".join(f"sum({name}) AS {name}" for name in _NAMES)}
    FROM moves GROUP BY ALL
),
levels AS (
    SELECT
        enterprise_id, dimension, value_id, day AS first_night, lead(day) OVER by_day AS next_day,
        {", ".join(f"sum({name}) OVER by_day AS {name}" for name in _NAMES)}
    FROM days
    WINDOW by_day AS (PARTITION BY enterprise_id, dimension, value_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
nights AS (
    SELECT
        levels.* EXCLUDE (first_night, next_day), hotels.enterprise, hotels.today,
        CAST(unnest(range(greatest(first_night, today - {max(DAYS_AGO)}), next_day, INTERVAL 1 DAY)) AS DATE)
            AS stay_date
    FROM levels JOIN hotels USING (enterprise_id)
    WHERE {" + ".join(_NAMES[:-1])} > 0
),
names AS ({stay_sql.NAMES})
SELECT
    nights.enterprise_id, nights.enterprise, nights.dimension, nights.value_id,
    CASE nights.dimension WHEN 'hotel' THEN 'all' ELSE {stay_sql.value_name("nights", "names")} END AS value,
    nights.stay_date, nights.stay_date - nights.today AS days_ahead, {", ".join(_NAMES)},
    {", ".join(f"rooms - rooms_{days}_days_ago AS pickup_{days}_days" for days in DAYS_AGO)}
FROM nights LEFT JOIN names ON names.dimension = nights.dimension AND names.value_id = nights.value_id
ORDER BY nights.enterprise, nights.enterprise_id, nights.dimension, value, nights.value_id, nights.stay_date
"""

_DAYS_AFTER = 45
"""Days from today in the plot."""
_MOST_PARTS = 5


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Rooms picked up in the last 7 days per coming night, by segment, a panel per hotel; of many hotels, the rooms on
    the books as a grid."""
    is_segment = pc.equal(rows.column("dimension"), "segment")
    coming = rows.filter(pc.fill_null(pc.and_(is_segment, _is_near(rows)), False))
    if grids.is_many(coming):
        return grids.grid(
            "Pickup: rooms on the books", coming, grids.Cell("rooms", by="stay_date", only_complete=False)
        )
    found = coming.to_pylist()
    sizes: dict[str, int] = {}
    for row in found:
        sizes[_value(row)] = sizes.get(_value(row), 0) + abs(row["pickup_7_days"])
    parts = sorted(sorted(sizes, key=lambda name: -sizes[name])[:_MOST_PARTS])
    shown, others = plot_parts.by_hotel(found)
    first = min((row["stay_date"] - timedelta(days=row["days_ahead"]) for row in found), default=as_of.date())
    days = [first + timedelta(days=number) for number in range(_DAYS_AFTER + 1)]
    panels = [_panel(name, own, parts, days) for (name,), own in shown]
    subtitle = (
        f"rooms picked up in the last 7 days, per stay date and segment, as of {as_of:%Y-%m-%d %H:%M} UTC"
    )
    return Plot("Pickup", subtitle + others, tuple(panels), hotels=plot_parts.hotels_of(found))


def _is_near(rows: pa.Table) -> pa.ChunkedArray:
    ahead = rows.column("days_ahead")
    return pc.and_(pc.greater_equal(ahead, 0), pc.less_equal(ahead, _DAYS_AFTER))


def _panel(name: str, rows: list[plot_parts.Row], parts: list[str], days: list[date]) -> DaysPanel:
    sums: dict[tuple[str, date], float] = {}
    for row in rows:
        key = _value(row) if _value(row) in parts else plot_parts.OTHER, row["stay_date"]
        sums[key] = sums.get(key, 0.0) + row["pickup_7_days"]
    found = {label for label, _ in sums}
    week, month = (sum(row[f"pickup_{number}_days"] for row in rows) for number in (7, 28))
    return DaysPanel(
        f"{name}: {week:+,} room nights in the last 7 days, {month:+,} in 28, for the next {_DAYS_AFTER} days",
        "rooms",
        days,
        [
            Series(label, [sums.get((label, day), 0.0) for day in days])
            for label in dict.fromkeys((*parts, plot_parts.OTHER))
            if label in found
        ],
    )


def _value(row: plot_parts.Row) -> str:
    return str(row["value"] or row["value_id"])


PICKUP = Mart(
    name="pickup",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=("changes/reservations", *stay_sql.INPUTS),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.text(
            "dimension",
            "What the row is grouped by: hotel, resource_category, segment, rate, source or origin. Filter by one.",
        ),
        columns.VALUE_ID,
        columns.text("value", "Name of the group; `all` for the hotel, `not given` for stays without one."),
        columns.day("stay_date", "The night, by the business day on which it begins."),
        count("days_ahead", "Days from the hotel's business day, as of which the mart was made."),
        count("rooms", "Rooms on the books for that night."),
        *(count(f"rooms_{days}_days_ago", f"The same, as seen {days} days before.") for days in DAYS_AGO),
        *(count(f"pickup_{days}_days", f"Rooms picked up in the last {days} days.") for days in DAYS_AGO),
        count("inferred", "Of the rooms at the earlier moments, how many are inferred."),
    ),
    key=("enterprise_id", "dimension", "value_id", "stay_date"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.nearest, "days_ahead"),
    named=("enterprise", "value"),
)
