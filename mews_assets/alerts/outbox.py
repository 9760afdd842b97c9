"""The outbox: notices, the messages made from them, and which target has received each message.

Lives here: combining many notices into few messages, and choosing the next delivery, as functions over plain values.
Not here: texts (`wording`), sending (`delivery`).

A notice becomes a message of its own while few were made within the hour; after that, all notices become one digest.
The same failure in several tables at once, as when Mews cannot be reached, is one message. A message is kept until
every target has received it; after a failure a target is not tried for a while, which does not delay other targets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mews_assets.backoff import backoff

SINGLES_PER_HOUR = 16
"""Messages about one incident each; people do not read more."""
DIGEST_EVERY = timedelta(minutes=15)
"""At most 20 messages an hour in all, and no notice waits longer than this."""
HOUR = timedelta(hours=1)
FIRST_BACKOFF = timedelta(seconds=30)
"""The pause of a target after one failure, doubled with each further failure in a row."""
LONGEST_BACKOFF = timedelta(hours=1)
PATIENCE = timedelta(days=7)
"""A message that a target has refused for this long is dropped, with a line in the log."""
STUBBORN_TRIES = 5
"""A message that failed this often is tried after the others: the target may refuse only this message."""
DIGEST_LINES = 30
ALIKE = 3
"""From this many waiting notices of the same failure on, they become one message."""


class Tone(StrEnum):
    """The kind of a message, in Apprise's words."""

    FAILURE = "failure"
    WARNING = "warning"
    SUCCESS = "success"


@dataclass(frozen=True)
class Notice:
    """The text about an incident that was opened or resolved. `alike` names the failure without its table."""

    id: str
    tone: Tone
    title: str
    body: str
    alike: str = ""


@dataclass
class Message:
    """A message. By target: the number of tries, the targets that received it, and tries that began and did not end."""

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
    """The failures of a target in a row, and when it is tried again."""

    failures: int
    until: datetime


@dataclass
class Outbox:
    """`waiting` are notices that are no message yet; `made` are the times of messages, and whether each is a digest."""

    waiting: list[Notice] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    made: list[tuple[datetime, bool]] = field(default_factory=list)
    pauses: dict[str, Pause] = field(default_factory=dict)

    def fold(self, now: datetime) -> None:
        """Turn waiting notices into messages, as many as the limit per hour allows."""
        # A message of 12:00 does not count at 13:00 any more, nor after the clock was set back.
        self.made = [(at, digest) for at, digest in self.made if abs(now - at) < HOUR]
        allowed = SINGLES_PER_HOUR - sum(not digest for _, digest in self.made)
        digests = [at for at, digest in self.made if digest]
        may_digest = not digests or now - max(digests) >= DIGEST_EVERY
        bundles = bundled(self.waiting)
        for bundle in bundles[: max(allowed, 0)]:
            self._add(message_of(bundle, now))
        # A digest takes all notices beyond the limit; if none may be made now, they wait.
        self.waiting = [notice for bundle in bundles[max(allowed, 0) :] for notice in bundle]
        if self.waiting and may_digest:
            self._add(digest_of(self.waiting, now))
            self.waiting = []

    def _add(self, message: Message) -> None:
        self.messages.append(message)
        self.made.append((message.made_at, message.is_digest))

    def next_for(self, target: str, now: datetime) -> Message | None:
        """The next message of the target; None if it has received all, or is paused now."""
        pause = self.pauses.get(target)
        if pause is not None and now < pause.until:
            return None
        missing = [message for message in self.messages if target not in message.delivered]
        return min(missing, key=lambda message: message.tries.get(target, 0) >= STUBBORN_TRIES, default=None)

    def trying(self, message: Message, target: str) -> bool:
        """Note a try, to be saved before it. Returns whether an earlier try was interrupted and may have arrived."""
        in_doubt = target in message.begun
        message.tries[target] = message.tries.get(target, 0) + 1
        message.begun = [*(name for name in message.begun if name != target), target]
        return in_doubt

    def arrived(self, message: Message, target: str, targets: Iterable[str]) -> None:
        """The target has received the message; a message that all targets have is removed."""
        message.delivered.append(target)
        message.begun.remove(target)
        self.pauses.pop(target, None)
        self._remove_delivered(set(targets))

    def failed(self, message: Message, target: str, now: datetime) -> None:
        """The target refused the message: it is paused, longer with each failure."""
        message.begun.remove(target)
        before = self.pauses.get(target)
        failures = before.failures + 1 if before else 1
        self.pauses[target] = Pause(failures, now + backoff(FIRST_BACKOFF, LONGEST_BACKOFF, failures))

    def drop_old(self, now: datetime, targets: Iterable[str]) -> list[Message]:
        """Remove and return messages that could not be delivered for too long. Former targets do not count."""
        self._remove_delivered(set(targets))
        dropped = [message for message in self.messages if now - message.made_at > PATIENCE]
        self.messages = [message for message in self.messages if message not in dropped]
        self.pauses = {name: pause for name, pause in self.pauses.items() if name in set(targets)}
        return dropped

    def _remove_delivered(self, targets: set[str]) -> None:
        self.messages = [message for message in self.messages if not targets <= set(message.delivered)]


def bundled(notices: list[Notice]) -> list[list[Notice]]:
    """The notices in their order; notices of the same failure together if there are several."""
    alike: dict[str, list[Notice]] = {}
    for notice in notices:
        alike.setdefault(notice.alike, []).append(notice)
    bundles = []
    for notice in notices:
        group = alike[notice.alike]
        if not notice.alike or len(group) < ALIKE:
            bundles.append([notice])
        # A resolved incident is never told before it is opened: resolutions take the place of their last.
        elif notice is (group[-1] if notice.tone is Tone.SUCCESS else group[0]):
            bundles.append(group)
    return bundles


def message_of(bundle: list[Notice], now: datetime) -> Message:
    """One message for a notice, or for several notices of the same failure."""
    first = bundle[0]
    if len(bundle) == 1:
        return Message(first.id, first.tone, first.title, first.body, now)
    lines = [f"- {notice.title}\n  {notice.body.partition(chr(10))[0]}" for notice in bundle[:DIGEST_LINES]]
    if len(bundle) > len(lines):
        lines.append(f"and {len(bundle) - len(lines)} more")
    title = f"{first.alike}: {len(bundle)} tables"
    return Message(f"{first.id}-and-{len(bundle) - 1}", first.tone, title, "\n".join(lines), now)


def digest_of(notices: list[Notice], now: datetime) -> Message:
    """One message for many notices: a line for each, failures first."""
    if len(notices) == 1:
        single = notices[0]
        return Message(single.id, single.tone, single.title, single.body, now, is_digest=True)
    order = list(Tone)
    by_tone = {tone: [notice for notice in notices if notice.tone is tone] for tone in order}
    counts = ", ".join(
        f"{len(found)} {'resolved' if tone is Tone.SUCCESS else tone}"
        for tone, found in by_tone.items()
        if found
    )
    lines = [f"- {notice.title}" for found in by_tone.values() for notice in found]
    shown = lines[:DIGEST_LINES]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more; the UI shows all of them under Runs and Checks")
    return Message(
        id=f"digest-{notices[0].id}",
        tone=next(tone for tone in order if by_tone[tone]),
        title=f"{len(notices)} alerts in one: {counts}",
        body="\n".join(["There were too many alerts for single messages.", *shown]),
        made_at=now,
        is_digest=True,
    )
