"""The outbox: what is to be said, how much of it an hour, and who has had each message.

Lives here: folding many notices into few messages, and the choice of the next delivery, as functions over
plain values. Not here: words (`wording`), sending (`delivery`).

A notice becomes a message of its own while few were made within the hour; then all that came is folded into one
digest. The same trouble in several tables at once, as when Mews is out of reach, is one message. Every message
waits until each target has had it; a target that fails is left alone for a while, and no other target waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mews_assets.backoff import backoff

SINGLES_PER_HOUR = 16
"""Messages about one incident each. More than that nobody reads."""
DIGEST_EVERY = timedelta(minutes=15)
"""So at most 20 messages an hour in all, and nothing is held back longer than this."""
HOUR = timedelta(hours=1)
FIRST_BACKOFF = timedelta(seconds=30)
"""Of a target, doubled with each failure in a row."""
LONGEST_BACKOFF = timedelta(hours=1)
PATIENCE = timedelta(days=7)
"""A message that a target would not take for so long is dropped, and the log says so."""
STUBBORN_TRIES = 5
"""A message that failed so often goes behind the others: perhaps it alone is what the target refuses."""
DIGEST_LINES = 30
ALIKE = 3
"""So many notices of the same trouble that wait together are one message."""


class Tone(StrEnum):
    """What the reader should feel; Apprise's own words."""

    FAILURE = "failure"
    WARNING = "warning"
    SUCCESS = "success"


@dataclass(frozen=True)
class Notice:
    """One thing to tell: that an incident was opened, or resolved. `alike` names the trouble without its table."""

    id: str
    tone: Tone
    title: str
    body: str
    alike: str = ""


@dataclass
class Message:
    """What is sent. By target: how often it was tried, who has it, and where a try has begun and not ended."""

    id: str
    tone: Tone
    title: str
    body: str
    made_at: datetime
    is_digest: bool = False
    tries: dict[str, int] = field(default_factory=dict)
    delivered: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pause:
    """A target that failed: how often in a row, and when it is tried again."""

    failures: int
    until: datetime


@dataclass
class Outbox:
    """`waiting` are not messages yet; `made` are the moments at which messages were made, and whether digests."""

    waiting: list[Notice] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    made: list[tuple[datetime, bool]] = field(default_factory=list)
    pauses: dict[str, Pause] = field(default_factory=dict)

    def fold(self, now: datetime) -> None:
        """Turn what waits into messages, as far as the hour has room for them."""
        # Equal to the hour is out: made at 12:00, there is room again at 13:00. A clock set back frees it too.
        self.made = [(at, digest) for at, digest in self.made if abs(now - at) < HOUR]
        room = SINGLES_PER_HOUR - sum(not digest for _, digest in self.made)
        digests = [at for at, digest in self.made if digest]
        may_digest = not digests or now - max(digests) >= DIGEST_EVERY
        bundles = bundled(self.waiting)
        for bundle in bundles[: max(room, 0)]:
            self._add(message_of(bundle, now))
        # With a digest to come, it takes all that is over; with none to come, the oldest still go out.
        self.waiting = [notice for bundle in bundles[max(room, 0) :] for notice in bundle]
        if self.waiting and may_digest:
            self._add(digest_of(self.waiting, now))
            self.waiting = []

    def _add(self, message: Message) -> None:
        self.messages.append(message)
        self.made.append((message.made_at, message.is_digest))

    def next_for(self, target: str, now: datetime) -> Message | None:
        """What the target gets next; None if it has all, or is to be left alone now."""
        pause = self.pauses.get(target)
        if pause is not None and now < pause.until:
            return None
        missing = [one for one in self.messages if target not in one.delivered]
        return min(missing, key=lambda one: one.tries.get(target, 0) >= STUBBORN_TRIES, default=None)

    def trying(self, message: Message, target: str) -> bool:
        """To be saved before the try. Whether an earlier try was cut short: then it may have arrived already."""
        in_doubt = target in message.begun
        message.tries[target] = message.tries.get(target, 0) + 1
        message.begun = [*(one for one in message.begun if one != target), target]
        return in_doubt

    def arrived(self, message: Message, target: str, targets: Iterable[str]) -> None:
        """The target has it; a message that all have is forgotten."""
        message.delivered.append(target)
        message.begun.remove(target)
        self.pauses.pop(target, None)
        self._forget_delivered(set(targets))

    def failed(self, message: Message, target: str, now: datetime) -> None:
        """The target would not take it: it is left alone for a while, longer with each failure."""
        message.begun.remove(target)
        before = self.pauses.get(target)
        failures = before.failures + 1 if before else 1
        self.pauses[target] = Pause(failures, now + backoff(FIRST_BACKOFF, LONGEST_BACKOFF, failures))

    def drop_old(self, now: datetime, targets: Iterable[str]) -> list[Message]:
        """Forget, and return, what could not be delivered for too long; targets taken away are not waited for."""
        self._forget_delivered(set(targets))
        dropped = [one for one in self.messages if now - one.made_at > PATIENCE]
        self.messages = [one for one in self.messages if one not in dropped]
        self.pauses = {name: pause for name, pause in self.pauses.items() if name in set(targets)}
        return dropped

    def _forget_delivered(self, targets: set[str]) -> None:
        self.messages = [one for one in self.messages if not targets <= set(one.delivered)]


def bundled(notices: list[Notice]) -> list[list[Notice]]:
    """The notices in their order; those of the same trouble together where there are several."""
    alike: dict[str, list[Notice]] = {}
    for one in notices:
        alike.setdefault(one.alike, []).append(one)
    found = []
    for one in notices:
        group = alike[one.alike]
        if not one.alike or len(group) < ALIKE:
            found.append([one])
        # The end of an incident never before its beginning: ends stand where the last of them stood.
        elif one is (group[-1] if one.tone is Tone.SUCCESS else group[0]):
            found.append(group)
    return found


def message_of(bundle: list[Notice], now: datetime) -> Message:
    """A notice as a message; several of the same trouble as one."""
    first = bundle[0]
    if len(bundle) == 1:
        return Message(first.id, first.tone, first.title, first.body, now)
    lines = [f"- {one.title}\n  {one.body.partition(chr(10))[0]}" for one in bundle[:DIGEST_LINES]]
    if len(bundle) > len(lines):
        lines.append(f"and {len(bundle) - len(lines)} more")
    title = f"{first.alike}: {len(bundle)} tables"
    return Message(f"{first.id}-and-{len(bundle) - 1}", first.tone, title, "\n".join(lines), now)


def digest_of(notices: list[Notice], now: datetime) -> Message:
    """One message for many notices: a line for each, the gravest first."""
    if len(notices) == 1:
        one = notices[0]
        return Message(one.id, one.tone, one.title, one.body, now, is_digest=True)
    order = list(Tone)
    by_tone = {tone: [one for one in notices if one.tone is tone] for tone in order}
    counts = ", ".join(
        f"{len(found)} {'resolved' if tone is Tone.SUCCESS else tone}"
        for tone, found in by_tone.items()
        if found
    )
    lines = [f"- {one.title}" for found in by_tone.values() for one in found]
    shown = lines[:DIGEST_LINES]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more; the UI shows all of them under Runs and Checks")
    return Message(
        id=f"digest-{notices[0].id}",
        tone=next(tone for tone in order if by_tone[tone]),
        title=f"{len(notices)} alerts in one: {counts}",
        body="\n".join(["More came at once than is sent singly.", *shown]),
        made_at=now,
        is_digest=True,
    )
