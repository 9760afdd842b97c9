"""An S3 server on this machine (moto), whose requests are counted and can be held up.

Lives here: starting it, what was asked of it, and a hook before each request. Writes are served one at a time, for
moto looks at a condition and writes in two steps; a real object store does both in one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "lake"
Hook = Callable[[str, str], None]
"""Called with the method and the key before a request is served."""


@dataclass
class S3Server:
    """A running server. `environment` is what a process needs to reach it."""

    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """How many were served, by kind: LIST, GET, HEAD, PUT, DELETE."""
    keys: list[tuple[str, str]] = field(default_factory=list)
    """Each request's kind and key, in order."""
    before: Hook | None = None
    loses_answer: Callable[[str, str], bool] = lambda kind, key: False
    """Whether a request is served and then answered by an error, as when the line breaks."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def count(self, kind: str, key: str) -> None:
        self.requests[kind] += 1
        self.keys.append((kind, key))


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server with one empty bucket, until the block ends."""
    moto, writing = DomainDispatcherApplication(create_backend_app), threading.Lock()
    server = S3Server()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].lstrip("/")
        key = path.partition("/")[2]
        kind = "LIST" if method == "GET" and not key else method
        if kind == "LIST":
            key = parse_qs(environ["QUERY_STRING"]).get("prefix", [""])[0]
        if server.before is not None:
            server.before(kind, key)
        server.count(kind, key)
        is_lost = server.loses_answer(kind, key)
        with writing if method in ("PUT", "POST", "DELETE") else nullcontext():
            answer = list(moto(environ, lambda *_: None if is_lost else start_response(*_)))
        if is_lost:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        return answer

    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        _make_bucket(server)
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _make_bucket(server: S3Server) -> None:
    import boto3  # it comes with moto; an object store's client cannot make buckets

    urlopen(Request(f"{server.endpoint}/moto-api/reset", method="POST")).close()  # its state is the process's
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=BUCKET)
    server.requests.clear()
    server.keys.clear()
