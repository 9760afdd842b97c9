"""What becomes of bookings: most arrive, some are canceled, a few guests never come."""

from __future__ import annotations

from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mews_assets.sandbox.simulation.event_queue import EventQueue
from mews_assets.sandbox.simulation.instants import DAY, HOUR
from mews_assets.sandbox.simulation.stays.reservation_lifecycle import Stays

BOOKINGS, START = 20_000, 30 * DAY


def planned_ends() -> Counter[str]:
    """How each of many confirmed bookings will end, as it is drawn when they are booked."""
    ends = Counter[str]()

    class Drawn(EventQueue):
        def plan(self, when: int, act: Any, *details: Any) -> None:
            if act.__name__ == "_cancel":
                ends[details[-1]] += 1
                assert (when > START + 6 * HOUR) == (details[-1] == "NoShow")
            elif act.__name__ == "_check_in":
                ends["arrives"] += 1

    stays = object.__new__(Stays)
    stays._queue = Drawn(Random(1), end=START * 2)
    for _ in range(BOOKINGS):
        stays._plan(SimpleNamespace(state="Confirmed"), START)  # type: ignore[arg-type]
    return ends


def test_two_in_a_hundred_never_come_fourteen_cancel_and_the_others_arrive() -> None:
    ends = planned_ends()
    assert ends.total() == BOOKINGS
    shares = {end: count / BOOKINGS for end, count in ends.items()}
    assert shares == pytest.approx({"NoShow": 0.02, "RequestedByGuest": 0.14, "arrives": 0.84}, abs=0.006)
