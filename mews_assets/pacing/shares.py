"""Shares: how machines divide the budget of one access token among themselves.

Lives here: the book with an entry per machine, and what a machine writes into it. Pure. Not here: reading and replacing
the book (`shared`), and counting requests (`machine`).

At every moment the grants in the book sum up to at most the budget, and a machine's grant is never less than what it
started in the last window. So all machines together start at most the budget in any window, with bursts or without.
A machine lowers its grant as its own starts leave the window, and others take what is free.

No machine's clock is compared with another's: whether a machine is gone is measured on the reader's own clock, by an
entry that does not change. The written time only shortens that wait where it is long past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from mews_assets.api.transport.pacing import LIMIT, SECONDS

LOOK_SECONDS = 5.0
"""Between two looks of a machine at the book: so long a new machine waits for its share."""
BEAT_SECONDS = 10.0
"""A machine that asks Mews changes its entry at least so often."""
VALID_SECONDS = 20.0
"""A machine starts nothing on a grant that it could not renew for so long."""
_ON_ITS_WAY_SECONDS = 10.0
"""A write that is still on its way, and a request that was about to start."""
GONE_SECONDS = VALID_SECONDS + SECONDS + _ON_ITS_WAY_SECONDS
"""An entry that did not change for so long is of a machine whose starts have left the window."""
LEFT_SECONDS = SECONDS + _ON_ITS_WAY_SECONDS
"""The same for a machine that said that it is done."""
CLOCKS_DIFFER_AT_MOST = timedelta(hours=1)


@dataclass(frozen=True)
class Budget:
    """The requests that may start in any window of so many seconds, over all machines."""

    limit: int = LIMIT
    seconds: float = SECONDS

    @property
    def pace(self) -> float:
        """By how much the times above shrink, for a window that is shorter than that of Mews."""
        return self.seconds / SECONDS


@dataclass(frozen=True)
class Entry:
    """What one machine may start in any window, and what it would like to. `beat` grows with each change."""

    grant: int
    wants: int
    beat: int
    has_left: bool
    at: datetime


@dataclass(frozen=True)
class Book:
    """The entries by machine."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(_Stored(dict(self.entries))), indent=1)

    @classmethod
    def from_json(cls, content: bytes) -> Book:
        """Raises ValueError if it is not a book."""
        return cls(_DECODER.decode(content).machines)


class _Stored(msgspec.Struct):
    """The book as its file holds it."""

    machines: dict[str, Entry]


_DECODER = msgspec.json.Decoder(_Stored)


@dataclass(frozen=True)
class Seen:
    """Since when, on the reader's own clock, an entry is as it is."""

    beat: int
    since: float


@dataclass(frozen=True)
class Look:
    """What a machine knows when it looks: its name, what it started in the last window, and what it would like to."""

    machine: str
    used: int
    wants: int
    clock: float
    """Seconds on the machine's own clock."""
    now: datetime


def note_seen(book: Book, seen: Mapping[str, Seen], clock: float) -> dict[str, Seen]:
    """Since when each entry of the book is as it is."""
    found = {}
    for name, entry in book.entries.items():
        before = seen.get(name)
        found[name] = before if before and before.beat == entry.beat else Seen(entry.beat, clock)
    return found


def is_gone(entry: Entry, seen: Seen, look: Look, budget: Budget) -> bool:
    """Whether nothing that the machine started can be in the window any more."""
    wait = (LEFT_SECONDS if entry.has_left else GONE_SECONDS) * budget.pace
    is_long_past = look.now > entry.at + CLOCKS_DIFFER_AT_MOST + timedelta(seconds=wait)
    return look.clock - seen.since > wait or is_long_past


def fair_shares(wants: Mapping[str, int], limit: int) -> dict[str, int]:
    """The budget divided: each gets what it wants while there is enough, else as much as the others; what nobody
    wants is divided too, for wishes grow. Sums up to at most `limit`."""
    shares, left, waiting = dict.fromkeys(wants, 0), limit, sorted(wants, key=lambda name: wants[name])
    for number, name in enumerate(waiting):
        shares[name] = min(wants[name], left // (len(waiting) - number))
        left -= shares[name]
    return {name: share + left // len(wants) for name, share in shares.items()}


def written(book: Book, seen: Mapping[str, Seen], look: Look, budget: Budget) -> tuple[Book, int]:
    """The book as the machine writes it, and the requests that it may start in a window from then on.

    Its grant stays at what it started in the last window, even where its share is less by now: others get the rest as
    it leaves the window.
    """
    others = {
        name: entry
        for name, entry in book.entries.items()
        if name != look.machine and not is_gone(entry, seen[name], look, budget)
    }
    leaving = sum(entry.grant for entry in others.values() if entry.has_left)
    wants = {name: entry.wants for name, entry in others.items() if not entry.has_left}
    share = fair_shares({**wants, look.machine: look.wants}, max(0, budget.limit - leaving))[look.machine]
    free = max(0, budget.limit - sum(entry.grant for entry in others.values()))
    target = min(share, free)
    before = book.entries.get(look.machine)
    mine = Entry(
        max(look.used, target), look.wants, before.beat + 1 if before else 1, has_left=False, at=look.now
    )
    return Book({**others, look.machine: mine}), target


def left(book: Book, look: Look) -> Book:
    """The book as a machine writes it that is done: what it started is kept until it has left the window."""
    before = book.entries.get(look.machine)
    if before is None:
        return book
    mine = replace(before, grant=look.used, wants=0, beat=before.beat + 1, has_left=True, at=look.now)
    return Book({**book.entries, look.machine: mine})
