"""Refusals: what an answer that is none says, as an error of ours.

Lives here: reading the little that is needed of its body, its message without what must not be told, and which error a
status stands for. Not here: whether to try again (`retry`), sending (`client`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx
import msgspec

from mews_assets.api.errors import (
    ForbiddenError,
    MewsError,
    PermanentError,
    TooLargeError,
    TransientError,
    UnauthorizedError,
)
from mews_assets.api.secrets import redact, without_part_at_end
from mews_assets.api.transport.bodies import read_beginning
from mews_assets.api.transport.retry import Reaction, reaction_to

ERROR_BYTES = 1 << 16
"""Read of the body of a refusal: enough for any message, and little to search for what must not be told."""

MESSAGE_LENGTH = 500
"""Characters of Mews' message kept in an error; a proxy may answer with a whole web page."""

_STOPS: dict[int, tuple[type[PermanentError], str]] = {
    400: (PermanentError, "the request is wrong for this operation; Mews' message names the parameter."),
    401: (UnauthorizedError, ""),
    403: (ForbiddenError, ""),
    404: (PermanentError, "check the platform address and the operation's name; both are case-sensitive."),
}
_STOP_OTHERWISE = (PermanentError, "check the platform address; this status is none that Mews documents.")


@dataclass(frozen=True)
class Refusal:
    """What was said. It may hold tokens, which `message` hides."""

    request_id: str = field(repr=False)
    text: str = field(repr=False)
    is_cut: bool

    def message(self, secrets: Iterable[str]) -> str:
        # The end of what was read may be the middle of a token.
        text = without_part_at_end(self.text, secrets) if self.is_cut else self.text
        return redact(text, secrets)[:MESSAGE_LENGTH]


def error_of(status: int) -> tuple[type[MewsError], str]:
    """The error that a status stands for, and what to do next where its class does not say it."""
    reaction = reaction_to(status)
    if reaction is Reaction.PERMANENT:
        return _STOPS.get(status, _STOP_OTHERWISE)
    return (TooLargeError if reaction is Reaction.TOO_LARGE else TransientError), ""


def read_refusal(response: httpx.Response) -> Refusal:
    """Mews' `{Message, RequestId, Details}`, or the beginning of what else was sent, such as a proxy's page."""
    body = read_beginning(response, ERROR_BYTES)
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        said = {}
    message, request_id, details = (_text(said.get(name)) for name in ("Message", "RequestId", "Details"))
    text = f"{message} ({details})" if message and details else message
    return Refusal(request_id, text or _otherwise(response, body), is_cut=len(body) == ERROR_BYTES)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _otherwise(response: httpx.Response, body: bytes) -> str:
    if location := response.headers.get("Location"):
        return f"redirected to {location}; redirects are not followed, for the tokens would go along."
    # As UTF-8 whatever the header Content-Type says: it may name a codec that unpacks, or is none.
    return body.decode(errors="replace").strip() or response.reason_phrase or "no message"
