"""A server that answers with any bytes at all: over a real socket, one connection after the other in threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mews_assets.api import MewsClient, RequestLimits
from mews_assets_tests.api.stage import credentials, in_parts

Answering = Callable[[socket.socket], None]
"""Writes the answer to one request, which has been read."""


def once(*pieces: bytes) -> Answering:
    """These bytes, then the end of the connection."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return answer


def whole(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """An answer as it stands on the wire."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


@contextmanager
def answering(answer: Answering) -> Iterator[str]:
    """The address of a server that reads one request of each connection and answers it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ends = threading.Event()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(10)
                read_request(connection)
                answer(connection)

        def accept() -> None:
            while not ends.is_set():
                with suppress(OSError):
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ends.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """The request to its end; an end of the connection before that is taken for it."""
    text = b""
    while b"\r\n\r\n" not in text:
        piece = connection.recv(65_536)
        if not piece:
            return text
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        piece = connection.recv(65_536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def client_at(address: str, **changes: Any) -> MewsClient:
    """The real client, which does not wait between tries."""
    return MewsClient(
        address,
        credentials(),
        **in_parts(
            RequestLimits, {"connection": "hotel-1", "sleep": lambda _: None, "max_tries": 1} | changes
        ),
    )
