"""The client: one connection to Mews, and the only place where tokens meet a request.

Lives here: sending an operation, pacing it, retrying what may pass, raising what the caller must decide.
Not here: paging (`pages`), exports, downloads (they carry no tokens), and what a record means.
Rests on: https://docs.mews.com/connector-api/guidelines (requests, responses, request limits).
"""

from __future__ import annotations

import http.cookiejar
import logging
import random as random_numbers
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any

import httpx
import msgspec

from mews_assets.api.address import is_loopback, operation_url, read_platform_address
from mews_assets.api.answers import Answer, read_fields
from mews_assets.api.errors import (
    ForbiddenError,
    MewsError,
    ShrinkError,
    StopError,
    UnauthorizedError,
    WaitError,
)
from mews_assets.api.pacing import Pacing, SlidingWindow
from mews_assets.api.retry import (
    RETRY_AFTER_CAP_SECONDS,
    Reaction,
    is_worth_retrying,
    reaction_to,
    read_http_date,
    retry_after_seconds,
    utc_now,
    wait_seconds,
)
from mews_assets.api.secrets import Credentials, guard_http_logs, redact

log = logging.getLogger(__name__)

TIMEOUTS = httpx.Timeout(connect=10.0, read=120.0, write=30.0, pool=120.0)
"""Seconds per phase. Mews itself gives up on heavy requests with 408, so `read` is longer than that takes."""

BRIEF_TIMEOUTS = httpx.Timeout(20.0, connect=5.0)
"""For callers that come back in a minute and may not wait that long, such as a sensor's tick of at most 60 s."""

MAX_TRIES = 6
"""With full jitter up to 30 s this rides out about a minute of trouble; longer waits belong to the caller."""

MAX_ANSWER_BYTES = 128 << 20
"""A full page is 1,000 records; the largest seen have a few hundred kilobytes, a usual page one or two MB in all."""

MESSAGE_LENGTH = 500
"""Characters of Mews' message kept in an error; a proxy may answer with a whole web page."""

_CREDENTIAL_KEYS = {"ClientToken", "AccessToken", "Client"}

_STOPS: dict[int, tuple[type[StopError], str]] = {
    400: (StopError, "the request is wrong for this operation; Mews' message names the parameter."),
    401: (UnauthorizedError, ""),
    403: (ForbiddenError, ""),
    404: (StopError, "check the platform address and the operation's name; both are case-sensitive."),
}
_STOP_OTHERWISE = (StopError, "check the platform address; this status is none that Mews documents.")


class MewsClient:
    """Asks one platform with one pair of tokens. Threads may share it; `with` closes it.

    `connection` is the name errors and logs use for it. `max_tries` counts the first try too.
    """

    def __init__(
        self,
        platform_address: str,
        credentials: Credentials,
        *,
        connection: str = "default",
        pacing: Pacing | None = None,
        timeouts: httpx.Timeout = TIMEOUTS,
        max_tries: int = MAX_TRIES,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = random_numbers.random,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if max_tries < 1:
            raise ValueError(f"max_tries counts the first try, so it is at least 1, got {max_tries}")
        guard_http_logs()
        self.platform = read_platform_address(platform_address)
        self.connection = connection
        self.clock_skew_seconds: float | None = None
        """How far Mews' clock is ahead of ours, to the second; None before the first answer."""
        self._credentials = credentials
        self._pacing = pacing or SlidingWindow(clock=clock, sleep=sleep)
        self._max_tries = max_tries
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._now = now
        self._http = bare_http(self.platform, timeouts, transport)

    def __repr__(self) -> str:
        return f"MewsClient({str(self.platform)!r}, connection={self.connection!r})"

    def __enter__(self) -> MewsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def call(self, operation: str, body: Mapping[str, Any]) -> bytes:
        """The answer's bytes: one JSON object."""
        return self.ask(operation, body).body

    def call_json(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer decoded. Not for money: numbers become doubles (see `Answer.records`)."""
        answer = self.ask(operation, body)
        return {key: msgspec.json.decode(raw) for key, raw in answer.fields.items()}

    def ask(self, operation: str, body: Mapping[str, Any], *, minimal: bool = False) -> Answer:
        """The answer with its request id. `minimal` lets Mews say 204 instead of an empty page.

        Raises WaitError when trouble outlasts the tries, ShrinkError at once, StopError at once.
        """
        request = self._request(operation, body, minimal)
        for tries in range(1, self._max_tries + 1):
            self._pacing.acquire()
            started = self._clock()
            try:
                response = self._received(operation, self._http.send(request, stream=True))
            except httpx.RequestError as error:
                trouble: MewsError = self._connection_trouble(operation, error)
            else:
                self._note_clock(response)
                log.debug(
                    "%s (%s): %d in %.2f s, try %d, request id %s",
                    *(operation, self.connection, response.status_code),
                    *(self._clock() - started, tries, response.headers.get("Request-Id")),
                )
                if reaction_to(response.status_code) is Reaction.READ:
                    return self._read(operation, response, minimal)
                trouble = self._refusal(operation, response)
            if not isinstance(trouble, WaitError):
                raise trouble
            self._wait_or_give_up(trouble, tries)
        raise AssertionError("unreachable: the last try either answers or raises")

    def _request(self, operation: str, body: Mapping[str, Any], minimal: bool) -> httpx.Request:
        if taken := _CREDENTIAL_KEYS & set(body):
            raise ValueError(f"{operation}: the client adds {', '.join(sorted(taken))} itself; leave it out")
        content = msgspec.json.encode(
            {
                "ClientToken": self._credentials.client_token,
                "AccessToken": self._credentials.access_token,
                "Client": self._credentials.client,
                **body,
            }
        )
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if minimal:
            headers["Prefer"] = "return=minimal"
        url = operation_url(self.platform, operation)
        return self._http.build_request("POST", url, content=content, headers=headers)

    def _received(self, operation: str, response: httpx.Response) -> httpx.Response:
        """The whole answer, unpacked; one that is too long is not read to its end."""
        body = bytearray()
        with closing(response):
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise ShrinkError(
                        f"the answer is longer than {MAX_ANSWER_BYTES >> 20} MiB unpacked; stopped reading.",
                        operation=operation,
                        status=response.status_code,
                        request_id=_request_id(response, {}),
                        connection=self.connection,
                    )
        headers = [
            pair
            for pair in response.headers.raw
            if pair[0].lower() not in (b"content-encoding", b"content-length")
        ]
        return httpx.Response(
            response.status_code, headers=headers, content=bytes(body), extensions=response.extensions
        )

    def _read(self, operation: str, response: httpx.Response, minimal: bool) -> Answer:
        body = response.content
        answer = Answer(
            operation, self.connection, response.status_code, _request_id(response, {}), body, fields={}
        )
        if answer.is_empty:
            if not minimal:
                raise answer.unreadable("it is empty, which was not asked for")
            return answer
        problem = ""
        try:
            answer.fields.update(read_fields(body))
        except ValueError as error:
            problem = redact(str(error), self._credentials.secrets)
        if problem:
            raise answer.unreadable(problem)
        return answer

    def _connection_trouble(self, operation: str, error: httpx.RequestError) -> MewsError:
        # The HTTP library's error holds the request, and that holds the tokens: only its text is taken along.
        text = redact(str(error), self._credentials.secrets) or "no detail"
        kind = WaitError if is_worth_retrying(error) else StopError
        return kind(
            f"no answer from {self.platform.host}: {type(error).__name__}: {text}.",
            operation=operation,
            connection=self.connection,
            advice="" if kind is WaitError else "check the platform address, proxy and certificates.",
        )

    def _refusal(self, operation: str, response: httpx.Response) -> MewsError:
        status = response.status_code
        said = _error_body(response)
        message = redact(_message(said, response), self._credentials.secrets)[:MESSAGE_LENGTH]
        reaction = reaction_to(status)
        kind: type[MewsError] = ShrinkError if reaction is Reaction.SHRINK else WaitError
        advice = ""
        if reaction is Reaction.STOP:
            kind, advice = _STOPS.get(status, _STOP_OTHERWISE)
        error = kind(
            message,
            operation=operation,
            status=status,
            request_id=_request_id(response, said),
            connection=self.connection,
            advice=advice,
        )
        if isinstance(error, WaitError):
            error.retry_after_seconds = retry_after_seconds(response.headers, self._now())
        return error

    def _wait_or_give_up(self, trouble: WaitError, tries: int) -> None:
        asked = trouble.retry_after_seconds
        if asked is not None and asked > RETRY_AFTER_CAP_SECONDS:
            trouble.message += f" Mews asks to wait {asked:.0f} s, longer than is waited for inside a call."
            raise trouble
        if tries == self._max_tries:
            trouble.message += f" Given up after {tries} tries."
            raise trouble
        seconds = wait_seconds(tries, asked, self._random)
        log.warning("%s Trying again in %.1f s (try %d of %d).", trouble, seconds, tries, self._max_tries)
        if trouble.status == 429:
            self._pacing.pause(seconds)
        self._sleep(seconds)

    def _note_clock(self, response: httpx.Response) -> None:
        if date := read_http_date(response.headers.get("Date", "")):
            self.clock_skew_seconds = (date - self._now()).total_seconds()


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a client costs 0.1 s otherwise, and a process may make one for each of a hundred hotels."""
    return httpx.create_ssl_context()


def bare_http(
    platform: httpx.URL, timeouts: httpx.Timeout, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """An HTTP client that keeps no cookies, follows no redirects and carries no credentials."""
    refuse_all = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    return httpx.Client(
        transport=transport,
        verify=_certificates(),
        timeout=timeouts,
        follow_redirects=False,
        cookies=http.cookiejar.CookieJar(refuse_all),
        trust_env=not is_loopback(platform.host),  # a proxy has no business between us and this machine
        headers={"User-Agent": "mews-assets"},
    )


def _error_body(response: httpx.Response) -> dict[str, Any]:
    """Mews' `{Message, RequestId, Details}`, or nothing: a proxy's error page has no such shape."""
    try:
        said = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return said if isinstance(said, dict) else {}


def _message(said: Mapping[str, Any], response: httpx.Response) -> str:
    if message := said.get("Message"):
        details = said.get("Details")
        return f"{message} ({details})" if details and isinstance(details, str) else str(message)
    if location := response.headers.get("Location"):
        return f"redirected to {location}; redirects are not followed, for the tokens would go along."
    return response.text.strip() or response.reason_phrase or "no message"


def _request_id(response: httpx.Response, said: Mapping[str, Any]) -> str | None:
    found = response.headers.get("Request-Id") or said.get("RequestId")
    return str(found) if found else None
