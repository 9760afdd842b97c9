"""Every mart says what the simulated hotels' own books say, computed without a lake."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mews_assets.lake.storage.lake import Lake
from mews_assets.marts import (
    DAILY_REVENUE,
    LEDGER_TRIAL_BALANCE,
    MARTS,
    OCCUPANCY_AND_PICKUP,
    OUTLET_REVENUE,
)
from mews_assets.marts.make import compute
from mews_assets.marts.model import Mart
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.expected_marts import Truth, newest
from mews_assets_tests.marts.stage import AS_OF, AS_OF_US, DAY_US, DAYS, fill

NET_AND_GROSS = ("net", "gross")


@pytest.fixture(scope="module")
def truth(versions: list[Version]) -> Truth:
    return Truth(versions, AS_OF_US - 1)  # windows are half-open: what is stamped at the instant comes later


def answers(rows: pa.Table) -> list[dict[str, Any]]:
    return list(rows.to_pylist())


@pytest.mark.slow
def test_daily_revenue_is_what_was_earned_to_the_last_digit(rows_of: RowsOf, truth: Truth) -> None:
    entity = {"order_items": "OrderItem", "outlet_items": "OutletItem"}
    found = {
        (row["enterprise_id"], row["business_day"], row["accounting_category_id"], entity[row["source"]]): (
            row["net"],
            row["gross"],
        )
        for row in answers(rows_of(DAILY_REVENUE))
    }
    expected = truth.daily_revenue()
    assert len(expected) > 3 * DAYS
    assert found == expected


def test_daily_revenue_names_hotels_and_categories(rows_of: RowsOf, truth: Truth) -> None:
    names = {record["Id"]: record["Name"] for _, record in truth.records("Enterprise")}
    categories = {record["Id"]: record for _, record in truth.records("AccountingCategory")}
    for row in answers(rows_of(DAILY_REVENUE)):
        category = categories[row["accounting_category_id"]]
        assert row["enterprise"] == names[row["enterprise_id"]]
        assert (row["accounting_category"], row["classification"]) == (
            category["Name"],
            category["Classification"],
        )


def test_a_business_day_is_complete_once_the_hotel_has_closed_it(rows_of: RowsOf) -> None:
    """At midnight UTC it is evening in New York, 01:00 in London, and 02:00 in Prague."""
    last: dict[str, Any] = {}
    for row in answers(rows_of(DAILY_REVENUE)):
        if row["is_complete"]:
            last[row["enterprise"]] = max(
                row["business_day"], last.get(row["enterprise"], row["business_day"])
            )
    days_back = {name: (AS_OF.date() - day).days for name, day in last.items()}
    assert {name.rsplit(" ", 1)[-1]: back for name, back in days_back.items()} == {
        "Prague": 1,  # closes at midnight
        "London": 2,  # closes at 02:00
        "York": 2,
    }


def test_rooms_are_those_on_the_books_now_and_as_they_were_7_and_30_days_ago(
    rows_of: RowsOf, versions: list[Version]
) -> None:
    rows = answers(rows_of(OCCUPANCY_AND_PICKUP))
    for days_ago, column in ((0, "rooms"), (7, "rooms_7_days_ago"), (30, "rooms_30_days_ago")):
        seen = Truth(versions, AS_OF_US - days_ago * DAY_US - 1).rooms_on_the_books()
        found = {(row["enterprise_id"], row["stay_date"]): row[column] for row in rows if row[column]}
        assert len(seen) > DAYS
        assert found == seen, days_ago
    assert sum(row["inferred_7_days_ago"] + row["inferred_30_days_ago"] for row in rows) == 0


def test_pickup_is_the_difference_of_what_was_seen(rows_of: RowsOf) -> None:
    rows = answers(rows_of(OCCUPANCY_AND_PICKUP))
    for row in rows:
        assert row["pickup_7_days"] == row["rooms"] - row["rooms_7_days_ago"]
        assert row["pickup_30_days"] == row["rooms"] - row["rooms_30_days_ago"]
    assert any(row["pickup_7_days"] < 0 for row in rows)
    assert sum(row["pickup_7_days"] for row in rows if row["days_ahead"] > 0) > 0


@pytest.mark.slow
def test_a_lake_that_saw_only_the_newest_versions_infers_what_was_booked(
    versions: list[Version], tmp_path: Path
) -> None:
    """A first pull of history brings one version of each reservation: of most, none is a week old."""
    kinds = ("Reservation", "Enterprise", "Service")
    known = [one for one in versions if one.entity in kinds and one.stamp_us < AS_OF_US]
    lake = fill(tmp_path / "lake", newest(known, AS_OF_US - 1).values())
    rows = answers(compute(lake, OCCUPANCY_AND_PICKUP, AS_OF))
    now = {(row["enterprise_id"], row["stay_date"]): row["rooms"] for row in rows if row["rooms"]}
    assert now == Truth(versions, AS_OF_US - 1).rooms_on_the_books()
    for days_ago in (7, 30):
        seen = Truth(versions, AS_OF_US - days_ago * DAY_US - 1).rooms_on_the_books()
        found = sum(row[f"rooms_{days_ago}_days_ago"] for row in rows)
        inferred = sum(row[f"inferred_{days_ago}_days_ago"] for row in rows)
        assert 0 < inferred <= found
        assert abs(found - sum(seen.values())) < 0.1 * sum(seen.values()), days_ago


def test_the_trial_balance_has_every_debit_and_every_credit(rows_of: RowsOf, truth: Truth) -> None:
    rows = answers(rows_of(LEDGER_TRIAL_BALANCE))
    found = {
        (row["enterprise_id"], row["posting_date"], row["ledger_type"]): (row["debits"], row["credits"])
        for row in rows
    }
    expected = truth.trial_balance()
    assert len(expected) > 3 * DAYS
    assert found == expected
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["enterprise_id"], row["posting_date"]] += row["balance"]
    assert set(sums.values()) == {Decimal(0)}


def test_outlets_sold_and_were_paid_what_their_bills_say(rows_of: RowsOf, truth: Truth) -> None:
    found = {
        (row["outlet_id"], row["business_day"]): (
            row["net"],
            row["gross"],
            row["non_revenue"],
            row["payments"],
        )
        for row in answers(rows_of(OUTLET_REVENUE))
    }
    expected = truth.outlet_revenue()
    assert len(expected) > DAYS
    assert found == {key: tuple(sales) for key, sales in expected.items()}
    assert any(sales.tips for sales in expected.values())


def test_the_closing_of_the_day_matters_here(truth: Truth) -> None:
    """Without sales between midnight and closing the comparisons above would hold for the wrong reason."""
    late = [
        item
        for scope, item in truth.records("OutletItem")
        if truth._local(scope, item["ConsumedUtc"]) - truth._business_day(scope, item["ConsumedUtc"])
        == timedelta(days=1)
    ]
    assert late


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_the_same_lake_gives_the_same_rows_in_the_same_order(mart: Mart, lake: Lake, rows_of: RowsOf) -> None:
    again = compute(lake, mart, AS_OF)
    assert again.schema == mart.schema
    assert again.equals(rows_of(mart))
