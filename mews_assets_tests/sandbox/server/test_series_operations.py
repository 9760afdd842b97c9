"""Balances and availability: what is refused, and figures that fit the sandbox's own records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mews_assets.catalog.entities.ledger import LEDGER_TYPES
from mews_assets.catalog.entities.series.availability import METRICS
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.running import RunningSandbox, Simulated, running_sandbox
from mews_assets_tests.sandbox.made import Client

NOW = datetime.fromisoformat("2026-04-10T09:30:00Z")
BALANCES, AVAILABILITY = "ledgerBalances/getAll", "services/getAvailability/2024-01-22"
APRIL = {"Date": {"Start": "2026-04-05", "End": "2026-04-09"}, "LedgerTypes": list(LEDGER_TYPES)}
UNITS = {
    "FirstTimeUnitStartUtc": "2026-04-04T22:00:00Z",
    "LastTimeUnitStartUtc": "2026-04-19T22:00:00Z",
    "Metrics": [metric.name for metric in METRICS],
}


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningSandbox]:
    with running_sandbox(Simulated(hotels=1, days=5, seed=3), now=NOW) as running:
        running.set_clock(NOW, running=False)
        yield running


@pytest.fixture
def client(simulated: RunningSandbox) -> Iterator[Client]:
    asking = Client(simulated)
    yield asking
    asking.http.close()


def records(sandbox: RunningSandbox, entity: str) -> list[dict[str, Any]]:
    found = sandbox.sandbox.store.records(RecordQuery(entity, sandbox.sandbox.clock.now_us()))
    return [msgspec.json.decode(one) for one in found]


def service(sandbox: RunningSandbox, kind: str = "Bookable") -> str:
    return str(next(one["Id"] for one in records(sandbox, "Service") if one["Data"]["Discriminator"] == kind))


@pytest.mark.slow
def test_each_balance_opens_where_the_day_before_closed_and_moves_by_its_entries(client: Client) -> None:
    found = client.page(BALANCES, **APRIL)["LedgerBalances"]
    assert len(found) == 5 * len(LEDGER_TYPES)
    moves: dict[tuple[str, str], Decimal] = {}
    for entry in records(client.sandbox, "LedgerEntry"):
        sign = 1 if entry["LedgerEntryType"] == "Debit" else -1
        key = (entry["PostingDate"], entry["LedgerType"])
        moves[key] = moves.get(key, Decimal(0)) + sign * Decimal(str(entry["Value"]))
    closed: dict[str, float] = {}
    for one in sorted(found, key=lambda one: str(one["Date"])):
        opening, closing = (one[name]["GrossValue"] for name in ("OpeningBalance", "ClosingBalance"))
        assert closed.setdefault(one["LedgerType"], opening) == opening
        moved = moves.get((one["Date"], one["LedgerType"]), Decimal(0))
        assert Decimal(str(closing)) - Decimal(str(opening)) == moved
        closed[one["LedgerType"]] = closing
    assert any(moves.values())
    for one in found:
        if one["Date"] == "2026-04-05":
            before = (
                value
                for (day, ledger), value in moves.items()
                if day < one["Date"] and ledger == one["LedgerType"]
            )
            assert Decimal(str(one["OpeningBalance"]["GrossValue"])) == sum(before)


def test_balances_come_page_by_page(client: Client) -> None:
    whole = client.page(BALANCES, **APRIL)["LedgerBalances"]
    seen, cursor = [], None
    while (page := client.page(BALANCES, 10, cursor, **APRIL))["LedgerBalances"]:
        seen += page["LedgerBalances"]
        cursor = page["Cursor"]
    assert seen == whole
    assert page["Cursor"] is None


def test_a_category_has_as_many_rooms_taken_as_stays_and_blocks_in_it(client: Client) -> None:
    answer = client.post(AVAILABILITY, ServiceId=service(client.sandbox), **UNITS).json()
    assert len(answer["TimeUnitStartsUtc"]) == 16
    rooms = [one for one in records(client.sandbox, "Resource") if one["IsActive"]]
    totals = {
        name: [
            sum(one["Metrics"][name][day] for one in answer["ResourceCategoryAvailabilities"])
            for day in range(16)
        ]
        for name in UNITS["Metrics"]
    }
    assert totals["ActiveResources"] == [len(rooms)] * 16
    for active, usable, blocked in zip(
        totals["ActiveResources"], totals["UsableResources"], totals["OutOfOrderBlocks"], strict=True
    ):
        assert active - blocked == usable
    nights = [date(2026, 4, 5) + timedelta(days=number) for number in range(16)]
    stays = [
        one
        for one in records(client.sandbox, "Reservation")
        if one["State"] in ("Confirmed", "Started", "Processed")
    ]
    # In Prague midnight is at 22:00 UTC in summer, so a stay's dates in UTC are those of the hotel.
    counted = [
        sum(one["ScheduledStartUtc"][:10] <= night.isoformat() < one["ScheduledEndUtc"][:10] for one in stays)
        for night in nights
    ]
    assert totals["ConfirmedReservations"] == counted
    assert any(counted)


@pytest.mark.parametrize(
    ("operation", "change", "refused"),
    [
        (BALANCES, {"Date": {"Start": "2026-01-01", "End": "2026-02-02"}}, "longer than 1 month"),
        (BALANCES, {"Date": {"Start": "2026-01-02", "End": "2026-01-01"}}, "ends before"),
        (BALANCES, {"Date": None}, "required"),
        (BALANCES, {"LedgerTypes": []}, "0 items"),
        (BALANCES, {"LedgerTypes": ["Ledger"]}, "is not one of"),
        (BALANCES, {"Limitation": None}, "required"),
        (AVAILABILITY, {"FirstTimeUnitStartUtc": "2026-04-05T00:00:00Z"}, "not the start of a time unit"),
        (AVAILABILITY, {"LastTimeUnitStartUtc": "2028-04-04T22:00:00Z"}, "At most 367"),
        (AVAILABILITY, {"LastTimeUnitStartUtc": "2026-04-01T22:00:00Z"}, "before FirstTimeUnit"),
        (AVAILABILITY, {"Metrics": ["Empty"]}, "is not one of"),
        (AVAILABILITY, {"ServiceId": "00000000-0000-4000-8000-000000000000"}, "no such service"),
    ],
)
def test_what_breaks_a_rule_is_refused(
    client: Client, operation: str, change: dict[str, Any], refused: str
) -> None:
    right = APRIL if operation == BALANCES else {**UNITS, "ServiceId": service(client.sandbox)}
    answer = client.post(operation, **{"Limitation": {"Count": 1000}, **right, **change})
    assert answer.status_code == 400
    assert refused in answer.text


def test_a_service_that_is_not_booked_by_time_has_no_availability(client: Client) -> None:
    extras = service(client.sandbox, "Additional")
    answer = client.post(AVAILABILITY, ServiceId=extras, **UNITS)
    assert (answer.status_code, "not a bookable service" in answer.text) == (400, True)
