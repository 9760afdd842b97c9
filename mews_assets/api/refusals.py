"""Refusals: an answer with an error status, read as an error of ours.

Lives here: reading the beginning of its body, its message without secrets, and the error class of each status. Not
here: whether to try again (`transport.retry`), sending (`client`).
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
from mews_assets.api.redaction import redact, without_part_at_end
from mews_assets.api.transport.bodies import read_beginning
from mews_assets.api.transport.retry import Reaction, reaction_to

ERROR_BYTES = 1 << 16
"""Bytes that are read of the body of a refusal: enough for any message, and little to search for secrets."""

MESSAGE_LENGTH = 500
"""Characters of Mews' message kept in an error; a proxy may answer with a whole web page."""

_PERMANENT: dict[int, tuple[type[PermanentError], str]] = {
    400: (PermanentError, "the request is wrong for this operation; Mews' message names the parameter."),
    401: (UnauthorizedError, ""),
    403: (ForbiddenError, ""),
    404: (PermanentError, "check the platform address and the operation's name; both are case-sensitive."),
}
_PERMANENT_OTHERWISE = (PermanentError, "check the platform address; Mews does not document this status.")


@dataclass(frozen=True)
class Refusal:
    """The text of a refusal. It may contain tokens, which `message` hides."""

    request_id: str = field(repr=False)
    text: str = field(repr=False)
    is_cut: bool

    def message(self, secrets: Iterable[str]) -> str:
        # The end of what was read may be the middle of a token.
        text = without_part_at_end(self.text, secrets) if self.is_cut else self.text
        return redact(text, secrets)[:MESSAGE_LENGTH]


def error_of(status: int) -> tuple[type[MewsError], str]:
    """The error class of a status, and what to do next if the class does not say it."""
    reaction = reaction_to(status)
    if reaction is Reaction.PERMANENT:
        return _PERMANENT.get(status, _PERMANENT_OTHERWISE)
    return (TooLargeError if reaction is Reaction.TOO_LARGE else TransientError), ""


def read_refusal(response: httpx.Response) -> Refusal:
    """Mews' `{Message, RequestId, Details}`, or the beginning of any other body, such as a proxy's page."""
    body = read_beginning(response, ERROR_BYTES)
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        decoded = {}
    message, request_id, details = (_text(decoded.get(name)) for name in ("Message", "RequestId", "Details"))
    text = f"{message} ({details})" if message and details else message
    return Refusal(request_id, text or _otherwise(response, body), is_cut=len(body) == ERROR_BYTES)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _otherwise(response: httpx.Response, body: bytes) -> str:
    if location := response.headers.get("Location"):
        return f"redirected to {location}; redirects are not followed, for the tokens would go along."
    # As UTF-8, whatever Content-Type says: it may name a codec that decompresses, or an unknown one.
    return body.decode(errors="replace").strip() or response.reason_phrase or "no message"
