"""The client: one connection to Mews, and the only place where tokens meet a request.

Lives here: sending an operation, pacing it, retrying transient errors, raising the others.
Not here: paging (`pages`), exports, downloads (they carry no tokens), and what a record means (the lake).
Rests on: https://docs.mews.com/connector-api/guidelines (requests, responses, request limits).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx
import msgspec

from mews_assets.api.answers import Answer, read_fields
from mews_assets.api.errors import (
    MAX_REQUEST_ID,
    MewsError,
    PermanentError,
    TooLargeError,
    TransientError,
    UnreadableError,
)
from mews_assets.api.limits import RequestLimits
from mews_assets.api.redaction import Credentials, cut, guard_http_logs, printable, redact
from mews_assets.api.refusals import ERROR_BYTES, MESSAGE_LENGTH, error_of, read_refusal
from mews_assets.api.runtime import Runtime
from mews_assets.api.transport.address import is_loopback, operation_url, read_platform_address
from mews_assets.api.transport.bodies import ACCEPTED, PackedOtherwiseError, TooLongError, read_whole
from mews_assets.api.transport.pacing import Pacing, SlidingWindow
from mews_assets.api.transport.retry import (
    RETRY_AFTER_CAP_SECONDS,
    Reaction,
    reaction_to,
    read_http_date,
    retry_after_seconds,
    retryable,
    wait_seconds,
)
from mews_assets.api.transport.send import Http, Refuse

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 128 << 20
"""A full page is 1,000 records; the largest seen have a few hundred kilobytes, a usual page one or two MB in all."""

MAX_AHEAD_SECONDS = 86_400.0
"""The largest skew of Mews' clock ahead of ours that is accepted. It decides which windows have settled: a Date years
ahead, as a faulty proxy may send, would make us capture windows of the future. A sandbox may run at any time."""

MAX_VALUES = 4_000_000
"""Values in an answer, counted by its commas. A page of 1,000 records has some 100,000; decoded, each takes 100 bytes
or more, so an answer of very short values would take thirty times its size."""

_NO_ID = re.compile(r"[^A-Za-z0-9._:|=+*-]", re.ASCII)

_CREDENTIAL_KEYS = {"ClientToken", "AccessToken", "Client"}


class MewsClient:
    """Asks one platform with one pair of tokens. Threads may share it; `with` closes it.

    `connection` is the name errors and logs use for it.
    """

    def __init__(
        self,
        platform_address: str,
        credentials: Credentials,
        *,
        connection: str = "default",
        pacing: Pacing | None = None,
        limits: RequestLimits = RequestLimits(),  # noqa: B008 - a frozen value
        runtime: Runtime = Runtime(),  # noqa: B008 - a frozen value
    ) -> None:
        guard_http_logs()
        self.platform = read_platform_address(platform_address)
        self.connection = connection
        self.clock_skew_seconds: float | None = None
        """How far Mews' clock is ahead of ours, to the second; None before the first answer."""
        self._credentials = credentials
        self._pacing = pacing or SlidingWindow(clock=runtime.clock, sleep=runtime.wait)
        self._limits = limits
        self._runtime = runtime
        self._http = bare_http(self.platform, limits.timeouts, runtime.transport)

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
        self._pacing.close()

    def hide(self, text: str) -> str:
        """A text that is not ours, such as the HTTP library's, cut and without tokens and signatures."""
        secrets = self._credentials.secrets
        return redact(cut(text, ERROR_BYTES, secrets), secrets)[:MESSAGE_LENGTH] or "no detail"

    def ask(self, operation: str, body: Mapping[str, Any], *, minimal: bool = False) -> Answer:
        """The answer with its request id. `minimal` allows Mews to answer 204 instead of an empty page.

        Raises TransientError when the last try fails, TooLargeError and PermanentError after the first try.
        """
        content = self._body(operation, body)
        for tries in range(1, self._limits.max_tries + 1):
            self._pacing.acquire()
            began = self._runtime.clock()
            found = self._try(operation, self._request(operation, content, minimal), tries)
            self._runtime.count(operation, found.status or 0, self._runtime.clock() - began)
            if isinstance(found, Answer):
                return found
            if not isinstance(found, TransientError):
                raise found
            self._wait_or_give_up(found, tries)
        raise AssertionError("unreachable: the last try either answers or raises")

    def _try(self, operation: str, request: httpx.Request, tries: int) -> Answer | MewsError:
        """The answer or the error of one request. Returned, not raised: a raised error would hold the library's."""
        started = self._runtime.clock()
        try:
            with self._http.answer(request, self._limits.answer_seconds) as response:
                self._note_clock(response)
                log.debug(
                    "%s (%s): %d in %.2f s, try %d, request id %s",
                    *(operation, self.connection, response.status_code),
                    *(self._runtime.clock() - started, tries, self._request_id(response)),
                )
                if reaction_to(response.status_code) is not Reaction.READ:
                    return self._refusal(operation, response)
                body = read_whole(response, MAX_ANSWER_BYTES)
            return self._read(operation, response, body, is_minimal="Prefer" in request.headers)
        except MewsError as error:
            return error
        except TooLongError:
            what = f"the answer is longer than {MAX_ANSWER_BYTES >> 20} MiB unpacked; stopped reading."
            return self._error(TooLargeError, what, operation, response)
        except PackedOtherwiseError as error:
            encoding = printable(str(error), 40)
            what = f"its header Content-Encoding is {encoding!r}, and only {ACCEPTED} was asked for."
            return self._error(UnreadableError, what, operation, response)
        except httpx.RequestError as error:
            return self._connection_error(operation, error)

    def _body(self, operation: str, body: Mapping[str, Any]) -> bytes:
        if taken := _CREDENTIAL_KEYS & set(body):
            raise ValueError(f"{operation}: the client adds {', '.join(sorted(taken))} itself; leave it out")
        return msgspec.json.encode(
            {
                "ClientToken": self._credentials.client_token,
                "AccessToken": self._credentials.access_token,
                "Client": self._credentials.client,
                **body,
            }
        )

    def _request(self, operation: str, content: bytes, minimal: bool) -> httpx.Request:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
        }
        if minimal:
            headers["Prefer"] = "return=minimal"
        return self._http.request("POST", operation_url(self.platform, operation), headers, content)

    def _read(self, operation: str, response: httpx.Response, body: bytes, is_minimal: bool) -> Answer:
        request_id = self._request_id(response)
        answer = Answer(operation, self.connection, response.status_code, request_id, body, fields={})
        if answer.is_empty:
            if not is_minimal:
                raise answer.unreadable("it is empty, which was not asked for")
            return answer
        if body.count(b",") > MAX_VALUES:
            what = f"the answer holds more than {MAX_VALUES} values; none was read."
            raise self._error(TooLargeError, what, operation, response)
        problem = ""
        try:
            answer.fields.update(read_fields(body))
        except ValueError as error:
            problem = redact(str(error), self._credentials.secrets)
        if problem:
            raise answer.unreadable(problem)
        return answer

    def _error(self, kind: type[MewsError], what: str, operation: str, response: httpx.Response) -> MewsError:
        return kind(
            what,
            operation=operation,
            status=response.status_code,
            request_id=self._request_id(response),
            connection=self.connection,
        )

    def _request_id(self, response: httpx.Response, in_body: str = "") -> str | None:
        """Mews' request id, without characters that no id has: it goes into messages, logs and manifests."""
        found = response.headers.get("Request-Id") or in_body
        secrets = self._credentials.secrets
        return _NO_ID.sub("?", redact(cut(found, MAX_REQUEST_ID, secrets), secrets)) or None

    def _connection_error(self, operation: str, error: httpx.RequestError) -> MewsError:
        # The HTTP library's error holds the request, and with it the tokens: only its text is used.
        text = self.hide(str(error))
        kind = TransientError if retryable(error) else PermanentError
        way = self._http.way(self.platform)
        return kind(
            f"no answer from {self.platform.host}{way and f' {way}'}: {type(error).__name__}: {text}.",
            operation=operation,
            connection=self.connection,
            advice="" if kind is TransientError else "check the platform address, proxy and certificates.",
        )

    def _refusal(self, operation: str, response: httpx.Response) -> MewsError:
        status, secrets = response.status_code, self._credentials.secrets
        refusal = read_refusal(response)
        kind, advice = error_of(status)
        error = kind(
            refusal.message(secrets),
            operation=operation,
            status=status,
            request_id=self._request_id(response, refusal.request_id),
            connection=self.connection,
            advice=advice,
        )
        if isinstance(error, TransientError):
            error.retry_after_seconds = retry_after_seconds(response.headers, self._runtime.now())
        return error

    def _wait_or_give_up(self, error: TransientError, tries: int) -> None:
        asked = error.retry_after_seconds
        if asked is not None and asked > RETRY_AFTER_CAP_SECONDS:
            error.message += f" Mews asks to wait {asked:.0f} s, longer than a call waits."
            raise error
        if tries == self._limits.max_tries:
            error.message += f" Given up after {tries} tries."
            raise error
        seconds = wait_seconds(tries, asked, self._runtime.random)
        log.warning(
            "%s Trying again in %.1f s (try %d of %d).", error, seconds, tries, self._limits.max_tries
        )
        if error.status == 429:
            self._pacing.pause(seconds)
        self._runtime.wait(seconds)

    def _note_clock(self, response: httpx.Response) -> None:
        if date := read_http_date(response.headers.get("Date", "")):
            skew = (date - self._runtime.now()).total_seconds()
            self.clock_skew_seconds = (
                skew if is_loopback(self.platform.host) else min(skew, MAX_AHEAD_SECONDS)
            )


def bare_http(
    platform: httpx.URL,
    timeouts: httpx.Timeout,
    transport: httpx.BaseTransport | None,
    refuse: Refuse | None = None,
) -> Http:
    """A sender that adds no tokens, cookies or credentials to requests."""
    return Http(platform, timeouts, transport, refuse)
