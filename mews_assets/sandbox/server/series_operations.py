"""The operations over figures that are not stored but computed: ledger balances and the availability of a service.

Lives here: the checks of their parameters, and their answers. Not here: the figures (`balances`, `availability`), and
operations that answer with stored records (`pages`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from mews_assets.catalog.entities.ledger import LEDGER_TYPES
from mews_assets.catalog.entities.series.availability import METRICS
from mews_assets.sandbox.clock import Clock, read_micros, to_micros, write_micros
from mews_assets.sandbox.records.record_query import OneOf, RecordQuery
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.server.access_control import Access
from mews_assets.sandbox.server.availability import availability
from mews_assets.sandbox.server.balances import balances
from mews_assets.sandbox.server.request_rules import (
    Body,
    Refusal,
    invalid,
    limitation,
    mapping,
    months_later,
    string,
    strings,
)

ENCODER = msgspec.json.Encoder(decimal_format="number")
TIME_UNITS = {"Hour": 367, "Day": 367, "Month": 60}
"""The most time units of an interval, by the service's time unit."""
_METRICS = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True)
class Asked:
    """One request: who asks, what, and the records as they are now."""

    store: Store
    clock: Clock
    access: Access
    body: Body


def answer_series(operation: str, asked: Asked, most: int) -> tuple[bytes, bool]:
    """The body of an answer, and whether it holds no figure; pages hold at most so many."""
    return SERIES_OPERATIONS[operation](asked, most)


def _ledger_balances(asked: Asked, most: int) -> tuple[bytes, bool]:
    count, cursor = limitation(asked.body)
    first, last = _dates(asked.body)
    ledgers = strings(asked.body, "LedgerTypes", required=True) or ()
    if unknown := sorted({*ledgers} - {*LEDGER_TYPES}):
        raise invalid("LedgerTypes", f"{unknown[0]!r} is not one of {', '.join(LEDGER_TYPES)}")
    wanted = asked.access.scopes("LedgerEntry", strings(asked.body, "EnterpriseIds"))
    scopes = sorted(asked.store.enterprises() if wanted is None else wanted)
    rows: dict[str, dict[str, Any]] = {}
    at_us = asked.clock.now_us()
    for scope in scopes:
        currency = _currency(asked.store, at_us, scope)
        for day, ledger, opening, closing in balances(asked.store, at_us, scope, (first, last), ledgers):
            rows[f"{day}/{scope}/{ledger}"] = {
                "EnterpriseId": scope,
                "Date": day,
                "LedgerType": ledger,
                "OpeningBalance": _amount(currency, opening),
                "ClosingBalance": _amount(currency, closing),
            }
    keys = sorted(rows, reverse=True)
    if cursor is not None:
        place = next((key for key in keys if key.lower() == cursor), None)
        if place is None:
            raise invalid("Limitation.Cursor", "there is no ledger balance of this name")
        keys = keys[keys.index(place) + 1 :]
    page = keys[: min(count, most)]
    answer = {"LedgerBalances": [rows[key] for key in page], "Cursor": page[-1] if page else None}
    return ENCODER.encode(answer), not page


def _service_availability(asked: Asked, most: int) -> tuple[bytes, bool]:
    service = _service(asked)
    metrics = strings(asked.body, "Metrics", required=True) or ()
    if unknown := sorted({*metrics} - {*_METRICS}):
        raise invalid("Metrics", f"{unknown[0]!r} is not one of {', '.join(_METRICS)}")
    enterprise = str(service["EnterpriseId"]).lower()
    zone = _zone(asked.store, asked.clock.now_us(), enterprise)
    unit = str(service["Data"]["Value"].get("TimeUnitPeriod", "Day"))
    starts = _unit_starts(asked.body, unit, zone)
    figures = availability(asked.store, asked.clock.now_us(), enterprise, str(service["Id"]).lower(), zone)
    days = [start.astimezone(zone).date() for start in starts]
    answer = {
        "TimeUnitStartsUtc": [write_micros(to_micros(start)) for start in starts],
        "ResourceCategoryAvailabilities": [
            {
                "ResourceCategoryId": category,
                "Metrics": {name: [of_day(day)[name] for day in days] for name in metrics},
            }
            for category, of_day in figures.items()
        ],
    }
    return ENCODER.encode(answer), False


SERIES_OPERATIONS: dict[str, Callable[[Asked, int], tuple[bytes, bool]]] = {
    "ledgerBalances/getAll": _ledger_balances,
    "services/getAvailability/2024-01-22": _service_availability,
}


def _dates(body: Body) -> tuple[date, date]:
    """`Date {Start, End}`, both included, at most a month."""
    value = mapping(body, "Date", required=True) or {}
    days = []
    for end in ("Start", "End"):
        try:
            days.append(datetime.strptime(str(value.get(end)), "%Y-%m-%d").replace(tzinfo=UTC))
        except ValueError as error:
            raise invalid(f"Date.{end}", "a date such as 2024-01-31 is required") from error
    if days[1] < days[0]:
        raise invalid("Date", "it ends before it starts")
    if to_micros(days[1]) > months_later(to_micros(days[0]), 1):
        raise invalid("Date", "it is longer than 1 month")
    return days[0].date(), days[1].date()


def _service(asked: Asked) -> dict[str, Any]:
    """The bookable service that the body names, if the token sees its enterprise."""
    id = string(asked.body, "ServiceId").lower()
    scopes = asked.access.scopes("Service", None)
    query = RecordQuery("Service", asked.clock.now_us(), scopes, conditions=(OneOf("Id", (id,)),))
    found = [msgspec.json.decode(record) for record in asked.store.records(query)]
    if not found:
        raise invalid("ServiceId", "there is no such service in the scope of this access token")
    if found[0]["Data"]["Discriminator"] != "Bookable":
        raise invalid("ServiceId", "it is not a bookable service")
    service: dict[str, Any] = found[0]
    return service


def _zone(store: Store, at_us: int, enterprise: str) -> ZoneInfo:
    query = RecordQuery("Enterprise", at_us, {enterprise}, conditions=(OneOf("Id", (enterprise,)),))
    record = msgspec.json.decode(next(iter(store.records(query))))
    return ZoneInfo(record["TimeZoneIdentifier"])


def _currency(store: Store, at_us: int, enterprise: str) -> str:
    """The hotel's own currency, as its configuration says."""
    for raw in store.records(RecordQuery("Configuration", at_us, {enterprise})):
        for one in msgspec.json.decode(raw).get("Enterprise", {}).get("Currencies") or ():
            if one.get("IsDefault"):
                return str(one["Currency"])
    return "EUR"


def _amount(currency: str, value: Decimal) -> Mapping[str, Any]:
    return {
        "Currency": currency,
        "NetValue": value,
        "GrossValue": value,
        "TaxValues": [],
        "Breakdown": {"Items": [{"TaxRateCode": None, "NetValue": value, "TaxValue": 0}]},
    }


def _unit_starts(body: Body, unit: str, zone: ZoneInfo) -> list[datetime]:
    """The starts of all time units from the first to the last. Both ends must be starts."""
    ends = []
    for name in ("FirstTimeUnitStartUtc", "LastTimeUnitStartUtc"):
        try:
            micros = read_micros(string(body, name))
        except (ValueError, OverflowError) as error:
            raise invalid(name, str(error)) from error
        start = datetime.fromtimestamp(micros / 1_000_000, UTC)
        if start != _start_of(start, unit, zone):
            raise invalid(name, f"it is not the start of a time unit, which is a {unit.lower()}")
        ends.append(start)
    if ends[1] < ends[0]:
        raise invalid("LastTimeUnitStartUtc", "it is before FirstTimeUnitStartUtc")
    found = [ends[0]]
    while found[-1] < ends[1]:
        if len(found) >= TIME_UNITS[unit]:
            raise Refusal(400, "The interval is too long.", f"At most {TIME_UNITS[unit]} time units.")
        longest = {"Hour": timedelta(hours=1), "Day": timedelta(hours=30), "Month": timedelta(days=35)}[unit]
        found.append(_start_of(found[-1] + longest, unit, zone))
    return found


def _start_of(instant: datetime, unit: str, zone: ZoneInfo) -> datetime:
    """The start of the time unit that holds the instant."""
    if unit == "Hour":
        return instant.replace(minute=0, second=0, microsecond=0)
    day = instant.astimezone(zone).date()
    first = day.replace(day=1) if unit == "Month" else day
    return datetime.combine(first, time(), zone).astimezone(UTC)
