"""Delivery: one message to one address, through Apprise.

Lives here: addresses, which are secrets, and sending. Errors and logs show the position of an address in the setting
and its scheme, never the address. Not here: which message goes to whom and when (`outbox`), Markdown (`forms`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mews_assets.alerts.forms import markdown, set_form
from mews_assets.alerts.outbox import Message

if TYPE_CHECKING:
    from apprise import NotifyBase

_TALKATIVE = ("apprise", "urllib3", "urllib3.connectionpool", "requests")
"""With debug logging they log addresses, and with them passwords."""
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""A comma inside an address belongs to it: an address may name several recipients."""
REPEATED = "(You may have this already: a restart cut its delivery short.)"


class DeliveryError(Exception):
    """The target did not accept the message. The text names the target, not its address."""


@dataclass(frozen=True)
class Target:
    """An address to send to. `name` stands for it in logs and in the state."""

    name: str
    url: str = field(repr=False)


def targets_of(setting: str) -> list[Target]:
    """The addresses in a setting, separated by blanks, commas or line ends."""
    urls = [url.strip(" \t\r\n,") for url in _BETWEEN.split(setting.strip())]
    return [
        Target(f"{number}:{url.partition('://')[0].lower()[:20] if '://' in url else '?'}", url)
        for number, url in enumerate(filter(None, urls), 1)
    ]


def unknown_targets(setting: str) -> list[str]:
    """The names of the addresses in a setting that Apprise does not support."""
    with _quiet():
        return [target.name for target in targets_of(setting) if _service_of(target) is None]


def deliver(target: Target, message: Message, *, repeated: bool = False) -> None:
    """Send a message, within Apprise's own timeouts. Raises DeliveryError."""
    import apprise  # 0.2 s and more, in every process that imports this module

    body = f"{message.body}\n{REPEATED}" if repeated else message.body
    with _quiet():
        try:
            service = _service_of(target)
            if service is None:
                raise DeliveryError(
                    f"target {target.name}: Apprise does not support this address of MEWS_ALERT_URLS; its "
                    "documentation lists the schemes"
                )
            if service.overflow_mode is apprise.OverflowMode.UPSTREAM:
                # Some services refuse long texts; two messages are better than none.
                service.overflow_mode = apprise.OverflowMode.SPLIT
            between = set_form(service)
            sent = service.notify(
                body=body if between is None else markdown(body, between),
                title=message.title,
                notify_type=message.tone.value,
                # Without a format services that show HTML, as mail does, would join all lines.
                body_format=apprise.NotifyFormat.TEXT if between is None else apprise.NotifyFormat.MARKDOWN,
            )
        except DeliveryError:
            raise
        except Exception as error:  # of any service; its text may contain the address
            raise DeliveryError(f"target {target.name}: {type(error).__name__} while sending") from None
    if not sent:
        raise DeliveryError(
            f"target {target.name}: not accepted. Try the address with Apprise's command, `apprise -b test <address>`"
        )


def _service_of(target: Target) -> NotifyBase | None:
    """Apprise's service for the target; None if Apprise does not support the address."""
    import apprise

    service = apprise.Apprise.instantiate(target.url, suppress_exceptions=True)
    return service if isinstance(service, apprise.NotifyBase) else None


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
