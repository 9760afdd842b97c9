"""What to do after each status, and how long to wait: pure functions.

Lives here: the reaction to each status, backoff with jitter, reading Retry-After.
Not here: sending, sleeping, raising.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import httpx

from mews_assets.backoff import backoff

BACKOFF_BASE_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 30.0
"""One sliding window of Mews' limit: after it, every earlier request has left the window."""

RETRY_AFTER_CAP_SECONDS = 120.0
"""The longest Retry-After that a call waits for. Above it the call raises, and the caller may free its process."""

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
"""A longer Retry-After is read as one day; a caller that waits that long gets a new one with its next request."""

MAX_DATE_LENGTH = 64
"""Characters. An HTTP date has 29; the parser is slow on long texts."""

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""A Date outside these years is wrong. The standard library ends at year 9999, and fails on a zone offset beyond it."""


class Reaction(Enum):
    """What the client does with an answer."""

    READ = "read"
    TRANSIENT = "transient"
    TOO_LARGE = "too large"
    PERMANENT = "permanent"


def utc_now() -> datetime:
    """The wall clock; used as a default only, so that tests can pass their own."""
    return datetime.now(UTC)


def reaction_to(status: int) -> Reaction:
    """The reaction to a status. A status that Mews does not document is permanent."""
    if 200 <= status < 300:
        return Reaction.READ
    if status == 429 or status >= 500:
        return Reaction.TRANSIENT
    if status in (408, 413):
        return Reaction.TOO_LARGE
    return Reaction.PERMANENT


def backoff_seconds(tries: int, random: Callable[[], float]) -> float:
    """Full jitter: anything from 0 to a bound that doubles with every try, up to the cap."""
    return random() * backoff(BACKOFF_BASE_SECONDS, BACKOFF_CAP_SECONDS, tries)


def wait_seconds(tries: int, retry_after: float | None, random: Callable[[], float]) -> float:
    """Seconds to wait before the next try. Up to one second is added to Retry-After, so that clients that were refused
    at the same time do not all return at the same time."""
    return backoff_seconds(tries, random) if retry_after is None else retry_after + random()


def retry_after_seconds(headers: httpx.Headers, now: datetime) -> float | None:
    """The seconds of Retry-After, which may be a date; None if it is missing or unreadable.

    A date is measured against the answer's own Date, so that our clock does not matter.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        return min(float(digits) if len(digits) < 10 else math.inf, LONGEST_RETRY_AFTER_SECONDS)
    until = read_http_date(text)
    if until is None:
        return None
    answered = read_http_date(headers.get("Date", "")) or now
    return min(max(0.0, (until - answered).total_seconds()), LONGEST_RETRY_AFTER_SECONDS)


def read_http_date(text: str) -> datetime | None:
    """An HTTP date as an aware UTC datetime, or None if it is missing or not plausible."""
    if len(text) > MAX_DATE_LENGTH:
        return None
    try:
        instant = parsedate_to_datetime(text)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else None


def retryable(error: httpx.RequestError) -> bool:
    """Whether an error below HTTP may be temporary: not a bug of ours, not an untrusted certificate.

    A body that cannot be decompressed was damaged on its way: temporary.
    """
    if isinstance(error, httpx.DecodingError):
        return True
    if not isinstance(error, httpx.TransportError):
        return False
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return False
    if isinstance(error, httpx.ProxyError):  # its text begins with what the proxy answered
        return not str(error).startswith(("400", "401", "403", "404", "405", "407"))
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return False
        cause = cause.__cause__ or cause.__context__
    return True
