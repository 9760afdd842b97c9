"""A machine: what its processes have started, and when the next request may start.

Lives here: the state that the processes of one machine share, and the decisions on it. Pure. Not here: the file that
the state is in (`shared`), and other machines (`shares`).

A machine may always start a few requests, its own share, without asking anybody: so a sensor's tick costs no request to
the object store, and a machine that cannot reach it goes on slowly. For more it needs a share of the budget.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import msgspec

from mews_assets.pacing.shares import BEAT_SECONDS, LOOK_SECONDS, VALID_SECONDS, Budget, Entry, Seen

OWN_SHARE = 3
"""Requests per window that a machine starts without a share. With the budget of 150, sixteen machines stay below the
200 that Mews allows, even where none of them reaches the lake."""
NEVER = -1e12
_MORE_THAN_USED = 15
"""Requests per window that a machine which waits for nothing would like to start besides those it started."""


@dataclass(frozen=True)
class Machine:
    """Clock readings are seconds of the machine's monotonic clock, which all its processes share."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Another one for each new state, so that what an earlier one started is not forgotten."""
    own: tuple[float, ...] = ()
    """When requests of its own share started, in the last window."""
    shared: tuple[float, ...] = ()
    """When requests of its share of the budget started, in the last window."""
    not_before: float = 0.0
    target: int = 0
    """The requests of the budget that it may start in a window."""
    valid_until: float = 0.0
    denied_at: float = NEVER
    """When a request last had to wait for a larger share."""
    denied_process: int = 0
    looked_at: float = NEVER
    wrote_at: float = NEVER
    seen: Mapping[str, Seen] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, content: bytes) -> Machine:
        """Raises ValueError if it is no state: one that lacks a field would forget what was started."""
        found = msgspec.json.decode(content, type=dict[str, Any])
        if missing := {one.name for one in fields(cls)} - set(found):
            raise ValueError(f"not the state of a machine: it lacks {', '.join(sorted(missing))}")
        return msgspec.convert(found, cls)


def _in_window(starts: tuple[float, ...], clock: float, budget: Budget) -> tuple[float, ...]:
    return tuple(start for start in starts if clock - budget.seconds < start)


def used(machine: Machine, clock: float, budget: Budget) -> int:
    """The requests of the budget that it started in the last window."""
    return len(_in_window(machine.shared, clock, budget))


def start(machine: Machine, clock: float, process: int, budget: Budget) -> tuple[Machine, float]:
    """Start a request, or give the seconds until it may be tried again; 0 where it has started."""
    own = _in_window(machine.own, clock, budget)
    shared = _in_window(machine.shared, clock, budget)
    machine = replace(machine, own=own, shared=shared)
    if clock < machine.not_before:
        return machine, machine.not_before - clock
    has_share = clock < machine.valid_until and bool(machine.target)
    if has_share and len(shared) < machine.target:
        return replace(machine, shared=(*shared, clock)), 0.0
    if not has_share and len(own) < OWN_SHARE:
        return replace(machine, own=(*own, clock)), 0.0
    # A share that is full, or none: either way a larger one is wanted.
    oldest = min(shared if has_share else own, default=clock)
    return replace(machine, denied_at=clock, denied_process=process), max(
        0.001, oldest + budget.seconds - clock
    )


def pause(machine: Machine, until: float) -> Machine:
    return replace(machine, not_before=max(machine.not_before, until))


def wants(machine: Machine, clock: float, budget: Budget) -> int:
    """The requests per window that it would like to start."""
    if clock - machine.denied_at <= BEAT_SECONDS * budget.pace:
        return budget.limit
    return min(budget.limit, used(machine, clock, budget) + _MORE_THAN_USED)


def is_look_due(machine: Machine, clock: float, budget: Budget) -> bool:
    """Whether a process of the machine is to look at the book."""
    needs_share = clock - machine.denied_at <= BEAT_SECONDS * budget.pace
    has_share = clock < machine.valid_until and bool(machine.target)
    since = clock - machine.looked_at
    return (needs_share or has_share) and (since < 0 or since >= LOOK_SECONDS * budget.pace)


def is_write_due(before: Entry | None, after: Entry, machine: Machine, clock: float, budget: Budget) -> bool:
    """Whether its entry must change: it says something else, or the others would soon think the machine gone."""
    is_changed = before is None or before.has_left or before.grant != after.grant
    is_keener = before is not None and after.wants == budget.limit > before.wants
    return is_changed or is_keener or clock - machine.wrote_at >= BEAT_SECONDS * budget.pace


def is_idle(machine: Machine, clock: float, budget: Budget) -> bool:
    """Whether it has a share that nobody uses."""
    is_wanted = clock - machine.denied_at <= BEAT_SECONDS * budget.pace
    return bool(machine.target) and not is_wanted and not used(machine, clock, budget)


def lowered(machine: Machine, target: int) -> Machine:
    """Before the book is written: what is given up is not started any more."""
    return replace(machine, target=min(machine.target, target))


def granted(machine: Machine, target: int, clock: float, budget: Budget) -> Machine:
    """The machine with its share. `clock` is when the request to write it was sent."""
    return replace(machine, target=target, valid_until=clock + VALID_SECONDS * budget.pace, wrote_at=clock)
