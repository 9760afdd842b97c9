"""The sandbox over HTTP: addresses, the order of the checks, and the request log.

Lives here: the ASGI application. Not here: the answers of operations (`pages`, `exports`, `control`), and
what a fault does to an answer (`faults`).

The Date header shows the sandbox's clock. No token value is ever logged: a request is logged with the name of its
access token.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from mews_assets.sandbox.clock import write_micros
from mews_assets.sandbox.server import control
from mews_assets.sandbox.server.access_control import Access
from mews_assets.sandbox.server.faults import INSTEAD, KINDS, Connections, Fault, Line
from mews_assets.sandbox.server.operations import EXPORT_OPERATIONS
from mews_assets.sandbox.server.pages import answer_page
from mews_assets.sandbox.server.request_rules import Refusal, read_body
from mews_assets.sandbox.server.sandbox_parts import Sandbox
from mews_assets.sandbox.server.series_operations import SERIES_OPERATIONS, Asked, answer_series

LOG = logging.getLogger(__name__)

API = "/api/connector/v1/"
FILES = "/files/"
CONTROL = "/control/"
MAX_SHOWN = 100
"""Characters of a value in the request log."""
CONTENT_TYPE = "application/json"
MAX_BODY_BYTES = 2_000_000
"""Above this a body is 413. 1,000 ids in each of a few lists take some 200 kB."""


@dataclass
class _Call:
    """One request and its log entry, which the checks fill in."""

    operation: str
    entry: dict[str, Any]
    fault: Fault | None = None


class Application:
    """The ASGI application. The caller that runs the server sets `connections`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.connections: Connections = list

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request, request_id = Request(scope, receive), str(uuid.uuid4())
        call: _Call | None = None
        try:
            if (path := request.url.path).startswith(CONTROL):
                raw = await _body(request)
                answer = await run_in_threadpool(
                    self._control, request.method, path.removeprefix(CONTROL), raw
                )
            else:
                call = self._begin(request, path, request_id)
                answer = await self._answer(request, call)
        except Refusal as refusal:
            answer = _error(refusal, request_id)
        except Exception as error:  # the client must get an answer all the same
            LOG.exception("the sandbox failed on %s (request %s)", request.url.path, request_id)
            answer = _error(Refusal(500, "The sandbox failed.", repr(error)), request_id)
        answer.headers["Request-Id"] = request_id
        answer.headers["Date"] = format_datetime(self.sandbox.clock.now(), usegmt=True)
        if call:
            call.entry["Status"] = answer.status_code
            self.sandbox.log.add(call.entry)
        if call and call.fault:
            line = Line(scope, receive, send, self.connections)
            await KINDS[call.fault.kind](call.fault, answer, line)
        else:
            await answer(scope, receive, send)

    def _begin(self, request: Request, path: str, request_id: str) -> _Call:
        """The call and its log entry; an address that does not exist is logged under its own name."""
        if path.startswith(FILES):
            operation = "download"
        elif path.startswith(API):
            operation = path.removeprefix(API)
        else:
            operation = path
        entry = {
            "Operation": operation,
            "Status": None,
            "Utc": write_micros(self.sandbox.clock.now_us()),
            "RealSeconds": time.time(),
            "RequestId": request_id,
            "AccessToken": None,
        }
        return _Call(operation, entry)

    async def _answer(self, request: Request, call: _Call) -> Response:
        if call.operation == "download" and request.method in ("GET", "HEAD"):
            return await self._download(request, call)
        if call.operation not in (*self.sandbox.operations, *SERIES_OPERATIONS, *EXPORT_OPERATIONS):
            raise Refusal(404, "Not found.", f"There is no operation at {request.url.path}.")
        if request.method != "POST":
            raise Refusal(405, "Method not allowed.", "Every operation is a POST.")
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != CONTENT_TYPE:
            raise Refusal(415, "Unsupported media type.", f"Every body is of the type {CONTENT_TYPE}.")
        raw = await _body(request)
        address = str(request.base_url).rstrip("/")
        wants_minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "").lower()
        return await run_in_threadpool(self._operate, call, raw, address, wants_minimal)

    def _operate(self, call: _Call, raw: bytes, address: str, wants_minimal: bool) -> Response:
        """One operation of the API. The order: body, tokens, planned faults, request limit, rules."""
        body = read_body(raw)
        call.entry.update(_noted(body), AccessToken=self.sandbox.door.name_of(body))
        access = self.sandbox.door.authenticate(body)
        self._meet_fault(call)
        self.sandbox.limit.take(access.name)
        if call.operation in EXPORT_OPERATIONS:
            return self._export(call.operation, access, body, address)
        parts = self.sandbox
        if call.operation in SERIES_OPERATIONS:
            asked = Asked(parts.store, parts.clock, access, body)
            content, is_empty = answer_series(call.operation, asked, parts.page_records)
            return Response(status_code=204) if is_empty and wants_minimal else _json(content)
        operation = parts.operations[call.operation]
        page = answer_page(parts.store, parts.clock, access, operation, body, parts.page_records)
        return Response(status_code=204) if page.is_empty and wants_minimal else _json(page.body)

    def _export(self, operation: str, access: Access, body: dict[str, Any], address: str) -> Response:
        exports = self.sandbox.exports
        answer = (
            exports.add(access, body) if operation == "exports/add" else exports.get(access, body, address)
        )
        return _json(msgspec.json.encode(answer))

    async def _download(self, request: Request, call: _Call) -> Response:
        name = request.url.path.removeprefix(FILES)
        path, call.entry["AccessToken"] = self.sandbox.exports.open(name, request.query_params)
        call.entry["Range"] = request.headers.get("range")
        self._meet_fault(call)
        return await asyncio.to_thread(FileResponse, path, media_type="application/octet-stream")

    def _meet_fault(self, call: _Call) -> None:
        call.fault = self.sandbox.faults.take(call.operation)
        if call.fault is None:
            return
        call.entry["Fault"] = call.fault.kind
        if call.fault.kind in INSTEAD:
            message = "A planned fault."
            raise Refusal(call.fault.status, message, call.fault.kind, retry_after=call.fault.retry_after)

    def _control(self, method: str, address: str, raw: bytes) -> Response:
        return _json(msgspec.json.encode(control.answer(self.sandbox, method, address, raw)))


async def _body(request: Request) -> bytes:
    """The body. The rest of one that is too large is not read."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise Refusal(413, "The request body is too large.", f"At most {MAX_BODY_BYTES} bytes.")
    return bytes(body)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json; charset=utf-8")


def _error(refusal: Refusal, request_id: str) -> Response:
    body = {"Message": refusal.message, "RequestId": request_id, "Details": refusal.details}
    answer = Response(msgspec.json.encode(body), refusal.status, media_type="application/json; charset=utf-8")
    if refusal.status == 413:
        answer.headers["Connection"] = "close"  # what of the body is still to come is not read
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def _noted(body: dict[str, Any]) -> dict[str, Any]:
    """What the log shows of a body: the entity type, the sizes of lists of ids, the intervals, the page."""
    noted: dict[str, Any] = {}
    parts = [body, *(part for name in ("Scope", "Filters") if isinstance(part := body.get(name), dict))]
    for part in parts:
        for name, value in part.items():
            if name.endswith("Ids") and isinstance(value, list):
                noted.setdefault("ScopeSizes", {})[name] = len(value)
            elif name.endswith("Utc") and isinstance(value, dict):
                noted.setdefault("Intervals", {})[name] = _shown(value, "StartUtc", "EndUtc")
            elif name == "LedgerEntryFilters" and isinstance(value, dict):
                posting = value.get("Posting")
                days = posting if isinstance(posting, dict) else {}
                noted.setdefault("Intervals", {})["Posting"] = _shown(days, "Start", "End")
    if isinstance(body.get("EntityType"), str):
        noted["EntityType"] = body["EntityType"][:MAX_SHOWN]
    if isinstance(body.get("Limitation"), dict):
        names = ("Count", "Cursor")
        noted["Limitation"] = dict(zip(names, _shown(body["Limitation"], *names), strict=True))
    return noted


def _shown(part: dict[str, Any], *names: str) -> list[str | int | None]:
    """Values as the log shows them: short texts and whole numbers, and of anything else its type."""
    return [_value(part.get(name)) for name in names]


def _value(value: Any) -> str | int | None:
    if isinstance(value, str):
        return value[:MAX_SHOWN]
    if value is None or (isinstance(value, int) and abs(value) < 1 << 53):
        return value
    return f"({type(value).__name__})"
