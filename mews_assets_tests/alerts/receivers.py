"""Who is told, played on this machine: a webhook that takes JSON, and a mail server. Both count what arrives."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Webhook:
    """What arrived, in its order. `status` is what it answers; `on_message` is called before the answer."""

    port: int = 0
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)
    on_message: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook-that-nobody-may-see"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.received]


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if webhook.status == 200:
                webhook.received.append(body)
            webhook.on_message()
            self.send_response(webhook.status)
            self.end_headers()
            self.wfile.write(b"ok")  # the answer of Slack

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    webhook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """The mails that arrived, as `email` reads them."""

    port: int = 0
    mails: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?mode=insecure&from=lake@example.com&to=on-call@example.com"

    @property
    def texts(self) -> list[str]:
        return [one.get_body(("plain", "html")).get_content() for one in self.mails]


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            mailbox.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 taken"

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(Handler()), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
