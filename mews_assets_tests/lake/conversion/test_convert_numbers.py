"""Numbers through a conversion: no digit that Mews sent is lost in silence."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from mews_assets_tests.lake.made import (
    BILLS,
    LEDGER,
    at,
    converted,
    entry,
    item,
    json_line,
)
from mews_assets_tests.lake.spelt import GOOD, refused, unit_amount, with_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("5.0", 5),
        ("1e2", 100),
        ("-0", 0),
        ("1e18", 10**18),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("null", None),
    ],
)
def test_a_whole_number_is_read_however_it_is_written(tmp_path, text, number):
    _, found = converted(tmp_path, with_text("UnitCount", text))
    assert found.column("unit_count")[0].as_py() == number


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("1785.71", None),
        ("1e5", None),
        ("0.1", None),
        ("1.7976931348623157e308", None),
        ("0.12345678901234567", "0.12345678901234567"),
        ("12345678901234567", "12345678901234567"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e-400", "1e-400"),
    ],
)
def test_a_number_that_a_double_cannot_hold_keeps_its_text(tmp_path, text, exact):
    other = json_line(item("other", at(2), UnitAmount={"NetValue": 1.5}))
    _, found = converted(tmp_path, other + unit_amount(text) + GOOD)
    by_id = {row["id"]: row for row in found.to_pylist()}
    assert by_id["odd"]["unit_amount"]["net_value"] == float(text)
    assert by_id["odd"]["_exact_numbers"] == ([("UnitAmount.NetValue", exact)] if exact else None)
    assert by_id["other"]["_exact_numbers"] is None
    assert by_id["good"]["_exact_numbers"] is None


def test_two_spellings_of_one_version_do_not_double_rows_with_long_numbers(tmp_path):
    short = unit_amount("12345678901234567")
    long = short.replace(b"T00:00:00Z", b"T00:00:00.000Z")
    assert long != short
    assert converted(tmp_path, short + long)[0].rows == 2


def test_a_long_number_in_a_free_form_field_keeps_its_text(tmp_path):
    owner = {"Discriminator": "x", "Value": {"Numbers": [1, 12321]}}
    line = json_line(item("odd", at(2), OwnerData=owner)).replace(b"12321", b"12345678901234567.89")
    _, found = converted(tmp_path, line, BILLS)
    assert found.column("_exact_numbers")[0].as_py() == [
        ("OwnerData.Value.Numbers[1]", "12345678901234567.89")
    ]
    assert json.loads(found.column("owner_data")[0].as_py()["value"])["Numbers"][0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "12345678901234.56",
        "12345678901234567.89",
        "-12345678901234567.89",
        "99999999999999999999",
        "12345678901234567890.123456789012345678",
        "0.000000000000000001",
        "0.0000001",
        "1E-18",
        "1e2",
        "0.10000000000000000000000",
        "-0.0",
        "0e25",
        "5.00",
    ],
)
def test_money_in_the_ledger_is_exact(tmp_path, text):
    lines = json_line(entry("other", "2026-03-02", Value=1.5)) + with_text(
        "Value", text, entry("a", "2026-03-02")
    )
    _, found = converted(tmp_path, lines, LEDGER)
    assert {row["id"]: row["value"] for row in found.to_pylist()} == {
        "other": Decimal("1.5"),
        "a": Decimal(text),
    }


@pytest.mark.parametrize(
    "text",
    [
        "0.1234567890123456789",
        "1e-19",
        "1.0000000000000000000000000000001",
        "100000000000000000000",
        "1e25",
        "1e99999999999999999999",
        '"5"',
    ],
)
def test_money_that_the_ledger_cannot_hold_is_an_error(tmp_path, text):
    lines = json_line(entry("other", "2026-03-02")) + with_text("Value", text, entry("a", "2026-03-02"))
    error = refused(tmp_path, lines, LEDGER)
    assert (error.line, error.field) == (2, "Value")
