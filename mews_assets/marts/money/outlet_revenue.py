"""The mart outlet_revenue: sales and payments of each outlet per business day.

Lives here: the mart outlet_revenue. DESCRIPTION is the text that the Dagster UI shows. Not here: storing it (`make`)
and drawing (`plot_parts`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.model import Mart, Plot
from mews_assets.marts.plot_parts import Stack

DESCRIPTION = """Revenue of each outlet per business day, and separately the payments there.

    net, gross   = sum of UnitAmount.NetValue (GrossValue) x UnitCount of
                   OutletItem, where Type is Revenue
    non_revenue  = the same, gross, where Type is NonRevenue: tips, vouchers sold
    payments     = the same, gross, where Type is Payment; never part of revenue
    bills        = number of OutletBills with an item on that day
    outlet       = OutletBill.OutletId of the item's BillId
    business day = date of ConsumedUtc of the item in the hotel's TimeZoneIdentifier,
                   minus its BusinessDayClosingOffset

Only what was consumed before the mart's instant counts. Gross + non_revenue = payments over all days of a bill that is
paid in full; on one day they differ where a bill crosses the closing of the day. An item whose bill is not in the lake
has no outlet, and makes the check `named` fail. A day that began before MEWS_START_DATE is never complete: of its
items only those are here whose bill was updated since. Rows with a fault are left out, and reported by the check
`none_left_out`. From current/outlet_items, current/outlet_bills, reference/enterprises, reference/outlets."""

GIVEN = f"""
WITH sold AS (
    SELECT
        items.scope, items.enterprise_id, bills.outlet_id, items.bill_id, items.type, items.consumed_utc,
        items.unit_amount.currency AS currency,
        times(money(items.unit_amount.net_value, items._exact_numbers, 'UnitAmount.NetValue'), items.unit_count) AS net,
        times(money(items.unit_amount.gross_value, items._exact_numbers, 'UnitAmount.GrossValue'), items.unit_count)
            AS gross
    FROM current.outlet_items items
    LEFT JOIN current.outlet_bills bills ON bills.scope = items.scope AND bills.id = items.bill_id
    WHERE items.consumed_utc < as_of() OR items.consumed_utc IS NULL
),
days AS (
    SELECT
        sold.*, hotels.enterprise, {clocks.day_of("clock", "consumed_utc")} AS business_day,
        clock.today, clock.whole_from,
        CASE
            WHEN {faults.HOTEL}
            WHEN {faults.owner("sold")}
            WHEN out_of_range(consumed_utc) THEN 'ConsumedUtc is {faults.OUT_OF_RANGE}'
            WHEN net IS NULL OR gross IS NULL THEN '{faults.NO_MONEY}'
        END AS fault
    FROM sold LEFT JOIN hotels ON hotels.enterprise_id = sold.scope
    {clocks.joined("clock", "consumed_utc")}
)
SELECT
    scope AS enterprise_id, any_value(enterprise) AS enterprise, outlet_id, business_day, any_value(today) AS today,
    any_value(whole_from) AS whole_from, currency, fault,
    coalesce(total(CASE WHEN fault IS NULL AND type = 'Revenue' THEN net END), 0) AS net,
    coalesce(total(CASE WHEN fault IS NULL AND type = 'Revenue' THEN gross END), 0) AS gross,
    coalesce(total(CASE WHEN fault IS NULL AND type = 'NonRevenue' THEN gross END), 0) AS non_revenue,
    coalesce(total(CASE WHEN fault IS NULL AND type = 'Payment' THEN gross END), 0) AS payments,
    count(DISTINCT bill_id) AS bills,
    count(*) FILTER (type = 'Revenue') AS revenue_items,
    count(*) AS items
FROM days
GROUP BY ALL
"""

QUERY = f"""
SELECT
    given.enterprise_id, given.enterprise, given.outlet_id, outlets.name AS outlet, given.business_day,
    {clocks.is_complete("given", "'outlet_items'")} AS is_complete,
    given.currency, given.net, given.gross, given.non_revenue, given.payments, given.bills,
    given.revenue_items AS items
FROM given LEFT JOIN reference.outlets outlets ON outlets.id = given.outlet_id
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Gross revenue of each outlet by day, stacked by outlet, and a mark for the payments."""
    subtitle = "by outlet and business day of the hotel; a dash is what was paid that day, with tips"
    stack = Stack("Outlet revenue, gross", subtitle, "gross", _outlet, marks={"Paid": "payments"})
    return grids.stacked(stack, rows)


def _outlet(row: plot_parts.Row) -> str:
    return str(row["outlet"] or row["outlet_id"] or "No outlet")


OUTLET_REVENUE = Mart(
    name="outlet_revenue",
    summary="Revenue of each outlet per business day, and separately the payments there.",
    description=DESCRIPTION,
    inputs=(
        "current/outlet_items",
        "current/outlet_bills",
        "reference/enterprises",
        "reference/outlets",
    ),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.text("outlet_id", "Id of the outlet."),
        columns.text("outlet", "Name of the outlet."),
        columns.BUSINESS_DAY,
        columns.IS_COMPLETE,
        columns.CURRENCY,
        columns.money("net", "Revenue without taxes."),
        columns.money("gross", "Revenue with all taxes."),
        columns.money("non_revenue", "Money taken that is no revenue, such as tips."),
        columns.money("payments", "Money paid, whatever for."),
        columns.count("bills", "Number of bills with an item on the day."),
        columns.count("items", "Number of items sold, payments and non-revenue left out."),
    ),
    key=("enterprise_id", "outlet_id", "business_day", "currency"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "outlet", "business_day"),
)
