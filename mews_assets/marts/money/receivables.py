"""The mart receivables: what guests and companies owe, by age.

Lives here: the mart, its text and plot. Not here: what was paid (`payments_by_type`), ledgers
(`ledger_trial_balance`).
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from mews_assets.marts import columns, faults, grids, preview
from mews_assets.marts.columns import count, money, text
from mews_assets.marts.model import Mart, MartColumn, Plot

AGES = {0: "0-30 days", 31: "31-60 days", 61: "61-90 days", 91: "91+ days"}
"""Names of ages, by their fewest days."""

_AGE = " ".join(f"WHEN {start} THEN '{name}'" for start, name in AGES.items())

SUMMARY = "Open bills, unpaid invoices and what is not billed yet by age, with what is owed."
DESCRIPTION = f"""{SUMMARY}

    open bill      = Bill with State Open; its age counts from CreatedUtc
    unpaid invoice = Bill with State Closed, Type Invoice and no PaidUtc; its age
                     counts from IssuedUtc
    not billed yet = order items consumed before the mart's instant, and payments,
                     without a BillId; their age counts from ConsumedUtc
    owed           = sum of Amount.GrossValue of the bill's order items and
                     payments (which are negative), without those that are
                     Canceled or Inactive, and payments that are not Charged;
                     on an invoice without InvoicePayment, which stands for the debt
    overdue        = owed on bills whose DueUtc is past
    age            = whole days up to the mart's instant

Below zero is money that the hotel holds, such as a prepayment. Open bills and what is not billed yet make up the
balance of the Guest ledger once the night audit has posted it, unpaid invoices that of the City ledger. As of now only:
the tables hold the newest version of each bill. Bills that were not updated since MEWS_START_DATE are here only with
snapshots of bills, order items and payments. Bills of which an item has a fault are left out, and reported by the
check `none_left_out`.
From current/bills, current/order_items, current/payments, reference/enterprises."""

GIVEN = f"""
WITH owed_bills AS (
    SELECT
        bills.scope, hotels.enterprise, bills.id, bills.account_type, bills.state = 'Open' AS is_open,
        CASE WHEN is_open THEN 'open bill' ELSE 'unpaid invoice' END AS kind,
        coalesce(bills.due_utc < as_of(), false) AS is_overdue,
        (micros(as_of()) - micros(CASE WHEN is_open THEN bills.created_utc ELSE bills.issued_utc END))
            // {86_400 * 10**6} AS days,
        CASE
            WHEN {faults.owner("bills")}
            WHEN days IS NULL THEN 'CreatedUtc or IssuedUtc of the bill is missing'
        END AS bill_fault
    FROM current.bills bills LEFT JOIN hotels ON hotels.enterprise_id = bills.scope
    WHERE bills.state = 'Open' OR (bills.state = 'Closed' AND bills.type = 'Invoice' AND bills.paid_utc IS NULL)
),
amounts AS (
    SELECT
        scope, enterprise_id, bill_id, account_type, consumed_utc, true AS counts_on_invoices,
        amount.currency AS currency,
        money(amount.gross_value, _exact_numbers, 'Amount.GrossValue') AS gross
    FROM current.order_items
    WHERE coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')
    UNION ALL
    SELECT
        scope, enterprise_id, bill_id, account_type, coalesce(consumed_utc, charged_utc),
        coalesce(type, '') <> 'InvoicePayment', amount.currency,
        money(amount.gross_value, _exact_numbers, 'Amount.GrossValue')
    FROM current.payments
    WHERE state = 'Charged' AND coalesce(accounting_state, '') NOT IN ('Canceled', 'Inactive')
),
by_bill AS (
    SELECT
        bills.scope, bills.enterprise, bills.id, bills.account_type, bills.kind, bills.is_overdue, bills.days,
        amounts.currency,
        bill_fault, max(CASE
            WHEN {faults.owner("amounts")}
            WHEN amounts.bill_id IS NOT NULL AND gross IS NULL THEN 'GrossValue is missing, or {faults.TOO_MUCH}'
        END) AS item_fault,
        wholes(gross) AS whole, fractions(gross) AS fraction, 1 AS bills, 1 AS items
    FROM owed_bills bills LEFT JOIN amounts ON amounts.scope = bills.scope AND amounts.bill_id = bills.id
        AND (bills.is_open OR amounts.counts_on_invoices)
    GROUP BY ALL
),
unbilled AS (
    SELECT
        amounts.scope, hotels.enterprise, amounts.account_type, 'not billed yet' AS kind, false AS is_overdue,
        (micros(as_of()) - micros(consumed_utc)) // {86_400 * 10**6} AS days, currency,
        CASE
            WHEN {faults.owner("amounts")}
            WHEN consumed_utc IS NULL THEN 'ConsumedUtc is missing'
            WHEN gross IS NULL THEN 'GrossValue is missing, or {faults.TOO_MUCH}'
        END AS bill_fault,
        gross
    FROM amounts LEFT JOIN hotels ON hotels.enterprise_id = amounts.scope
    WHERE bill_id IS NULL AND (consumed_utc < as_of() OR consumed_utc IS NULL)
),
owed AS (
    FROM by_bill
    UNION ALL BY NAME
    SELECT
        scope, enterprise, account_type, kind, is_overdue, days, currency, bill_fault,
        wholes(gross) AS whole, fractions(gross) AS fraction, 0 AS bills, count(*) AS items
    FROM unbilled GROUP BY ALL
)
SELECT
    scope AS enterprise_id, enterprise, kind, account_type, currency,
    coalesce(bill_fault, item_fault) AS fault,
    CASE {" ".join(f"WHEN days >= {start} THEN {start}" for start in reversed(AGES))} ELSE 0 END AS age_from,
    coalesce(whole_and_fraction(sum(whole), sum(fraction)), 0) AS owed,
    coalesce(whole_and_fraction(
        sum(CASE WHEN is_overdue THEN whole ELSE 0 END), sum(CASE WHEN is_overdue THEN fraction ELSE 0 END)
    ), 0) AS overdue,
    max(days) AS oldest_days, CAST(sum(bills) AS BIGINT) AS bills, CAST(sum(items) AS BIGINT) AS items
FROM owed
GROUP BY ALL
"""

QUERY = f"""
SELECT
    enterprise_id, enterprise, kind, account_type,
    age_from, CASE age_from {_AGE} END AS age,
    currency, owed, overdue, CASE kind WHEN 'unpaid invoice' THEN 0 ELSE owed END AS owed_by_guests,
    CASE kind WHEN 'unpaid invoice' THEN owed ELSE 0 END AS owed_on_invoices, oldest_days, bills
FROM given
ORDER BY ALL
"""


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """What is owed to each hotel by age: on invoices, and on open bills."""
    owing = rows.filter(pa.compute.is_valid(rows.column("currency")))
    columns = ("owed_on_invoices", "owed_by_guests")
    labels = ("owed on invoices", "owed by guests")
    buckets = grids.Buckets("age", "age_from", *columns, labels, "currency", AGES)
    return grids.by_bucket("Receivables", f"by age, as of {as_of:%Y-%m-%d %H:%M} UTC", owing, buckets)


RECEIVABLES = Mart(
    name="receivables",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=("current/bills", "current/order_items", "current/payments", "reference/enterprises"),
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        text("kind", "What it is: open bill, unpaid invoice or not billed yet."),
        text("account_type", "Who owes it: Customer or Company."),
        count("age_from", "Fewest days of the age, by which ages are in order."),
        text("age", "Age of the bill: 0-30, 31-60, 61-90 or 91+ days."),
        MartColumn("currency", pa.string(), "Currency of the sums; empty for bills with nothing on them."),
        money("owed", "What is owed; below zero what the hotel holds for the payer."),
        money("overdue", "Of what is owed, that which was due before the mart's instant."),
        money("owed_by_guests", "What is owed, where it is on no invoice."),
        money("owed_on_invoices", "What is owed, where it is an unpaid invoice."),
        count("oldest_days", "Age of the oldest bill, in days."),
        count("bills", "Number of bills."),
    ),
    key=("enterprise_id", "kind", "account_type", "age_from", "currency"),
    given=GIVEN,
    query=QUERY,
    plot=plot,
    preview=preview.first,
    named=("enterprise",),
)
