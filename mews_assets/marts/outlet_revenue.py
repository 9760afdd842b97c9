"""What each outlet sold per business day, and apart from it what was paid there.

    net, gross   = sum of UnitAmount.NetValue (GrossValue) x UnitCount of
                   OutletItem, where Type is Revenue
    non_revenue  = the same, gross, where Type is NonRevenue: tips, vouchers sold
    payments     = the same, gross, where Type is Payment; never part of revenue
    bills        = number of OutletBills with an item on that day
    outlet       = OutletBill.OutletId of the item's BillId
    business day = ConsumedUtc of the item by the hotel's TimeZoneIdentifier,
                   put back by its BusinessDayClosingOffset

Only what was consumed before the mart's instant counts. Gross + non_revenue = payments over all days of a bill that is
paid in full; on one day they differ where a bill crosses the closing of the day. An item whose bill is not in the lake
has no outlet, and makes the check `named` fail. From current/outlet_items, current/outlet_bills, reference/enterprises,
reference/outlets.

Lives here: the mart outlet_revenue.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import columns, pictures, preview
from mews_assets.marts.model import Mart, Picture

QUERY = """
WITH sold AS (
    SELECT
        items.enterprise_id, bills.outlet_id, items.bill_id, items.type, items.consumed_utc,
        items.unit_amount.currency AS currency,
        money(items.unit_amount.net_value, items._exact_numbers, 'UnitAmount.NetValue') * items.unit_count AS net,
        money(items.unit_amount.gross_value, items._exact_numbers, 'UnitAmount.GrossValue') * items.unit_count AS gross
    FROM current.outlet_items items LEFT JOIN current.outlet_bills bills ON bills.id = items.bill_id
    WHERE items.consumed_utc < as_of() OR items.consumed_utc IS NULL
),
days AS (
    SELECT
        sold.*, hotels.enterprise, outlets.name AS outlet,
        business_day(consumed_utc, zone, closing) AS business_day,
        day_ended(business_day(consumed_utc, zone, closing), zone, closing) AS is_complete
    FROM sold LEFT JOIN hotels USING (enterprise_id) LEFT JOIN reference.outlets outlets ON outlets.id = sold.outlet_id
)
SELECT
    enterprise_id, enterprise, outlet_id, outlet, business_day, is_complete, currency,
    coalesce(sum(net) FILTER (type = 'Revenue'), 0) AS net,
    coalesce(sum(gross) FILTER (type = 'Revenue'), 0) AS gross,
    coalesce(sum(gross) FILTER (type = 'NonRevenue'), 0) AS non_revenue,
    coalesce(sum(gross) FILTER (type = 'Payment'), 0) AS payments,
    count(DISTINCT bill_id) AS bills,
    count(*) FILTER (type = 'Revenue') AS items
FROM days
GROUP BY ALL
ORDER BY ALL
"""


def picture(rows: pa.Table, as_of: datetime) -> Picture:
    """Gross revenue of each outlet by day, the outlets of a hotel on one another, beside it what was paid."""
    subtitle = "by outlet and business day of the hotel; a dash is what was paid that day, tips and all"
    return pictures.stacked(
        "Outlet revenue, gross", subtitle, pictures.recent(rows), "gross", _outlet, marks={"Paid": "payments"}
    )


def _outlet(row: pictures.Row) -> str:
    return str(row["outlet"] or row["outlet_id"] or "No outlet")


OUTLET_REVENUE = Mart(
    name="outlet_revenue",
    summary="What each outlet sold per business day, and apart from it what was paid there.",
    description=__doc__,
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
    query=QUERY,
    picture=picture,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "outlet", "business_day"),
)
