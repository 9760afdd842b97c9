"""When two things that were read at different times can be compared.

Lives here: the instant at which both are known. A figure is known to have stood from when Mews first sent it to when it
last did; the lake is known as of the last instant whose changes have landed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

_Where = TypeVar("_Where")
Number = int | Decimal


@dataclass(frozen=True)
class Stood:
    """A figure stood from the one instant to the other, as far as is known."""

    first: datetime
    last: datetime

    def with_lake(self, known_until: datetime | None) -> datetime | None:
        """The latest instant at which both the figure and the lake are known; None where there is none yet."""
        if known_until is None:
            return None
        at = min(self.last, known_until)
        return at if at >= self.first else None


@dataclass(frozen=True)
class Difference(Generic[_Where]):
    """A place where the lake and Mews' figure differ: what, by Mews and by the lake."""

    where: _Where
    what: str
    mews: Number
    lake: Number
    by: Number


@dataclass(frozen=True)
class Compared(Generic[_Where]):
    """The result of a comparison: how many figures agree, those that differ, and how many cannot be judged yet."""

    agree: int
    differ: tuple[Difference[_Where], ...]
    not_yet: int
    """Of figures and rows that were read at different times: a later run compares them."""
