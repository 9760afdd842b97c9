"""The kinds of fault, and when and how often each occurs, drawn from the seed.

Lives here: the kinds, the periods of a seed, and the counts of what occurred. Not here: what a fault does to a request
(`transport`), to the disk (`process`) or to an export (`export_outcomes`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mews_assets.sandbox.clock import SECOND_US

HOUR_US = 3600 * SECOND_US
LOOKUPS = ("enterprises/getAll", "services/getAll")

LIGHT = (
    "429 with Retry-After",
    "429 without Retry-After",
    "500, 502 or 503",
    "connection refused",
    "connection reset",
    "answer lost",
    "answer cut off",
    "slow answer",
)
OF_FILES = (
    "download cut off",
    "download ends early",
    "slow download",
    "link dies mid-download",
    "whole file for the rest",
    "rest from elsewhere",
    "line corrupted",
    "wrong SizeInBytes",
)
"""Downloads are few, so these occur more often."""
ABSORBED = frozenset(LIGHT + OF_FILES) - {"429 with Retry-After", "line corrupted", "wrong SizeInBytes"}
"""A run must survive one or two of these, whenever they occur."""
HEAVY = (
    "401 for a while",
    "408 by window",
    "408 for an export",
    "gzip corrupted",
    "answer garbled",
    "answer stalls",
    "repeated cursor",
    "unknown status",
    "export left out",
)
EXPORT_OUTCOMES = (
    "export fails",
    "export expires",
    "export is stuck",
    "export vanishes",
    "records twice in files",
)
OF_PAGES = ("short pages",)
OUTSIDE = (
    "slot taken by another",
    "clock skew",
    "disk full",
    "read-only lake",
    "killed",
    "two at once",
    "restated",
)
KINDS = LIGHT + OF_FILES + HEAVY + OF_PAGES + EXPORT_OUTCOMES + OUTSIDE


@dataclass(frozen=True)
class FaultPeriod:
    """A period in which faults of one kind occur, with this chance each time that they can."""

    kind: str
    start_us: int
    end_us: int
    chance: float
    spares_lookups: bool = False
    """Whether it spares the first requests of every run; otherwise no run would get any further."""


@dataclass
class Faults:
    """All periods of one seed, and how often each kind of fault has occurred."""

    periods: list[FaultPeriod]
    rng: random.Random
    now_us: Callable[[], int]
    counts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def draw(self, kinds: Iterable[str], operation: str = "") -> str:
        """The kind of fault that occurs now, or an empty text."""
        if self.is_over:
            return ""
        wanted, now = set(kinds), self.now_us()
        for period in self.periods:
            if period.spares_lookups and operation in LOOKUPS:
                continue
            if (
                period.kind in wanted
                and period.start_us <= now < period.end_us
                and self.rng.random() < period.chance
            ):
                self.counts[period.kind] += 1
                return period.kind
        return ""

    def occurs(self, kind: str) -> bool:
        return bool(self.draw((kind,)))

    def count(self, kind: str) -> None:
        self.counts[kind] += 1


def fault_periods(start_us: int, end_us: int, rng: random.Random) -> list[FaultPeriod]:
    """Some periods of frequent faults, and light faults over the whole time."""
    extra = derived_rng(rng)
    periods = []
    for kind in rng.sample(LIGHT + HEAVY, rng.randint(2, 7)):
        at = rng.randrange(start_us, end_us)
        until = at + rng.randrange(HOUR_US // 4, 30 * HOUR_US)
        periods.append(FaultPeriod(kind, at, until, rng.choice((0.2, 0.5, 0.9)), rng.random() < 0.6))
    for kind in rng.sample(LIGHT, rng.randint(0, 5)):
        periods.append(FaultPeriod(kind, start_us, end_us, rng.choice((0.01, 0.05))))
    for kind in rng.sample(OF_FILES, rng.choice((0, 1, 1, 2, 3))):
        periods.append(FaultPeriod(kind, start_us, end_us, rng.choice((0.2, 0.5))))
        if kind in ("whole file for the rest", "rest from elsewhere"):
            # Nobody asks for the rest of a file that was not cut off.
            periods.append(FaultPeriod("download cut off", start_us, end_us, 0.5))
    for kind in EXPORT_OUTCOMES:
        if rng.random() < 0.35:
            periods.append(FaultPeriod(kind, start_us, end_us, rng.choice((0.1, 0.3))))
    for kind in ("disk full", "read-only lake"):
        if rng.random() < 0.2:
            at = rng.randrange(start_us, end_us)
            periods.append(
                FaultPeriod(kind, at, at + rng.randrange(HOUR_US, 12 * HOUR_US), rng.choice((0.05, 0.3, 1.0)))
            )
    if extra.random() < 0.3:
        periods += [FaultPeriod(kind, start_us, end_us, extra.choice((0.3, 1.0))) for kind in OF_PAGES]
    return periods


def derived_rng(rng: random.Random) -> random.Random:
    """A second generator from the state of the first: what it draws changes nothing else of the seed."""
    return random.Random(str(rng.getstate()))
