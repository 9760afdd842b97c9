"""State: open incidents, the outbox and the place in the event log, as one file of the lake.

Lives here: reading and writing it. It is replaced whole, so an event is either not read yet, or read with all
that follows from it: there is no moment between taking a cursor on and keeping what was found.

Every Dagster instance numbers its events itself; each has a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mews_assets.alerts.incidents import Book, Incident, Kind, Part, Subject, Urgency
from mews_assets.alerts.outbox import Message, Notice, Outbox, Pause, Tone
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

FORMAT = 1
LOOK_BACK = timedelta(hours=24)
"""What happened before the first look, no longer ago than this, is told too."""
MAX_SEEN = 2000
"""Event numbers remembered one by one: what a few seconds can bring."""


@dataclass
class Feed:
    """The place in the event log.

    Where several writers share a database, an event may become visible after one with a higher number. So what
    the last look read is read again, and `seen` keeps the events of it that were taken in.
    """

    since: datetime
    after: int = 0
    newest: int = 0
    seen: set[int] = field(default_factory=set)

    def is_new(self, event: int) -> bool:
        return event > self.after and event not in self.seen

    def took(self, events: Iterable[int]) -> None:
        """A look has ended that took in these events."""
        seen = sorted(self.seen | set(events))
        after = max(self.newest, seen[-MAX_SEEN] - 1 if len(seen) > MAX_SEEN else 0)
        self.after, self.newest = after, max([self.newest, *seen[-1:]])
        self.seen = {one for one in seen if one > self.after}


@dataclass
class State:
    feed: Feed
    book: Book = field(default_factory=Book)
    outbox: Outbox = field(default_factory=Outbox)


def load(lake: Lake, instance: str, now: datetime) -> State:
    """What the last look left, or the state before the first one."""
    name = layout.alerts_file(instance)
    if not lake.exists(name):
        return State(Feed(now - LOOK_BACK))
    try:
        return from_json(lake.read_json(name))
    except (KeyError, TypeError, ValueError) as error:
        raise LakeError(
            f"{lake.uri(name)} does not hold the state of the alerts ({type(error).__name__}: {error}). Move it away: "
            "alerts then begin anew with the last 24 hours, and may repeat what was told"
        ) from None


def save(lake: Lake, instance: str, state: State) -> None:
    """On disk when this returns."""
    lake.write_json(layout.alerts_file(instance), to_json(state))


def to_json(state: State) -> dict[str, Any]:
    feed, outbox = state.feed, state.outbox
    return {
        "format": FORMAT,
        "feed": {
            "since": feed.since.isoformat(),
            "after": feed.after,
            "newest": feed.newest,
            "seen": sorted(feed.seen),
        },
        "incidents": [_incident_json(one) for one in state.book],
        "waiting": [vars(one) for one in outbox.waiting],
        "messages": [{**vars(one), "made_at": one.made_at.isoformat()} for one in outbox.messages],
        "made": [[at.isoformat(), digest] for at, digest in outbox.made],
        "pauses": {
            name: {"failures": pause.failures, "until": pause.until.isoformat()}
            for name, pause in outbox.pauses.items()
        },
    }


def from_json(value: dict[str, Any]) -> State:
    """The other way round. Raises KeyError, TypeError or ValueError where it is no such state."""
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']!r}, this version reads {FORMAT}")
    feed = value["feed"]
    return State(
        Feed(_instant(feed["since"]), feed["after"], feed["newest"], set(feed["seen"])),
        Book(_incident(one) for one in value["incidents"]),
        Outbox(
            [Notice(**{**one, "tone": Tone(one["tone"])}) for one in value["waiting"]],
            [
                Message(**{**one, "tone": Tone(one["tone"]), "made_at": _instant(one["made_at"])})
                for one in value["messages"]
            ],
            [(_instant(at), digest) for at, digest in value["made"]],
            {name: Pause(one["failures"], _instant(one["until"])) for name, one in value["pauses"].items()},
        ),
    )


def _incident_json(one: Incident) -> dict[str, Any]:
    return {
        **vars(one),
        "subject": vars(one.subject),
        "opened_at": one.opened_at.isoformat(),
        "parts": [vars(part) for part in one.parts.values()],
        "scopes": sorted(one.scopes),
    }


def _incident(value: dict[str, Any]) -> Incident:
    subject = value["subject"]
    parts = [Part(**part) for part in value["parts"]]
    changed = {
        "subject": Subject(Kind(subject["kind"]), subject["asset"], subject["name"]),
        "urgency": Urgency(value["urgency"]),
        "opened_at": _instant(value["opened_at"]),
        "parts": {part.key: part for part in parts},
        "scopes": set(value["scopes"]),
    }
    return Incident(**{**value, **changed})


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
