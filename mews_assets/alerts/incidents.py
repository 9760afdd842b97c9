"""Incidents: what is wrong now, from facts in the order in which they happened.

Lives here: when an incident is opened, which failures join it and when it is resolved, as plain values. Not here: where
facts come from (`defs.alerts`), and the text of a message (`wording`).

An incident has one subject (a check of a table, the runs of a table, ...) and parts: the partitions or hotels that
fail. Forty partitions that fail one check are one incident, and it is resolved when the last of them has passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

HOLD_FOR = timedelta(minutes=2)
"""An incident is announced when the run that found it has ended, so that all its partitions are counted; or after
this time, if the run goes on."""


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
"""A hotel that begins to fail later than this after an incident was opened is an incident of its own: a failure that
has been known for weeks must not hide a new one. The runs of one backfill fail within the hour."""


class ChangeKind(StrEnum):
    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Subject:
    """What can fail: a check of an asset, the runs of a table. `asset` is as Dagster spells it."""

    kind: Kind
    asset: str
    name: str = ""


class PartKey(NamedTuple):
    """What a part is: a partition (scope and window), a scope, or the whole subject (both empty)."""

    scope: str = ""
    window: str = ""


WHOLE = PartKey()


@dataclass(frozen=True)
class Part:
    """One part that fails, with its numbers for people. The worst part has the largest weight."""

    key: PartKey
    numbers: str = ""
    weight: float = 0.0
    event: int = 0


@dataclass(frozen=True)
class Fact:
    """One event: parts that fail, and keys of parts that pass.

    `event` is its number in the event log. `tells_all` says that scopes it does not name pass; a partition passes
    only when a fact names it.
    """

    subject: Subject
    event: int
    at: datetime
    run: str = ""
    urgency: Urgency = Urgency.FAILURE
    fails: tuple[Part, ...] = ()
    passes: tuple[PartKey, ...] = ()
    tells_all: bool = False
    cause: str = ""


@dataclass
class Incident:
    """A subject that fails. `most` is the highest number of parts that failed at once, `scopes` are theirs."""

    id: str
    subject: Subject
    urgency: Urgency
    opened_at: datetime
    run: str
    cause: str
    parts: dict[PartKey, Part] = field(default_factory=dict)
    scopes: set[str] = field(default_factory=set)
    most: int = 0
    is_announced: bool = False


@dataclass(frozen=True)
class Change:
    """An incident that was opened or resolved, as it was at that time."""

    kind: ChangeKind
    incident: Incident
    at: datetime
    run: str = ""


class Book:
    """All open incidents."""

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._open: dict[Subject, list[Incident]] = {}
        for incident in incidents:
            self._open.setdefault(incident.subject, []).append(incident)

    def __iter__(self) -> Iterator[Incident]:
        return (incident for incidents in self._open.values() for incident in incidents)

    def apply(self, fact: Fact) -> list[Change]:
        """Apply a fact. An incident that it opens is announced later, by `announce`, or when it is resolved."""
        changes: list[Change] = []
        # Failures first: an incident that moves from one hotel to another is not resolved in between.
        for part in fact.fails:
            changes += self._fail(fact, replace(part, event=fact.event))
        passes = list(fact.passes)
        if fact.tells_all:
            named = {part.key for part in fact.fails}
            of_subject = self._open.get(fact.subject, ())
            passes += [
                key
                for incident in of_subject
                for key in incident.parts
                if key not in named and not key.window
            ]
        for key in passes:
            changes += self._pass(fact, key)
        return changes

    def announce(self, now: datetime, is_going: Callable[[str], bool]) -> list[Change]:
        """The incidents to announce now: those whose run has ended, and those that were opened long enough ago."""
        return [
            _opened(incident, now)
            for incident in self
            if not incident.is_announced
            and (now - incident.opened_at >= HOLD_FOR or not is_going(incident.run))
        ]

    def _fail(self, fact: Fact, part: Part) -> list[Change]:
        changes = self._leave_other_urgencies(fact, part)
        incident = self._incident_for(fact, part)
        if incident is None:
            incident = Incident(_id_of(fact, part), fact.subject, fact.urgency, fact.at, fact.run, fact.cause)
            self._open.setdefault(fact.subject, []).append(incident)
        known = incident.parts.get(part.key)
        # A summary names partitions without their numbers: those of the partition's own verdict are kept.
        incident.parts[part.key] = replace(known, event=part.event) if known and not part.numbers else part
        incident.scopes.add(part.key.scope)
        incident.most = max(incident.most, len(incident.parts))
        return changes

    def _leave_other_urgencies(self, fact: Fact, part: Part) -> list[Change]:
        """Take the part out of incidents of another urgency. One that turns from warning to failure is not resolved."""
        changes: list[Change] = []
        for incident in list(self._open.get(fact.subject, ())):
            if incident.urgency is not fact.urgency and part.key in incident.parts:
                if incident.urgency is Urgency.FAILURE:
                    changes += self._pass(fact, part.key)
                else:
                    del incident.parts[part.key]
                    self._close_if_empty(incident)
        return changes

    def _incident_for(self, fact: Fact, part: Part) -> Incident | None:
        """The open incident that the part joins: by its key, by its scope, or by when the incident was opened."""
        same = [incident for incident in self._open.get(fact.subject, ()) if incident.urgency is fact.urgency]
        for incident in same:
            if part.key in incident.parts:
                return incident
        for incident in same:
            if part.key.scope in incident.scopes:
                return incident
        join_for = JOIN_FOR[fact.subject.kind]
        return next(
            (incident for incident in reversed(same) if fact.at - incident.opened_at < join_for), None
        )

    def _pass(self, fact: Fact, key: PartKey) -> list[Change]:
        changes: list[Change] = []
        for incident in list(self._open.get(fact.subject, ())):
            part = incident.parts.get(key)
            if part is None or part.event >= fact.event:
                continue
            if len(incident.parts) == 1 and not incident.is_announced:
                changes.append(_opened(incident, fact.at))
            del incident.parts[key]
            if self._close_if_empty(incident):
                changes.append(Change(ChangeKind.RESOLVED, incident, fact.at, fact.run))
        return changes

    def _close_if_empty(self, incident: Incident) -> bool:
        if incident.parts:
            return False
        self._open[incident.subject].remove(incident)
        if not self._open[incident.subject]:
            del self._open[incident.subject]
        return True


def _opened(incident: Incident, at: datetime) -> Change:
    incident.is_announced = True
    snapshot = replace(incident, parts=dict(incident.parts), scopes=set(incident.scopes))
    return Change(ChangeKind.OPENED, snapshot, at, incident.run)


def _id_of(fact: Fact, part: Part) -> str:
    """The same whenever the same events are read again: a message keeps its id over any restart."""
    subject = fact.subject
    text = "\n".join([subject.kind, subject.asset, subject.name, fact.urgency, str(fact.event), *part.key])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
