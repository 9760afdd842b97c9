from __future__ import annotations

from datetime import UTC, date, datetime

from mews_assets.sandbox.simulation.instants import LocalClock, from_datetime, next_midnight, text


def _us(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0
) -> int:
    return from_datetime(datetime(year, month, day, hour, minute, second, micro, UTC))


def test_whole_seconds_are_written_without_a_fraction() -> None:
    assert text(_us(2026, 3, 1, 4, 5, 6)) == "2026-03-01T04:05:06Z"


def test_milliseconds_get_three_decimals_and_finer_stamps_seven() -> None:
    assert text(_us(2026, 3, 1, 4, 5, 6, 70_000)) == "2026-03-01T04:05:06.070Z"
    assert text(_us(2026, 3, 1, 4, 5, 6, 70_001)).startswith("2026-03-01T04:05:06.070001")
    assert len(text(_us(2026, 3, 1, 4, 5, 6, 70_001))) == 28


def test_a_local_hour_follows_summer_time() -> None:
    clock = LocalClock("Europe/Prague")
    day = date(2026, 3, 29).toordinal()  # clocks go forward at 02:00
    assert clock.at(day, 1) == _us(2026, 3, 29, 0)
    assert clock.at(day, 4) == _us(2026, 3, 29, 2)
    assert clock.at(day, 24) == _us(2026, 3, 29, 22)


def test_the_local_date_is_the_hotels() -> None:
    clock = LocalClock("America/New_York")
    assert clock.ordinal(_us(2026, 6, 2, 3)) == date(2026, 6, 1).toordinal()


def test_midnight_itself_has_its_next_midnight_a_day_later() -> None:
    assert next_midnight(_us(2026, 6, 2)) == _us(2026, 6, 3)
    assert next_midnight(_us(2026, 6, 2) - 1) == _us(2026, 6, 2)
