"""Backoff: how long to wait after several failures in a row. Pure.

Lives here: the one formula, for seconds and for timedelta. Not here: the limits and the jitter of each caller.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

Duration = TypeVar("Duration", float, timedelta)

_MOST_DOUBLINGS = 20
"""More would only grow a number that the limit cuts anyway; thousands of failures must not overflow it."""


def backoff(first: Duration, longest: Duration, failures: int) -> Duration:
    """`first` after one failure, doubled with each further one, and never more than `longest`."""
    return min(longest, first * (1 << min(max(failures, 1) - 1, _MOST_DOUBLINGS)))
