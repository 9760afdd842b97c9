"""Incidents: what is wrong now, from facts in the order they happened.

Lives here: when an incident is opened, what joins it and when it is resolved, as plain values. Not here: where
facts come from, and what is said of an incident (`wording`).

An incident is one thing that went wrong (a check of a table, the runs of a table, ...) with all its parts: the
partitions or hotels on which it is wrong. Forty partitions that fail one check are one incident, and it is over
when the last of them has passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

HOLD_FOR = timedelta(minutes=2)
"""An incident is told when the run that found it has ended, so that all its partitions are counted; or after
this time, should the run go on."""


class Urgency(StrEnum):
    WARNING = "warning"
    FAILURE = "failure"


class Kind(StrEnum):
    CHECK = "check"
    RUN = "run"
    FRESHNESS = "freshness"
    GIVEN_UP = "given up"


JOIN_FOR = {
    Kind.CHECK: timedelta(hours=24),
    Kind.RUN: timedelta(hours=1),
    Kind.FRESHNESS: timedelta(hours=24),
    Kind.GIVEN_UP: timedelta(hours=24),
}
"""A hotel that begins to fail later than this after an incident was opened is an incident of its own: trouble
that has been known for weeks must not hide what is new. The runs of one backfill fail within the hour."""


class ChangeKind(StrEnum):
    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Subject:
    """What can go wrong: a check of an asset, the runs of a table. `asset` is as Dagster spells it."""

    kind: Kind
    asset: str
    name: str = ""


@dataclass(frozen=True)
class Part:
    """One partition (`<scope>|<window>`), one scope, or the whole (empty). Of the worst, the weight is largest."""

    key: str
    numbers: str = ""
    weight: float = 0.0
    event: int = 0

    @property
    def scope(self) -> str:
        return self.key.partition("|")[0]


@dataclass(frozen=True)
class Fact:
    """What one event says: parts that fail and keys of parts that pass.

    `event` is its number in the event log. `tells_all` says that parts it does not name pass; partitions are
    never meant, they pass one by one.
    """

    subject: Subject
    event: int
    at: datetime
    run: str = ""
    urgency: Urgency = Urgency.FAILURE
    fails: tuple[Part, ...] = ()
    passes: tuple[str, ...] = ()
    tells_all: bool = False
    cause: str = ""


@dataclass
class Incident:
    """Something that is wrong. `most` is how many parts were wrong at once, `scopes` whose they were."""

    id: str
    subject: Subject
    urgency: Urgency
    opened_at: datetime
    run: str
    cause: str
    parts: dict[str, Part] = field(default_factory=dict)
    scopes: set[str] = field(default_factory=set)
    most: int = 0
    is_announced: bool = False


@dataclass(frozen=True)
class Change:
    """An incident that was opened or resolved, as it stood then."""

    what: ChangeKind
    incident: Incident
    at: datetime
    run: str = ""


class Book:
    """All open incidents."""

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._open: dict[Subject, list[Incident]] = {}
        for one in incidents:
            self._open.setdefault(one.subject, []).append(one)

    def __iter__(self) -> Iterator[Incident]:
        return (one for found in self._open.values() for one in found)

    def tell(self, fact: Fact) -> list[Change]:
        """Take a fact in. What is opened is told later, by `announce`, unless it is over before."""
        changes: list[Change] = []
        # Failures first: where trouble moves from one hotel to another, it is not over in between.
        for part in fact.fails:
            changes += self._fail(fact, replace(part, event=fact.event))
        passes = list(fact.passes)
        if fact.tells_all:
            named = {part.key for part in fact.fails}
            of_subject = self._open.get(fact.subject, ())
            passes += [key for one in of_subject for key in one.parts if key not in named and "|" not in key]
        for key in passes:
            changes += self._pass(fact, key)
        return changes

    def announce(self, now: datetime, is_going: Callable[[str], bool]) -> list[Change]:
        """The incidents to be told now: those whose run has ended, and those that have waited long enough."""
        return [
            _told(one, now)
            for one in self
            if not one.is_announced and (now - one.opened_at >= HOLD_FOR or not is_going(one.run))
        ]

    def _fail(self, fact: Fact, part: Part) -> list[Change]:
        changes = self._moved(fact, part)
        home = self._home(fact, part)
        if home is None:
            home = Incident(_id_of(fact, part), fact.subject, fact.urgency, fact.at, fact.run, fact.cause)
            self._open.setdefault(fact.subject, []).append(home)
        known = home.parts.get(part.key)
        # A summary names partitions without their numbers: what their own verdict said is kept.
        home.parts[part.key] = replace(known, event=part.event) if known and not part.numbers else part
        home.scopes.add(part.scope)
        home.most = max(home.most, len(home.parts))
        return changes

    def _moved(self, fact: Fact, part: Part) -> list[Change]:
        """The part is in one incident only: by its newest urgency. One that grew graver is not resolved thereby."""
        changes: list[Change] = []
        for one in list(self._open.get(fact.subject, ())):
            if one.urgency is not fact.urgency and part.key in one.parts:
                if one.urgency is Urgency.FAILURE:
                    changes += self._pass(fact, part.key)
                else:
                    del one.parts[part.key]
                    self._close_if_empty(one)
        return changes

    def _home(self, fact: Fact, part: Part) -> Incident | None:
        same = [one for one in self._open.get(fact.subject, ()) if one.urgency is fact.urgency]
        for one in same:
            if part.key in one.parts:
                return one
        for one in same:
            if part.scope in one.scopes:
                return one
        return next(
            (one for one in reversed(same) if fact.at - one.opened_at < JOIN_FOR[fact.subject.kind]), None
        )

    def _pass(self, fact: Fact, key: str) -> list[Change]:
        changes: list[Change] = []
        for one in list(self._open.get(fact.subject, ())):
            part = one.parts.get(key)
            if part is None or part.event >= fact.event:
                continue
            if len(one.parts) == 1 and not one.is_announced:
                changes.append(_told(one, fact.at))
            del one.parts[key]
            if self._close_if_empty(one):
                changes.append(Change(ChangeKind.RESOLVED, one, fact.at, fact.run))
        return changes

    def _close_if_empty(self, incident: Incident) -> bool:
        if incident.parts:
            return False
        self._open[incident.subject].remove(incident)
        if not self._open[incident.subject]:
            del self._open[incident.subject]
        return True


def _told(incident: Incident, at: datetime) -> Change:
    incident.is_announced = True
    snapshot = replace(incident, parts=dict(incident.parts), scopes=set(incident.scopes))
    return Change(ChangeKind.OPENED, snapshot, at, incident.run)


def _id_of(fact: Fact, part: Part) -> str:
    """The same whenever the same events are read again: a message keeps its id over any restart."""
    subject = fact.subject
    text = "|".join([subject.kind, subject.asset, subject.name, fact.urgency, str(fact.event), part.key])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
