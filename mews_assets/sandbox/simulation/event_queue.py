"""The event queue of one simulated hotel or chain, and the versions that its events write.

Lives here: `Entry` (a record that may still change) and `EventQueue` (random numbers, ids, planned events, writing
versions). Not here: what a hotel does.

Events run in the order of time, so versions come in the order of their stamps. Only future events are kept: memory does
not grow with the days simulated.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation.amounts import ENCODER
from mews_assets.sandbox.simulation.instants import SECOND, text


def new_id(rng: Random) -> str:
    """A text like a random (version 4) UUID, from the seeded generator."""
    bits = rng.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


Followers = Callable[[str, dict[str, Any], int], Iterable[tuple[str, str, dict[str, Any]]]]
"""The records that follow from a version of an entity: entity, scope and record of each."""


class Entry:
    """One record and the stamp of its newest version (0 before the first)."""

    __slots__ = ("entity", "id", "record", "scope", "stamp")

    def __init__(self, entity: str, scope: str, record: dict[str, Any]) -> None:
        self.entity = entity
        self.id: str = record["Id"]
        self.scope = scope
        self.record = record
        self.stamp = 0


class EventQueue:
    """The planned events. `now` is the instant of the current event, in microseconds since 1970."""

    def __init__(self, rng: Random, end: int, followers: Followers | None = None) -> None:
        self.rng = rng
        self._followers = followers
        self.now = 0
        self._end = end
        self._agenda: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._planned = 0
        self._written: list[Version] = []

    def plan(self, when: int, act: Callable[..., None], *details: Any) -> None:
        """Plan `act(*details)` for an instant, or for now if that is past. Later than the end it is dropped."""
        when = max(when, self.now)
        if when <= self._end:
            self._planned += 1
            heapq.heappush(self._agenda, (when, self._planned, act, details))

    def new_id(self) -> str:
        return new_id(self.rng)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def between(self, start: int, end: int) -> int:
        """A random whole second in [start, end), seldom with a fraction."""
        when = start if end <= start else start + int(self.rng.random() * (end - start))
        when -= when % SECOND
        luck = self.rng.random()
        if luck < 0.05:
            when += self.rng.randrange(1000) * 1000
        elif luck < 0.08:
            when += self.rng.randrange(SECOND)
        return when

    def write(self, entry: Entry, when: int | None = None) -> int:
        """Write a new version of the record, stamped now or at `when`; returns the stamp.

        A second version of an instant is stamped a second later, so that no two versions share a stamp.
        """
        stamp = self.now if when is None else when
        if stamp <= entry.stamp:
            stamp = entry.stamp + SECOND
        entry.stamp = stamp
        entry.record["UpdatedUtc"] = text(stamp)
        self._keep(entry.entity, entry.id, entry.scope, stamp, entry.record)
        return stamp

    def write_once(self, entity: str, scope: str, record: dict[str, Any]) -> None:
        """Write the only version of an immutable record, stamped now."""
        self._keep(entity, record["Id"], scope, self.now, record)

    def _keep(self, entity: str, id: str, scope: str, stamp: int, record: dict[str, Any]) -> None:
        if stamp > self._end:
            return
        self._written.append(Version(entity, id, scope, stamp, ENCODER.encode(record)))
        for other, other_scope, follower in self._followers(entity, record, stamp) if self._followers else ():
            encoded = ENCODER.encode(follower)
            self._written.append(Version(other, follower["Id"], other_scope, stamp, encoded))

    def run(self) -> Iterator[Version]:
        """Run all events, and yield the versions that they write."""
        while self._agenda:
            self.now, _, act, details = heapq.heappop(self._agenda)
            act(*details)
            yield from self._written
            self._written.clear()
