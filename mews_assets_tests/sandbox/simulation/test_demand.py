from __future__ import annotations

from datetime import date
from random import Random

from mews_assets.sandbox.simulation import demand

MONDAY = date(2026, 3, 2).toordinal()


def test_fewer_guests_arrive_on_sunday_than_on_saturday() -> None:
    saturday, sunday = (demand.expected_bookings(MONDAY + day, 48) for day in (5, 6))
    assert sunday < saturday


def test_counts_scatter_around_their_mean_and_are_never_negative() -> None:
    rng = Random(1)
    counts = [demand.count(rng, 3.0) for _ in range(2000)]
    assert min(counts) == 0
    assert 2.8 < sum(counts) / len(counts) < 3.3


def test_some_walk_in_and_some_book_months_ahead() -> None:
    rng = Random(1)
    leads = [demand.lead_days(rng) for _ in range(2000)]
    assert min(leads) == 0
    assert 100 < max(leads) <= demand.LONGEST_LEAD


def test_the_mean_length_of_stay_is_the_one_stated() -> None:
    rng = Random(1)
    stays = [demand.nights(rng) for _ in range(5000)]
    assert max(stays) == demand.LONGEST_STAY
    assert abs(sum(stays) / len(stays) - demand.MEAN_NIGHTS) < 0.1
