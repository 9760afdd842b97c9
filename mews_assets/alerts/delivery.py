"""Delivery: one message to one address, through Apprise.

Lives here: addresses, which are secrets, and sending. An address is shown by its place in the setting and its
scheme, never itself: neither in an error nor in what the libraries below would log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mews_assets.alerts.outbox import Message

if TYPE_CHECKING:
    from apprise import NotifyBase

_TALKATIVE = ("apprise", "urllib3", "urllib3.connectionpool", "requests")
"""They log addresses, and with them passwords, where somebody asks for their details."""
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""A comma inside an address is its own: it may name several recipients."""
REPEATED = "(You may have this already: a restart cut its delivery short.)"


class DeliveryError(Exception):
    """The target did not take the message. Says which one, and nothing of its address."""


@dataclass(frozen=True)
class Target:
    """Somebody to tell. `name` is what logs and the state know of it."""

    name: str
    url: str = field(repr=False)


def targets_of(setting: str) -> list[Target]:
    """The addresses in a setting, separated by blanks, commas or line ends."""
    urls = [one.strip(" \t\r\n,") for one in _BETWEEN.split(setting.strip())]
    return [
        Target(f"{number}:{url.partition('://')[0].lower()[:20] if '://' in url else '?'}", url)
        for number, url in enumerate(filter(None, urls), 1)
    ]


def unknown_targets(setting: str) -> list[str]:
    """The names of the addresses in a setting that Apprise would not know how to tell anything."""
    with _quiet():
        return [target.name for target in targets_of(setting) if _service_of(target) is None]


def deliver(target: Target, message: Message, *, repeated: bool = False) -> None:
    """Send it, in the seconds that Apprise allows itself. Raises DeliveryError."""
    import apprise  # 0.2 s and more, which every run's process would spend

    body = f"{message.body}\n{REPEATED}" if repeated else message.body
    with _quiet():
        try:
            service = _service_of(target)
            if service is None:
                raise DeliveryError(
                    f"target {target.name}: MEWS_ALERT_URLS holds no address there that Apprise knows; its "
                    "documentation lists the schemes"
                )
            if service.overflow_mode is apprise.OverflowMode.UPSTREAM:
                # Some services refuse long texts; two messages are better than none.
                service.overflow_mode = apprise.OverflowMode.SPLIT
            sent = service.notify(
                body=body,
                title=message.title,
                notify_type=message.tone.value,
                # Else services that show HTML, as mail does, would run all lines together.
                body_format=apprise.NotifyFormat.TEXT,
            )
        except DeliveryError:
            raise
        except Exception as error:  # of any of a hundred services; its text may hold the address
            raise DeliveryError(f"target {target.name}: {type(error).__name__} while sending") from None
    if not sent:
        raise DeliveryError(
            f"target {target.name}: not taken. Try the address with Apprise's own command, `apprise -b test <address>`"
        )


def _service_of(target: Target) -> NotifyBase | None:
    """What sends to the target; None where Apprise knows no such address."""
    import apprise

    service = apprise.Apprise.instantiate(target.url, suppress_exceptions=True)
    return service if isinstance(service, apprise.NotifyBase) else None


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [one.level for one in loggers]
    try:
        for one in loggers:
            one.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
