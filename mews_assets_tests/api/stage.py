"""What the tests of this package share: a clock that moves when slept on, a scripted Mews, a client of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import httpx

from mews_assets.api import (
    Answer,
    Credentials,
    DownloadLimits,
    MewsClient,
    RequestLimits,
    Runtime,
    SlidingWindow,
)

CLIENT_TOKEN = "CT-E0D439EE522F44368DC78E1BFB03710C"
ACCESS_TOKEN = "AT/C66EF7B239D24632943D115EDE9CB810"
SIGNATURE = "sig-5f2b7c"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.seconds += seconds


Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class ScriptedMews:
    """Answers with each scripted response in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        return step(request)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


def credentials() -> Credentials:
    return Credentials(CLIENT_TOKEN, ACCESS_TOKEN, "mews_assets 0.1")


def client_of(
    mews: Callable[[httpx.Request], httpx.Response], clock: FakeClock | None = None, **changes: Any
) -> MewsClient:
    clock = clock or FakeClock()
    given: dict[str, Any] = {
        "connection": "hotel-1",
        "transport": httpx.MockTransport(mews),
        "clock": clock,
        "sleep": clock.sleep,
        "random": lambda: 1.0,
        "now": lambda: NOW,
        "pacing": SlidingWindow(1000, 30.0, clock, clock.sleep),
    }
    return MewsClient("https://api.example.com", credentials(), **in_parts(RequestLimits, given | changes))


def in_parts(limits: type[RequestLimits] | type[DownloadLimits], given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as MewsClient and download_files take them: limits and runtime as one value each."""
    rest, parts = dict(given), {}
    for name, kind in (("limits", limits), ("runtime", Runtime)):
        own = {one.name: rest.pop(one.name) for one in fields(kind) if one.name in rest}
        parts[name] = kind(**own)
    return {**rest, **parts}


def values_of(answer: Answer) -> dict[str, Any]:
    """An answer decoded."""
    return {key: answer.value(key) for key in answer.fields}


def ok(body: Any, request_id: str = "req-ok", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(200, content=content, headers={"Request-Id": request_id, **headers})


def refusal(status: int, message: str = "No.", **headers: str) -> httpx.Response:
    said = {"Message": message, "RequestId": "req-body", "Details": None}
    return httpx.Response(status, json=said, headers=headers)


def outlet_page(ids: Iterable[str], cursor: str | None) -> httpx.Response:
    return ok({"OutletItems": [{"Id": one} for one in ids], "OutletBills": [], "Cursor": cursor})
