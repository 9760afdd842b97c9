"""Rooms, occupancy, ADR and RevPAR: against the simulated hotels' own books, and in cases reckoned by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mews_assets.marts import DAILY_PERFORMANCE, DAILY_PERFORMANCE_BY_DIMENSION
from mews_assets.marts.make import compute, compute_with_left_out
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.expected_marts import Truth
from mews_assets_tests.marts.expected_performance import COLUMNS, Performance
from mews_assets_tests.marts.made import AS_OF, Books, fill, hotel
from mews_assets_tests.marts.stage import AS_OF_US, DAYS

NOTHING = (Decimal(0),) * 3


@pytest.fixture(scope="module")
def performance(versions: list[Version]) -> Performance:
    return Performance(Truth(versions, AS_OF_US - 1))


def test_every_day_has_the_rooms_and_the_revenue_of_the_hotels_own_books(
    rows_of: RowsOf, performance: Performance
) -> None:
    rows = rows_of(DAILY_PERFORMANCE).to_pylist()
    slept, booked = performance.rooms(slept=True), performance.rooms(slept=False)
    blocked, revenue, inventory = performance.blocked(), performance.revenue(), performance.inventory()
    assert len(rows) > 3 * DAYS
    for row in rows:
        key = row["enterprise_id"], row["business_day"]
        assert row["rooms_sold"] == row["rooms_occupied"] == slept.get(key, 0)
        assert row["rooms_booked"] == booked.get(key, 0)
        assert (row["rooms_out_of_order"], row["rooms_house_use"]) == blocked.get(key, (0, 0)), key
        assert row["rooms_available"] == inventory[row["enterprise_id"]]
        money = tuple(row[name] for name in ("rooms_revenue", "total_revenue", "outlet_revenue"))
        assert money == revenue.get(key, NOTHING)
    assert sum(row["rooms_out_of_order"] for row in rows) > 0
    assert sum(row["rooms_house_use"] for row in rows) > 0
    last = {row["enterprise_id"]: row["business_day"] for row in rows}
    missed = [key for key in (*slept, *revenue) if key[1] <= last[key[0]]]
    assert set(missed) <= {(row["enterprise_id"], row["business_day"]) for row in rows}


@pytest.mark.parametrize("dimension", COLUMNS)
def test_every_group_has_its_own_rooms_and_revenue(
    dimension: str, rows_of: RowsOf, performance: Performance
) -> None:
    rows = [
        row for row in rows_of(DAILY_PERFORMANCE_BY_DIMENSION).to_pylist() if row["dimension"] == dimension
    ]
    slept, revenue = performance.rooms(slept=True, dimension=dimension), performance.revenue(dimension)
    keys = set()
    for row in rows:
        key = row["enterprise_id"], row["value_id"], row["business_day"]
        keys.add(key)
        assert row["rooms_sold"] == slept.get(key, 0)
        money = tuple(row[name] for name in ("rooms_revenue", "total_revenue", "outlet_revenue"))
        assert money == revenue.get(key, NOTHING)
        assert row["value"]
    last = {row["enterprise_id"]: row["business_day"] for row in rows_of(DAILY_PERFORMANCE).to_pylist()}
    assert {key for key in (*slept, *revenue) if key[2] <= last[key[0]]} <= keys


def test_each_dimension_adds_up_to_the_hotel(rows_of: RowsOf) -> None:
    hotels = {
        (row["enterprise_id"], row["business_day"]): row for row in rows_of(DAILY_PERFORMANCE).to_pylist()
    }
    sums: dict[Any, dict[str, Any]] = {}
    names = ("rooms_sold", "rooms_booked", "rooms_revenue", "total_revenue")
    for row in rows_of(DAILY_PERFORMANCE_BY_DIMENSION).to_pylist():
        own = sums.setdefault(
            (row["dimension"], row["enterprise_id"], row["business_day"]), dict.fromkeys((*names, "rooms"), 0)
        )
        for name in names:
            own[name] += row[name]
        own["rooms"] += row["rooms_available"] or 0
    for (dimension, *key), own in sums.items():
        row = hotels[tuple(key)]  # type: ignore[index]
        assert {name: own[name] for name in names} == {name: row[name] for name in names}, (dimension, key)
        if dimension == "resource_category":
            assert own["rooms"] == row["rooms_available"]


def night(day: int, hour: int = 13) -> str:
    return f"2026-04-{day:02}T{hour:02}:00:00Z"


def room_sold(books: Books, stay: str, day: int, net: str, **more: Any) -> None:
    books.sold("one", night(day), net, net, ServiceOrderId=stay, **more)


@pytest.fixture
def books() -> Books:
    """Ten rooms: six of one category, four of another."""
    books = Books([hotel("one", "UTC")])
    for number in range(10):
        books.room("one", f"r{number}", "standard" if number < 6 else "suite")
    return books


def rows_by_day(books: Books, folder: Path, as_of: datetime = AS_OF) -> dict[int, dict[str, Any]]:
    rows, left_out = compute_with_left_out(fill(folder / "lake", books), DAILY_PERFORMANCE, as_of)
    assert left_out.num_rows == 0
    return {row["business_day"].day: row for row in rows.to_pylist()}


@pytest.mark.slow
def test_a_day_reckoned_by_hand(books: Books, tmp_path: Path) -> None:
    """10 rooms, 1 out of order. 3 sold for 100, 110 and 120.40, 1 slept free of charge, breakfast for 15, a bar bill
    of 2 x 10. Occupancy 3/10 = 30 %, ADR 330.40 / 3 = 110.1333..., RevPAR 33.04, TRevPAR (330.40 + 15 + 20) / 10."""
    for number, net in enumerate(("100", "110", "120.40", "0")):
        books.stay("one", night(5), night(6, 10), Id=f"s{number}", RequestedResourceCategoryId="standard")
        room_sold(books, f"s{number}", 5, net)
    room_sold(books, "s0", 5, "15", Type="ProductOrder")
    room_sold(books, "s0", 5, "99", AccountingState="Canceled")
    room_sold(books, "s0", 5, "99", Type="CityTax")
    unit = {"Currency": "EUR", "NetValue": Decimal(10), "GrossValue": Decimal(12)}
    books.add(
        "OutletItem", "one", BillId="b", EnterpriseId="one", Type="Revenue", ConsumedUtc=night(5, 20), UnitCount=2,
        UnitAmount=unit,
    )  # fmt: skip
    books.block("one", "r9", night(4), night(7, 10))
    row = rows_by_day(books, tmp_path)[5]
    counted = (
        "available",
        "out_of_order",
        "house_use",
        "closed",
        "occupied",
        "complimentary",
        "sold",
        "booked",
    )
    assert [row[f"rooms_{name}"] for name in counted] == [10, 1, 0, 0, 4, 1, 3, 4]
    assert (row["rooms_revenue"], row["total_revenue"], row["outlet_revenue"]) == (
        Decimal("330.40"),
        Decimal("365.40"),
        20,
    )
    assert (row["occupancy_percent"], row["revpar"], row["trevpar"]) == (
        30,
        Decimal("33.04"),
        Decimal("36.54"),
    )
    assert row["adr"] == Decimal("110.1333333333")
    assert row["currency"] == "EUR"


def test_a_stay_that_ended_early_is_slept_until_then(books: Books, tmp_path: Path) -> None:
    """Booked from the 1st to the 5th: four nights. Left on the 3rd: two."""
    books.stay("one", night(1), night(5, 10), State="Processed", ActualEndUtc=night(3, 8))
    books.stay("one", night(1), night(5, 10), State="Started", ActualEndUtc=None)
    found = rows_by_day(books, tmp_path)
    assert [found[day]["rooms_sold"] for day in range(1, 6)] == [2, 2, 1, 1, 0]
    assert [found[day]["rooms_booked"] for day in range(1, 6)] == [2, 2, 2, 2, 0]


def test_a_block_that_was_deleted_held_until_then(books: Books, tmp_path: Path) -> None:
    gone = {"IsActive": False, "Type": "InternalUse"}
    books.block("one", "r0", night(1), night(9, 10), DeletedUtc=night(4, 8), **gone)
    books.block("one", "r1", night(1), night(9, 10), DeletedUtc="2026-03-30T08:00:00Z", **gone)
    books.block("one", "r2", night(1), "9999-12-31T23:59:59Z")
    books.block("one", "r2", night(2), night(3, 10), Type="InternalUse")  # the same room: out of order counts
    books.stay("one", night(1), night(2))
    found = rows_by_day(books, tmp_path)
    assert [found[day]["rooms_house_use"] for day in (1, 2, 3, 4, 9)] == [1, 1, 1, 0, 0]
    # Without an end it is longer than six months: closed, and not available.
    assert [(found[day]["rooms_closed"], found[day]["rooms_available"]) for day in (1, 2, 9)] == [(1, 9)] * 3
    assert sum(row["rooms_out_of_order"] for row in found.values()) == 0


def test_rooms_are_there_from_when_they_were_made_until_they_were_given_up(
    books: Books, tmp_path: Path
) -> None:
    books.room("one", "new", "suite", CreatedUtc=night(3))
    books.room("one", "old", "suite", IsActive=False, UpdatedUtc=night(5))
    books.room("one", "garage", "parking", kind="ParkingSpot")
    books.room("one", "dorm", "dorm", kind="Dorm")
    for bed in ("bed1", "bed2"):
        books.room("one", bed, "beds", kind="Bed", ParentResourceId="dorm")
    books.stay("one", night(1), night(2), RequestedResourceCategoryId="standard")
    books.stay("one", night(1), night(2), RequestedResourceCategoryId="parking", Id="car")
    found = rows_by_day(books, tmp_path)
    assert [found[day]["rooms_available"] for day in (1, 2, 3, 4, 5, 6)] == [13, 13, 14, 14, 13, 13]
    assert found[1]["rooms_booked"] == 1


def test_a_category_counts_who_slept_in_its_rooms(books: Books, tmp_path: Path) -> None:
    """Booked as standard, moved up to a suite: the suite is sold."""
    books.stay("one", night(5), night(6), RequestedResourceCategoryId="standard", AssignedResourceId="r7")
    books.stay("one", night(5), night(6), RequestedResourceCategoryId="standard")
    lake = fill(tmp_path / "lake", books)
    rows = compute(lake, DAILY_PERFORMANCE_BY_DIMENSION, AS_OF).to_pylist()
    found = {
        row["value"]: (row["rooms_available"], row["rooms_sold"], row["occupancy_percent"])
        for row in rows
        if row["dimension"] == "resource_category" and row["business_day"].day == 5
    }
    assert found == {
        "Category standard": (6, 1, Decimal("16.6666666667")),
        "Category suite": (4, 1, Decimal(25)),
    }


@pytest.mark.slow_after_first
@pytest.mark.parametrize(
    ("intervals", "last"),
    [
        (("P0M7DT0H0M0S", "P0M1DT0H0M0S"), 2),  # the end of the 2nd is 7 days before the 10th
        (("P0M1DT0H0M0S", None), 8),
        (("PT0S", "PT0S"), 9),
        (("P1M", "P0M0DT0H0M0S"), 0),
        (("P99999Y", "PT0S"), 0),
        (("soon", "PT0S"), None),
        ((None, None), None),
    ],
)
def test_a_day_is_final_when_its_editable_history_has_passed(
    intervals: tuple[str | None, str | None], last: int | None, books: Books, tmp_path: Path
) -> None:
    books.hotels[0] |= {
        "AccountingEditableHistoryInterval": intervals[0],
        "OperationalEditableHistoryInterval": intervals[1],
    }
    books.stay("one", night(1), night(10))
    found = {day: row["is_final"] for day, row in rows_by_day(books, tmp_path).items()}
    assert len(found) == 9
    assert found == {day: None if last is None else day <= last for day in found}


def test_money_in_another_currency_is_left_out_and_named(books: Books, tmp_path: Path) -> None:
    for net in ("10", "20"):
        room_sold(books, "none", 5, net)
    other = {"Currency": "USD", "NetValue": Decimal(1000), "GrossValue": Decimal(1000)}
    books.sold("one", night(5), "0", "0", Amount=other)
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), DAILY_PERFORMANCE, AS_OF)
    assert (rows.column("total_revenue")[0].as_py(), rows.column("currency")[0].as_py()) == (30, "EUR")
    (row,) = left_out.to_pylist()
    assert "Currency is not that of most" in row["fault"] and row["rows"] == 1


def test_only_days_that_are_over_have_rows(books: Books, tmp_path: Path) -> None:
    books.stay("one", night(1), night(20))
    rows = compute(fill(tmp_path / "lake", books), DAILY_PERFORMANCE, datetime(2026, 4, 6, 12, tzinfo=UTC))
    assert rows.column("business_day").to_pylist() == [date(2026, 4, day) for day in range(1, 6)]
