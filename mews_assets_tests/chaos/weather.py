"""The weather: which faults strike, when, how often. All of it follows from the seed.

Lives here: the kinds of fault, spells of bad weather, and the count of what struck. Not here: what a fault
does to a request (`wire`), to a disk (`process`) or to an export (`exports`).
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
"""There are few downloads, so these strike more often."""
ABSORBED = frozenset(LIGHT + OF_FILES) - {"429 with Retry-After", "line corrupted", "wrong SizeInBytes"}
"""One or two of these a run must survive, whatever it was doing."""
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
FATES = ("export fails", "export expires", "export is stuck", "export vanishes", "records twice in files")
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
KINDS = LIGHT + OF_FILES + HEAVY + OF_PAGES + FATES + OUTSIDE


@dataclass(frozen=True)
class Spell:
    """Bad weather of one kind for a while; it strikes with this chance each time it could."""

    kind: str
    start_us: int
    end_us: int
    chance: float
    spares_lookups: bool = False
    """Whether it leaves alone what every run asks first, which else would keep it from all that comes after."""


@dataclass
class Weather:
    """All spells of one seed. `struck` counts, and the story is told what struck where."""

    spells: list[Spell]
    rng: random.Random
    now_us: Callable[[], int]
    struck: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def strike(self, kinds: Iterable[str], operation: str = "") -> str:
        """The kind that strikes now, or nothing."""
        if self.is_over:
            return ""
        wanted, now = set(kinds), self.now_us()
        for spell in self.spells:
            if spell.spares_lookups and operation in LOOKUPS:
                continue
            if (
                spell.kind in wanted
                and spell.start_us <= now < spell.end_us
                and self.rng.random() < spell.chance
            ):
                self.struck[spell.kind] += 1
                return spell.kind
        return ""

    def strikes(self, kind: str) -> bool:
        return bool(self.strike((kind,)))

    def note(self, kind: str) -> None:
        self.struck[kind] += 1


def spells_of(start_us: int, end_us: int, rng: random.Random) -> list[Spell]:
    """A few heavy spells, and a light drizzle over all the time."""
    own = apart(rng)
    spells = []
    for kind in rng.sample(LIGHT + HEAVY, rng.randint(2, 7)):
        at = rng.randrange(start_us, end_us)
        until = at + rng.randrange(HOUR_US // 4, 30 * HOUR_US)
        spells.append(Spell(kind, at, until, rng.choice((0.2, 0.5, 0.9)), rng.random() < 0.6))
    for kind in rng.sample(LIGHT, rng.randint(0, 5)):
        spells.append(Spell(kind, start_us, end_us, rng.choice((0.01, 0.05))))
    for kind in rng.sample(OF_FILES, rng.choice((0, 1, 1, 2, 3))):
        spells.append(Spell(kind, start_us, end_us, rng.choice((0.2, 0.5))))
        if kind in ("whole file for the rest", "rest from elsewhere"):
            # Nobody asks for the rest of a file that was not cut off.
            spells.append(Spell("download cut off", start_us, end_us, 0.5))
    for kind in FATES:
        if rng.random() < 0.35:
            spells.append(Spell(kind, start_us, end_us, rng.choice((0.1, 0.3))))
    for kind in ("disk full", "read-only lake"):
        if rng.random() < 0.2:
            at = rng.randrange(start_us, end_us)
            spells.append(
                Spell(kind, at, at + rng.randrange(HOUR_US, 12 * HOUR_US), rng.choice((0.05, 0.3, 1.0)))
            )
    if own.random() < 0.3:
        spells += [Spell(kind, start_us, end_us, own.choice((0.3, 1.0))) for kind in OF_PAGES]
    return spells


def apart(rng: random.Random) -> random.Random:
    """A generator of its own, told by a seed's story so far: what it draws changes nothing else in that story."""
    return random.Random(str(rng.getstate()))
