"""Servers on this machine that speak like Azure Blob Storage and Google Cloud Storage, each with one empty container.

Lives here: starting Azurite, Microsoft's own emulator (an npm package), and a small server of the XML API of Google,
which the client uses and no emulator that a registry has speaks: generations, preconditions, ranges and listings as
Google documents them. Not here: the S3 server (`s3`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.error import URLError
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import Request, urlopen
from xml.sax.saxutils import escape

import pytest

from mews_assets_tests import ROOT
from mews_assets_tests.services.servers import START_SECONDS, free_port

CONTAINER = "lake"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, as Microsoft documents it: it opens nothing but an emulator."""


@dataclass(frozen=True)
class Cloud:
    """The address of a lake, and the variables that a process needs to reach it."""

    lake: str
    environment: dict[str, str]


@contextmanager
def running_azurite() -> Iterator[Cloud]:
    """Azurite with an empty container. A test is skipped where it is not installed."""
    found = shutil.which(
        "azurite-blob", path=f"{ROOT / 'build/azurite/node_modules/.bin'}:{os.environ['PATH']}"
    )
    if found is None:
        pytest.skip("azurite-blob is not installed: make test-services installs it where there is npm")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [found, "--location", folder, "--blobPort", str(port), "--silent", "--skipApiVersionCheck"]
        process = subprocess.Popen(
            [*command, "--disableTelemetry"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _make_container(port)
            environment = {
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": KEY,
                "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
            }
            yield Cloud(f"abfs://{CONTAINER}/data/lake", environment)
        finally:
            process.terminate()
            process.wait(10)


def _make_container(port: int) -> None:
    """An object store's client cannot make containers."""
    path, date, version = f"/{ACCOUNT}/{CONTAINER}", formatdate(usegmt=True), "2021-08-06"
    signed = "\n".join(
        [
            "PUT",
            *[""] * 11,
            f"x-ms-date:{date}",
            f"x-ms-version:{version}",
            f"/{ACCOUNT}{path}",
            "restype:container",
        ]
    )
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest())
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{signature.decode()}",
    }
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            urlopen(
                Request(f"http://127.0.0.1:{port}{path}?restype=container", method="PUT", headers=headers)
            ).close()
            return
        except URLError as error:
            if time.monotonic() > until or hasattr(error, "code"):
                raise
            time.sleep(0.1)


@contextmanager
def running_google() -> Iterator[Cloud]:
    """A server of Google's XML API with an empty bucket."""
    objects = _Objects()
    handler = type("Handler", (_GoogleHandler,), {"objects": objects})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{http.server_port}"
    key = {
        "gcs_base_url": address,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    try:
        lake = f"gs://{CONTAINER}/data/lake?endpoint_override={address}"
        yield Cloud(lake, {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)})
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@dataclass
class _Objects:
    """Objects by name: their generation and content."""

    by_name: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    generations: Iterator[int] = field(default_factory=lambda: itertools.count(1_700_000_000_000_001))
    changing: threading.Lock = field(default_factory=threading.Lock)


class _GoogleHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: ClassVar[_Objects]

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        expected = self.headers.get("x-goog-if-generation-match")
        with self.objects.changing:
            generation, _ = self.objects.by_name.get(self._name, (0, b""))
            if expected is not None and int(expected) != generation:
                self._answer(HTTPStatus.PRECONDITION_FAILED)
                return
            found = (next(self.objects.generations), content)
            self.objects.by_name[self._name] = found
        self._answer(HTTPStatus.OK, headers=_about(found))

    def do_DELETE(self) -> None:
        with self.objects.changing:
            found = self.objects.by_name.pop(self._name, None)
        self._answer(HTTPStatus.NOT_FOUND if found is None else HTTPStatus.NO_CONTENT)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self._name:
            self._list()
            return
        found = self.objects.by_name.get(self._name)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND)
            return
        about, content = _about(found), found[1]
        if self.headers.get("If-Match", about["ETag"]) != about["ETag"]:
            self._answer(HTTPStatus.PRECONDITION_FAILED)
            return
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, len(content) - int(last))
            end = min(len(content), int(last) + 1) if first and last else len(content)
            about["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
            self._answer(HTTPStatus.PARTIAL_CONTENT, content[start:end], about)
            return
        self._answer(HTTPStatus.OK, content, about)

    def _list(self) -> None:
        """A page of objects, as many as asked for; the token of the next page is the last name."""
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix, delimiter, after = (
            query.get(one, "") for one in ("prefix", "delimiter", "continuation-token")
        )
        names = sorted(one for one in self.objects.by_name if one.startswith(prefix) and one > after)
        folders = {
            prefix + one[len(prefix) :].partition(delimiter)[0] + delimiter for one in names if delimiter
        }
        if delimiter:
            folders = {one for one in folders if any(name.startswith(one) for name in names)}
            names = [one for one in names if delimiter not in one[len(prefix) :]]
        page = names[: int(query.get("max-keys", "1000"))]
        token = (
            f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
            if len(page) < len(names)
            else ""
        )
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(_about(self.objects.by_name[name])['ETag'])}</ETag>"
            f"<Size>{len(self.objects.by_name[name][1])}</Size></Contents>"
            for name in page
        )
        prefixes = "".join(
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders)
        )
        body = f"<ListBucketResult>{token}{contents}{prefixes}</ListBucketResult>"
        self._answer(HTTPStatus.OK, body.encode(), {"Content-Type": "application/xml"})

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{CONTAINER}").removeprefix("/")

    def _answer(
        self, status: HTTPStatus, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _about(found: tuple[int, bytes]) -> dict[str, str]:
    generation, content = found
    return {
        "ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
        "x-goog-generation": str(generation),
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
