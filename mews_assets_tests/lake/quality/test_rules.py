"""Rules over rows: what breaks each, what does not, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog import table as table_of
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.columns import record, string
from mews_assets.catalog.entities.shapes import AMOUNT_COLUMNS
from mews_assets.catalog.model import Table
from mews_assets.lake.quality.measures import WORST_FILES, Measures, measure
from mews_assets.lake.quality.rules import (
    AMOUNTS,
    BALANCE,
    CURRENCIES,
    DUPLICATES,
    ENUMS,
    MISSING,
    OUTSIDE,
    SIGNS,
)
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets_tests.lake.made import LEDGER, ORDER_ITEMS, at, days

CUSTOMERS, PAYMENTS = table_of("customers"), table_of("payments")


def amount(net: float, tax: float, gross: float | None = None, **more: Any) -> dict[str, Any]:
    """An amount with one tax; `gross` where it is not their sum."""
    value = {
        "currency": "EUR",
        "net_value": net,
        "gross_value": net + tax if gross is None else gross,
        "tax_values": [{"code": "X", "value": tax}],
        "breakdown": {"items": [{"tax_rate_code": "X", "net_value": net, "tax_value": tax}]},
    }
    return value | more


def file(folder: Path, rows: list[dict[str, Any]], table: Table = ORDER_ITEMS, name: str = "rows") -> Path:
    """A partition's file of 2 March; what a row does not say is null."""
    own = {"_landing_id": "x", "_captured_at_utc": at(9), "_window_utc": at(2)}
    numbered = [{"id": f"{number}"} | own | row for number, row in enumerate(rows)]
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(numbered, arrow_schema(table)), path)
    return path


def measured(
    folder: Path, rows: list[dict[str, Any]], table: Table = ORDER_ITEMS, decimals: int = 2
) -> Measures:
    with open_duckdb(folder, threads=1) as engine:
        (found,) = measure(engine, table, [(file(folder, rows, table), days(2, 3))], [decimals])
    return found


def broken(found: Measures, rule: str) -> dict[str, int]:
    return {one.at: one.count for one in found.broken.get(rule, ())}


RIGHT = amount(100.0, 21.0)


@pytest.mark.parametrize(
    ("value", "decimals", "holds"),
    [
        (RIGHT, 2, True),
        (amount(0.1, 0.2), 2, True),  # which is 0.30000000000000004 in doubles
        (amount(100.0, 21.0, 121.01), 2, False),
        (amount(100.0, 21.0, 121.004), 2, True),  # half a unit of what taxes are rounded to
        (amount(100.0, 21.0, 121.006), 2, False),
        (amount(100.0, 21.0, 121.004), 4, False),
        (amount(100.0, 21.0, 121.4), 0, True),
        (
            amount(1e9, 2.1e8, 1.21e9 + 0.01),
            2,
            True,
        ),  # a billionth is below what doubles can tell of a billion
        (amount(-100.0, -21.0), 2, True),
        (RIGHT | {"breakdown": {"items": None}}, 2, True),
        (RIGHT | {"breakdown": None}, 2, True),
        (RIGHT | {"breakdown": {"items": []}}, 2, False),
        (amount(121.0, 0.0, tax_values=[], breakdown={"items": []}), 2, False),
        (amount(121.0, 0.0, tax_values=[], breakdown=None), 2, True),
        (amount(121.0, 0.0, tax_values=None, breakdown=None), 2, True),
        (
            RIGHT | {"breakdown": {"items": [{"tax_rate_code": "X", "net_value": 100.0, "tax_value": 20.0}]}},
            2,
            False,
        ),
        (
            RIGHT | {"breakdown": {"items": [{"tax_rate_code": "X", "net_value": 99.0, "tax_value": 21.0}]}},
            2,
            False,
        ),
        (None, 2, True),
    ],
)
def test_an_amount_adds_up_within_what_taxes_are_rounded_to(
    tmp_path: Path, value: dict[str, Any] | None, decimals: int, holds: bool
) -> None:
    found = measured(tmp_path, [{"amount": RIGHT}, {"amount": value}], decimals=decimals)
    assert broken(found, AMOUNTS) == ({} if holds else {"amount": 1})


def test_two_taxes_may_each_be_off_by_half_a_unit(tmp_path: Path) -> None:
    taxes = [{"code": "X", "value": 10.0}, {"code": "Y", "value": 11.0}]
    off = amount(100.0, 21.0, 121.01, tax_values=taxes, breakdown=None)
    assert not measured(tmp_path, [{"amount": off}]).broken


def test_the_worst_amounts_are_shown_first(tmp_path: Path) -> None:
    rows = [{"amount": amount(100.0, 21.0, 121.0 + number)} for number in range(9)]
    found = measured(tmp_path, rows)
    assert broken(found, AMOUNTS) == {"amount": 8}
    assert [row["id"] for row in found.worst[AMOUNTS]] == ["8", "7", "6", "5", "4"]
    assert found.worst[AMOUNTS][0]["off_by"] == 8.0
    assert set(found.worst) == {AMOUNTS, MISSING}


def test_amounts_deep_in_a_record_add_up_too(tmp_path: Path) -> None:
    card = {"credit_card": {"transaction": {"fee": amount(1.0, 0.2, 1.5), "charged_amount": RIGHT}}}
    assert broken(measured(tmp_path, [{"data": card}], PAYMENTS), AMOUNTS) == {
        "data.credit_card.transaction.fee": 1
    }


def test_amounts_within_a_list_add_up_too(tmp_path: Path) -> None:
    parts = record(
        "Parts", (record("Price", AMOUNT_COLUMNS, "Price."), string("Name", "Name.")), "Parts.", is_list=True
    )
    table = replace(ORDER_ITEMS, columns=(*ORDER_ITEMS.columns, parts))
    rows = [
        {"parts": [{"price": RIGHT}, {"price": amount(1.0, 1.0, 3.0, currency="XYZ")}]},
        {"parts": [{"price": RIGHT}]},
        {"parts": []},
        {"parts": None},
    ]
    found = measured(tmp_path, rows, table)
    assert broken(found, AMOUNTS) == {"parts.price": 1}
    assert broken(found, CURRENCIES) == {"parts.price.currency": 1}


def test_new_values_of_enums_are_counted_by_value_the_most_frequent_first(tmp_path: Path) -> None:
    rows = [{"type": name} for name in ("SpaceOrder", "Levy", "Levy", "it's", None)]
    (one,) = measured(tmp_path, rows).broken[ENUMS]
    assert (one.at, one.count, list(one.values.items())) == ("type", 3, [("Levy", 2), ("it's", 1)])


def test_new_values_in_lists_and_in_objects_are_found(tmp_path: Path) -> None:
    customers = measured(tmp_path, [{"options": ["None", "SendPigeons"]}, {"options": []}], CUSTOMERS)
    assert [(one.at, dict(one.values)) for one in customers.broken[ENUMS]] == [
        ("options", {"SendPigeons": 1})
    ]
    payments = measured(tmp_path, [{"data": {"invoice": {"type": "Promise"}}}], PAYMENTS)
    assert [(one.at, dict(one.values)) for one in payments.broken[ENUMS]] == [
        ("data.invoice.type", {"Promise": 1})
    ]


@pytest.mark.parametrize("currency", ["EURO", "eur", "", "€"])
def test_a_currency_that_is_none_is_told(tmp_path: Path, currency: str) -> None:
    found = measured(tmp_path, [{"amount": RIGHT | {"currency": currency}}])
    assert dict(found.broken[CURRENCIES][0].values) == {currency: 1}


@pytest.mark.parametrize(
    ("table", "row", "at_fault"),
    [
        (ORDER_ITEMS, {"type": "NightRebate", "amount": amount(10.0, 2.1)}, "amount.gross_value"),
        (ORDER_ITEMS, {"type": "NightRebate", "amount": amount(-10.0, -2.1)}, None),
        (ORDER_ITEMS, {"type": "CustomItem", "amount": amount(-10.0, -2.1)}, None),
        (PAYMENTS, {"kind": "Refund", "amount": amount(-10.0, 0.0)}, "amount.gross_value"),
        (PAYMENTS, {"kind": "Payment", "amount": amount(-10.0, 0.0)}, None),
        (LEDGER, {"value": Decimal(-1)}, "value"),
        (LEDGER, {"value": Decimal(0)}, None),
    ],
)
def test_a_value_has_the_sign_that_the_catalog_knows(
    tmp_path: Path, table: Table, row: dict[str, Any], at_fault: str | None
) -> None:
    found = measured(tmp_path, [row], table)
    assert broken(found, SIGNS) == ({at_fault: 1} if at_fault else {})
    if at_fault:
        assert found.worst[SIGNS][0]["why"].startswith("never ")


def test_net_and_gross_have_one_sign(tmp_path: Path) -> None:
    found = measured(tmp_path, [{"amount": amount(-1.0, 0.5, 0.5)}])
    assert broken(found, SIGNS) == {"amount": 1}


def entry(transaction: str | None, side: str, value: str, day: int = 2) -> dict[str, Any]:
    return {
        "transaction_id": transaction,
        "ledger_entry_type": side,
        "value": Decimal(value),
        "posting_date": at(day).date(),
    }


@pytest.mark.parametrize(
    ("entries", "transactions"),
    [
        ([entry("t", "Debit", "1.10"), entry("t", "Credit", "1.1")], 0),
        ([entry("t", "Debit", "0.1")] * 3 + [entry("t", "Credit", "0.3")], 0),
        ([entry("t", "Debit", "1"), entry("t", "Credit", "1.000000000000000001")], 1),
        ([entry("t", "Debit", "1"), entry("u", "Credit", "1")], 2),
        ([entry("t", "Debit", "1"), entry("t", "Credit", "1", day=3)], 2),
        ([entry(None, "Debit", "1"), entry(None, "Debit", "2"), entry(None, "Credit", "3")], 0),
        ([entry(None, "Debit", "1")], 1),
    ],
)
def test_debits_equal_credits_by_day_and_transaction_to_the_last_digit(
    tmp_path: Path, entries: list[dict[str, Any]], transactions: int
) -> None:
    found = measured(tmp_path, entries, LEDGER)
    assert broken(found, BALANCE) == ({"transactions": transactions} if transactions else {})


def test_what_does_not_balance_is_shown_in_plain_numbers(tmp_path: Path) -> None:
    found = measured(tmp_path, [entry("t", "Debit", "120.50"), entry("t", "Credit", "100")], LEDGER)
    assert found.worst[BALANCE] == (
        {
            "date": at(2).date(),
            "transaction": "t",
            "debits": "120.5",
            "credits": "100",
            "difference": "20.5",
        },
    )


def test_repeats_strays_and_gaps_are_shown_by_id(tmp_path: Path) -> None:
    twice = {"id": "a", "updated_utc": at(2)}
    found = measured(tmp_path, [twice, twice, {"id": "b", "_window_utc": at(4)}])
    assert found.worst[DUPLICATES] == ({"id": "a", "version": at(2), "times": 2},)
    assert [row["id"] for row in found.worst[OUTSIDE]] == ["b"]
    assert "currency" not in found.worst[MISSING][0]["missing"]
    assert "service_id" in found.worst[MISSING][0]["missing"]


def test_only_the_first_files_that_break_a_rule_are_looked_into(tmp_path: Path) -> None:
    rows = [{"amount": amount(1.0, 1.0, 9.0), "type": "Levy"}]
    paths = [file(tmp_path, rows, name=f"{number:02}") for number in range(WORST_FILES + 2)]
    with open_duckdb(tmp_path, threads=1) as engine:
        found = measure(engine, ORDER_ITEMS, [(path, days(2, 3)) for path in paths])
    assert [AMOUNTS in one.worst for one in found] == [True] * WORST_FILES + [False] * 2
    assert all(broken(one, AMOUNTS) == {"amount": 1} for one in found)
    assert all(dict(one.broken[ENUMS][0].values) == {"Levy": 1} for one in found)
