"""The report over HTTP on this machine: a page of the UI cannot link to a file.

Lives here: serving one file of the lake at 127.0.0.1, read anew for each request. Not here: making it (`html_report`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

_HOST = "127.0.0.1"
_NOT_MADE = "The report is not made yet: materialise the asset `report`, or run `mews-assets report`.\n"


@contextmanager
def report_server(lake: Lake, port: int) -> Iterator[str]:
    """Serve the report on a port, or on a free one if that is taken. Yields its address."""
    path = f"/{layout.report_file()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, content = _answer(lake, self.path.partition("?")[0], path)
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-cache")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """No line per request: the terminal is Dagster's."""

    server = _bound(Handler, port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{_HOST}:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()


def _bound(handler: type[BaseHTTPRequestHandler], port: int) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer((_HOST, port), handler)
    except (OSError, OverflowError):
        return ThreadingHTTPServer((_HOST, 0), handler)


def _answer(lake: Lake, asked: str, path: str) -> tuple[HTTPStatus, str, bytes]:
    if asked not in ("/", path):
        return HTTPStatus.NOT_FOUND, "text/plain", b"There is only the report.\n"
    if not lake.exists(layout.report_file()):
        return HTTPStatus.NOT_FOUND, "text/plain", _NOT_MADE.encode()
    try:
        return HTTPStatus.OK, "text/html", lake.read(layout.report_file())
    except (LakeError, OSError) as error:
        return (
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "text/plain",
            f"The report cannot be read: {error}\n".encode(),
        )
