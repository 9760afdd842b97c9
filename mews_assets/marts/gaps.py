"""Nights of which the lake is known to lack order items, so that their days are not complete.

Lives here: the table `gaps` for queries, from reservations and order items. Not here: days before the lake's first
instant (`clocks.is_complete`).

An item is posted when a stay is booked, and updated when its bill is closed. Of a guest who booked before
MEWS_START_DATE and is still in the house, the reservation is in the lake (the guest has checked in since), and the
items of nights that were slept are not: they come when the guest checks out. A stay that is in no window is not seen:
only a snapshot of reservations brings it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import duckdb

from mews_assets.lake.storage.duckdb_session import literal
from mews_assets.marts import clocks

RESERVATIONS = "current/reservations"
ORDER_ITEMS = "current/order_items"

_EMPTY = "CREATE TEMP TABLE gaps (enterprise_id VARCHAR, business_day DATE)"


def make_gaps(engine: duckdb.DuckDBPyConnection, inputs: Collection[str], since: datetime | None) -> None:
    """`gaps` (enterprise_id, business_day); empty where the lake has everything, or the mart none of both tables.

    Hotels of which a snapshot brought the order items have none.
    """
    if since is None or not {RESERVATIONS, ORDER_ITEMS} <= set(inputs):
        engine.execute(_EMPTY)
        return
    engine.execute(f"CREATE TEMP TABLE gaps AS {_query(since)}")


def _query(since: datetime) -> str:
    """Of each stay that was booked before the lake begins, the nights without an item of the night.

    Where it has as many of them as nights, none is missing, on whichever day Mews dates them. Of a stay that is over
    all items were updated at the end, or none.
    """
    return f"""
    WITH booked AS (
        SELECT
            reservations.scope, reservations.id, reservations.state = 'Processed' AS is_over, hotels.today,
            hotels.whole_from,
            {clocks.day_of("arrivals", "scheduled_start_utc")} AS arrival,
            {clocks.day_of("departures", "ends_utc")} AS departure
        FROM (
            SELECT *, least(scheduled_end_utc, coalesce(actual_end_utc, scheduled_end_utc)) AS ends_utc
            FROM current.reservations
        ) reservations
        JOIN hotels ON hotels.enterprise_id = reservations.scope
        {clocks.joined("arrivals", "scheduled_start_utc")}
        {clocks.joined("departures", "ends_utc")}
        WHERE state IN ('Confirmed', 'Started', 'Processed')
            AND (created_utc IS NULL OR created_utc < TIMESTAMPTZ {literal(since.isoformat())})
            AND scheduled_start_utc < as_of() AND NOT out_of_range(scheduled_start_utc)
            AND NOT out_of_range(ends_utc)
            AND NOT EXISTS (
                FROM snapshots WHERE of_table = 'order_items' AND snapshots.scope = reservations.scope
            )
    ),
    posted AS (
        SELECT DISTINCT
            items.scope, service_order_id AS id, {clocks.day_of("clock", "consumed_utc")} AS business_day
        FROM current.order_items items
        JOIN booked ON booked.scope = items.scope AND booked.id = items.service_order_id
        JOIN hotels ON hotels.enterprise_id = items.scope
        {clocks.joined("clock", "consumed_utc")}
        WHERE items.type = 'SpaceOrder' AND NOT out_of_range(consumed_utc)
    ),
    numbers AS (SELECT scope, id, count(*) AS items FROM posted GROUP BY ALL),
    nights AS (
        SELECT
            booked.scope, booked.id, CAST(unnest(range(
                greatest(arrival, whole_from), least(departure, today), INTERVAL 1 DAY
            )) AS DATE) AS business_day
        FROM booked LEFT JOIN numbers USING (scope, id)
        WHERE coalesce(items, 0) < CASE WHEN is_over THEN 1 ELSE departure - arrival END
    )
    SELECT DISTINCT nights.scope AS enterprise_id, nights.business_day
    FROM nights ANTI JOIN posted USING (scope, id, business_day)
    """
