"""What the catalog says must hold between values: declared on rows of the catalog, and refused where it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mews_assets.catalog import TABLES, table
from mews_assets.catalog.bookkeeping import Balance, Sign
from mews_assets.catalog.columns import integer, string
from mews_assets.catalog.entities.currency_codes import CURRENCY_CODES
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.fields import amounts, currencies, enums, fields, references
from mews_assets.catalog.model import Column, Kind


def test_a_reference_names_a_table_or_a_reference_table() -> None:
    known = {one.name for one in (*TABLES, *REFERENCES)}
    found = {(one.name, each.path): each.column.refers_to for one in TABLES for each in references(one)}
    assert set(found.values()) <= known
    assert found["outlet_items", "bill_id"] == "outlet_bills"
    assert found["order_items", "bill_id"] == found["payments", "bill_id"] == "bills"
    assert found["reservations", "service_id"] == "services"


def test_only_one_string_can_refer_to_a_record() -> None:
    with pytest.raises(ValueError, match="must be a single string"):
        string("BillIds", "Ids.", is_list=True, refers_to="bills")
    with pytest.raises(ValueError, match="must be a single string"):
        integer("BillNumber", "Number.", refers_to="bills")


@pytest.mark.parametrize(
    "changes",
    [
        {"balance": Balance("PostingDate", "TransactionId", "Worth", "LedgerEntryType")},
        {"signs": (Sign("Amount.GrossValue", never="negative"),)},
        {"signs": (Sign("Value", never="negative", by="Mood", among=("Good",)),)},
    ],
)
def test_a_rule_about_a_column_that_is_not_there_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no column"):
        replace(table("ledger_entries"), **changes)  # type: ignore[arg-type]


def test_a_sign_by_a_column_needs_its_values() -> None:
    with pytest.raises(ValueError, match="needs values"):
        Sign("Value", never="negative", by="Type")


def test_only_the_ledger_keeps_books() -> None:
    assert [one.name for one in TABLES if one.balance] == ["ledger_entries"]


def test_values_are_found_at_all_depths_and_deprecated_ones_are_not() -> None:
    paths = {field.path for field in fields(table("payments"))}
    assert "data.credit_card.transaction.fee.tax_values.value" in paths
    assert [field.path for field in amounts(table("outlet_items"))] == ["unit_amount"]
    assert [field.path for field in currencies(table("availability_blocks"))] == ["budget.currency"]
    customers = {field.path: field for field in enums(table("customers"))}
    assert customers["title"].is_personal and customers["options"].is_repeated
    for field in fields(table("bills")):
        assert not field.column.deprecated
        assert field.is_repeated or not field.path.startswith("associated_account_data")


def test_an_object_with_all_that_amounts_consist_of_is_one_whatever_else_it_has() -> None:
    (unit,) = amounts(table("outlet_items"))
    more = Column("Price", Kind.OBJECT, "Price.", columns=(*unit.column.columns, string("Why", "Why.")))
    shop = replace(table("outlet_items"), columns=(*table("outlet_items").columns, more))
    assert [field.mews_path for field in amounts(shop)] == ["UnitAmount", "Price"]


def test_currencies_are_three_capitals_each_once() -> None:
    assert len(set(CURRENCY_CODES)) == len(CURRENCY_CODES) > 150
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCY_CODES)
