"""Pickup by dimension: against what the hotels' own books said at each moment, and reckoned by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mews_assets.marts import PICKUP
from mews_assets.marts.make import compute
from mews_assets.marts.stays.pickup import DAYS_AGO
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.expected_marts import Truth
from mews_assets_tests.marts.expected_performance import COLUMNS, Performance
from mews_assets_tests.marts.made import AS_OF, Books, fill, hotel
from mews_assets_tests.marts.stage import AS_OF_US, DAY_US, DAYS


@pytest.mark.parametrize("days_ago", [0, *DAYS_AGO])
def test_each_group_has_the_rooms_that_the_hotels_books_had_then(
    days_ago: int, rows_of: RowsOf, versions: list[Version]
) -> None:
    """Every night that is on the books now or was at one of the moments, from 28 days ago on."""
    rows = rows_of(PICKUP).to_pylist()
    today = {row["enterprise_id"]: row["stay_date"] - timedelta(days=row["days_ahead"]) for row in rows}
    column = f"rooms_{days_ago}_days_ago" if days_ago else "rooms"
    performance = Performance(Truth(versions, AS_OF_US - days_ago * DAY_US - 1))
    for dimension in ("hotel", *COLUMNS):
        by_hotel = dimension == "hotel"
        seen = performance.rooms(slept=False, dimension="" if by_hotel else dimension)
        expected = {
            (key[0], None if by_hotel else key[1], key[-1]): rooms
            for key, rooms in seen.items()
            if key[-1] >= today[key[0]] - timedelta(days=28)
        }
        found = {
            (row["enterprise_id"], row["value_id"], row["stay_date"]): row[column]
            for row in rows
            if row["dimension"] == dimension and row[column]
        }
        assert len(expected) > DAYS
        assert found == expected, dimension


def test_pickup_is_the_difference_and_every_group_has_a_name(rows_of: RowsOf) -> None:
    for row in rows_of(PICKUP).to_pylist():
        assert row["value"]
        assert row["inferred"] == 0
        for days in DAYS_AGO:
            assert row[f"pickup_{days}_days"] == row["rooms"] - row[f"rooms_{days}_days_ago"]


def test_a_reservation_that_moved_reckoned_by_hand(tmp_path: Path) -> None:
    """As of the 10th. Booked on 1 April as leisure; on the 6th moved to business; on the 9th at noon, less than a day
    ago, canceled. Seen 14 days ago: nothing. 7 days ago: leisure. 1 day ago: business. Now: nothing."""
    books = Books([hotel("one", "UTC")])
    for id in ("leisure", "business"):
        books.refer("BusinessSegment", Id=id, ServiceId="service-one", Name=id.title(), IsActive=True)
    changes = [("2026-04-01", "leisure", "Confirmed"), ("2026-04-06", "business", "Confirmed")]
    for day, segment, state in [*changes, ("2026-04-09", "business", "Canceled")]:
        stamp = f"{day}T12:00:00Z"
        canceled = stamp if state == "Canceled" else None
        books.stay(
            "one", "2026-04-20T13:00:00Z", "2026-04-21T10:00:00Z", Id="moved", State=state, UpdatedUtc=stamp,
            BusinessSegmentId=segment, CancelledUtc=canceled,
        )  # fmt: skip
    rows = compute(fill(tmp_path / "lake", books), PICKUP, AS_OF).to_pylist()
    names = ("rooms", "rooms_1_days_ago", "rooms_7_days_ago", "rooms_14_days_ago", "pickup_1_days")
    found = {
        row["value"]: tuple(row[name] for name in names)
        for row in rows
        if row["dimension"] in ("hotel", "segment") and row["stay_date"].day == 20
    }
    assert found == {
        "all": (0, 1, 1, 0, -1),
        "Business": (0, 1, 0, 0, -1),
        "Leisure": (0, 0, 1, 0, 0),
    }
