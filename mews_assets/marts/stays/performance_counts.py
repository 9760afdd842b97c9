"""What daily_performance counts, from the lake's rows: nights, money, and rooms that are blocked.

Lives here: the query `given` of both marts of daily performance. Not here: adding it up by day (`performance_by_day`).

Each row is of one kind: `stays` reservations with the same nights and groups, money of one business day, or a block of
one room. The columns of other kinds are null. Sums of money are two columns each, wholes and fractions, which can be
added up again without loss.
"""

from __future__ import annotations

from mews_assets.marts import clocks, columns, faults, zones
from mews_assets.marts.stays import lodging, stay_sql

SUMS = ("rooms_revenue", "total_revenue", "outlet_revenue")
"""Sums of money, net."""

_LAST = f"TIMESTAMPTZ '{zones.LAST.isoformat()}' - INTERVAL 1 MICROSECOND"


def _sums(name: str, amount: str) -> str:
    return f"wholes({amount}) AS {name}_wholes, fractions({amount}) AS {name}_fractions"


GIVEN = f"""
WITH room_categories AS MATERIALIZED ({lodging.ROOM_CATEGORIES}),
stays AS MATERIALIZED ({stay_sql.stays("current.reservations")}),
sold AS (
    SELECT
        scope, enterprise_id, service_order_id AS stay_id, type, accounting_category_id, consumed_utc,
        amount.currency AS currency, money(amount.net_value, _exact_numbers, 'Amount.NetValue') AS net
    FROM current.order_items
    WHERE coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')
        AND coalesce(type, '') NOT IN ('CityTax', 'CityTaxDiscount', 'Deposit')
    UNION ALL
    SELECT
        scope, enterprise_id, NULL, 'OutletItem', NULL, consumed_utc, unit_amount.currency,
        times(money(unit_amount.net_value, _exact_numbers, 'UnitAmount.NetValue'), unit_count)
    FROM current.outlet_items
    WHERE type = 'Revenue'
),
currencies AS ({columns.hotel_currencies("sold")}),
items AS (
    SELECT
        sold.scope, hotels.enterprise, sold.stay_id, sold.type, sold.currency, sold.net,
        {clocks.day_of("clock", "sold.consumed_utc")} AS business_day,
        categories.classification = 'Accommodation' AS is_accommodation,
        categories.classification IS NULL AND type IN ('SpaceOrder', 'NightRebate') AS is_unclassified_night,
        CASE
            WHEN {faults.HOTEL}
            WHEN {faults.owner("sold")}
            WHEN sold.consumed_utc IS NULL THEN 'ConsumedUtc is missing'
            WHEN out_of_range(sold.consumed_utc) THEN 'ConsumedUtc is {faults.OUT_OF_RANGE}'
            WHEN net IS NULL THEN 'NetValue is missing, or {faults.TOO_MUCH}'
            WHEN sold.currency <> currencies.own_currency THEN '{faults.OTHER_CURRENCY}'
        END AS fault
    FROM sold
    LEFT JOIN currencies ON currencies.scope = sold.scope
    LEFT JOIN hotels ON hotels.enterprise_id = sold.scope
    LEFT JOIN reference.accounting_categories categories ON categories.id = sold.accounting_category_id
    {clocks.joined("clock", "sold.consumed_utc")}
    WHERE sold.consumed_utc < as_of() OR sold.consumed_utc IS NULL
),
items_of_stays AS (
    SELECT
        items.scope, items.enterprise, items.stay_id, items.business_day, items.type, items.currency, items.net,
        items.fault, {stay_sql.COLUMNS},
        is_accommodation OR (is_unclassified_night AND stays.id IS NOT NULL) AS is_rooms_revenue,
        stays.is_on_the_books AND stays.fault IS NULL
            AND stays.arrival <= items.business_day AND items.business_day < stays.left_on AS is_slept
    FROM items LEFT JOIN stays ON stays.scope = items.scope AND stays.id = items.stay_id
),
free_nights AS (
    SELECT scope, enterprise, business_day, {stay_sql.COLUMNS}
    FROM items_of_stays
    WHERE is_slept AND type = 'SpaceOrder' AND fault IS NULL
    GROUP BY scope, enterprise, business_day, stay_id, {stay_sql.COLUMNS} HAVING total(net) = 0
),
blocks AS (
    SELECT
        ended_blocks.scope, hotels.enterprise, assigned_resource_id AS resource_id,
        ended_blocks.type = 'InternalUse' AS is_house_use,
        {clocks.day_of("begins", "start_utc")} AS arrival, {clocks.day_of("ends", "ended_utc")} AS departure,
        CASE
            WHEN {faults.HOTEL}
            WHEN {faults.owner("ended_blocks")}
            WHEN start_utc IS NULL OR end_utc IS NULL THEN 'StartUtc or EndUtc of the block is missing'
            WHEN out_of_range(start_utc) THEN 'StartUtc of the block is {faults.OUT_OF_RANGE}'
            WHEN end_utc < start_utc THEN 'EndUtc of the block is before StartUtc'
        END AS fault
    FROM (
        -- A deleted block held until it was deleted; a block without an end holds for ever.
        SELECT *, greatest(start_utc, least(
            end_utc, CASE WHEN is_active IS FALSE THEN coalesce(deleted_utc, updated_utc) ELSE end_utc END, {_LAST}
        )) AS ended_utc
        FROM current.resource_blocks
    ) ended_blocks
    LEFT JOIN hotels ON hotels.enterprise_id = ended_blocks.scope
    {clocks.joined("begins", "start_utc")}
    {clocks.joined("ends", "ended_utc")}
)
SELECT
    'stays' AS kind, scope AS enterprise_id, enterprise, fault, {stay_sql.COLUMNS},
    arrival, departure, left_on, count(*) AS stays, count(*) AS items
FROM stays WHERE is_on_the_books
GROUP BY ALL
UNION ALL BY NAME
SELECT
    'money' AS kind, scope AS enterprise_id, enterprise, fault, {stay_sql.COLUMNS}, business_day, currency,
    {_sums("rooms_revenue", "CASE WHEN fault IS NULL AND is_rooms_revenue THEN net ELSE 0 END")},
    {_sums("total_revenue", "CASE WHEN fault IS NULL THEN net ELSE 0 END")},
    {_sums("outlet_revenue", "CASE WHEN fault IS NULL AND type = 'OutletItem' THEN net ELSE 0 END")},
    count(*) AS items
FROM items_of_stays
GROUP BY ALL
UNION ALL BY NAME
SELECT
    'free' AS kind, scope AS enterprise_id, enterprise, NULL AS fault, {stay_sql.COLUMNS}, business_day,
    count(*) AS stays, 0 AS items
FROM free_nights
GROUP BY ALL
UNION ALL BY NAME
SELECT
    'blocks' AS kind, scope AS enterprise_id, enterprise, fault, resource_id, is_house_use, arrival, departure,
    count(*) AS items
FROM blocks
GROUP BY ALL
"""
