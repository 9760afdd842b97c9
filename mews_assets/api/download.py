"""Download: the files of an export, complete or not at all.

Lives here: streaming files side by side, resuming where a connection broke, checking every size.
Not here: where links come from (`links`), what the lines mean, keeping the files (the lake).

The requests carry no tokens, cookies or credentials: the links are signed, and lead to a storage service.
"""

from __future__ import annotations

import hashlib
import logging
import random as random_numbers
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from mews_assets.api.client import MewsClient, bare_http
from mews_assets.api.errors import DownloadError
from mews_assets.api.exports import Export
from mews_assets.api.links import Links
from mews_assets.api.secrets import printable
from mews_assets.api.transport.address import read_link
from mews_assets.api.transport.retry import (
    RETRY_AFTER_CAP_SECONDS,
    backoff_seconds,
    retry_after_seconds,
    retryable,
    utc_now,
)
from mews_assets.api.transport.send import Http
from mews_assets.api.transport.ssrf_guard import (
    PrivateAddressError,
    Resolve,
    not_public,
    refuse_private,
    resolve,
)

log = logging.getLogger(__name__)

TIMEOUTS = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=60.0)
"""Seconds per phase; `read` is the longest silence within a file."""

FILE_SECONDS = 900.0
MIN_BYTES_PER_SECOND = 16 << 10
"""The time for a file, all tries included: a quarter of an hour, for an outage, and then by its size. Four files side
by side at this rate take half a line of 1 Mbit/s; a run waits for its export for as long as 340 MB may take here."""

MAX_TRIES = 6
"""Tries in a row that brought no new byte. A try that brought some starts the count anew."""

MAX_RENEWALS = 3
"""Fresh links in a row that brought no new byte."""

MAX_REDIRECTS = 3

DEAD_LINK = frozenset({400, 401, 403, 404, 410})
"""What storage services answer for a signature past its time: 403 mostly, 400 or 401 from some."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
"""18 digits are an exabyte; Python reads no more than 4,300."""

_ETAG = re.compile(r'"[!#-~]{0,200}"', re.ASCII)
"""A strong one, which alone may stand in If-Range, of characters that a request may hold (RFC 9110, 8.8.3)."""


def seconds_for(size_bytes: int) -> float:
    """How long a file of a size may take."""
    return FILE_SECONDS + size_bytes / MIN_BYTES_PER_SECOND


@dataclass(frozen=True)
class DownloadedFile:
    """A file whose size is what Mews announced."""

    path: Path
    size_bytes: int
    sha256: str


def download_files(
    client: MewsClient,
    export_id: str,
    target_dir: Path,
    *,
    refresh: Callable[[], Export],
    side_by_side: int = 4,
    sink: Callable[[DownloadedFile], object] | None = None,
    timeouts: httpx.Timeout = TIMEOUTS,
    max_tries: int = MAX_TRIES,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], object] | None = None,
    random: Callable[[], float] = random_numbers.random,
    look_up: Resolve = resolve,
) -> list[DownloadedFile]:
    """All files of the export, as `part-00001.jsonl` and so on in `target_dir`, in Mews' order.

    `refresh` asks Mews for the export's state: once before the first byte, and again when a link has died.
    `sink` gets each file as soon as it is there, in the calling thread, in the order of arrival. The first
    error ends the other downloads too. `client` lends its name and platform address, not its tokens.
    """
    links = Links(client, refresh)
    stop = threading.Event()
    target_dir.mkdir(parents=True, exist_ok=True)
    _refuse_more_than_fits(client, export_id, sum(links.sizes), target_dir)
    is_private = bool(not_public(look_up(client.platform.host)))
    refuse = None if is_private else refuse_private
    with (
        bare_http(client.platform, timeouts, transport, refuse) as http,
        ThreadPoolExecutor(side_by_side, thread_name_prefix="download") as pool,
    ):
        nap = sleep or stop.wait
        depot = _DownloadContext(
            client, export_id, http, links, stop, max_tries, nap, random, look_up, is_private
        )
        files = [_File(depot, index, size, target_dir) for index, size in enumerate(links.sizes)]
        futures = {pool.submit(file.fetch): at for at, file in enumerate(files)}
        done: dict[int, DownloadedFile] = {}
        try:
            for future in as_completed(futures):
                done[futures[future]] = downloaded = future.result()
                if sink:
                    sink(downloaded)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[at] for at in sorted(done)]


def _refuse_more_than_fits(client: MewsClient, export_id: str, size: int, target_dir: Path) -> None:
    free = shutil.disk_usage(target_dir).free
    if size > free:
        raise DownloadError(
            f"the export's files are {size} bytes by Mews' word, and {target_dir} has {free} free.",
            operation=f"download of export {export_id}",
            connection=client.connection,
            advice="make room there, or let TMPDIR or MEWS_LAKE name a larger disk.",
        )


class _Stopped(Exception):  # noqa: N818 - no error of its own: another file's error ended this one
    pass


@dataclass(frozen=True)
class _DownloadContext:
    """What the files of one export share."""

    client: MewsClient
    export_id: str
    http: Http
    links: Links
    stop: threading.Event
    max_tries: int
    sleep: Callable[[float], object]
    random: Callable[[], float]
    look_up: Resolve
    is_private: bool
    """Whether the platform is a machine of this network itself."""


class _File:
    """One file on its way: what has arrived of it, and how often it went wrong since the last new byte."""

    def __init__(self, depot: _DownloadContext, index: int, size: int, target_dir: Path) -> None:
        self._depot = depot
        self._index = index
        self._size = size
        self._path = target_dir / f"part-{index + 1:05d}.jsonl"
        self._arrived = 0
        self._most = 0
        self._hash = hashlib.sha256()
        self._etag = ""
        self._failures = 0
        self._renewals = 0
        self._seconds = seconds_for(size)
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
        log.debug("%s of export %s: %d bytes", self._path.name, self._depot.export_id, self._size)
        return DownloadedFile(self._path, self._size, self._hash.hexdigest())

    def _try(self, out: IO[bytes]) -> bool:
        """Whether the file is complete after one more request."""
        if self._depot.stop.is_set():
            raise _Stopped
        if time.monotonic() > self._until:
            raise self._error(f"it took longer than {self._seconds:.0f} s in all")
        generation, link = self._depot.links.get(self._index)
        asked: float | None = None
        try:
            with self._open(link) as response:
                status = response.status_code
                if status in DEAD_LINK:
                    trouble = f"its link is dead (status {status})"
                elif status == 429 or status >= 500:
                    trouble = f"status {status}"
                    asked = retry_after_seconds(response.headers, utc_now())
                else:
                    trouble = self._take(response, out)
        except PrivateAddressError as error:
            refused = error.message
        except httpx.RequestError as error:
            status, trouble = 0, f"{type(error).__name__}: {self._depot.client.hide(str(error))}"
            refused = "" if retryable(error) else trouble
        else:
            refused = ""
        if refused:
            raise self._error(refused)
        if self._arrived == self._size and (not trouble or self._size > 0):
            return True
        self._go_on(trouble, generation if status in DEAD_LINK else None, asked)
        return False

    def _go_on(self, trouble: str, dead: int | None, asked: float | None) -> None:
        """Get ready for another request, or give up. `dead` is the generation of a dead link."""
        if self._arrived > self._most:
            self._most, self._failures, self._renewals = self._arrived, 0, 0
        if dead is not None:
            self._renewals += 1
            if self._renewals > MAX_RENEWALS:
                raise self._error(f"{trouble}, and {MAX_RENEWALS} fresh ones were dead too")
            self._depot.links.renew(dead)
            if self._renewals == 1:
                return
        else:
            self._failures += 1
            if self._failures >= self._depot.max_tries:
                raise self._error(f"{trouble}; given up after {self._failures} tries without a new byte")
        pause = backoff_seconds(max(self._failures, self._renewals), self._depot.random)
        pause = max(pause, min(asked or 0.0, RETRY_AFTER_CAP_SECONDS))
        log.warning(
            "%s of export %s: %s; going on at byte %d of %d in %.1f s",
            *(self._path.name, self._depot.export_id, trouble, self._arrived, self._size, pause),
        )
        self._depot.sleep(pause)

    @contextmanager
    def _open(self, link: str) -> Iterator[httpx.Response]:
        """The answer to a request for the rest of the file, after at most a few redirects."""
        headers = {"Accept-Encoding": "identity"}
        if self._arrived:
            headers["Range"] = f"bytes={self._arrived}-"
            if self._etag:
                headers["If-Range"] = self._etag
        url = self._read(link)
        for _ in range(MAX_REDIRECTS + 1):
            if not self._depot.is_private and (private := not_public(self._depot.look_up(url.host))):
                raise self._error(
                    f"its link leads to {url.host} at {private}, a private address, and is not followed"
                )
            request = self._depot.http.request("GET", url, headers)
            with self._depot.http.answer(request, self._until - time.monotonic()) as response:
                location = response.headers.get("Location")
                if not (response.is_redirect and location):
                    yield response
                    return
            url = self._read(location, url)
        raise self._error(f"redirected more than {MAX_REDIRECTS} times")

    def _read(self, link: str, before: httpx.URL | None = None) -> httpx.URL:
        try:
            return read_link(link, self._depot.client.platform, before)
        except ValueError as error:
            problem = str(error)
        raise self._error(problem)

    def _take(self, response: httpx.Response, out: IO[bytes]) -> str:
        """Write what comes. Returns what is wrong in a way that may pass, or nothing."""
        if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
            raise self._error(f"it was sent as {printable(encoding, 40)}, though asked for as it is")
        if response.status_code == 416:
            raise self._error("there are no more bytes at its link")
        if response.status_code == 206:
            if not self._continues(response.headers.get("Content-Range", "")):
                self._start_over(out)
                return "the answer to a request for the rest began elsewhere"
        elif response.status_code == 200:
            self._start_over(out)
            # Cut off right at an announced size that is too small, it would look complete.
            length = response.headers.get("Content-Length", "").lstrip("0")
            if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > self._size):
                raise self._error(f"it is longer than announced: {length[:30]} bytes by its own header")
        else:
            raise self._error(f"its link answered with status {response.status_code}")
        etag = response.headers.get("ETag", "")
        self._etag = etag if _ETAG.fullmatch(etag) else ""
        assert isinstance(response.stream, httpx.SyncByteStream)
        for chunk in response.stream:
            if self._depot.stop.is_set():
                raise _Stopped
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

    def _error(self, what: str) -> DownloadError:
        error = DownloadError(
            f"{self._path.name}: {what}. Expected {self._size} bytes, got {self._arrived}.",
            operation=f"download of export {self._depot.export_id}",
            connection=self._depot.client.connection,
        )
        error.file, error.expected_bytes, error.actual_bytes = self._path.name, self._size, self._arrived
        return error
