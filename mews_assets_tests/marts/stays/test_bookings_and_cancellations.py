"""Lead times, lengths of stay, cancellations and no-shows: against the hotels' own books, and reckoned by hand."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mews_assets.marts import CANCELLATIONS_AND_NO_SHOWS, LEAD_TIME_AND_LENGTH_OF_STAY
from mews_assets.marts.make import compute, compute_with_left_out
from mews_assets.marts.stays.stay_sql import bucket, bucket_name
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.expected_marts import Truth
from mews_assets_tests.marts.expected_performance import Performance
from mews_assets_tests.marts.made import AS_OF, Books, fill, hotel
from mews_assets_tests.marts.stage import AS_OF_US, DAYS


@pytest.fixture(scope="module")
def performance(versions: list[Version]) -> Performance:
    return Performance(Truth(versions, AS_OF_US - 1))


def sums_of(rows: list[dict[str, Any]], keys: tuple[str, ...], columns: tuple[str, ...]) -> dict[Any, Any]:
    found: dict[Any, list[Any]] = defaultdict(lambda: [0] * len(columns))
    for row in rows:
        for place, column in enumerate(columns):
            found[tuple(row[key] for key in keys)][place] += row[column]
    return {key: tuple(values) for key, values in found.items()}


def test_arrivals_are_those_of_the_hotels_own_books(rows_of: RowsOf, performance: Performance) -> None:
    rows = rows_of(LEAD_TIME_AND_LENGTH_OF_STAY).to_pylist()
    columns = ("reservations", "nights", "nights_slept", "lead_days")
    expected = performance.arrivals()
    assert len(expected) > 3 * DAYS
    assert sums_of(rows, ("enterprise_id", "business_day"), columns) == expected
    assert {row["length_of_stay"] for row in rows} >= {"1 night", "2 nights", "3 nights"}


def test_cancellations_are_those_of_the_hotels_own_books(rows_of: RowsOf, performance: Performance) -> None:
    rows = rows_of(CANCELLATIONS_AND_NO_SHOWS).to_pylist()
    for row in rows:
        row["is_no_show"] = row["kind"] == "no-show"
    expected = performance.cancellations()
    keys = ("enterprise_id", "business_day", "is_no_show")
    assert sums_of(rows, keys, ("reservations", "nights", "fees", "lost_revenue")) == expected
    assert sum(fees for _, _, fees, _ in expected.values()) > 0
    assert any(is_no_show for *_, is_no_show in expected)


def test_a_late_cancellation_and_a_no_show_reckoned_by_hand(tmp_path: Path) -> None:
    """Booked on 1 January for the night of 5 April, canceled on the 3rd: lead time 94 days, notice 2 days; the night
    was worth 100, of which 80 are kept. The other did not come, and pays nothing."""
    books = Books([hotel("one", "UTC")])
    dates = {"CreatedUtc": "2026-01-01T12:00:00Z", "State": "Canceled"}
    start, end = "2026-04-05T13:00:00Z", "2026-04-06T10:00:00Z"
    books.stay("one", start, end, Id="late", CancelledUtc="2026-04-03T12:00:00Z", **dates)
    books.stay(
        "one", start, end, Id="no", CancelledUtc="2026-04-06T02:00:00Z", CancellationReason="NoShow", **dates
    )
    canceled = {"AccountingState": "Canceled", "Options": {"CanceledWithReservation": True}}
    books.sold("one", start, "100", "110", ServiceOrderId="late", **canceled)
    books.sold("one", start, "7", "7", ServiceOrderId="late", Type="CityTax", **canceled)
    books.sold("one", start, "80", "80", ServiceOrderId="late", Type="CancellationFee")
    books.sold("one", start, "1E+18", "80", ServiceOrderId="late", Type="CancellationFee")
    rows, left_out = compute_with_left_out(fill(tmp_path / "lake", books), CANCELLATIONS_AND_NO_SHOWS, AS_OF)
    names = ("kind", "lead_time", "notice", "segment", "reservations", "reservations_with_fee", "currency")
    assert [tuple(row[name] for name in names) for row in rows.to_pylist()] == [
        ("canceled", "91-180 days", "2-3 days", "not given", 1, 1, "EUR"),
        ("no-show", "91-180 days", "0 days", "not given", 1, 0, "EUR"),
    ]
    assert [(row["fees"], row["lost_revenue"]) for row in rows.to_pylist()] == [(80, 100), (0, 0)]
    assert left_out.column("rows").to_pylist() == [1]


def test_averages_are_quotients_of_sums(tmp_path: Path) -> None:
    """Lead times of 4 and 0 days, stays of 3 and 1 nights, of which one left after 1: in mean 2 days and 2 nights."""
    books = Books([hotel("one", "UTC")])
    books.stay(
        "one", "2026-04-05T13:00:00Z", "2026-04-08T10:00:00Z", State="Processed", ActualEndUtc="2026-04-06T10:00:00Z"
    )  # fmt: skip
    books.stay("one", "2026-04-05T13:00:00Z", "2026-04-06T10:00:00Z", CreatedUtc="2026-04-05T14:00:00Z")
    rows = compute(fill(tmp_path / "lake", books), LEAD_TIME_AND_LENGTH_OF_STAY, AS_OF).to_pylist()
    names = ("lead_time", "length_of_stay", "reservations", "nights", "nights_slept", "lead_days")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("0 days", "1 night", 1, 1, 1, 0),
        ("4-7 days", "3 nights", 1, 3, 1, 4),
    ]
    assert Decimal(sum(row["lead_days"] for row in rows)) / sum(row["reservations"] for row in rows) == 2


def test_every_number_of_days_is_in_one_bucket() -> None:
    starts = (0, 1, 4)
    name = bucket_name("start", starts, "days")
    sql = f"SELECT days, {name} FROM (SELECT days, {bucket('days', starts)} AS start FROM (VALUES (NULL), (-2), (0), (1), (3), (4), (999)) t (days))"  # noqa: E501
    assert dict(duckdb.sql(sql).fetchall()) == {
        None: "not known",
        -2: "0 days",
        0: "0 days",
        1: "1-3 days",
        3: "1-3 days",
        4: "4+ days",
        999: "4+ days",
    }
