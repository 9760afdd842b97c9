"""Every record is what the API documents: required fields, types, enum values, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mews_assets.catalog import TABLES
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import Column, Kind
from mews_assets_tests.sandbox.simulation.history import History

COLUMNS: dict[str, tuple[Column, ...]] = {one.entity: one.columns for one in (*TABLES, *REFERENCES)}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{7})?Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MAY_MISS = {("OutletItem", "Breakdown"), ("TaxRate", "EndUtc")}
"""Documented examples leave these out, though they are required."""


def _faults(entity: str, columns: tuple[Column, ...], record: dict[str, Any]) -> list[str]:
    known = {column.name: column for column in columns}
    faults = [f"{name} is not documented" for name in record if name not in known]
    for name, column in known.items():
        value = record.get(name)
        if value is None:
            if column.required and (entity, name) not in MAY_MISS:
                faults.append(f"{name} is required")
            continue
        for each in value if column.is_list else [value]:
            faults += _faults_of(entity, column, each)
    return faults


def _faults_of(entity: str, column: Column, value: Any) -> list[str]:
    if column.kind is Kind.OBJECT:
        return [f"{column.name}.{fault}" for fault in _faults(entity, column.columns, value)]
    tests: dict[Kind, Callable[[], bool]] = {
        Kind.STRING: lambda: isinstance(value, str),
        Kind.INTEGER: lambda: type(value) is int,
        Kind.NUMBER: lambda: type(value) in (int, Decimal),
        Kind.DECIMAL: lambda: type(value) in (int, Decimal),
        Kind.BOOLEAN: lambda: isinstance(value, bool),
        Kind.UTC: lambda: INSTANT.fullmatch(value) is not None,
        Kind.DATE: lambda: DAY.fullmatch(value) is not None,
        Kind.ENUM: lambda: value in column.values,
        Kind.JSON: lambda: True,
    }
    return [] if tests[column.kind]() else [f"{column.name} cannot be {value!r}"]


@pytest.mark.slow_after_first
@pytest.mark.parametrize("entity", sorted(COLUMNS))
def test_every_record_has_the_documented_fields_and_types(history: History, entity: str) -> None:
    pairs = history.all(entity)
    assert pairs
    faults = {fault for _, record in pairs for fault in _faults(entity, COLUMNS[entity], record)}
    assert not faults


@pytest.mark.parametrize("entity", ["Reservation", "AvailabilityAdjustment", "ProductServiceOrder"])
def test_records_that_do_not_name_their_enterprise_have_it_as_scope(history: History, entity: str) -> None:
    enterprises = history.last("Enterprise")
    for version, record in history.all(entity):
        assert "EnterpriseId" not in record
        assert version.scope in enterprises


def test_other_records_name_their_scope(history: History) -> None:
    for version, record in (pair for pairs in history.states.values() for pair in pairs):
        if version.entity in ("Customer", "Company"):
            assert record["ChainId"] == version.scope
        elif "EnterpriseId" in record:
            assert record["EnterpriseId"] == version.scope


def test_deprecated_fields_of_reservations_are_still_sent(history: History) -> None:
    for _, record in history.all("Reservation"):
        assert record["StartUtc"] == record["ScheduledStartUtc"]
        assert record["EndUtc"] == record["ScheduledEndUtc"]


def test_the_breakdown_of_outlet_items_is_sometimes_missing(history: History) -> None:
    missing = ["Breakdown" not in record["UnitAmount"] for _, record in history.all("OutletItem")]
    assert any(missing)
    assert not all(missing)


def test_optional_fields_are_sometimes_null_and_sometimes_not(history: History) -> None:
    for entity, name in (
        ("Customer", "Email"),
        ("Reservation", "TravelAgencyId"),
        ("Reservation", "AvailabilityBlockId"),
        ("Payment", "ReservationId"),
        ("OrderItem", "BillId"),
        ("Bill", "DueUtc"),
        ("Company", "TaxIdentifier"),
    ):
        values = {record[name] is None for _, record in history.all(entity)}
        assert values == {True, False}, (entity, name)


def test_no_mail_address_belongs_to_anybody(history: History) -> None:
    for version in history.versions:
        for address in re.findall(rb'"[^"]*@[^"]*"', version.record):
            assert address.endswith(b'@example.com"')
