"""Faults on demand, planned over the control address.

Lives here: the plan, and one function per kind of fault (`KINDS`). The kinds in `INSTEAD` replace the
operation; the others damage the answer after the operation has been carried out: so an export may exist although no
client has received its id.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mews_assets.sandbox.server.operations import EXPORT_OPERATIONS, LEDGER_PAGES, OPERATIONS
from mews_assets.sandbox.server.series_operations import SERIES_OPERATIONS

Connections = Callable[[], Any]
"""Gives the server's open connections: objects with `client` and `transport`."""

SLOW_SECONDS = 5.0
MEETS = ("*", "download", *EXPORT_OPERATIONS, *OPERATIONS, *SERIES_OPERATIONS, LEDGER_PAGES.address)


@dataclass
class Fault:
    """One planned fault. `operation` is the address after `/v1/`, `download`, or `*` for any of them."""

    operation: str
    kind: str
    status: int
    times: int
    retry_after: int | None
    seconds: float


class FaultPlan:
    """Faults in the order in which they were planned; each is used up before the next for its operation."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, body: Mapping[str, Any]) -> None:
        """Raises ValueError when the body does not describe a fault."""
        fault = Fault(
            operation=str(body.get("Operation") or "*"),
            kind=str(body.get("Kind") or "status"),
            status=int(body.get("Status") or 500),
            times=int(body.get("Times") or 1),
            retry_after=None if body.get("RetryAfter") is None else int(body["RetryAfter"]),
            seconds=float(body.get("Seconds") or SLOW_SECONDS),
        )
        for name, value, known in (("Kind", fault.kind, tuple(KINDS)), ("Operation", fault.operation, MEETS)):
            if value not in known:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(known)}")
        with self._lock:
            self._faults.append(fault)

    def take(self, operation: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.operation in (operation, "*"):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()


@dataclass(frozen=True)
class Line:
    """The connection that an answer is sent on."""

    scope: Scope
    receive: Receive
    send: Send
    connections: Connections

    async def cut(self, *, reset: bool) -> None:
        """End the connection: at once and with a reset, or after sending what is waiting to be sent."""
        for connection in list(self.connections()):
            if connection.client == tuple(self.scope["client"]):
                transport: asyncio.Transport = connection.transport
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    transport.abort()
                else:
                    transport.close()
        await asyncio.sleep(0.01)


async def _send_status(fault: Fault, answer: Response, line: Line) -> None:
    """The planned status replaces the answer."""
    await answer(line.scope, line.receive, line.send)


async def _send_reset(fault: Fault, answer: Response, line: Line) -> None:
    """The connection is reset before a byte of the answer."""
    await line.cut(reset=True)


async def _send_truncated(fault: Fault, answer: Response, line: Line) -> None:
    """Half of the body, then the connection closes."""

    async def stop() -> None:
        await line.cut(reset=False)
        raise _StoppedError

    try:
        await answer(line.scope, line.receive, _at_half(line.send, stop))
    except _StoppedError:
        return


async def _send_slowly(fault: Fault, answer: Response, line: Line) -> None:
    """Half of the body, nothing for a while, then the rest."""

    async def stall() -> None:
        await asyncio.sleep(fault.seconds)

    await answer(line.scope, line.receive, _at_half(line.send, stall))


KINDS: dict[str, Callable[[Fault, Response, Line], Awaitable[None]]] = {
    "status": _send_status,
    "reset": _send_reset,
    "lost": _send_reset,
    "truncate": _send_truncated,
    "slow": _send_slowly,
}
INSTEAD = frozenset({"status", "reset"})


class _StoppedError(Exception):
    """The answer was cut off on purpose."""


def _at_half(send: Send, act: Callable[[], Awaitable[None]]) -> Send:
    """A `send` that calls an action once, when half of the body (by Content-Length) has been sent."""
    left = -1

    async def watch(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            left = next(
                (int(value) // 2 for name, value in message["headers"] if name == b"content-length"), 0
            )
        if message["type"] != "http.response.body" or left < 0:
            await send(message)
            return
        body = message.get("body", b"")
        if len(body) < left:
            left -= len(body)
            await send(message)
            return
        await send({"type": "http.response.body", "body": body[:left], "more_body": True})
        rest, left = body[left:], -1
        await act()
        await send({**message, "body": rest})

    return watch
