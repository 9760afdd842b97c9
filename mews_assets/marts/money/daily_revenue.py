"""The mart daily_revenue: revenue per hotel, business day and accounting category.

Lives here: the mart daily_revenue. DESCRIPTION is the text that the Dagster UI shows. Not here: storing it (`make`)
and drawing (`plot_parts`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.model import Mart, Plot
from mews_assets.marts.plot_parts import Stack

DESCRIPTION = """Revenue per hotel, business day and accounting category, net and gross.

    net, gross    = sum of NetValue, of GrossValue
    order items   = Amount of OrderItem (all its units), where AccountingState is
                    neither Canceled nor Inactive, and Type is none of CityTax,
                    CityTaxDiscount, Deposit: held for others, not earned
    outlet items  = UnitAmount x UnitCount of OutletItem, where Type is Revenue
                    (neither NonRevenue nor Payment)
    business day  = date of ConsumedUtc in the hotel's TimeZoneIdentifier, minus
                    its BusinessDayClosingOffset

Only what was consumed before the mart's instant counts: items of coming nights exist already and are left out. Rebates
are items with negative amounts, on the day Mews gives them. The two sources are rows of their own (`source`), so that
a hotel whose point of sale also charges rooms can leave one out. A day can still change until its editable history
ends. A day that began before MEWS_START_DATE is never complete: of its items only those are here that were updated
since, unless a snapshot of order items brought the others too. Nor is a day complete while a guest of that night, who
booked before MEWS_START_DATE, is in the house: the items come when the bill is closed. Rows with a
fault are left out, and reported by the check `none_left_out`. From current/order_items, current/outlet_items,
current/reservations, reference/enterprises, reference/accounting_categories."""

GIVEN = f"""
WITH sold AS (
    SELECT
        scope, enterprise_id, accounting_category_id, 'order_items' AS source, consumed_utc,
        amount.currency AS currency,
        money(amount.net_value, _exact_numbers, 'Amount.NetValue') AS net,
        money(amount.gross_value, _exact_numbers, 'Amount.GrossValue') AS gross
    FROM current.order_items
    WHERE coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')
        AND coalesce(type, '') NOT IN ('CityTax', 'CityTaxDiscount', 'Deposit')
    UNION ALL
    SELECT
        scope, enterprise_id, accounting_category_id, 'outlet_items', consumed_utc, unit_amount.currency,
        times(money(unit_amount.net_value, _exact_numbers, 'UnitAmount.NetValue'), unit_count),
        times(money(unit_amount.gross_value, _exact_numbers, 'UnitAmount.GrossValue'), unit_count)
    FROM current.outlet_items
    WHERE type = 'Revenue'
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
    WHERE consumed_utc < as_of() OR consumed_utc IS NULL
)
SELECT
    scope AS enterprise_id, any_value(enterprise) AS enterprise, business_day, any_value(today) AS today,
    any_value(whole_from) AS whole_from, accounting_category_id, source, currency, fault,
    total(CASE WHEN fault IS NULL THEN net END) AS net, total(CASE WHEN fault IS NULL THEN gross END) AS gross,
    count(*) AS items
FROM days
GROUP BY ALL
"""

QUERY = f"""
SELECT
    given.enterprise_id, given.enterprise, given.business_day,
    {clocks.is_complete("given", "given.source", gaps=True)} AS is_complete, given.accounting_category_id,
    categories.name AS accounting_category, categories.classification, given.source, given.currency,
    given.net, given.gross, given.items
FROM given LEFT JOIN reference.accounting_categories categories ON categories.id = given.accounting_category_id
ORDER BY ALL
"""

_BIGGEST = 5
"""Categories with their own colour in the plot; the others are one part."""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Net revenue of each hotel by day, stacked by category."""
    recent = plot_parts.recent(rows)
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for row in recent:
        totals[row["enterprise_id"], row["currency"]] += float(row["net"])
    shares: dict[str, float] = defaultdict(float)
    for row in recent:  # currencies differ: a category is as big as its share of its hotel
        shares[_category(row)] += float(row["net"]) / (totals[row["enterprise_id"], row["currency"]] or 1.0)
    biggest = sorted(shares, key=lambda name: -shares[name])[:_BIGGEST]
    subtitle = "by accounting category and complete business day of the hotel; what was canceled is left out"
    return grids.stacked(Stack("Daily revenue, net", subtitle, "net", _category, parts=biggest), rows)


def _category(row: plot_parts.Row) -> str:
    return str(row["accounting_category"] or row["accounting_category_id"] or "No category")


DAILY_REVENUE = Mart(
    name="daily_revenue",
    summary="Revenue per hotel, business day and accounting category, net and gross.",
    description=DESCRIPTION,
    inputs=(
        "current/order_items",
        "current/outlet_items",
        "reference/enterprises",
        "reference/accounting_categories",
    ),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.BUSINESS_DAY,
        columns.IS_COMPLETE,
        columns.text(
            "accounting_category_id", "Id of the accounting category; empty where an item has none."
        ),
        columns.text("accounting_category", "Name of the accounting category."),
        columns.text("classification", "What kind of revenue the category holds."),
        columns.text("source", "Which table it is from: order_items or outlet_items."),
        columns.CURRENCY,
        columns.money("net", "Revenue without taxes."),
        columns.money("gross", "Revenue with all taxes."),
        columns.count("items", "Number of items."),
    ),
    key=("enterprise_id", "business_day", "accounting_category_id", "source", "currency"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    judged_by=("current/reservations",),
    named=("enterprise", "business_day", "accounting_category"),
)
