"""The transport: requests that the sandbox answers in this process, and the faults of HTTP.

Lives here: a transport for httpx that calls the sandbox's application, with faults before and after its answer, and a
record of what reached the process that asked (`Observations`). Not here: which fault occurs when (`faults`).
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from mews_assets.sandbox.clock import Clock
from mews_assets.sandbox.server.application import Application
from mews_assets_tests.chaos import export_outcomes
from mews_assets_tests.chaos.faults import Faults
from mews_assets_tests.chaos.history import LINE_BYTES, SETTLES_AFTER
from mews_assets_tests.chaos.process import Process

REFUSALS = {
    "429 with Retry-After": (429,),
    "429 without Retry-After": (429,),
    "500, 502 or 503": (500, 502, 503),
    "401 for a while": (401,),
}
BEFORE = (*REFUSALS, "connection refused", "connection reset")
AFTER = ("answer lost", "answer cut off", "slow answer", "answer stalls", "gzip corrupted", "answer garbled")
OF_STATES = ("wrong SizeInBytes", "unknown status", "export left out")
OF_DOWNLOADS = (
    "500, 502 or 503",
    "connection refused",
    "connection reset",
    "download cut off",
    "download ends early",
    "slow download",
    "link dies mid-download",
    "line corrupted",
)
OF_RESTS = ("rest from elsewhere", "whole file for the rest")
HEAVY_SECONDS = 6 * 3600
"""Under `408 by window`, intervals longer than this are too heavy."""


@dataclass
class Observations:
    """What reached the processes; the verdict compares the lake with it."""

    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By request id: the answer of a page."""
    export_ids: dict[str, Process] = field(default_factory=dict)
    """Ids of exports, from answers of exports/add, with the process that received them."""
    added_at: dict[str, int] = field(default_factory=dict)
    downloaded: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    """Requests that must not be sent."""
    corrupted: set[str] = field(default_factory=set)
    """Exports of which a corrupted line was sent."""
    omitted: set[str] = field(default_factory=set)


@dataclass
class InProcessSandbox:
    """The sandbox's application, called without a socket."""

    application: Application
    clock: Clock
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def ask(self, request: httpx.Request) -> tuple[int, list[tuple[str, str]], bytes]:
        body, sent = request.read(), []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, 443),
            "client": ("127.0.0.1", 1),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.loop.run_until_complete(self.application(scope, receive, send))
        headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:])


@dataclass
class FaultyTransport(httpx.BaseTransport):
    """The transport of one process to the sandbox."""

    server: InProcessSandbox
    process: Process
    faults: Faults
    observed: Observations
    log: list[str]
    first_cursor: dict[str, str] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        process, clock = self.process, self.server.clock
        operation = request.url.path.partition("/api/connector/v1/")[2]
        process.checkpoint(f"before asking {operation or 'for a file'}")
        clock.advance(self.faults.rng.choice((0.05, 0.2, 1.0)))
        if not operation:
            return self._download(request)
        if fault := self.faults.draw(BEFORE, operation):
            self._log_fault(fault, operation)
            return self._refuse(fault)
        body = json.loads(request.read())
        self._check_settled(operation, body)
        if self._is_too_heavy(operation, body):
            return _answer(408, b'{"Message":"The request was too heavy."}')
        status, headers, content = self.server.ask(self._with_fewer_records(operation, request, body))
        if operation == "exports/add" and status == 200:
            self._decide_outcome(json.loads(content)["Export"]["Id"])
        fault = self.faults.draw(AFTER, operation) if content else ""
        if fault:
            self._log_fault(fault, operation)
            content, headers = self._damage(fault, content, headers, request)
        elif status == 200:
            content = self._rewrite(operation, content)
        self.log.append(f"    {clock.now():%H:%M:%S} {operation} {status}" + _summary(body))
        process.checkpoint(f"after {operation}")
        # Other faults hide the Date header, and exports are added over all connections at once.
        process.answers += fault in ("", "slow answer", "answer garbled") and operation != "exports/add"
        if status in (200, 204) and fault in ("", "slow answer"):
            self._record(operation, dict(headers)["request-id"], content, body)
        return httpx.Response(status, headers=headers, stream=_Stream(content, _cut_at(fault, content)))

    def _with_fewer_records(
        self, operation: str, request: httpx.Request, body: dict[str, Any]
    ) -> httpx.Request:
        """The request with a smaller count, for a server that sends fewer records than it is asked for."""
        asked = body.get("Limitation", {}).get("Count", 1)
        if asked < 2 or not self.faults.occurs("short pages"):
            return request
        self.log.append(f"  short pages: {operation}")
        few = {**body, "Limitation": {**body["Limitation"], "Count": (asked + 1) // 2 if asked < 20 else 1}}
        headers = {**request.headers}
        headers.pop("content-length", None)
        return httpx.Request(request.method, request.url, headers=headers, json=few)

    def _decide_outcome(self, export: str) -> None:
        if kind := export_outcomes.decide(self.server.application.sandbox.exports, export, self.faults):
            self.log.append(f"  {kind}: {export}")

    def _check_settled(self, operation: str, body: dict[str, Any]) -> None:
        """A process that has had an answer knows Mews' time, and must not ask for a window that has not settled."""
        asked = body.get("UpdatedUtc") or (body.get("Filters") or {}).get("UpdatedUtc")
        if asked and self.process.answers:
            end = datetime.fromisoformat(asked["EndUtc"])
            # The Date header has whole seconds.
            if end + SETTLES_AFTER > self.server.clock.now() + timedelta(seconds=2):
                self.observed.wrong.append(f"{self.process.name} asked {operation} for {asked} too early")

    def _log_fault(self, fault: str, where: str) -> None:
        self.process.faults.append(fault)
        self.log.append(f"  {fault}: {where}")

    def _refuse(self, fault: str) -> httpx.Response:
        if fault == "connection refused":
            raise httpx.ConnectError("[Errno 111] Connection refused")
        if fault == "connection reset":
            raise httpx.ReadError("[Errno 104] Connection reset by peer")
        headers = {"Retry-After": str(self.faults.rng.choice((1, 7, 30, 400)))}
        status = self.faults.rng.choice(REFUSALS[fault])
        return _answer(status, b'{"Message":"A planned fault."}', headers if "with R" in fault else {})

    def _is_too_heavy(self, operation: str, body: dict[str, Any]) -> bool:
        if operation == "exports/add":
            is_refused = self.faults.occurs("408 for an export")
            if is_refused:
                self._log_fault("408 for an export", operation)
            return is_refused
        asked = body.get("UpdatedUtc")
        if not asked or _seconds(asked) <= HEAVY_SECONDS:
            return False
        is_refused = self.faults.occurs("408 by window")
        if is_refused:
            self._log_fault("408 by window", operation)
        return is_refused

    def _damage(
        self, fault: str, content: bytes, headers: list[tuple[str, str]], request: httpx.Request
    ) -> tuple[bytes, list[tuple[str, str]]]:
        limit = request.extensions["timeout"]["read"]
        if fault == "answer lost":
            raise httpx.ReadError("[Errno 104] Connection reset by peer")
        if fault == "slow answer":
            self.server.clock.advance(limit * 0.8)
        elif fault == "answer stalls":
            self.server.clock.advance(limit)
            raise httpx.ReadTimeout("The read operation timed out")
        elif fault == "gzip corrupted":
            packed = bytearray(zlib.compress(content, wbits=31))
            packed[len(packed) // 2] ^= 0xFF
            return bytes(packed), [*_without_length(headers), ("content-encoding", "gzip")]
        elif fault == "answer garbled":
            return b"<html>Bad gateway</html>", _without_length(headers)
        return content, headers

    def _rewrite(self, operation: str, content: bytes) -> bytes:
        """Faults of answers that arrive whole: wrong states of exports, a repeated cursor."""
        if operation == "exports/getAll":
            fault = self.faults.draw(OF_STATES)
            if fault:
                self._log_fault(fault, operation)
                return self._wrong_states(fault, json.loads(content))
        elif b'"Cursor":"' in content and self.faults.draw(("repeated cursor",), operation):
            self._log_fault("repeated cursor", operation)
            answer = json.loads(content)
            answer["Cursor"] = self.first_cursor.setdefault(operation, answer["Cursor"])
            return json.dumps(answer, separators=(",", ":")).encode()
        return content

    def _wrong_states(self, fault: str, answer: dict[str, Any]) -> bytes:
        for export in answer["Exports"]:
            if fault == "unknown status":
                export["Status"], export["Files"] = "Archiving", []
            for file in export["Files"]:
                file["SizeInBytes"] += self.faults.rng.choice((-LINE_BYTES - 1, 1, LINE_BYTES + 1))
        if fault == "export left out" and answer["Exports"]:
            self.observed.omitted.add(answer["Exports"].pop()["Id"])
        return json.dumps(answer).encode()

    def _record(self, operation: str, request_id: str, content: bytes, body: dict[str, Any]) -> None:
        if operation == "exports/add":
            export = json.loads(content)["Export"]["Id"]
            self.observed.export_ids[export] = self.process
            self.observed.added_at[export] = self.server.clock.now_us()
            self.process.export_known_at[export] = self.process.checkpoints
        elif "Limitation" in body:
            self.observed.pages[request_id] = json.loads(content or b"{}")

    def _download(self, request: httpx.Request) -> httpx.Response:
        export = request.url.path.rpartition("/")[2][:36]
        is_rest = "Range" in request.headers
        fault = (self.faults.draw(OF_RESTS) if is_rest else "") or self.faults.draw(OF_DOWNLOADS)
        if fault:
            self._log_fault(fault, request.headers.get("Range", "a file"))
        if fault in ("500, 502 or 503", "connection refused", "connection reset"):
            return self._refuse(fault)
        if fault in OF_RESTS:
            wanted = int(request.headers.pop("Range").removeprefix("bytes=").rstrip("-"))
            status, headers, content = self.server.ask(request)
            if fault == "rest from elsewhere" and status == 200:
                return _from_elsewhere(wanted, headers, content)
        else:
            status, headers, content = self.server.ask(request)
        if status >= 400:
            return _answer(status, content)
        if fault == "line corrupted" and len(content) > 2:
            self.observed.corrupted.add(export)
            at = self.faults.rng.randrange(len(content) // LINE_BYTES or 1) * LINE_BYTES
            content = content[:at] + b"?" + content[at + 1 :]
        self.observed.downloaded.add(export)
        self.process.checkpoint("after a file")
        if fault == "download ends early":
            content, headers = content[: len(content) // 2], _without_length(headers)
        pauses = 0.0
        if fault in ("slow download", "link dies mid-download"):
            pauses = 20.0 if fault == "slow download" else 700.0
        return httpx.Response(
            status,
            headers=headers,
            stream=_Stream(content, _cut_at(fault, content), pauses, self.server.clock),
        )


def _from_elsewhere(wanted: int, headers: list[tuple[str, str]], content: bytes) -> httpx.Response:
    """As many bytes as were asked for, from an offset one record before the one asked for."""
    start = max(0, wanted - LINE_BYTES - 1)
    part = content[start : start + len(content) - wanted]
    content_range = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    all_headers = [*_without_length(headers), ("content-range", content_range)]
    return httpx.Response(206, headers=all_headers, stream=_Stream(part, None))


class _Stream(httpx.SyncByteStream):
    """A body in pieces of 700 bytes, with pauses of simulated seconds between them, perhaps cut off."""

    def __init__(
        self, content: bytes, cut_at: int | None, pauses: float = 0.0, clock: Clock | None = None
    ) -> None:
        self._content, self._cut_at, self._pauses, self._clock = content, cut_at, pauses, clock

    def __iter__(self) -> Iterator[bytes]:
        whole = self._content if self._cut_at is None else self._content[: self._cut_at]
        for at in range(0, len(whole), 700):
            if self._clock is not None and self._pauses:
                self._clock.advance(self._pauses)
            yield whole[at : at + 700]
        if self._cut_at is not None:
            raise httpx.ReadError("[Errno 104] Connection reset by peer")


def _cut_at(fault: str, content: bytes) -> int | None:
    is_cut = fault in ("answer cut off", "download cut off", "link dies mid-download")
    return len(content) // 2 if is_cut else None


def _answer(status: int, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=headers or {}, stream=_Stream(content, None))


def _summary(body: dict[str, Any]) -> str:
    asked = body.get("ExportIds") or body.get("Filters") or body.get("UpdatedUtc") or ""
    return f" {asked} {body.get('Scope', '')}"


def _without_length(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name not in ("content-length", "content-range")]


def _seconds(interval: dict[str, str]) -> float:
    start, end = (datetime.fromisoformat(interval[name]) for name in ("StartUtc", "EndUtc"))
    return (end - start).total_seconds()
