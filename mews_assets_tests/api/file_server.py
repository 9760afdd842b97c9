"""A storage service for the download tests: real sockets, signed links, and faults planned per request."""

from __future__ import annotations

import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mews_assets.api import (
    DownloadedFile,
    DownloadLimits,
    Export,
    ExportFile,
    ExportStatus,
    MewsClient,
    download_files,
)
from mews_assets_tests.api.stage import credentials, in_parts

ONE = random.Random(1).randbytes(300_000)
TWO = b'{"Id":"b"}\n' * 5_000

Fault = Callable[[BaseHTTPRequestHandler, bytes], None]
"""Answers one request in the file's stead; gets the bytes the request is for."""


@dataclass
class Storage:
    """The files it serves, the links that live, and the requests it saw."""

    files: dict[str, bytes]
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    signature: int = 1
    address: str = ""
    has_ranges: bool = True
    etag: str = ""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refreshes: int = 0

    def export(self) -> Export:
        """What exports/getAll would say: fresh links."""
        self.refreshes += 1
        return Export(
            id="e1",
            status=ExportStatus.SUCCESS,
            entity_type="Bill",
            files=tuple(
                ExportFile(f"{self.address}/{name}?sig={self.signature}", len(content))
                for name, content in self.files.items()
            ),
        )

    def ranges(self, name: str) -> list[str | None]:
        return [headers.get("Range") for path, headers in self.seen if path.startswith(f"/{name}")]


class _Handler(BaseHTTPRequestHandler):
    storage: Storage
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        storage = self.storage
        storage.seen.append((self.path, dict(self.headers.items())))
        name, _, query = self.path[1:].partition("?")
        content = storage.files[name]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and storage.has_ranges else 0
        if (etag := self.headers.get("If-Range")) and etag != storage.etag:
            start = 0
        if faults := storage.faults.get(name):
            faults.pop(0)(self, content[start:])
        elif query != f"sig={storage.signature}":
            answer(self, 403, b"dead")
        elif start:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            answer(self, 206, content[start:], **{"Content-Range": span, "ETag": storage.etag})
        else:
            answer(self, 200, content, ETag=storage.etag)

    def log_message(self, format: str, *args: object) -> None:
        pass


def answer(handler: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    handler.send_response(status)
    for key, value in headers.items():
        if value:
            handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def status(code: int, **headers: str) -> Fault:
    return lambda handler, _: answer(handler, code, b"", **headers)


def instead(content: bytes, code: int = 200, **headers: str) -> Fault:
    return lambda handler, _: answer(handler, code, content, **headers)


def cut_after(count: int, code: int = 200, **headers: str) -> Fault:
    """The connection breaks after so many of the bytes asked for."""

    def cut(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(code)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:count])
        handler.close_connection = True

    return cut


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has seen enough hangs up; anything else is worth its traceback.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(storage: Storage) -> Iterator[Storage]:
    handler = type("Handler", (_Handler,), {"storage": storage})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    storage.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def downloaded(storage: Storage, target: Path, **changes: Any) -> list[DownloadedFile]:
    given: dict[str, Any] = {"refresh": storage.export, "sleep": lambda _: None} | changes
    with MewsClient(storage.address, credentials(), connection="hotel-1") as client:
        return download_files(client, "e1", target, **in_parts(DownloadLimits, given))


def only(storage: Storage, name: str = "one") -> None:
    storage.files = {name: storage.files[name]}
