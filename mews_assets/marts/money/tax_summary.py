"""The mart tax_summary: net and tax by tax rate code.

Lives here: the mart, its text and plot. Not here: revenue by accounting category (`daily_revenue`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.columns import count, money, text
from mews_assets.marts.model import Mart, MartColumn, Plot
from mews_assets.marts.plot_parts import Stack

UNTAXED, NOT_BROKEN_DOWN = "untaxed", "not broken down"

SUMMARY = "Net and tax by tax rate code, per hotel and business day, of order items and outlet items."
DESCRIPTION = f"""{SUMMARY}

    by code         = sums of NetValue and TaxValue in Amount.Breakdown.Items by
                      TaxRateCode, of OrderItem with AccountingState neither
                      Canceled nor Inactive; x UnitCount of UnitAmount for
                      OutletItem with Type Revenue
    {UNTAXED}         = the breakdown's lines without a code
    {NOT_BROKEN_DOWN} = what amounts have beyond their breakdown: all of those that
                      have none
    is_revenue      = Type is none of CityTax, CityTaxDiscount, Deposit

Over all codes, net and net + tax equal those of daily_revenue, where is_revenue. Where an amount has no breakdown but
TaxValues of one code only, all of it is of that code; without TaxValues it is {UNTAXED}. Business days are those of
ConsumedUtc, of what was consumed before the mart's instant: the date on which a tax is due is for the tax adviser.
Rows with a fault are left out, and reported by the check `none_left_out`.
A day is complete as in daily_revenue.
From current/order_items, current/outlet_items, current/reservations, reference/enterprises."""


def _lines(table: str, amount: str, path: str, count: str, only: str) -> str:
    """SQL for the items of a table, each with the lines of its breakdown, or with its only tax as a line."""
    return f"""
    SELECT
        scope, enterprise_id, '{table}' AS source, consumed_utc, _exact_numbers, {count} AS units, '{path}' AS path,
        {amount}.currency AS currency,
        coalesce(type, '') NOT IN ('CityTax', 'CityTaxDiscount', 'Deposit') AS is_revenue,
        times(money({amount}.net_value, _exact_numbers, '{path}.NetValue'), {count}) AS net,
        times(money({amount}.gross_value, _exact_numbers, '{path}.GrossValue'), {count}) AS gross,
        {amount}.breakdown.items AS lines, {amount}.tax_values AS taxes
    FROM current.{table} WHERE {only}
    """


GIVEN = f"""
WITH sold AS (
    {
    _lines(
        "order_items",
        "amount",
        "Amount",
        "1",
        "coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')",
    )
}
    UNION ALL
    {_lines("outlet_items", "unit_amount", "UnitAmount", "unit_count", "type = 'Revenue'")}
),
items AS (
    SELECT
        sold.*, hotels.enterprise, {clocks.day_of("clock", "consumed_utc")} AS business_day,
        CASE
            WHEN {faults.HOTEL}
            WHEN {faults.owner("sold")}
            WHEN out_of_range(consumed_utc) THEN 'ConsumedUtc is {faults.OUT_OF_RANGE}'
            WHEN net IS NULL OR gross IS NULL THEN '{faults.NO_MONEY}'
        END AS fault
    FROM sold LEFT JOIN hotels ON hotels.enterprise_id = sold.scope
    {clocks.joined("clock", "consumed_utc")}
    WHERE consumed_utc < as_of() OR consumed_utc IS NULL
),
unnested AS (
    SELECT
        scope, enterprise, business_day, source, is_revenue, currency, units, path, _exact_numbers,
        unnest(lines) AS line, generate_subscripts(lines, 1) - 1 AS place
    FROM items WHERE fault IS NULL AND len(lines) > 0
),
parts AS (
    SELECT
        scope, enterprise, business_day, source, is_revenue, currency,
        coalesce(line.tax_rate_code, '{UNTAXED}') AS tax_rate_code,
        times(money(line.net_value, _exact_numbers, concat(path, '.Breakdown.Items[', place, '].NetValue')), units)
            AS net,
        times(money(line.tax_value, _exact_numbers, concat(path, '.Breakdown.Items[', place, '].TaxValue')), units)
            AS tax
    FROM unnested
    UNION ALL
    SELECT
        scope, enterprise, business_day, source, is_revenue, currency,
        CASE WHEN len(taxes) > 0 THEN coalesce(taxes[1].code, '{UNTAXED}') ELSE '{UNTAXED}' END, net,
        CAST(gross - net AS DECIMAL(38, 18))
    FROM items
    WHERE fault IS NULL AND coalesce(len(lines), 0) = 0
        AND (len(taxes) = 1 OR (coalesce(len(taxes), 0) = 0 AND net = gross))
)
SELECT
    'code' AS kind, scope AS enterprise_id, enterprise, business_day, source, is_revenue, currency, tax_rate_code,
    NULL AS fault, wholes(net) AS net_wholes, fractions(net) AS net_fractions, wholes(tax) AS tax_wholes,
    fractions(tax) AS tax_fractions, count(*) AS lines, 0 AS items
FROM parts GROUP BY ALL
UNION ALL BY NAME
SELECT
    'items' AS kind, scope AS enterprise_id, enterprise, business_day, source, is_revenue, currency, fault,
    wholes(net) AS net_wholes, fractions(net) AS net_fractions,
    wholes(gross) - wholes(net) AS tax_wholes, fractions(gross) - fractions(net) AS tax_fractions,
    count(*) AS lines, count(*) AS items
FROM items GROUP BY ALL
"""

_SUMS = ("net_wholes", "net_fractions", "tax_wholes", "tax_fractions")

QUERY = f"""
WITH sums AS (
    SELECT
        enterprise_id, enterprise, business_day, source, is_revenue, currency, tax_rate_code, lines, {", ".join(_SUMS)}
    FROM given WHERE kind = 'code'
    UNION ALL
    SELECT
        enterprise_id, enterprise, business_day, source, is_revenue, currency, '{NOT_BROKEN_DOWN}', 0,
        {", ".join(f"sum(CASE kind WHEN 'items' THEN {name} ELSE -coalesce({name}, 0) END)" for name in _SUMS)}
    FROM given GROUP BY ALL
),
added AS (
    SELECT
        sums.* EXCLUDE ({", ".join(_SUMS)}), hotels.today, hotels.whole_from, hotels.final_before,
        coalesce(whole_and_fraction(net_wholes, net_fractions), 0) AS net,
        coalesce(whole_and_fraction(tax_wholes, tax_fractions), 0) AS tax
    FROM sums LEFT JOIN hotels USING (enterprise_id)
)
SELECT
    enterprise_id, enterprise, business_day, {clocks.is_complete("added", "source", gaps=True)} AS is_complete,
    business_day < final_before AS is_final, source, is_revenue, tax_rate_code, currency,
    net, tax, CAST(net + tax AS DECIMAL(38, 10)) AS gross, lines
FROM added
WHERE tax_rate_code <> '{NOT_BROKEN_DOWN}' OR net <> 0 OR tax <> 0
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Tax of each hotel by day, stacked by code."""
    return grids.stacked(Stack("Taxes", "by tax rate code and business day of the hotel", "tax", _code), rows)


def _code(row: plot_parts.Row) -> str:
    return str(row["tax_rate_code"])


TAX_SUMMARY = Mart(
    name="tax_summary",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=("current/order_items", "current/outlet_items", "reference/enterprises"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.BUSINESS_DAY,
        columns.IS_COMPLETE,
        columns.IS_FINAL,
        text("source", "Which table it is from: order_items or outlet_items."),
        MartColumn("is_revenue", pa.bool_(), "Whether it is revenue: neither city tax nor a deposit."),
        text("tax_rate_code", f"Code of the tax rate, `{UNTAXED}` or `{NOT_BROKEN_DOWN}`."),
        columns.CURRENCY,
        money("net", "Value that the tax is reckoned from."),
        money("tax", "Tax."),
        money("gross", "Net and tax."),
        count("lines", "Number of items' lines with that code."),
    ),
    key=("enterprise_id", "business_day", "source", "is_revenue", "tax_rate_code", "currency"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    judged_by=("current/reservations",),
    named=("enterprise", "business_day"),
)
