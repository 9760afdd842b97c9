"""Pacing: never more starts in any window than allowed, whoever asks and whenever."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.api import SlidingWindow
from mews_assets_tests.api.stage import FakeClock


def starts_of(limit: int, seconds: float, gaps: list[float]) -> list[float]:
    clock = FakeClock()
    pacing = SlidingWindow(limit, seconds, clock, clock.sleep)
    starts = []
    for gap in gaps:
        clock.seconds += gap
        pacing.acquire()
        starts.append(clock())
    return starts


@given(
    limit=st.integers(1, 8),
    seconds=st.floats(0.1, 60),
    gaps=st.lists(st.floats(0, 20), max_size=60),
)
def test_no_window_ever_holds_more_starts_than_the_limit(
    limit: int, seconds: float, gaps: list[float]
) -> None:
    starts = starts_of(limit, seconds, gaps)
    assert all(later >= earlier + seconds for earlier, later in zip(starts, starts[limit:], strict=False))


@given(gaps=st.lists(st.floats(0, 20), max_size=40))
def test_nobody_waits_while_there_is_room(gaps: list[float]) -> None:
    starts = starts_of(40, 30.0, gaps)
    asked = 1000.0
    for gap, start in zip(gaps, starts, strict=True):
        asked += gap
        assert start == asked


def test_a_full_window_waits_exactly_until_its_oldest_start_has_left() -> None:
    assert starts_of(2, 30.0, [0, 10, 0, 0]) == [1000, 1010, 1030, 1040]


def test_a_pause_holds_even_when_there_is_room() -> None:
    clock = FakeClock()
    pacing = SlidingWindow(10, 30.0, clock, clock.sleep)
    pacing.pause(12)
    pacing.pause(5)
    pacing.acquire()
    assert clock() == 1012


def test_a_pause_holds_when_the_window_is_full_too() -> None:
    clock = FakeClock()
    pacing = SlidingWindow(1, 1.0, clock, clock.sleep)
    pacing.acquire()
    pacing.pause(12)
    pacing.acquire()
    assert clock() == 1012


def test_threads_together_stay_under_the_limit() -> None:
    pacing, starts = SlidingWindow(5, 0.1), []

    def work() -> None:
        for _ in range(5):
            pacing.acquire()
            starts.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 20
    assert max(starts) - min(starts) >= 0.29


MEWS_LIMIT, MEWS_SECONDS = 200, 30.0
"""What Mews allows per access token (https://docs.mews.com/connector-api/guidelines, Request limits)."""


def test_by_default_nobody_exceeds_the_limit_of_mews_itself() -> None:
    clock = FakeClock()
    pacing, starts = SlidingWindow(clock=clock, sleep=clock.sleep), []
    for _ in range(5 * MEWS_LIMIT):
        pacing.acquire()
        starts.append(clock())
    within = [sum(start <= other < start + MEWS_SECONDS for other in starts) for start in starts]
    assert max(within) <= 0.8 * MEWS_LIMIT, "some of the limit is left to other programs with the same token"


@pytest.mark.parametrize(("limit", "seconds"), [(0, 30.0), (10, 0.0), (-1, 30.0)])
def test_pacing_without_room_is_refused(limit: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="pacing needs"):
        SlidingWindow(limit, seconds)
