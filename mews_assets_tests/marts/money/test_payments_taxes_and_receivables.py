"""Payments, taxes and receivables: against the hotels' own books, and in cases reckoned by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mews_assets.marts import DAILY_REVENUE, PAYMENTS_BY_TYPE, RECEIVABLES, TAX_SUMMARY
from mews_assets.marts.make import compute, compute_with_left_out
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.expected_marts import Truth
from mews_assets_tests.marts.made import AS_OF, EVENING, Books, fill, hotel, number
from mews_assets_tests.marts.stage import AS_OF_US, DAYS


@pytest.fixture(scope="module")
def truth(versions: list[Version]) -> Truth:
    return Truth(versions, AS_OF_US - 1)


def sums_of(rows: list[dict[str, Any]], keys: tuple[str, ...], column: str) -> dict[Any, Decimal]:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[tuple(row[key] for key in keys)] += row[column]
    return dict(found)


@pytest.mark.slow
def test_payments_are_those_of_the_hotels_own_books(rows_of: RowsOf, truth: Truth) -> None:
    rows = rows_of(PAYMENTS_BY_TYPE).to_pylist()
    expected = truth.payments()
    assert len(expected) > 3 * DAYS
    assert sums_of(rows, ("enterprise_id", "business_day", "type"), "paid") == expected
    assert sum(row["refunded"] for row in rows) < 0
    assert {row["method"] for row in rows if row["type"] == "OutletPayment"} == {"Cards", "Cash"}
    assert all(row["outlet"] for row in rows if row["source"] == "outlet_items")


@pytest.mark.slow
def test_taxes_are_those_of_the_hotels_own_books(rows_of: RowsOf, truth: Truth) -> None:
    """The mart goes by breakdowns, where there are any; the books by each amount's taxes."""
    rows = rows_of(TAX_SUMMARY).to_pylist()
    found = sums_of(rows, ("enterprise_id", "business_day", "tax_rate_code"), "tax")
    expected = truth.taxes()
    assert len(expected) > 3 * DAYS
    missing: dict[Any, Decimal] = defaultdict(Decimal)
    for key in {*expected, *found}:
        if difference := expected.get(key, Decimal(0)) - found.get(key, Decimal(0)):
            missing[key[:2]] += difference
    assert not any(missing.values())
    not_broken_down = sum(row["tax_rate_code"] == "not broken down" for row in rows)
    assert not_broken_down < len(rows) / 10


def test_net_and_gross_over_all_codes_are_the_daily_revenue(rows_of: RowsOf) -> None:
    taxes = [row for row in rows_of(TAX_SUMMARY).to_pylist() if row["is_revenue"]]
    revenue = rows_of(DAILY_REVENUE).to_pylist()
    keys = ("enterprise_id", "business_day", "source", "currency")
    for column in ("net", "gross"):
        assert sums_of(taxes, keys, column) == sums_of(revenue, keys, column)


def test_open_bills_and_what_is_not_billed_are_the_guest_ledger_and_unpaid_invoices_the_city_ledger(
    rows_of: RowsOf, truth: Truth
) -> None:
    rows = rows_of(RECEIVABLES).to_pylist()
    for column, ledger in (("owed_by_guests", "Guest"), ("owed_on_invoices", "City")):
        found = sums_of(rows, ("enterprise_id",), column)
        more = truth.not_posted() if ledger == "Guest" else defaultdict(Decimal)
        expected = {
            (hotel,): balance + more[hotel] for hotel, balance in truth.ledger_balance(ledger).items()
        }
        assert len(expected) == 3 and any(expected.values())
        assert found == expected, ledger


def test_payments_reckoned_by_hand(tmp_path: Path) -> None:
    """100 and 50 in cash, 20 paid back: 130, of which -20 refunded. What failed or was canceled is no payment."""
    books = Books([hotel("one", "UTC")])
    for value in ("-100", "-50", "20"):
        books.paid("one", value)
    books.paid("one", "-7", State="Failed", AccountingState="Inactive")
    books.paid("one", "-7", AccountingState="Canceled")
    books.paid(
        "one", "-9", Type="ExternalPayment", Data={"Discriminator": "External", "External": {"Type": "Bacs"}}
    )
    books.paid("one", "-5", ConsumedUtc=None, ChargedUtc="2026-04-06T10:00:00Z")
    books.paid("one", None)
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), PAYMENTS_BY_TYPE, AS_OF)
    names = ("type", "method", "paid", "refunded", "payments")
    assert [(row["business_day"].day, *(row[name] for name in names)) for row in rows.to_pylist()] == [
        (5, "CashPayment", None, 130, -20, 3),
        (5, "ExternalPayment", "Bacs", 9, 0, 1),
        (6, "CashPayment", None, 5, 0, 1),
    ]
    assert left_out.column("rows").to_pylist() == [1]


def lines(*given: tuple[str | None, str, str]) -> dict[str, Any]:
    items = [
        {"TaxRateCode": code, "NetValue": number(net), "TaxValue": number(tax)} for code, net, tax in given
    ]
    return {"Items": items}


def test_taxes_reckoned_by_hand(tmp_path: Path) -> None:
    """Breakfast of 10 + 1.2 (reduced) and 5 + 1.05 (normal); wine of 3 x (5 + 1.05) without a breakdown, of one tax;
    a menu of 20 + 3 without a breakdown, of two taxes; city tax of 2, untaxed."""
    books = Books([hotel("one", "UTC")])
    breakfast = {"Currency": "EUR", "NetValue": Decimal(15), "GrossValue": Decimal("17.25")}
    breakdown = lines(("low", "10", "1.2"), ("high", "5", "1.05"))
    books.sold("one", EVENING, None, None, Amount={**breakfast, "Breakdown": breakdown, "TaxValues": []})
    menu = {"Currency": "EUR", "NetValue": Decimal(20), "GrossValue": Decimal(23)}
    both = [{"Code": "low", "Value": Decimal(1)}, {"Code": "high", "Value": Decimal(2)}]
    books.sold("one", EVENING, None, None, Amount={**menu, "TaxValues": both})
    books.sold("one", EVENING, "2", "2", Type="CityTax")
    wine = {"Currency": "EUR", "NetValue": Decimal(5), "GrossValue": Decimal("6.05")}
    books.add(
        "OutletItem", "one", BillId="b", EnterpriseId="one", Type="Revenue", ConsumedUtc=EVENING, UnitCount=3,
        UnitAmount={**wine, "TaxValues": [{"Code": "high", "Value": Decimal("1.05")}]},
    )  # fmt: skip
    rows = compute(fill(tmp_path / "lake", books), TAX_SUMMARY, AS_OF).to_pylist()
    found = {
        (row["source"], row["is_revenue"], row["tax_rate_code"]): (row["net"], row["tax"], row["gross"])
        for row in rows
    }
    assert found == {
        ("order_items", True, "low"): (10, Decimal("1.2"), Decimal("11.2")),
        ("order_items", True, "high"): (5, Decimal("1.05"), Decimal("6.05")),
        ("order_items", True, "not broken down"): (20, 3, 23),
        ("order_items", False, "untaxed"): (2, 0, 2),
        ("outlet_items", True, "high"): (15, Decimal("3.15"), Decimal("18.15")),
    }


def test_long_numbers_of_a_breakdown_keep_their_digits(tmp_path: Path) -> None:
    books = Books([hotel("one", "UTC")])
    amount = {
        "Currency": "EUR",
        "NetValue": Decimal("12345678901234567.8"),
        "GrossValue": Decimal("12345678901234568.9"),
    }
    breakdown = lines((None, "0.1", "0"), ("low", "12345678901234567.7", "1.1"))
    books.sold("one", EVENING, None, None, Amount={**amount, "Breakdown": breakdown})
    rows = compute(fill(tmp_path / "lake", books), TAX_SUMMARY, AS_OF).to_pylist()
    assert {row["tax_rate_code"]: row["net"] for row in rows} == {
        "low": Decimal("12345678901234567.7"),
        "untaxed": Decimal("0.1"),
    }


def test_what_is_owed_reckoned_by_hand(tmp_path: Path) -> None:
    """As of 10 April: an open bill of 100 with 30 paid, 1 day old; an invoice of 500, 40 days old and due since; one
    that was paid, one closed receipt; an open bill with a prepayment of 60, 99 days old."""
    books = Books([hotel("one", "UTC")])
    books.bill("one", "stay", CreatedUtc="2026-04-08T12:00:00Z")
    books.sold("one", EVENING, "90", "100", BillId="stay")
    books.sold("one", EVENING, "90", "100", BillId="stay", AccountingState="Canceled")
    books.paid("one", "-30", BillId="stay")
    books.paid("one", "-70", BillId="stay", State="Failed")
    invoice = {
        "State": "Closed",
        "Type": "Invoice",
        "IssuedUtc": "2026-03-01T00:00:00Z",
        "AccountType": "Company",
    }
    books.bill("one", "firm", **invoice, DueUtc="2026-03-15T00:00:00Z")
    books.sold("one", EVENING, "450", "500", BillId="firm")
    books.paid("one", "-500", BillId="firm", Type="InvoicePayment")
    books.bill("one", "paid", **invoice | {"PaidUtc": EVENING})
    books.sold("one", EVENING, "450", "500", BillId="paid")
    books.bill("one", "receipt", State="Closed")
    books.sold("one", EVENING, "1", "1", BillId="receipt")
    books.bill("one", "prepaid", CreatedUtc="2026-01-01T00:00:00Z")
    books.paid("one", "-60", BillId="prepaid")
    books.bill("one", "faulty", CreatedUtc="2026-01-01T00:00:00Z")
    books.sold("one", EVENING, "1E+18", "1E+18", BillId="faulty")
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), RECEIVABLES, AS_OF)
    names = ("kind", "account_type", "age", "owed", "overdue", "oldest_days", "bills")
    assert [tuple(row[name] for name in names) for row in rows.to_pylist()] == [
        ("open bill", "Customer", "0-30 days", 70, 0, 1, 1),
        ("open bill", "Customer", "91+ days", -60, 0, 99, 1),
        ("unpaid invoice", "Company", "31-60 days", 500, 500, 40, 1),
    ]
    assert left_out.column("rows").to_pylist() == [1]
    assert datetime.fromisoformat(EVENING) < AS_OF
