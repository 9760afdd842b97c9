"""How many guests come, for how long, and how early they book. Pure functions of dates and random numbers."""

from __future__ import annotations

import math
from datetime import date
from random import Random

LONGEST_LEAD = 120
"""Days between the earliest booking and its arrival."""

LONGEST_STAY = 7

_NIGHTS = (1, 2, 3, 4, 5, LONGEST_STAY)
_NIGHT_WEIGHTS = (36, 30, 17, 9, 4, 4)
MEAN_NIGHTS = sum(n * w for n, w in zip(_NIGHTS, _NIGHT_WEIGHTS, strict=True)) / sum(_NIGHT_WEIGHTS)

_WEEKDAYS = (0.96, 1.06, 1.10, 1.04, 1.06, 1.10, 0.74)
"""Weight of arrivals from Monday to Sunday: business early in the week, leisure on Friday and Saturday."""

_LOST = 0.20
"""Share of bookings that never arrive: cancelled, or no-show."""

OCCUPANCY = 0.70


def expected_bookings(ordinal: int, rooms: int) -> float:
    """How many rooms are booked for arrival on a date, on average, so that the share OCCUPANCY of them is occupied."""
    day = date.fromordinal(ordinal)
    season = 1 + 0.10 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 100) / 365)
    return rooms * OCCUPANCY * _WEEKDAYS[day.weekday()] * season / MEAN_NIGHTS / (1 - _LOST)


def count(rng: Random, mean: float) -> int:
    """A whole number around the mean, spread like arrivals are (normal approximation, never below 0)."""
    return max(0, round(rng.gauss(mean, math.sqrt(mean))))


def nights(rng: Random) -> int:
    return rng.choices(_NIGHTS, _NIGHT_WEIGHTS)[0]


def lead_days(rng: Random) -> int:
    """Days from booking to arrival: a few walk in, most book within five weeks."""
    luck = rng.random()
    if luck < 0.12:
        return 0
    if luck < 0.40:
        return rng.randint(1, 7)
    if luck < 0.75:
        return rng.randint(8, 35)
    return rng.randint(36, LONGEST_LEAD)


def group_size(rng: Random) -> int:
    """Rooms in one booking."""
    luck = rng.random()
    if luck < 0.93:
        return 1
    return 2 if luck < 0.98 else rng.randint(3, 5)


def price_factor(ordinal: int, rng: Random) -> float:
    """The factor on the usual price of a night: more on weekends and in high season, less for early deals."""
    day = date.fromordinal(ordinal)
    weekend = 1.12 if day.weekday() in (4, 5) else 1.0
    season = 1 + 0.12 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 100) / 365)
    return weekend * season * rng.choice((0.85, 0.9, 1.0, 1.0, 1.1))
