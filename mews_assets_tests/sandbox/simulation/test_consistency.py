"""The books are right: amounts add up, the ledger balances, references resolve, states only move forward."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.expected_marts import Truth, newest
from mews_assets_tests.sandbox.simulation.history import DAYS, NOW, History

NOW_US = int(NOW.timestamp()) * 1_000_000
FIRST = NOW.date() - timedelta(days=DAYS)


@pytest.fixture(scope="module")
def truth(history: History) -> Truth:
    return Truth(history.versions, NOW_US)


def _amounts(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [record[name] for name in ("UnitAmount", "Amount", "OriginalAmount") if name in record]


def test_the_newest_version_is_the_last_one_stamped_at_or_before_the_instant() -> None:
    old, new = (Version("Bill", "b", "e", stamp, b"{}") for stamp in (10, 20))
    assert newest([new, old], 9) == {}
    assert newest([new, old], 19) == {("Bill", "b"): old}
    assert newest([new, old], 20) == {("Bill", "b"): new}


@pytest.mark.slow
def test_every_amount_adds_up(history: History) -> None:
    for entity in ("OrderItem", "Payment", "OutletItem"):
        for _, record in history.all(entity):
            for amount in _amounts(record):
                taxes = sum(tax["Value"] for tax in amount["TaxValues"])
                assert amount["NetValue"] + taxes == amount["GrossValue"]
                if "Breakdown" in amount:
                    items = amount["Breakdown"]["Items"]
                    assert sum(item["NetValue"] for item in items) == amount["NetValue"]
                    assert sum(item["TaxValue"] for item in items) == taxes


@pytest.mark.slow
def test_an_amount_is_its_units(history: History) -> None:
    for _, record in history.all("OrderItem"):
        for name in ("NetValue", "GrossValue"):
            assert record["UnitAmount"][name] * record["UnitCount"] == record["Amount"][name]


@pytest.mark.slow
def test_amounts_have_the_decimals_of_the_tax_precision(history: History) -> None:
    enterprises = history.last("Enterprise")
    for version, record in history.all("OrderItem"):
        decimals = enterprises[version.scope]["TaxPrecision"] or 2
        exponent = Decimal(record["Amount"]["NetValue"]).as_tuple().exponent
        assert exponent == -decimals


def test_repriced_items_keep_their_original_amount(history: History) -> None:
    changed = [r for r in history.last("OrderItem").values() if r["Amount"] != r["OriginalAmount"]]
    assert changed
    for pairs in (p for (entity, _), p in history.states.items() if entity == "OrderItem"):
        assert all(record["OriginalAmount"] == pairs[0][1]["OriginalAmount"] for _, record in pairs)


def test_every_transaction_balances_on_one_date_of_one_enterprise(history: History) -> None:
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for version, entry in history.all("LedgerEntry"):
        sign = 1 if entry["LedgerEntryType"] == "Debit" else -1
        assert entry["Value"] > 0
        sums[entry["TransactionId"], version.scope, entry["PostingDate"]] += sign * entry["Value"]
    assert len(sums) > 1000
    assert not any(sums.values())


def test_the_trial_balance_is_zero_on_every_date(truth: Truth) -> None:
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for (enterprise, day, _), (debits, credits) in truth.trial_balance().items():
        sums[enterprise, day] += debits - credits
    assert len(sums) > DAYS
    assert not any(sums.values())


def test_the_ledgers_revenue_is_that_of_the_order_items(truth: Truth) -> None:
    posted: dict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
    for scope, entry in truth.records("LedgerEntry"):
        if entry["LedgerType"] == "Revenue" and entry["AccountingItemType"] == "OrderItem":
            sign = 1 if entry["LedgerEntryType"] == "Credit" else -1
            key = scope, date.fromisoformat(entry["PostingDate"]), entry["AccountingCategoryId"]
            posted[key] += sign * entry["Value"]
    audited = NOW.date() - timedelta(days=2)
    expected = {key: value for key, value in truth.posted_revenue().items() if key[1] <= audited}
    assert len(expected) > 3 * DAYS
    assert {key: value for key, value in posted.items() if key[1] <= audited} == expected


def test_some_ledger_entries_are_written_days_after_their_posting_date(history: History) -> None:
    late = [e for _, e in history.all("LedgerEntry") if e["CreatedUtc"][:10] > e["PostingDate"]]
    assert late


def test_a_closed_bill_adds_up_to_zero(history: History) -> None:
    bills = history.last("Bill")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for item in history.last("OrderItem").values():
        if item["AccountingState"] == "Closed":
            sums[item["BillId"]] += item["Amount"]["GrossValue"]
    for payment in history.last("Payment").values():
        if payment["State"] == "Charged" and payment["BillId"]:
            sums[payment["BillId"]] += payment["Amount"]["GrossValue"]
    closed = {id for id, bill in bills.items() if bill["State"] == "Closed"}
    assert len(closed) > 300
    assert not {id: sums[id] for id in closed if sums[id]}


def test_a_closed_bill_owes_nothing_in_the_guest_ledger(history: History) -> None:
    guest: dict[str, Decimal] = defaultdict(Decimal)
    for _, entry in history.all("LedgerEntry"):
        if entry["LedgerType"] == "Guest" and entry["BillId"]:
            guest[entry["BillId"]] += entry["Value"] * (1 if entry["LedgerEntryType"] == "Debit" else -1)
    bills = history.last("Bill")
    assert not {id: value for id, value in guest.items() if bills[id]["State"] == "Closed" and value}


def test_the_hotels_are_about_two_thirds_full_from_the_first_day_on(history: History) -> None:
    last = Truth(history.versions, max(v.stamp_us for v in history.versions))
    nights = last.rooms_on_the_books()
    sold = sum(count for (_, day), count in nights.items() if FIRST <= day < FIRST + timedelta(days=DAYS))
    assert 0.55 < sold / (3 * 24 * DAYS) < 0.85
    assert sum(count for (_, day), count in nights.items() if day == FIRST) > 3 * 24 * 0.3


def test_the_books_filled_up_over_the_last_weeks(history: History, truth: Truth) -> None:
    def coming(seen: Truth) -> int:
        return sum(n for (_, day), n in seen.rooms_on_the_books().items() if NOW.date() < day)

    week_ago = Truth(history.versions, NOW_US - 7 * 86_400_000_000)
    assert 0 < coming(week_ago) < coming(truth)


def test_no_room_is_sold_twice(history: History) -> None:
    taken: set[tuple[str, str]] = set()
    for reservation in history.last("Reservation").values():
        if reservation["State"] in ("Started", "Processed"):
            night = date.fromisoformat(reservation["ScheduledStartUtc"][:10])
            while night < date.fromisoformat(reservation["ScheduledEndUtc"][:10]):
                key = reservation["AssignedResourceId"], night.isoformat()
                assert key not in taken
                taken.add(key)
                night += timedelta(days=1)


def test_outlet_bills_are_paid_in_full(history: History) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for item in history.last("OutletItem").values():
        value = item["UnitAmount"]["GrossValue"] * item["UnitCount"]
        sums[item["BillId"]] += -value if item["Type"] == "Payment" else value
    bills = history.last("OutletBill")
    assert not {id: sums[id] for id in bills if sums[id]}


def test_outlet_items_can_be_older_than_their_bill_and_bills_can_change_later(history: History) -> None:
    bills = history.last("OutletBill")
    items = history.last("OutletItem").values()
    assert any(i["UpdatedUtc"] < bills[i["BillId"]]["UpdatedUtc"] for i in items if i["BillId"] in bills)
    assert any(bill["ClosedUtc"] < bill["UpdatedUtc"] for bill in bills.values())


def test_outlets_have_revenue_every_few_days(truth: Truth) -> None:
    revenue = truth.outlet_revenue()
    assert len({outlet for outlet, _ in revenue}) == 6
    assert all(0 < sales.net <= sales.gross for sales in revenue.values() if sales.gross)
    assert any(sales.tips for sales in revenue.values())
    sold = sum(sales.gross + sales.tips for sales in revenue.values())
    assert sold == sum(sales.paid for sales in revenue.values())


def test_a_business_day_ends_when_the_hotel_closes_it(history: History, truth: Truth) -> None:
    """The bars sell past midnight, and one of the three hotels closes its day at 02:00."""
    closing = {id: r["BusinessDayClosingOffset"] for id, r in history.last("Enterprise").items()}
    assert sorted(value or "" for value in closing.values()) == ["", "", "P0M0DT2H0M0S"]
    differing = set()
    for scope, item in truth.records("OutletItem"):
        if truth._local(scope, item["ConsumedUtc"]) != truth._business_day(scope, item["ConsumedUtc"]):
            differing.add(closing[scope])
    assert differing == {"P0M0DT2H0M0S"}


@pytest.mark.parametrize(
    ("entity", "name", "target"),
    [
        ("OrderItem", "BillId", "Bill"),
        ("OrderItem", "ServiceId", "Service"),
        ("OrderItem", "AccountingCategoryId", "AccountingCategory"),
        ("OrderItem", "ServiceOrderId", "Reservation ProductServiceOrder"),
        ("OrderItem", "AccountId", "Customer Company"),
        ("Payment", "BillId", "Bill"),
        ("Payment", "ReservationId", "Reservation"),
        ("Payment", "AccountId", "Customer Company"),
        ("Bill", "AccountId", "Customer Company"),
        ("Bill", "CorrectedBillId", "Bill"),
        ("Reservation", "ServiceId", "Service"),
        ("Reservation", "AccountId", "Customer Company"),
        ("Reservation", "PartnerCompanyId", "Company"),
        ("Reservation", "TravelAgencyId", "Company"),
        ("Reservation", "AvailabilityBlockId", "AvailabilityBlock"),
        ("ProductServiceOrder", "LinkedReservationId", "Reservation"),
        ("AvailabilityAdjustment", "AvailabilityBlockId", "AvailabilityBlock"),
        ("LedgerEntry", "AccountingItemId", "OrderItem Payment OutletItem"),
        ("LedgerEntry", "BillId", "Bill"),
        ("LedgerEntry", "AccountId", "Customer Company"),
        ("OutletItem", "AccountingCategoryId", "AccountingCategory"),
        ("OutletBill", "OutletId", "Outlet"),
        ("Customer", "MergeTargetId", "Customer"),
    ],
)
def test_references_resolve(history: History, entity: str, name: str, target: str) -> None:
    named = {record[name] for _, record in history.all(entity)} - {None}
    assert named
    assert not {id for id in named if not any((kind, id) in history.states for kind in target.split())}


def test_every_outlet_item_has_its_bill_once_that_is_closed(history: History) -> None:
    end = max(v.stamp_us for v in history.versions)
    lost = [v for v, r in history.all("OutletItem") if ("OutletBill", r["BillId"]) not in history.states]
    assert all(end - v.stamp_us < 3600_000_000 for v in lost)  # only tables still eating at the very end


ORDERS = {
    ("Reservation", "State"): (
        "Inquired",
        "Requested",
        "Optional",
        "Confirmed",
        "Started",
        "Processed",
        "Canceled",
    ),
    ("ProductServiceOrder", "State"): ("Confirmed", "Started", "Processed"),
    ("OrderItem", "AccountingState"): ("Open", "Closed", "Canceled"),
    ("Payment", "AccountingState"): ("Open", "Closed", "Inactive"),
    ("Payment", "State"): ("Pending", "Charged", "Failed"),
    ("Bill", "State"): ("Open", "Closed"),
    ("AvailabilityBlock", "State"): ("Optional", "Confirmed", "Canceled"),
}


@pytest.mark.parametrize(("entity", "name"), sorted(ORDERS))
def test_states_only_move_forward(history: History, entity: str, name: str) -> None:
    order = ORDERS[entity, name]
    moved = 0
    for pairs in (p for (kind, _), p in history.states.items() if kind == entity):
        steps = [order.index(record[name]) for _, record in pairs]
        assert all(before <= after for before, after in pairwise(steps))
        moved += steps[0] < steps[-1]
    assert moved


def test_what_is_closed_is_never_canceled(history: History) -> None:
    for pairs in (p for (kind, _), p in history.states.items() if kind == "OrderItem"):
        states = [record["AccountingState"] for _, record in pairs]
        assert not ("Closed" in states and "Canceled" in states)
    for pairs in (p for (kind, _), p in history.states.items() if kind == "Reservation"):
        states = [record["State"] for _, record in pairs]
        assert not ("Started" in states and "Canceled" in states)


def test_a_deleted_block_is_inactive(history: History) -> None:
    blocks = history.last("ResourceBlock").values()
    assert {block["IsActive"] for block in blocks} == {True, False}
    assert all((block["DeletedUtc"] is None) == block["IsActive"] for block in blocks)
