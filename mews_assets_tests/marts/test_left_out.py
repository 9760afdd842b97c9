"""What one row or one hotel has wrong stays with that row or hotel: it is left out, counted and told."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.marts import (
    CANCELLATIONS_AND_NO_SHOWS,
    DAILY_REVENUE,
    LEAD_TIME_AND_LENGTH_OF_STAY,
    LEDGER_TRIAL_BALANCE,
    MARTS,
    OCCUPANCY_AND_PICKUP,
    PAYMENTS_BY_TYPE,
    RECEIVABLES,
)
from mews_assets.marts.make import compute, compute_with_left_out, make
from mews_assets.marts.model import Mart
from mews_assets.marts.stays.occupancy_and_pickup import LONGEST_STAY
from mews_assets.windows import Grain
from mews_assets_tests.marts.made import AS_OF, EVENING, Books, books_of, fill, hotel


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pa.Table]:
    """The rows of a mart over the books of hotels that have nothing wrong, computed once."""

    @cache
    def lake_of(*hotels: str) -> Lake:
        return fill(tmp_path_factory.mktemp("usual") / "lake", books_of(*map(hotel, hotels)))

    @cache
    def rows_of(mart: Mart, *hotels: str) -> pa.Table:
        return compute(lake_of(*hotels), mart, AS_OF)

    return rows_of


def told(folder: Path, books: Books, mart: Mart) -> dict[str, dict[str, int]]:
    """What the check says was left out."""
    verdict = make(fill(folder, books), mart, AS_OF).verdicts["none_left_out"]
    assert verdict.passed == (not verdict.metadata["left_out"])
    found: dict[str, dict[str, int]] = verdict.metadata["left_out"]
    assert verdict.metadata["rows_left_out"] == sum(sum(one.values()) for one in found.values())
    return found


UNREADABLE = [
    ("Central European Standard Time", None, "'Central European Standard Time' is no IANA"),
    ("localtime", None, "'localtime' is no IANA"),
    ("posix/Europe/Prague", None, "no IANA"),
    ("Europe", None, "no IANA"),
    ("", None, "no IANA"),
    ("../../etc/passwd", None, "no IANA"),
    ("Europe/Prague\x00", None, "no IANA"),
    ("x" * 5000, None, "no IANA"),
    ("Europe/Prague", "", "BusinessDayClosingOffset '' is no ISO 8601"),
    ("Europe/Prague", "2 hours", "'2 hours' is no ISO 8601"),
    ("Europe/Prague", "P1W", "'P1W' is longer than a day"),
    ("Europe/Prague", "P999999999D", "longer"),
    ("Europe/Prague", "P" + "9" * 500 + "D", "no ISO 8601"),
    ("Europe/Prague", "PT999999999H", "longer than a day"),
    ("Europe/Prague", "P1M", "no ISO 8601"),
]
"""Zone, closing offset, and what is said of them."""


ROWS_OF_A_HOTEL = {
    "daily_performance": 4,
    "daily_performance_by_dimension": 4,
    "daily_revenue": 2,
    "cancellations_and_no_shows": 1,
    "payments_by_type": 1,
    "pickup": 1,
    "tax_summary": 2,
    "lead_time_and_length_of_stay": 1,
    "occupancy_and_pickup": 1,
    "outlet_revenue": 1,
}
"""By mart: how many rows of `books_of` a hotel without a clock leaves out."""


@pytest.mark.slow
def test_clocks_that_cannot_be_read_cost_their_own_hotels_only(tmp_path: Path) -> None:
    why = {f"bad{number}": said for number, (*_, said) in enumerate(UNREADABLE)}
    bad = [hotel(id, zone, closing) for id, (zone, closing, _) in zip(why, UNREADABLE, strict=True)]
    books = books_of(hotel("good"), *bad)
    alone = fill(tmp_path / "alone", books.without(set(why)))
    lake = fill(tmp_path / "both", books)
    for mart in MARTS:
        rows, left_out = compute_with_left_out(lake, mart, AS_OF)
        if mart in (LEDGER_TRIAL_BALANCE, RECEIVABLES):  # they go by dates and instants, and need no clock
            assert len(set(rows["enterprise_id"].to_pylist())) == len(books.hotels)
            assert left_out.num_rows == 0
            continue
        assert rows.equals(compute(alone, mart, AS_OF)) and rows.num_rows
        for row in left_out.to_pylist():
            assert row["enterprise"] == f"Hotel {row['enterprise_id']}"
            assert why[row["enterprise_id"]] in row["fault"] and len(row["fault"]) < 250
            assert row["rows"] == ROWS_OF_A_HOTEL[mart.name]
        assert left_out.num_rows == len(why)
    verdict = make(lake, DAILY_REVENUE, AS_OF).verdicts["none_left_out"]
    assert not verdict.passed
    assert set(verdict.metadata["left_out"]) == {f"Hotel {id} ({id})" for id in why}
    assert verdict.metadata["rows_left_out"] == 2 * len(why)


@pytest.mark.slow
def test_closings_are_read_however_they_are_spelt(tmp_path: Path) -> None:
    ways = [
        "P0Y0M0W0DT2H0M0S",
        "P00Y00M00DT02H00M00S",
        "P0WT2H",
        "PT2H",
        "PT7200S",
        "PT119M60,0S",
        "P00DT0002H",
    ]
    books = Books([hotel(f"h{number}", "UTC", way) for number, way in enumerate(ways)])
    for one in books.hotels:
        for time in ("01:59:59", "02:00:00"):
            books.sold(one["Id"], f"2026-04-05T{time}Z", "1", "1")
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), DAILY_REVENUE, AS_OF)
    assert left_out.num_rows == 0
    assert rows.column("business_day").to_pylist() == [date(2026, 4, 4), date(2026, 4, 5)] * len(ways)


@pytest.mark.slow
def test_whole_books_have_nothing_left_out(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake", books_of(hotel("one"), hotel("two", "America/New_York")))
    for mart in MARTS:
        assert compute_with_left_out(lake, mart, AS_OF)[1].num_rows == 0


@pytest.mark.slow
def test_a_stay_for_ever_makes_no_rows_and_is_told(tmp_path: Path) -> None:
    books = books_of(hotel("one"))
    for _ in range(20):
        books.stay("one", "2026-04-05T13:00:00Z", "9999-12-31T00:00:00Z")
        books.stay("one", "0001-01-01T00:00:00Z", "2026-04-06T00:00:00Z")
    lake = fill(tmp_path / "lake", books)
    tracemalloc.start()
    rows, left_out = compute_with_left_out(lake, OCCUPANCY_AND_PICKUP, AS_OF)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert rows.column("rooms").to_pylist() == [1, 1]
    assert left_out.to_pylist() == [
        {
            "enterprise_id": "one",
            "enterprise": "Hotel one",
            "fault": "ScheduledStartUtc or ScheduledEndUtc is before 1970 or after 2099",
            "rows": 40,
        }
    ]


def test_a_stay_makes_no_more_rows_than_the_longest(tmp_path: Path) -> None:
    books = Books([hotel("one", "UTC")])
    start = date(2020, 1, 1)
    for number, nights in enumerate((LONGEST_STAY, LONGEST_STAY + 1)):
        end = start + timedelta(days=nights)
        books.stay("one", f"{start}T15:00:00Z", f"{end}T10:00:00Z", ServiceId=f"s{number}")
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), OCCUPANCY_AND_PICKUP, AS_OF)
    assert rows.num_rows == LONGEST_STAY
    assert set(rows.column("service_id").to_pylist()) == {"s0"}
    assert left_out.column("fault").to_pylist() == [f"the stay is longer than {LONGEST_STAY} nights"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (None, "2026-04-06T10:00:00Z", "missing"),
        ("2026-04-06T10:00:00Z", None, "missing"),
        ("2026-04-06T10:00:00Z", "2026-04-05T10:00:00Z", "before ScheduledStartUtc"),
        ("0001-01-01T00:00:00Z", "0001-01-03T00:00:00Z", "before 1970"),
        ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z", "after 2099"),
    ],
)
def test_a_stay_whose_dates_make_no_sense_is_left_out(
    start: str | None, end: str | None, why: str, tmp_path: Path
) -> None:
    books = books_of(hotel("one", "America/New_York"))
    books.stay("one", start, end)
    books.stay("one", start, end, State="Canceled")  # on no book anyway
    found = told(tmp_path / "lake", books, OCCUPANCY_AND_PICKUP)
    ((fault, rows),) = found["Hotel one (one)"].items()
    assert why in fault and rows == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "net", [None, "1E+18", "-1E+18", "1E+28", "12345678901234567890123456789012", "1E+300"]
)
def test_an_amount_that_is_no_money_costs_its_own_row_only(
    net: str | None, usual: Callable[..., pa.Table], tmp_path: Path
) -> None:
    books = books_of(hotel("one"))
    books.sold("one", EVENING, net, "1")
    books.sold("one", EVENING, "1", net)
    books.sold("one", EVENING, "1", "1", Amount=None)
    rows, left_out = compute_with_left_out(fill(tmp_path / "after", books), DAILY_REVENUE, AS_OF)
    assert rows.equals(usual(DAILY_REVENUE, "one"))
    assert left_out.column("rows").to_pylist() == [3]


def test_large_amounts_and_long_fractions_are_added_to_the_last_digit(tmp_path: Path) -> None:
    books = Books([hotel("one")])
    values = [
        "999999999999999999.1",
        "999999999999999999.2",
        "0.123456789012345",
        "0.2",
        "-1E-10",
        "8.264462809917355",
    ]
    for value in values * 30:
        books.sold("one", EVENING, value, value)
        books.posted("one", "2026-04-05", "Debit", value)
        books.posted("one", "2026-04-05", "Credit", value)
    lake = fill(tmp_path / "lake", books)
    with localcontext(prec=60):
        expected = (30 * sum(map(Decimal, values), Decimal(0))).quantize(Decimal("1E-10"))
    (row,) = compute(lake, DAILY_REVENUE, AS_OF).to_pylist()
    assert row["net"] == row["gross"] == expected
    (row,) = compute(lake, LEDGER_TRIAL_BALANCE, AS_OF).to_pylist()
    assert (row["debits"], row["credits"], row["balance"]) == (expected, expected, 0)


@pytest.mark.slow
def test_a_ledger_entry_beyond_money_or_time_is_left_out(
    usual: Callable[..., pa.Table], tmp_path: Path
) -> None:
    books = books_of(hotel("one"))
    for side in ("Debit", "Credit"):
        books.posted("one", "2026-04-05", side, "5000000000000000000")
        books.posted("one", "0001-01-01", side, "5")
        books.posted("one", "9999-12-31", side, "5")
    made = make(fill(tmp_path / "after", books), LEDGER_TRIAL_BALANCE, AS_OF)
    assert made.rows.equals(usual(LEDGER_TRIAL_BALANCE, "one"))
    assert made.verdicts["zero_sum"].passed
    assert made.verdicts["none_left_out"].metadata["left_out"] == {
        "Hotel one (one)": {
            "PostingDate is before 1970 or after 2099": 4,
            "Value is 10^18 or more, which is no sum of money": 2,
        }
    }


@pytest.mark.slow
def test_so_many_units_that_they_are_no_money_are_left_out(
    usual: Callable[..., pa.Table], tmp_path: Path
) -> None:
    books = books_of(hotel("one"))
    unit = {"Currency": "EUR", "NetValue": Decimal("999999999999"), "GrossValue": Decimal(1)}
    for count in (9_000_000_000_000_000_000, None):
        books.add(
            "OutletItem", "one", BillId="bill-one", EnterpriseId="one", Type="Revenue", ConsumedUtc=EVENING,
            UnitCount=count, UnitAmount=unit,
        )  # fmt: skip
    lake = fill(tmp_path / "after", books)
    for mart in MARTS:
        rows, left_out = compute_with_left_out(lake, mart, AS_OF)
        assert rows.equals(usual(mart, "one"))
        counts = "current/outlet_items" in mart.inputs and mart is not PAYMENTS_BY_TYPE
        assert left_out.column("rows").to_pylist() == ([2] if counts else [])


@pytest.mark.slow
def test_a_row_that_names_another_hotel_changes_neither(
    usual: Callable[..., pa.Table], tmp_path: Path
) -> None:
    books = books_of(hotel("one"), hotel("two"))
    books.sold("one", EVENING, "1000", "1000", EnterpriseId="two")
    books.posted("one", "2026-04-05", "Debit", "1000", EnterpriseId="two")
    lake = fill(tmp_path / "after", books)
    for mart in MARTS:
        rows, left_out = compute_with_left_out(lake, mart, AS_OF)
        assert rows.equals(usual(mart, "one", "two"))
        wrong = mart is LEDGER_TRIAL_BALANCE or "current/order_items" in mart.inputs
        wrong = wrong and mart is not CANCELLATIONS_AND_NO_SHOWS  # it counts fees only
        assert left_out.column("enterprise_id").to_pylist() == (["one"] if wrong else [])


@pytest.mark.slow
def test_ids_that_two_hotels_share_are_two_rows_and_an_id_sent_twice_is_one(
    usual: Callable[..., pa.Table], tmp_path: Path
) -> None:
    """Bills and reservations of one id in two hotels; names of one id sent by two connections."""
    books = books_of(hotel("one"), hotel("two"))
    books.hotels.append(hotel("one"))
    books.add("OutletBill", "two", Id="bill-one", OutletId="elsewhere", EnterpriseId="two")
    books.stay(
        "two",
        "2026-04-05T13:00:00Z",
        "2026-04-05T14:00:00Z",
        Id="Reservation-0",
        UpdatedUtc="2026-04-02T00:00:00Z",
    )
    lake = fill(tmp_path / "after", books)
    for mart in MARTS:
        if mart is not LEAD_TIME_AND_LENGTH_OF_STAY:  # it counts the stay of an hour, which has no night
            assert compute(lake, mart, AS_OF).equals(usual(mart, "one", "two"))


@pytest.mark.slow
@pytest.mark.parametrize("names", ["not json", '{"en-GB": 5}', "[]"])
def test_a_name_that_cannot_be_read_leaves_its_rows_without_one(names: str, tmp_path: Path) -> None:
    books = books_of(hotel("one"))
    books.more["Service"] = [{"Id": "service-one", "EnterpriseId": "one", "Names": names}]
    rows = compute(fill(tmp_path / "lake", books), OCCUPANCY_AND_PICKUP, AS_OF)
    assert rows.column("rooms").to_pylist() == [1, 1]


@pytest.mark.slow
def test_a_mart_as_of_a_time_that_cannot_be_reckoned_says_so(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake", books_of(hotel("one")))
    for year in (1, 1969, 2100, 9999):
        with pytest.raises(LakeError, match="give an instant from 1970 up to 2100"):
            compute(lake, DAILY_REVENUE, AS_OF.replace(year=year))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def damaged_inside(content: bytes) -> bytes:
    return content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :]


DAMAGES = [cut, damaged_inside, lambda content: b"", lambda content: b"no Parquet, but secret@example.com"]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES, ids=["cut", "damaged-inside", "emptied", "other-bytes"])
@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_file_that_cannot_be_read_costs_its_own_hotel_only_and_is_told(
    mart: Mart, damage: Any, tmp_path: Path
) -> None:
    books = books_of(hotel("one"), hotel("two"))
    alone = compute(fill(tmp_path / "alone", books.without({"two"})), mart, AS_OF)
    fill(tmp_path / "both", books)
    for number, name in enumerate(one for one in mart.inputs if not one.startswith("reference/")):
        shutil.copytree(tmp_path / "both", tmp_path / str(number))
        lake = open_lake(str(tmp_path / str(number)), Grain.DAILY)
        (file,) = [one for one in lake.files(name, recursive=True) if layout.scope_of(one) == "two"]
        lake.write(file, damage(lake.read(file)))
        made = make(lake, mart, AS_OF)
        assert made.rows.equals(alone) and alone.num_rows
        fault = f"{file} cannot be read: delete it, and materialise {name} of the hotel again"
        assert made.left_out.to_pylist() == [
            {"enterprise_id": "two", "enterprise": "Hotel two", "fault": fault, "rows": None}
        ]
        verdict = made.verdicts["none_left_out"]
        assert not verdict.passed
        assert verdict.metadata == {
            "rows_left_out": 0,
            "hotels_concerned": 1,
            "files_unreadable": 1,
            "left_out": {"Hotel two (two)": {fault: "all rows"}},
        }


@pytest.mark.slow
def test_unreadable_files_of_all_hotels_make_an_empty_mart_that_says_so(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake", books_of(hotel("one"), hotel("two")))
    for name in lake.files("current/order_items", recursive=True):
        lake.write(name, cut(lake.read(name)))
    made = make(lake, DAILY_REVENUE, AS_OF)
    assert made.rows.num_rows == 0
    assert made.verdicts["none_left_out"].metadata["files_unreadable"] == 2


@pytest.mark.slow
def test_a_reference_that_cannot_be_read_stops_the_mart_and_says_what_to_do(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake", books_of(hotel("one")))
    name = layout.reference_file("enterprises")
    lake.write(name, cut(lake.read(name)))
    with pytest.raises(
        LakeError, match=r"enterprises/rows.parquet cannot be read: delete it, and materialise"
    ):
        compute(lake, DAILY_REVENUE, AS_OF)
