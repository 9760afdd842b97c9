"""The days of a series that are due, and the interval ends that Mews takes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mews_assets.ingest.series.intervals import (
    Days,
    TimeUnit,
    cut_by_unit,
    days_due,
    time_unit_of,
    unit_starts,
    zone_of,
)

TODAY = date(2026, 4, 10)
START = date(2026, 1, 15)


def test_days_around_today_are_due_each_time() -> None:
    there = ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert days_due(START, TODAY, there, 3, 5) == [Days(date(2026, 4, 7), date(2026, 4, 15))]


def test_in_a_new_lake_all_days_since_the_start_are_due_at_once() -> None:
    assert days_due(START, TODAY, [], 3, 5) == [Days(START, date(2026, 4, 15))]


def test_a_month_without_a_file_is_due_again() -> None:
    assert days_due(START, TODAY, ["2026-01", "2026-03", "2026-04"], 3, 0) == [
        Days(date(2026, 2, 1), date(2026, 2, 28)),
        Days(date(2026, 4, 7), TODAY),
    ]


def test_days_before_the_start_are_never_due() -> None:
    assert days_due(date(2026, 4, 9), TODAY, [], 30, 0) == [Days(date(2026, 4, 9), TODAY)]


def test_an_interval_is_cut_where_it_is_too_long() -> None:
    assert list(Days(date(2026, 1, 1), date(2026, 1, 5)).cut(2)) == [
        Days(date(2026, 1, 1), date(2026, 1, 2)),
        Days(date(2026, 1, 3), date(2026, 1, 4)),
        Days(date(2026, 1, 5), date(2026, 1, 5)),
    ]


@pytest.mark.parametrize(
    ("unit", "parts"),
    [
        (TimeUnit.DAY, [Days(date(2026, 1, 30), date(2026, 3, 2))]),
        (
            TimeUnit.HOUR,
            [
                Days(date(2026, 1, 30), date(2026, 2, 13)),
                Days(date(2026, 2, 14), date(2026, 2, 28)),
                Days(date(2026, 3, 1), date(2026, 3, 2)),
            ],
        ),
        (TimeUnit.MONTH, [Days(date(2026, 1, 1), date(2026, 3, 31))]),
    ],
)
def test_an_interval_holds_no_more_time_units_than_mews_accepts(unit: TimeUnit, parts: list[Days]) -> None:
    assert list(cut_by_unit(Days(date(2026, 1, 30), date(2026, 3, 2)), unit, 367)) == parts


def test_time_units_begin_at_midnight_of_the_hotel_also_when_its_clock_changes() -> None:
    days = Days(date(2026, 3, 28), date(2026, 3, 30))
    prague = (datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
    assert unit_starts(days, TimeUnit.DAY, "Europe/Prague") == prague
    assert unit_starts(days, TimeUnit.HOUR, "Europe/Prague")[1] == datetime(2026, 3, 30, 21, tzinfo=UTC)
    month = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    assert unit_starts(Days(date(2026, 3, 1), date(2026, 3, 31)), TimeUnit.MONTH, "UTC") == month


def test_a_time_unit_or_time_zone_that_nobody_knows_is_a_day_and_utc() -> None:
    assert time_unit_of("Fortnight") is time_unit_of(None) is TimeUnit.DAY
    assert zone_of("Mars/Olympus").key == "UTC"
