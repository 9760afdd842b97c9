"""What a mart says as of an instant: days that were over and are whole, and what was on the books then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.marts import (
    CANCELLATIONS_AND_NO_SHOWS,
    DAILY_PERFORMANCE,
    DAILY_REVENUE,
    LEAD_TIME_AND_LENGTH_OF_STAY,
    OCCUPANCY_AND_PICKUP,
    OUTLET_REVENUE,
    TAX_SUMMARY,
)
from mews_assets.marts.make import compute
from mews_assets.marts.model import Mart
from mews_assets_tests.marts.made import AS_OF, Books, books_of, fill, hotel, line
from mews_assets_tests.marts.stage import put_changes

START = datetime(2026, 3, 7, tzinfo=UTC)


def test_a_day_that_began_before_the_lake_is_not_complete(tmp_path: Path) -> None:
    """Of the items consumed then, only those that were updated later are here."""
    books = Books([hotel("prague"), hotel("york", "America/New_York"), hotel("utc", "UTC")])
    for one in books.hotels:
        for day in range(5, 10):
            books.sold(one["Id"], f"2026-03-{day:02}T15:00:00Z", "1", "1")
    rows = compute(fill(tmp_path / "lake", books), DAILY_REVENUE, AS_OF, START).to_pylist()
    assert len(rows) == 15
    complete = {
        one["Id"]: [
            row["business_day"].day
            for row in rows
            if row["enterprise_id"] == one["Id"] and row["is_complete"]
        ]
        for one in books.hotels
    }
    assert complete == {"prague": [8, 9], "york": [7, 8, 9], "utc": [7, 8, 9]}


@pytest.mark.slow
def test_a_snapshot_makes_earlier_days_whole_for_its_own_table_and_hotel(tmp_path: Path) -> None:
    books = books_of(hotel("one"), hotel("two"))
    lake = fill(tmp_path / "lake", books)
    lake.write(
        layout.snapshot_file("order_items", "one"), lake.read(layout.current_file("order_items", "one"))
    )
    late = datetime(2026, 4, 8, tzinfo=UTC)
    rows = compute(lake, DAILY_REVENUE, AS_OF, late).to_pylist()
    assert {(row["enterprise_id"], row["source"]): row["is_complete"] for row in rows} == {
        ("one", "order_items"): True,
        ("one", "outlet_items"): False,
        ("two", "order_items"): False,
        ("two", "outlet_items"): False,
    }
    assert compute(lake, OUTLET_REVENUE, AS_OF, late).column("is_complete").to_pylist() == [False, False]


def days_in(lake: Lake, mart: Mart = DAILY_REVENUE) -> dict[str, list[int]]:
    """The complete days of each hotel."""
    found: dict[str, set[int]] = {}
    for row in compute(lake, mart, AS_OF, START).to_pylist():
        days = found.setdefault(row["enterprise_id"], set())
        days |= {row["business_day"].day} if row["is_complete"] else set()
    return {hotel: sorted(days) for hotel, days in found.items()}


def guest(books: Books, id: str, **stay: str) -> None:
    """A hotel that sold something on each day, and a guest of the nights of 6, 7, 8 and 9 April."""
    books.hotels.append(hotel(id, "UTC"))
    books.room(id, f"{id}-101", f"{id}-double")
    for day in range(4, 10):
        books.sold(id, f"2026-04-{day:02}T20:00:00Z", "1", "1", ServiceOrderId="another")
    known = {"Id": f"guest-{id}", "CreatedUtc": "2026-01-01T00:00:00Z", "State": "Started"}
    books.stay(id, "2026-04-06T15:00:00Z", "2026-04-10T10:00:00Z", **{**known, **stay})


def night(books: Books, id: str, day: int, hour: int = 20) -> None:
    books.sold(id, f"2026-04-{day:02}T{hour:02}:00:00Z", "100", "100", ServiceOrderId=f"guest-{id}")


EVERY = [4, 5, 6, 7, 8, 9]


def test_a_night_is_not_complete_while_a_guest_who_booked_before_the_lake_is_in_the_house(
    tmp_path: Path,
) -> None:
    """Their items were posted with the booking, and are updated when the bill is closed."""
    books = Books([])
    for id in ("nothing", "one-night", "every-night-on-the-next-day", "snapshot"):
        guest(books, id)
    night(books, "one-night", 7)
    for day in range(7, 11):
        night(books, "every-night-on-the-next-day", day, 0)
    lake = fill(tmp_path / "lake", books)
    items = lake.read(layout.current_file("order_items", "snapshot"))
    lake.write(layout.snapshot_file("order_items", "snapshot"), items)
    for mart in (DAILY_REVENUE, DAILY_PERFORMANCE, TAX_SUMMARY):
        assert days_in(lake, mart) == {
            "nothing": [4, 5],
            "one-night": [4, 5, 7],
            "every-night-on-the-next-day": EVERY,
            "snapshot": EVERY,
        }


def test_a_guest_who_booked_since_or_whose_bill_is_closed_leaves_no_night_incomplete(tmp_path: Path) -> None:
    books = Books([])
    guest(books, "since", CreatedUtc="2026-03-08T00:00:00Z")
    guest(books, "canceled", State="Canceled")
    guest(books, "left", State="Processed")
    guest(books, "left-one-item", State="Processed")
    night(books, "left-one-item", 8)  # one item of the whole stay
    assert days_in(fill(tmp_path / "lake", books)) == {
        "since": EVERY,
        "canceled": EVERY,
        "left": [4, 5],
        "left-one-item": EVERY,
    }


def test_arrivals_and_cancellations_before_the_lake_are_not_complete(tmp_path: Path) -> None:
    books = Books([hotel("one", "UTC")])
    books.room("one", "101", "double")
    for day in (4, 6, 7, 8):
        moment = f"2026-03-{day:02}T15:00:00Z"
        stay = {"start": moment, "end": f"2026-03-{day + 1:02}T10:00:00Z", "CreatedUtc": moment}
        books.stay("one", **stay)
        books.stay("one", **stay, State="Canceled", CancelledUtc=moment)
    lake = fill(tmp_path / "lake", books)
    for mart in (LEAD_TIME_AND_LENGTH_OF_STAY, CANCELLATIONS_AND_NO_SHOWS):
        assert days_in(lake, mart) == {"one": [7, 8]}


def test_what_changed_after_a_past_instant_is_inferred_as_of_it(tmp_path: Path) -> None:
    """As the description says: created before it, not canceled before it, with the dates of its oldest version."""
    books = Books([hotel("one", "UTC")])
    created, later = "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"
    nights = {"start": "2026-03-01T15:00:00Z", "end": "2026-03-02T10:00:00Z"}
    known = {"CreatedUtc": created, "UpdatedUtc": later}
    books.stay("one", **nights, **known)
    books.stay("one", **nights, **known, State="Canceled", CancelledUtc="2026-03-20T00:00:00Z")
    books.stay("one", **nights, **known, State="Canceled", CancelledUtc="2026-02-01T00:00:00Z")  # before
    books.stay("one", **nights, CreatedUtc="2026-02-27T00:00:00Z", UpdatedUtc=later)
    books.stay(
        "one", **nights, CreatedUtc="2026-03-15T00:00:00Z", UpdatedUtc=later
    )  # booked after the instant
    lake = fill(tmp_path / "lake", books)
    (row,) = compute(lake, OCCUPANCY_AND_PICKUP, datetime(2026, 2, 28, tzinfo=UTC)).to_pylist()
    assert row["stay_date"] == date(2026, 3, 1)
    assert (row["rooms"], row["inferred"]) == (3, 3)
    assert (row["rooms_7_days_ago"], row["rooms_30_days_ago"]) == (2, 3)
    assert (row["inferred_7_days_ago"], row["inferred_30_days_ago"]) == (2, 3)
    (row,) = compute(lake, OCCUPANCY_AND_PICKUP, AS_OF).to_pylist()
    assert (row["rooms"], row["inferred"]) == (3, 0)


def test_a_version_of_before_the_instant_counts_and_none_of_later(tmp_path: Path) -> None:
    books = Books([hotel("one", "UTC")])
    nights = {"start": "2026-03-01T15:00:00Z", "end": "2026-03-02T10:00:00Z"}
    other = {"start": "2026-03-05T15:00:00Z", "end": "2026-03-06T10:00:00Z"}
    same = {"Id": "r", "CreatedUtc": "2026-01-01T00:00:00Z"}
    books.stay("one", **nights, **same, UpdatedUtc="2026-02-20T00:00:00Z")
    books.stay("one", **other, **same, UpdatedUtc="2026-03-20T00:00:00Z")
    lake = fill(tmp_path / "lake", books)
    rows = compute(lake, OCCUPANCY_AND_PICKUP, datetime(2026, 2, 28, tzinfo=UTC)).to_pylist()
    assert [(row["stay_date"].day, row["rooms"], row["inferred"]) for row in rows] == [(1, 1, 0)]
    rows = compute(lake, OCCUPANCY_AND_PICKUP, AS_OF).to_pylist()
    assert [(row["stay_date"].day, row["rooms"], row["rooms_30_days_ago"]) for row in rows] == [
        (1, 0, 1),
        (5, 1, 0),
    ]


def test_a_version_without_its_creation_is_seen_from_its_update_on(tmp_path: Path) -> None:
    books = Books([hotel("one", "UTC")])
    books.stay("one", "2026-04-11T15:00:00Z", "2026-04-12T10:00:00Z", CreatedUtc=None)
    (row,) = compute(fill(tmp_path / "lake", books), OCCUPANCY_AND_PICKUP, AS_OF).to_pylist()
    assert (row["rooms"], row["rooms_7_days_ago"], row["rooms_30_days_ago"]) == (1, 1, 0)


EARLIER, LATER = datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("windows", [("2026-04-01", "2026-04-02"), ("2026-04-02", "2026-04-01")])
@pytest.mark.parametrize("last", [("a", LATER), ("c", EARLIER)], ids=["by-capture-time", "by-landing-id"])
@pytest.mark.parametrize(("as_of", "is_inferred"), [(AS_OF, False), (EARLIER.replace(month=3), True)])
def test_of_two_contents_of_one_stamp_the_one_captured_last_counts(
    windows: tuple[str, str], last: tuple[str, datetime], as_of: datetime, is_inferred: bool, tmp_path: Path
) -> None:
    """The same order of versions as in current: the capture's time, then its id."""
    lake = fill(tmp_path / "lake", Books([hotel("one", "UTC")]))
    for window, night, (capture, captured_at) in zip(windows, (11, 14), (("b", EARLIER), last), strict=True):
        books = Books([])
        stay = {"Id": "r", "CreatedUtc": "2026-01-01T00:00:00Z", "UpdatedUtc": "2026-04-01T12:00:00Z"}
        books.stay("one", f"2026-04-{night}T15:00:00Z", f"2026-04-{night + 1}T10:00:00Z", **stay)
        found = {("Reservation", "one"): [line(record) for _, record in books.rows["Reservation"]]}
        put_changes(lake, "reservations", found, window=window, capture=capture, captured_at=captured_at)
    (row,) = compute(lake, OCCUPANCY_AND_PICKUP, as_of).to_pylist()
    assert (row["stay_date"].day, row["rooms"], row["inferred"]) == (14, 1, int(is_inferred))
