"""What must never be seen: tokens and signed links.

Lives here: the credentials, the one redactor, and what keeps signed links out of httpx's logs.
Not here: where the credentials come from (settings), and adding them to a request (`client`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

HIDDEN = "***"


@dataclass(frozen=True)
class Credentials:
    """What Mews wants in every request body. `client` is the integration's name and version: no secret."""

    client_token: str = field(repr=False)
    access_token: str = field(repr=False)
    client: str

    def __post_init__(self) -> None:
        for name in ("client_token", "access_token", "client"):
            value: str = getattr(self, name)
            if not value or value != value.strip():
                raise ValueError(f"{name} is empty or has blanks around it; Mews would answer 401")

    @property
    def secrets(self) -> tuple[str, str]:
        return self.client_token, self.access_token


_USER = re.compile(r"""(://)[^\s/?#@"'<>]*@""")
_QUERY = re.compile(r"""(://[^\s?#"'<>]*)[?#][^\s"'<>]*""")
_RELATIVE_QUERY = re.compile(r"""\?[\w%.~-]+=[^\s"'<>]*""")  # as in a Location header
_BODY = re.compile(r"\{[^{}]*(?:ClientToken|AccessToken).*", re.DOTALL)


def drop_queries(text: str) -> str:
    """The text with every link cut to scheme, host and path: a signature lives in the query."""
    text = _QUERY.sub(rf"\1?{HIDDEN}", _USER.sub(r"\1", text))
    return _RELATIVE_QUERY.sub(f"?{HIDDEN}", text)


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets (plain, JSON-escaped or URL-encoded), echoed bodies and link queries."""
    text = _BODY.sub("{request body hidden}", text)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for written in {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}:
            text = text.replace(written, HIDDEN)
    return drop_queries(text)


class _LinkFilter(logging.Filter):
    """Rewrites records in place, so that no handler further up can see the link either."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = drop_queries(record.getMessage()), ()
        return True


_LINK_FILTER = _LinkFilter()

# A logger's filter does not hold for its children, so each is named. httpx logs every URL at INFO; httpcore
# logs response headers, Location among them, at DEBUG.
_HTTP_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def guard_http_logs() -> None:
    """Keep signed links out of the HTTP library's own logs. Doing it twice is the same as once."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_LINK_FILTER)
