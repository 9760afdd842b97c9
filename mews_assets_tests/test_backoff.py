"""The wait after failures grows, and never beyond its limit."""

from __future__ import annotations

from datetime import timedelta

from mews_assets.backoff import backoff


def test_the_wait_doubles_with_every_failure_up_to_the_limit() -> None:
    assert [backoff(1.0, 30.0, failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_it_takes_lengths_of_time_as_well_as_seconds() -> None:
    minutes = [backoff(timedelta(minutes=5), timedelta(hours=1), failures) for failures in (1, 2, 9)]
    assert minutes == [timedelta(minutes=5), timedelta(minutes=10), timedelta(hours=1)]


def test_no_failure_waits_as_long_as_one_and_millions_overflow_nothing() -> None:
    assert backoff(1.0, 30.0, 0) == 1.0
    assert backoff(timedelta(seconds=30), timedelta(hours=1), 10**6) == timedelta(hours=1)
