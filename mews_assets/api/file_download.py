"""One file of an export: streamed, resumed where a connection broke, and checked.

Lives here: the requests for one file, and what each answer means for the bytes written so far. Not here: the files side
by side (`download`), where links come from (`links`).

The requests carry no tokens, cookies or credentials: the links are signed, and lead to a storage service.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from mews_assets.api.client import MewsClient
from mews_assets.api.errors import DownloadError
from mews_assets.api.limits import DownloadLimits
from mews_assets.api.links import Links
from mews_assets.api.redaction import printable
from mews_assets.api.runtime import Runtime
from mews_assets.api.transport.address import read_link
from mews_assets.api.transport.retry import (
    RETRY_AFTER_CAP_SECONDS,
    backoff_seconds,
    retry_after_seconds,
    retryable,
)
from mews_assets.api.transport.send import Http
from mews_assets.api.transport.ssrf_guard import PrivateAddressError, not_public

log = logging.getLogger(__name__)

DEAD_LINK = frozenset({400, 401, 403, 404, 410})
"""What storage services answer for a signature past its time: 403 mostly, 400 or 401 from some."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
"""18 digits are an exabyte; Python reads no more than 4,300."""

_ETAG = re.compile(r'"[!#-~]{0,200}"', re.ASCII)
"""A strong ETag, which alone may stand in If-Range, of characters that a request may hold (RFC 9110, 8.8.3)."""


@dataclass(frozen=True)
class DownloadedFile:
    """A file whose size is what Mews announced."""

    path: Path
    size_bytes: int
    sha256: str


class StoppedError(Exception):
    """Another file's error ended this download."""


@dataclass(frozen=True)
class DownloadContext:
    """What the files of one export share. `stop` is set when another file's error ends all downloads."""

    client: MewsClient
    export_id: str
    http: Http
    links: Links
    stop: threading.Event
    limits: DownloadLimits
    runtime: Runtime
    is_private: bool
    """Whether the platform is a machine of this network itself."""

    def sleep(self, seconds: float) -> None:
        (self.runtime.sleep or self.stop.wait)(seconds)


class FileDownload:
    """The download of one file: the bytes written so far, and the failures since the last new byte."""

    def __init__(self, context: DownloadContext, index: int, size: int, target_dir: Path) -> None:
        self._context = context
        self._index = index
        self._size = size
        self._path = target_dir / f"part-{index + 1:05d}.jsonl"
        self._arrived = 0
        self._most = 0
        self._hash = hashlib.sha256()
        self._etag = ""
        self._failures = 0
        self._renewals = 0
        self._seconds = context.limits.seconds_for(size)
        self._until = float("inf")

    def fetch(self) -> DownloadedFile:
        aside = self._path.with_name(self._path.name + ".partial")
        self._until = time.monotonic() + self._seconds
        try:
            with aside.open("wb") as out:
                while not self._try(out):
                    pass
            aside.replace(self._path)
        finally:
            aside.unlink(missing_ok=True)
        log.debug("%s of export %s: %d bytes", self._path.name, self._context.export_id, self._size)
        return DownloadedFile(self._path, self._size, self._hash.hexdigest())

    def _try(self, out: IO[bytes]) -> bool:
        """Whether the file is complete after one more request."""
        if self._context.stop.is_set():
            raise StoppedError
        if time.monotonic() > self._until:
            raise self._error(f"it took longer than {self._seconds:.0f} s in all")
        generation, link = self._context.links.get(self._index)
        asked: float | None = None
        try:
            with self._open(link) as response:
                status = response.status_code
                if status in DEAD_LINK:
                    problem = f"its link is dead (status {status})"
                elif status == 429 or status >= 500:
                    problem = f"status {status}"
                    asked = retry_after_seconds(response.headers, self._context.runtime.now())
                else:
                    problem = self._receive(response, out)
        except PrivateAddressError as error:
            refused = error.message
        except httpx.RequestError as error:
            status, problem = 0, f"{type(error).__name__}: {self._context.client.hide(str(error))}"
            refused = "" if retryable(error) else problem
        else:
            refused = ""
        if refused:
            raise self._error(refused)
        if self._arrived == self._size and (not problem or self._size > 0):
            return True
        self._prepare_next_try(problem, generation if status in DEAD_LINK else None, asked)
        return False

    def _prepare_next_try(self, problem: str, dead: int | None, asked: float | None) -> None:
        """Wait and renew a dead link, or raise DownloadError. `dead` is the generation of the dead link."""
        if self._arrived > self._most:
            self._most, self._failures, self._renewals = self._arrived, 0, 0
        if dead is not None:
            self._renewals += 1
            if self._renewals > (allowed := self._context.limits.max_renewals):
                raise self._error(f"{problem}, and {allowed} new links were dead too")
            self._context.links.renew(dead)
            if self._renewals == 1:
                return
        else:
            self._failures += 1
            if self._failures >= self._context.limits.max_tries:
                raise self._error(f"{problem}; given up after {self._failures} tries without a new byte")
        pause = backoff_seconds(max(self._failures, self._renewals), self._context.runtime.random)
        pause = max(pause, min(asked or 0.0, RETRY_AFTER_CAP_SECONDS))
        log.warning(
            "%s of export %s: %s; continuing at byte %d of %d in %.1f s",
            *(self._path.name, self._context.export_id, problem, self._arrived, self._size, pause),
        )
        self._context.sleep(pause)

    @contextmanager
    def _open(self, link: str) -> Iterator[httpx.Response]:
        """The answer to a request for the rest of the file, after at most a few redirects."""
        headers = {"Accept-Encoding": "identity"}
        if self._arrived:
            headers["Range"] = f"bytes={self._arrived}-"
            if self._etag:
                headers["If-Range"] = self._etag
        url = self._read(link)
        for _ in range(self._context.limits.max_redirects + 1):
            if not self._context.is_private and (
                private := not_public(self._context.runtime.resolve(url.host))
            ):
                raise self._error(
                    f"its link leads to {url.host} at {private}, a private address, and is not followed"
                )
            request = self._context.http.request("GET", url, headers)
            with self._context.http.answer(request, self._until - time.monotonic()) as response:
                location = response.headers.get("Location")
                if not (response.is_redirect and location):
                    yield response
                    return
            url = self._read(location, url)
        raise self._error(f"redirected more than {self._context.limits.max_redirects} times")

    def _read(self, link: str, before: httpx.URL | None = None) -> httpx.URL:
        try:
            return read_link(link, self._context.client.platform, before)
        except ValueError as error:
            reason = str(error)
        raise self._error(reason)

    def _receive(self, response: httpx.Response, out: IO[bytes]) -> str:
        """Write the bytes of an answer. Returns a temporary problem, or an empty text. Raises DownloadError."""
        if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
            raise self._error(
                f"it was sent as {printable(encoding, 40)}, though it was requested without encoding"
            )
        if response.status_code == 416:
            raise self._error("there are no more bytes at its link")
        if response.status_code == 206:
            if not self._continues(response.headers.get("Content-Range", "")):
                self._start_over(out)
                return "the answer to a request for the rest starts at another byte"
        elif response.status_code == 200:
            self._start_over(out)
            # Without this check a file that is longer than announced would look complete when cut there.
            length = response.headers.get("Content-Length", "").lstrip("0")
            if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > self._size):
                raise self._error(f"it is longer than announced: {length[:30]} bytes by its own header")
        else:
            raise self._error(f"its link answered with status {response.status_code}")
        etag = response.headers.get("ETag", "")
        self._etag = etag if _ETAG.fullmatch(etag) else ""
        assert isinstance(response.stream, httpx.SyncByteStream)
        for chunk in response.stream:
            if self._context.stop.is_set():
                raise StoppedError
            self._arrived += len(chunk)
            if self._arrived > self._size:
                raise self._error("it is longer than announced; stopped early")
            out.write(chunk)
            self._hash.update(chunk)
        return "" if self._arrived == self._size else "it ended early"

    def _continues(self, content_range: str) -> bool:
        found = _CONTENT_RANGE.fullmatch(content_range.strip())
        if not found or int(found[1]) != self._arrived:
            return False
        if found[3] != "*" and int(found[3]) != self._size:
            raise self._error(f"its link leads to {found[3]} bytes")
        return True

    def _start_over(self, out: IO[bytes]) -> None:
        out.seek(0)
        out.truncate()
        self._arrived, self._hash, self._etag = 0, hashlib.sha256(), ""

    def _error(self, problem: str) -> DownloadError:
        error = DownloadError(
            f"{self._path.name}: {problem}. Expected {self._size} bytes, got {self._arrived}.",
            operation=f"download of export {self._context.export_id}",
            connection=self._context.client.connection,
        )
        error.file, error.expected_bytes, error.actual_bytes = self._path.name, self._size, self._arrived
        return error
