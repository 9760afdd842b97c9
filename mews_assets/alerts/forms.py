"""The forms in which Slack and Teams show a message: Block Kit and an Adaptive Card, both with Markdown text.

Lives here: preparing Apprise's service for its form, and a message's text as that service's Markdown. Not here: the
text itself (`wording`), sending (`delivery`). Other services, as mail, get the plain text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from apprise import NotifyBase

_SECTION = 3000
"""The longest text that Slack takes in one block; Apprise knows the limit of a message only."""
_HEADER = 150
"""The longest title that Slack takes in a header block."""
_CARD = 8000
"""A card may have 28 KB; Apprise splits from 1,000 characters on, in the middle of what belongs together."""
_LINK = re.compile(r"^(?P<label>[A-Z][A-Za-z ]*): (?P<url>https?://\S+)$|(?P<bare>https?://\S+)")
_MARKUP = re.compile(r"[\\`\[\]<>]|^#")
"""Characters that would begin code, a link, a mention or a heading. Emphasis is ours: `*` stays."""


def set_form(service: NotifyBase) -> str | None:
    """Prepare the service for its own form. Returns what separates lines in its Markdown; None: it gets plain text."""
    from apprise.plugins.slack import NotifySlack  # 0.2 s and more, in every process that imports this module
    from apprise.plugins.workflows import NotifyWorkflows

    if isinstance(service, NotifySlack):
        service.use_blocks = True
        service.body_maxlen, service.title_maxlen = _SECTION, _HEADER
        return "\n"
    if isinstance(service, NotifyWorkflows):
        service.body_maxlen = _CARD
        return "\n\n"  # a card joins lines of one paragraph
    return None


def markdown(text: str, between: str) -> str:
    """A message as Markdown: its lines separated by `between`, addresses as links, anything else shown as it is."""
    return between.join(_line(line.strip()) for line in text.split("\n"))


def _line(line: str) -> str:
    parts, end = [], 0
    for found in _LINK.finditer(line):
        url = quote(found["url"] or found["bare"], safe=":/?#@!$&'*+,;=%~")  # a bracket would end the link
        parts += [_literal(line[end : found.start()]), f"[{found['label'] or 'link'}]({url})"]
        end = found.end()
    return "".join([*parts, _literal(line[end:])])


def _literal(text: str) -> str:
    return _MARKUP.sub(lambda found: f"\\{found[0]}", text)
