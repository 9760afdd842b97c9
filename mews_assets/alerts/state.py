"""State: open incidents, the outbox and the position in the event log, as one file of the lake.

Lives here: reading and writing it. It is replaced whole, so an event is either not read yet, or read and all that
follows from it is saved: the position never moves on without the facts.

Every Dagster instance numbers its events itself; each has a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from mews_assets.alerts.incidents import Book, Incident, Part, PartKey, Subject, Urgency
from mews_assets.alerts.outbox import Message, Notice, Outbox, Pause
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

FORMAT = 1
LOOK_BACK = timedelta(hours=24)
"""Without a saved state, events of this time are read."""
MAX_SEEN = 2000
"""Event numbers remembered one by one: more than a few seconds bring."""


@dataclass
class Feed:
    """The position in the event log.

    Where several writers share a database, an event may become visible after an event with a higher number. So the
    events of the last tick are read again, and `seen` holds the numbers of those that were applied.
    """

    since: datetime
    after: int = 0
    newest: int = 0
    seen: set[int] = field(default_factory=set)

    def is_new(self, event: int) -> bool:
        return event > self.after and event not in self.seen

    def took(self, events: Iterable[int]) -> None:
        """A tick has ended that applied these events."""
        seen = sorted(self.seen | set(events))
        after = max(self.newest, seen[-MAX_SEEN] - 1 if len(seen) > MAX_SEEN else 0)
        self.after, self.newest = after, max([self.newest, *seen[-1:]])
        self.seen = {event for event in seen if event > self.after}


@dataclass
class State:
    feed: Feed
    book: Book = field(default_factory=Book)
    outbox: Outbox = field(default_factory=Outbox)


def load(lake: Lake, instance: str, now: datetime) -> State:
    """The saved state, or a new one where none was saved. Raises LakeError where it cannot be read."""
    name = layout.alerts_file(instance)
    if not lake.exists(name):
        return State(Feed(now - LOOK_BACK))
    try:
        return decode(lake.read(name))
    except (msgspec.MsgspecError, ValueError) as error:
        raise LakeError(
            f"{lake.uri(name)} does not hold the state of the alerts ({error}). Move it away: alerts then start with "
            "the last 24 hours, and may repeat messages that were sent before"
        ) from None


def save(lake: Lake, instance: str, state: State) -> None:
    """On disk when this returns."""
    lake.write(layout.alerts_file(instance), encode(state))


class _StoredPart(msgspec.Struct):
    """Files of earlier versions hold the key as `<scope>|<window>`."""

    key: PartKey | str
    numbers: str = ""
    weight: float = 0.0
    event: int = 0

    def part(self) -> Part:
        if isinstance(self.key, PartKey):
            return Part(self.key, self.numbers, self.weight, self.event)
        scope, _, window = self.key.partition("|")
        return Part(PartKey(scope, window), self.numbers, self.weight, self.event)


class _StoredIncident(msgspec.Struct):
    """An incident as JSON: its parts as a list, for a key of an object must be a text."""

    id: str
    subject: Subject
    urgency: Urgency
    opened_at: datetime
    run: str
    cause: str
    parts: list[_StoredPart]
    scopes: set[str]
    most: int
    is_announced: bool

    @classmethod
    def of(cls, incident: Incident) -> _StoredIncident:
        parts = [
            _StoredPart(part.key, part.numbers, part.weight, part.event) for part in incident.parts.values()
        ]
        return cls(**{**vars(incident), "parts": parts})

    def incident(self) -> Incident:
        parts = {part.key: part for part in (stored.part() for stored in self.parts)}
        return Incident(**{**msgspec.structs.asdict(self), "parts": parts})


class _File(msgspec.Struct):
    """The state as JSON. `waiting` to `pauses` are the outbox."""

    format: int
    feed: Feed
    incidents: list[_StoredIncident]
    waiting: list[Notice]
    messages: list[Message]
    made: list[tuple[datetime, bool]]
    pauses: dict[str, Pause]


def encode(state: State) -> bytes:
    """The state as JSON. Equal states give equal bytes."""
    outbox = state.outbox
    file = _File(
        FORMAT,
        state.feed,
        [_StoredIncident.of(incident) for incident in state.book],
        outbox.waiting,
        outbox.messages,
        outbox.made,
        outbox.pauses,
    )
    return msgspec.json.format(msgspec.json.encode(file, order="deterministic"), indent=1)


def decode(content: bytes) -> State:
    """The state that `encode` wrote. Raises msgspec.MsgspecError or ValueError where it cannot be read."""
    file = msgspec.json.decode(content, type=_File)
    if file.format != FORMAT:
        raise ValueError(f"format {file.format}, this version reads {FORMAT}")
    return State(
        file.feed,
        Book(stored.incident() for stored in file.incidents),
        Outbox(file.waiting, file.messages, file.made, file.pauses),
    )
