"""Every mart over nasty books of several hotels, some of them faulty: each cell as an independent oracle reckons it.

The books are drawn by a seed. What the good hotels' cells say does not change when the faulty hotels go.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mews_assets.lake.storage.lake import Lake
from mews_assets.marts import DAILY_REVENUE, LEDGER_TRIAL_BALANCE, MARTS, OCCUPANCY_AND_PICKUP, OUTLET_REVENUE
from mews_assets.marts.make import checks_of, compute_with_left_out, draw
from mews_assets.marts.model import Mart
from mews_assets_tests.marts.made import AS_OF, Books, fill, hotel
from mews_assets_tests.marts.oracle import Answer, Oracle

GOOD = [
    ("prague", "Europe/Prague", "P0M0DT2H30M0S"),
    ("york", "America/New_York", None),
    ("lord_howe", "Australia/Lord_Howe", "P0M0DT1H45M0S"),
    ("johns", "America/St_Johns", "P0M0DT0H0M0S"),
    ("casey", "Antarctica/Casey", None),
    ("nowhere", None, "P0M0DT12H0M0S"),
]
FAULTY = [
    ("windows", "W. Europe Standard Time", None),
    ("local", "localtime", None),
    ("empty", "Europe/Prague", ""),
    ("weeks", "Europe/Prague", "P3W"),
]
BAD = {id for id, *_ in FAULTY}
SEEDS = (1, 2)
TURNS = [
    "2025-10-26T00:59:59",
    "2025-10-26T00:30:00",
    "2025-11-02T05:30:00",
    "2026-04-04T14:45:00",
    "2026-03-29T01:00:00",
]
START = datetime(2025, 11, 2, 4, 0, tzinfo=UTC)


def written(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def some_instant(chance: random.Random) -> str | None:
    kind = chance.random()
    if kind < 0.02:
        return None
    if kind < 0.06:
        return chance.choice(
            ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"]
        )
    if kind < 0.5:
        at = datetime.fromisoformat(f"{chance.choice(TURNS)}+00:00")
        return written(at + timedelta(minutes=chance.randint(-300, 300)))
    return written(AS_OF - timedelta(minutes=chance.randint(-20_000, 300_000)))


def some_money(chance: random.Random) -> Decimal | None:
    kind = chance.random()
    if kind < 0.02:
        return None
    if kind < 0.05:
        return chance.choice([Decimal("1E+18"), Decimal("-1E+28"), Decimal("1E+29"), Decimal("1.5E+300")])
    if kind < 0.15:
        return Decimal(chance.randint(-(10**15), 10**15)) / Decimal(10**13)
    if kind < 0.2:
        return Decimal(
            chance.choice(["999999999999999999", "12345678901234567.89", "-0.0000001", "1E-9", "0"])
        )
    return Decimal(chance.randint(-5000, 90_000)) / 100


def nasty(seed: int) -> Books:
    chance = random.Random(seed)
    books = Books([hotel(*one) for one in (*GOOD, *FAULTY)])
    ids = [one["Id"] for one in books.hotels]
    for id in ids:
        for number in range(3):
            books.add("OutletBill", id, Id=f"bill{number}", OutletId=f"{id}{number % 2}", EnterpriseId=id)
        for _ in range(40):
            owner = id if chance.random() < 0.95 else chance.choice([*ids, None])
            category = chance.choice([None, "rooms", "food"])
            amount = {"Currency": chance.choice(["EUR", "USD"])}
            amount |= {name: some_money(chance) for name in ("NetValue", "GrossValue")}
            books.add(
                "OrderItem", id, EnterpriseId=owner, AccountingCategoryId=category, ConsumedUtc=some_instant(chance),
                AccountingState=chance.choice(["Open", "Closed", "Canceled", "New"]),
                Type=chance.choice(["SpaceOrder", "CityTax", "Deposit", "Rebate"]),
                Amount=None if chance.random() < 0.02 else amount,
            )  # fmt: skip
            books.add(
                "OutletItem", id, EnterpriseId=owner, AccountingCategoryId=category, ConsumedUtc=some_instant(chance),
                BillId=f"bill{chance.randint(0, 4)}", Type=chance.choice(["Revenue", "NonRevenue", "Payment"]),
                UnitCount=chance.choice([1, 2, -3, 0, None, 9_000_000_000_000_000_000]), UnitAmount=amount,
            )  # fmt: skip
            value = some_money(chance)
            books.add(
                "LedgerEntry", id, EnterpriseId=owner, LedgerType=chance.choice(["Guest", "Tax", "New"]),
                PostingDate=chance.choice(["2026-04-01", "2026-04-02", "0001-01-01", "2099-12-31", "2100-01-01"]),
                LedgerEntryType=chance.choice(["Debit", "Credit", "Neither", None]),
                Value=None if value is None else min(abs(value), Decimal("5000000000000000000")),
            )  # fmt: skip
            some_stay(books, id, chance)
    return books


def some_stay(books: Books, id: str, chance: random.Random) -> None:
    start = some_instant(chance)
    end = some_instant(chance)
    if start and start[:2] == "20" and chance.random() < 0.9:
        nights = chance.choice([0, 1, 2, 3, 14, 3653, 3655, 20_000])
        end = written(datetime.fromisoformat(start) + timedelta(days=nights, hours=chance.randint(-3, 3)))
    created = AS_OF - timedelta(days=chance.randint(0, 90), minutes=7)
    stamp = created
    for _ in range(chance.randint(1, 3)):
        stamp += timedelta(hours=chance.randint(1, 600))
        state = chance.choice(["Confirmed", "Started", "Canceled", "Optional", "Confirmed"])
        books.stay(
            id, start, end, Id=f"stay{len(books.rows['Reservation']) // 3}", State=state, UpdatedUtc=written(stamp),
            CreatedUtc=None if chance.random() < 0.05 else written(created),
            ServiceId=chance.choice(["stay", "parking"]),
            CancelledUtc=written(stamp) if state == "Canceled" else None,
        )  # fmt: skip


VALUES = {
    DAILY_REVENUE.name: (
        ("enterprise_id", "business_day", "is_complete", "accounting_category_id", "source", "currency"),
        ("net", "gross", "items"),
    ),
    OUTLET_REVENUE.name: (
        ("enterprise_id", "outlet_id", "business_day", "is_complete", "currency"),
        ("net", "gross", "non_revenue", "payments", "bills", "items"),
    ),
    LEDGER_TRIAL_BALANCE.name: (
        ("enterprise_id", "posting_date", "ledger_type"),
        ("debits", "credits", "balance", "entries", "unread"),
    ),
    OCCUPANCY_AND_PICKUP.name: (
        ("enterprise_id", "service_id", "stay_date"),
        (
            "rooms",
            "rooms_7_days_ago",
            "rooms_30_days_ago",
            "inferred",
            "inferred_7_days_ago",
            "inferred_30_days_ago",
        ),
    ),
}
"""By mart: what tells its cells apart, and what they say."""


def cells(mart: str, rows: pa.Table) -> dict[Any, Any]:
    keys, values = VALUES[mart]
    found = {tuple(row[one] for one in keys): tuple(row[one] for one in values) for row in rows.to_pylist()}
    assert len(found) == rows.num_rows
    return found


@dataclass(frozen=True)
class Drawn:
    """Books, and a lake of them with and one without the faulty hotels."""

    books: Books
    lake: Lake
    alone: Lake


@pytest.fixture(scope="module", params=SEEDS)
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    books, folder = nasty(request.param), tmp_path_factory.mktemp("nasty")
    return Drawn(books, fill(folder / "all", books), fill(folder / "good", books.without(BAD)))


@pytest.mark.slow
@pytest.mark.parametrize("days_back", [0, 40])
def test_every_cell_is_what_the_oracle_reckons(drawn: Drawn, days_back: int) -> None:
    as_of = AS_OF - timedelta(days=days_back)
    oracle = Oracle(drawn.books, as_of, START)
    expected: dict[str, Answer] = {
        DAILY_REVENUE.name: oracle.daily_revenue(),
        OUTLET_REVENUE.name: oracle.outlet_revenue(),
        LEDGER_TRIAL_BALANCE.name: oracle.trial_balance(),
        OCCUPANCY_AND_PICKUP.name: oracle.occupancy(),
    }
    for mart in (mart for mart in MARTS if mart.name in expected):
        rows, left_out = compute_with_left_out(drawn.lake, mart, as_of, START)
        found, (right, left) = cells(mart.name, rows), expected[mart.name]
        assert found == right, mart.name
        assert len(found) > 50
        counted: dict[str, int] = {}
        for row in left_out.to_pylist():
            counted[row["enterprise_id"]] = counted.get(row["enterprise_id"], 0) + row["rows"]
        assert counted == left, mart.name
        assert all(check.judge(rows) for check in checks_of(mart) if not check.is_of_left_out)
        draw(mart, rows, as_of)


@pytest.mark.slow
@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_no_cell_of_a_good_hotel_changes_with_its_faulty_neighbours(drawn: Drawn, mart: Mart) -> None:
    """Exactly equal, in the same order."""
    rows = compute_with_left_out(drawn.lake, mart, AS_OF, START)[0]
    own = rows.filter(pc.invert(pc.is_in(rows.column("enterprise_id"), pa.array(sorted(BAD)))))
    assert own.num_rows > 15
    assert own.equals(compute_with_left_out(drawn.alone, mart, AS_OF, START)[0])
