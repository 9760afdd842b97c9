"""Daily performance from what was counted: rooms, nights and money added up by business day.

Lives here: the query of both marts of daily performance. Not here: counting the lake's rows (`performance_counts`), the
marts themselves (`daily_performance`).
"""

from __future__ import annotations

from collections.abc import Sequence

from mews_assets.marts import clocks
from mews_assets.marts.stays import lodging, stay_sql
from mews_assets.marts.stays.performance_counts import SUMS
from mews_assets.marts.stays.stay_sql import Dimension

CLOSED_NIGHTS = 183
"""A block of six months or longer closes a room: by USALI it is not available then."""

_HOTEL = Dimension("hotel", "NULL")
_SUMS = [f"{name}_{part}" for name in SUMS for part in ("wholes", "fractions")]


def query(dimensions: Sequence[Dimension] = (_HOTEL,)) -> str:
    """The rows of the mart: for each hotel, dimension, group and business day that is over."""
    return f"""
WITH room_categories AS MATERIALIZED ({lodging.ROOM_CATEGORIES}),
rooms AS MATERIALIZED ({lodging.ROOMS}),
parted AS (SELECT *, {stay_sql.by_dimension(dimensions)} FROM given WHERE kind <> 'blocks'),
moves AS (
    SELECT enterprise_id, dimension, value_id, arrival AS day, stays AS booked, stays AS occupied
    FROM parted WHERE kind = 'stays'
    UNION ALL
    SELECT enterprise_id, dimension, value_id, departure, -stays, 0 FROM parted WHERE kind = 'stays'
    UNION ALL
    SELECT enterprise_id, dimension, value_id, left_on, 0, -stays FROM parted WHERE kind = 'stays'
),
levels AS (
    SELECT
        enterprise_id, dimension, value_id, day AS first_night, lead(day) OVER by_day AS next_day,
        sum(booked) OVER by_day AS booked, sum(occupied) OVER by_day AS occupied
    FROM (SELECT enterprise_id, dimension, value_id, day, sum(booked) AS booked, sum(occupied) AS occupied
        FROM moves GROUP BY ALL)
    WINDOW by_day AS (PARTITION BY enterprise_id, dimension, value_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
facts AS (
    SELECT
        enterprise_id, dimension, value_id, booked, occupied, 0 AS free,
        CAST(unnest(range(first_night, least(next_day, today), INTERVAL 1 DAY)) AS DATE) AS business_day,
        {", ".join(f"0 AS {name}" for name in _SUMS)}
    FROM levels JOIN hotels USING (enterprise_id)
    WHERE booked > 0
    UNION ALL BY NAME
    SELECT
        enterprise_id, dimension, value_id, business_day, 0 AS booked, 0 AS occupied,
        CASE kind WHEN 'free' THEN stays ELSE 0 END AS free,
        {", ".join(f"coalesce({name}, 0) AS {name}" for name in _SUMS)}
    FROM parted JOIN hotels USING (enterprise_id)
    WHERE kind <> 'stays' AND business_day < today
),
added AS (
    SELECT
        enterprise_id, dimension, value_id, business_day, sum(booked) AS booked, sum(occupied) AS occupied,
        sum(free) AS free, {", ".join(f"sum({name}) AS {name}" for name in _SUMS)}
    FROM facts GROUP BY ALL
),
hotel_days AS MATERIALIZED (
    SELECT enterprise_id, CAST(unnest(range(first_day, today, INTERVAL 1 DAY)) AS DATE) AS business_day
    FROM (SELECT enterprise_id, min(business_day) AS first_day FROM added GROUP BY ALL)
    JOIN hotels USING (enterprise_id)
),
block_nights AS (
    -- Of several blocks of a room in one night, that which matters most: closed, out of order, house use.
    SELECT
        enterprise_id, resource_id, days.business_day,
        max(CASE WHEN departure - arrival >= {CLOSED_NIGHTS} THEN 3 WHEN is_house_use THEN 1 ELSE 2 END) AS block
    FROM given JOIN hotel_days days USING (enterprise_id)
    WHERE kind = 'blocks' AND arrival <= days.business_day AND days.business_day < departure
    GROUP BY ALL
),
-- Rooms by day are running sums too: of the days on which rooms come, go, or are blocked.
room_moves AS (
    SELECT enterprise_id, resource_id, category_id, first_day AS day, 1 AS change FROM rooms WHERE first_day < last_day
    UNION ALL
    SELECT enterprise_id, resource_id, category_id, last_day, -1 FROM rooms WHERE first_day < last_day
),
room_levels AS (
    SELECT
        enterprise_id, category_id, day,
        sum(change) OVER (PARTITION BY enterprise_id, category_id ORDER BY day ROWS UNBOUNDED PRECEDING) AS rooms
    FROM (
        SELECT enterprise_id, category_id, day, sum(change) AS change FROM room_moves GROUP BY ALL
        UNION ALL
        SELECT enterprise_id, NULL, day, sum(change)
        FROM (SELECT DISTINCT enterprise_id, resource_id, day, change FROM room_moves) GROUP BY enterprise_id, day
    )
),
blocked AS (
    SELECT
        rooms.enterprise_id, unnest([NULL, rooms.category_id]) AS category_id, business_day, rooms.resource_id, block
    FROM block_nights JOIN rooms
        ON rooms.enterprise_id = block_nights.enterprise_id AND rooms.resource_id = block_nights.resource_id
        AND rooms.first_day <= business_day AND business_day < rooms.last_day
),
blocked_by_day AS (
    SELECT
        enterprise_id, category_id, business_day,
        count(DISTINCT resource_id) FILTER (block = 3) AS closed,
        count(DISTINCT resource_id) FILTER (block = 2) AS out_of_order,
        count(DISTINCT resource_id) FILTER (block = 1) AS house_use
    FROM blocked GROUP BY ALL
),
room_keys AS (SELECT DISTINCT enterprise_id, category_id FROM room_levels),
rooms_by_day AS MATERIALIZED (
    SELECT
        days.enterprise_id, days.category_id, days.business_day,
        coalesce(room_levels.rooms, 0) - coalesce(closed, 0) AS available,
        coalesce(closed, 0) AS closed, coalesce(out_of_order, 0) AS out_of_order, coalesce(house_use, 0) AS house_use
    FROM (FROM hotel_days JOIN room_keys USING (enterprise_id)) days
    ASOF LEFT JOIN room_levels ON room_levels.enterprise_id = days.enterprise_id
        AND coalesce(room_levels.category_id, '') = coalesce(days.category_id, '')
        AND room_levels.day <= days.business_day
    LEFT JOIN blocked_by_day blocked ON blocked.enterprise_id = days.enterprise_id
        AND blocked.category_id IS NOT DISTINCT FROM days.category_id AND blocked.business_day = days.business_day
),
keys AS (
    SELECT enterprise_id, dimension, value_id, business_day FROM added
    UNION
    {_days_without_facts(dimensions)}
),
currencies AS (SELECT enterprise_id, min(currency) AS currency FROM given WHERE kind = 'money' GROUP BY ALL),
names AS ({stay_sql.NAMES}),
days AS (
    SELECT
        keys.*, hotels.enterprise, hotels.today, hotels.whole_from, hotels.final_before, currencies.currency,
        {stay_sql.value_name("keys", "names")} AS value,
        hotel_rooms.available AS hotel_available,
        {", ".join(_own_rooms(name) for name in ("available", "closed", "out_of_order", "house_use"))},
        coalesce(added.booked, 0) AS booked, coalesce(added.occupied, 0) AS occupied, coalesce(added.free, 0) AS free,
        {", ".join(_total(name) for name in SUMS)}
    FROM keys
    LEFT JOIN added ON added.enterprise_id = keys.enterprise_id AND added.dimension = keys.dimension
        AND added.value_id IS NOT DISTINCT FROM keys.value_id AND added.business_day = keys.business_day
    LEFT JOIN hotels ON hotels.enterprise_id = keys.enterprise_id
    LEFT JOIN currencies ON currencies.enterprise_id = keys.enterprise_id
    LEFT JOIN names ON names.dimension = keys.dimension AND names.value_id = keys.value_id
    LEFT JOIN rooms_by_day hotel_rooms ON hotel_rooms.enterprise_id = keys.enterprise_id
        AND hotel_rooms.category_id IS NULL AND hotel_rooms.business_day = keys.business_day
    LEFT JOIN rooms_by_day own_rooms ON own_rooms.enterprise_id = keys.enterprise_id
        AND own_rooms.category_id = keys.value_id AND own_rooms.business_day = keys.business_day
)
SELECT
    enterprise_id, enterprise, dimension, value_id, value, business_day,
    {clocks.is_complete("days", "'reservations'", "'order_items'", "'outlet_items'", gaps=True)} AS is_complete,
    business_day < final_before AS is_final, currency,
    available AS rooms_available, out_of_order AS rooms_out_of_order, house_use AS rooms_house_use,
    closed AS rooms_closed, occupied AS rooms_occupied, free AS rooms_complimentary, occupied - free AS rooms_sold,
    booked AS rooms_booked,
    rooms_revenue, total_revenue, outlet_revenue,
    per(CAST(100 * (occupied - free) AS DECIMAL(38, 10)), coalesce(available, hotel_available)) AS occupancy_percent,
    per(rooms_revenue, occupied - free) AS adr,
    per(rooms_revenue, coalesce(available, hotel_available)) AS revpar,
    per(total_revenue, coalesce(available, hotel_available)) AS trevpar
FROM days
ORDER BY enterprise, enterprise_id, dimension, value, value_id, business_day
"""


def _days_without_facts(dimensions: Sequence[Dimension]) -> str:
    """Hotels and categories have a row for every day, because their rooms were there."""
    if any(dimension.name == "resource_category" for dimension in dimensions):
        return (
            "SELECT enterprise_id, 'resource_category', category_id, business_day FROM rooms_by_day "
            "WHERE category_id IS NOT NULL AND available > 0"
        )
    return "SELECT enterprise_id, 'hotel', NULL, business_day FROM hotel_days"


def _own_rooms(name: str) -> str:
    return (
        f"CASE keys.dimension WHEN 'hotel' THEN hotel_rooms.{name} "
        f"WHEN 'resource_category' THEN own_rooms.{name} END AS {name}"
    )


def _total(name: str) -> str:
    return f"coalesce(whole_and_fraction(added.{name}_wholes, added.{name}_fractions), 0) AS {name}"
