"""Secrets: tokens and signed links, and keeping them out of messages and logs.

Lives here: the credentials, the one redactor, and the filter that keeps signed links out of httpx's logs.
Not here: where the credentials come from (`settings`), and adding them to a request (`client`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

HIDDEN = "***"


@dataclass(frozen=True)
class Credentials:
    """Fields that Mews requires in every request body. `client`, the integration's name and version, is no secret."""

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


# Each pattern reads every character a bounded number of times: neither a match nor a failed try passes the start of
# another possible match. Texts come from outside, and 60 kB of them took 26 s otherwise.
_USER = re.compile(r"""(://)[^\s/?#@"'<>]*@""")
_LINK = re.compile(r"""://[^\s"'<>]*""")
_RELATIVE_QUERY = re.compile(r"""\?[\w%.~-]+=[^\s"'<>]*""")  # as in a Location header
_BODY = re.compile(r"\{[^{}]*(?:ClientToken|AccessToken).*", re.DOTALL)
_QUERY_MARK = re.compile(r"[?#]")


def drop_queries(text: str) -> str:
    """The text with every link cut to scheme, host and path: a signature lives in the query."""
    text = _LINK.sub(_without_query, _USER.sub(r"\1", text))
    return _RELATIVE_QUERY.sub(f"?{HIDDEN}", text)


def _without_query(link: re.Match[str]) -> str:
    mark = _QUERY_MARK.search(link[0])
    return f"{link[0][: mark.start()]}?{HIDDEN}" if mark else link[0]


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets (plain, or escaped as in JSON, links or HTML), echoed bodies and link queries."""
    text = _BODY.sub("{request body hidden}", text)
    for pattern in _patterns(tuple(secrets)):
        text = pattern.sub(HIDDEN, text)
    return drop_queries(text)


@lru_cache(maxsize=1024)
def _patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """A pattern for each secret, the longest first: one secret may contain another."""
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)
    return tuple(re.compile("".join(map(_written, secret)), re.IGNORECASE) for secret in longest_first)


def _written(character: str) -> str:
    """A pattern of one character, plain or escaped as in links, JSON or HTML."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    in_links = "".join(f"%{byte:02x}" for byte in character.encode(errors="replace"))
    units = character.encode("utf-16-be", errors="replace").hex()
    in_json = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    plain = re.escape(character)
    return rf"(?:{plain}|\\{plain}|{in_links}|{in_json}|&\#0*{code};|&\#x0*{code:x};)"


def cut(text: str, limit: int, secrets: Iterable[str]) -> str:
    """The beginning of a text, without a part of a secret at its end."""
    return text if len(text) <= limit else without_part_at_end(text[:limit], secrets)


def without_part_at_end(text: str, secrets: Iterable[str]) -> str:
    """A text that was cut, without what may be the beginning of a secret at its end."""
    ends = [text]
    for secret in filter(None, secrets):
        for written in {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}:
            length = next((n for n in range(len(written), 0, -1) if text.endswith(written[:n])), 0)
            ends.append(text[: len(text) - length])
    return min(ends, key=len)


def printable(text: str, limit: int) -> str:
    """The text on one line, cut to a length, without characters that move a terminal's cursor or reorder text."""
    shown = text if len(text) <= limit else f"{text[: limit - 4]} ..."
    return (
        shown if shown.isprintable() else "".join(letter if letter.isprintable() else " " for letter in shown)
    )


class _LinkFilter(logging.Filter):
    """Rewrites records in place, so that no other handler sees the link either."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = drop_queries(record.getMessage()), ()
        return True


_LINK_FILTER = _LinkFilter()

# A logger's filter does not apply to its children, so each is listed. httpx logs every URL at INFO; httpcore
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
    """Keep signed links out of the HTTP library's own logs. Calling it twice changes nothing."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_LINK_FILTER)
