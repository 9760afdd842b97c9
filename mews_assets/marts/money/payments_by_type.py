"""The mart payments_by_type: money received and paid back by type, method and place.

Lives here: the mart, its text and plot. Not here: revenue (`daily_revenue`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pyarrow as pa

from mews_assets.marts import clocks, columns, faults, grids, plot_parts, preview
from mews_assets.marts.columns import count, money, text
from mews_assets.marts.model import Mart, Plot
from mews_assets.marts.plot_parts import Stack

SUMMARY = "Payments by type, method, origin and outlet, per hotel and business day."
DESCRIPTION = f"""{SUMMARY}

    paid         = - sum of Amount.GrossValue of Payment, with State Charged and
                   AccountingState neither Canceled nor Inactive: what was received,
                   less what was paid back
    refunded     = the part of it that was paid back, below zero
    outlets      = UnitAmount.GrossValue x UnitCount of OutletItem of Type Payment;
                   its type is OutletPayment, its method the accounting category
    business day = of ConsumedUtc, or where that is empty of ChargedUtc

An InvoicePayment is no money: it moves a debt from the guest's bill to an invoice, and back once the invoice is paid.
Leave that type out to count money. Mews' payments name no cashier: `payment_origin` is where the payment was made, and
outlets are by name. Rows with a fault are left out, and reported by the check `none_left_out`.
From current/payments, current/outlet_items, current/outlet_bills, reference/enterprises, reference/outlets,
reference/accounting_categories."""

GIVEN = f"""
WITH paid AS (
    SELECT
        scope, enterprise_id, 'payments' AS source, NULL AS outlet_id, type,
        coalesce(data.external.type, data.alternative.type, data.invoice.type) AS method, payment_origin,
        coalesce(consumed_utc, charged_utc) AS moment, amount.currency AS currency,
        -money(amount.gross_value, _exact_numbers, 'Amount.GrossValue') AS amount
    FROM current.payments
    WHERE state = 'Charged' AND coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')
    UNION ALL
    SELECT
        items.scope, items.enterprise_id, 'outlet_items', bills.outlet_id, 'OutletPayment', categories.name, NULL,
        items.consumed_utc, items.unit_amount.currency,
        times(money(items.unit_amount.gross_value, items._exact_numbers, 'UnitAmount.GrossValue'), items.unit_count)
    FROM current.outlet_items items
    LEFT JOIN current.outlet_bills bills ON bills.scope = items.scope AND bills.id = items.bill_id
    LEFT JOIN reference.accounting_categories categories ON categories.id = items.accounting_category_id
    WHERE items.type = 'Payment'
),
days AS (
    SELECT
        paid.*, hotels.enterprise, {clocks.day_of("clock", "moment")} AS business_day,
        CASE
            WHEN {faults.HOTEL}
            WHEN {faults.owner("paid")}
            WHEN out_of_range(moment) THEN 'ConsumedUtc is {faults.OUT_OF_RANGE}'
            WHEN amount IS NULL THEN 'GrossValue is missing, or {faults.TOO_MUCH}'
        END AS fault
    FROM paid LEFT JOIN hotels ON hotels.enterprise_id = paid.scope
    {clocks.joined("clock", "moment")}
    WHERE moment < as_of() OR moment IS NULL
)
SELECT
    scope AS enterprise_id, enterprise, business_day, source, outlet_id, type, method, payment_origin, currency, fault,
    total(CASE WHEN fault IS NULL THEN amount END) AS paid,
    coalesce(total(CASE WHEN fault IS NULL AND amount < 0 THEN amount END), 0) AS refunded,
    count(*) AS items
FROM days
GROUP BY ALL
"""

QUERY = f"""
SELECT
    given.enterprise_id, given.enterprise, given.business_day,
    {clocks.is_complete("given", "given.source")} AS is_complete, given.business_day < given.final_before AS is_final,
    given.source, given.outlet_id, outlets.name AS outlet, given.type, given.method, given.payment_origin,
    given.currency, given.paid, given.refunded, given.items AS payments
FROM (
    SELECT given.*, hotels.today, hotels.whole_from, hotels.final_before
    FROM given LEFT JOIN hotels USING (enterprise_id)
) given LEFT JOIN reference.outlets outlets ON outlets.id = given.outlet_id
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """What each hotel received by day, stacked by type."""
    subtitle = "by type and business day of the hotel; InvoicePayment moves a debt, and is no money"
    return grids.stacked(Stack("Payments by type", subtitle, "paid", _type, parts=_TYPES), rows)


_TYPES = (
    *("CreditCardPayment", "CashPayment", "ExternalPayment", "AlternativePayment"),
    *("InvoicePayment", "OutletPayment"),
)


def _type(row: plot_parts.Row) -> str:
    return str(row["type"])


PAYMENTS_BY_TYPE = Mart(
    name="payments_by_type",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=(
        "current/payments",
        "current/outlet_items",
        "current/outlet_bills",
        "reference/enterprises",
        "reference/outlets",
        "reference/accounting_categories",
    ),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.BUSINESS_DAY,
        columns.IS_COMPLETE,
        columns.IS_FINAL,
        text("source", "Which table it is from: payments or outlet_items."),
        text("outlet_id", "Id of the outlet; empty for payments of bills."),
        text("outlet", "Name of the outlet."),
        text("type", "Type of the payment; OutletPayment for those at outlets."),
        text(
            "method",
            "Type of an external, alternative or invoice payment; at outlets, the accounting category.",
        ),
        text("payment_origin", "Where the payment was made."),
        columns.CURRENCY,
        money("paid", "Money received less money paid back; negative where more was paid back."),
        money("refunded", "The part of it that was paid back, negative."),
        count("payments", "Number of payments."),
    ),
    key=(
        *("enterprise_id", "business_day", "source", "outlet_id"),
        *("type", "method", "payment_origin", "currency"),
    ),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "business_day"),
)
