"""Junk: whatever is asked, the sandbox answers as Mews would, with a status of its own and never with a failure."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from mews_assets.sandbox.records.entities import ENTITIES
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, running_sandbox
from mews_assets.sandbox.server.operations import EXPORT_OPERATIONS, OPERATIONS
from mews_assets_tests.sandbox.made import NORTH, NOW, Client, hotels, item

JSON = "application/json"
NESTED = [b"[" * 5000 + b"]" * 5000, b'{"a":' * 3000 + b"1" + b"}" * 3000, b"[" * 500_000]
NUMBERS = [
    b"1e999",
    b"-1e999",
    b"9" * 5000,
    b"9" * 25,
    b"-9223372036854775809",
    b"1e-999",
    b"0.1",
    b"-1",
    b"0",
    b"9223372036854775807",
]
TEXTS = [
    b'"\\u0000"',
    b'"\\ud83d\\ude00"',
    b'"' + b"x" * 200_000 + b'"',
    b'""',
    b'"null"',
    b'"0001-01-01T00:00:00Z"',
    b'"9999-12-31T23:59:59Z"',
    b'"9999-12-31T23:59:59-23:59"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"2024-06-01T00:00:00Z"',
    b'"2024-W01-1T10"',
    b'"T"',
    b'"9999-12-31"',
    b'"0000-00-00"',
    b'"2024-06-01"',
    b'"OrderItem"',
    b'"LedgerEntry"',
    b'"Active"',
    b'"\'; DROP TABLE versions"',
]
OTHERS = [
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[null]",
    b"[[]]",
    b"[{}]",
    b'[""]',
    b"[1]",
    b'["\\u0000"]',
    b'{"StartUtc":1}',
    b'{"Count":true}',
]
NAMES = (
    "Limitation",
    "Extent",
    "EnterpriseIds",
    "ChainIds",
    "ServiceIds",
    "UpdatedUtc",
    "CreatedUtc",
    "CollidingUtc",
    "ActivityStates",
    "States",
    "EntityType",
    "Scope",
    "Filters",
    "ExportIds",
    "Currency",
    "BillIds",
    "CustomerIds",
    "OrderItemIds",
    "ConsumedUtc",
    "ClosedUtc",
    "Count",
    "Cursor",
    "StartUtc",
    "EndUtc",
    "Posting",
    "LedgerEntryFilters",
    "Client",
    "AccessToken",
    "\u0000",
    "__proto__",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    records = [*hotels(), item("room", "2024-06-01T10:00:00Z", Name="room")]
    with running_sandbox(
        records, now=datetime.fromisoformat(NOW), limits=ServerLimits(requests=10**9)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Client:
    return Client(sandbox)


def ask(client: Client, operation: str, content: bytes, content_type: str | None = JSON) -> httpx.Response:
    headers = {"Content-Type": content_type} if content_type is not None else {}
    return client.http.post(operation, content=content, headers=headers)


@pytest.mark.parametrize(
    "content", [*NESTED, b'{"a":' + NUMBERS[2] + b"}", b"\xff", b"", b"null", b'"x"', b'{"a":1,}']
)
@pytest.mark.parametrize("operation", ["orderItems/getAll", "exports/add", "exports/getAll"])
def test_a_body_that_is_no_request_is_a_400(client: Client, operation: str, content: bytes) -> None:
    assert ask(client, operation, content).status_code in (400, 413)


@pytest.mark.parametrize(
    "content",
    [
        NESTED[0],
        NESTED[2],
        b"9" * 5000,
        b'{"AdvanceSeconds":1e999}',
        b'{"AdvanceSeconds":1e17}',
        b'{"Now":"9999-12-31T23:59:59-23:59"}',
        b'{"Now":5}',
        b"\xff",
    ],
)
@pytest.mark.parametrize("address", ["clock", "records"])
def test_a_control_that_makes_no_sense_is_a_400(client: Client, address: str, content: bytes) -> None:
    base = f"{client.sandbox.address}/control"
    assert client.http.post(f"{base}/{address}", content=content).status_code == 400
    assert client.http.get(f"{base}/clock").status_code == 200
    assert client.post("orderItems/getAll", Limitation={"Count": 1}).status_code < 500


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y"],
)
def test_json_is_what_is_taken(client: Client, content_type: str) -> None:
    body = json.dumps({**client.tokens(), "ExportIds": ["x"]}).encode()
    assert ask(client, "exports/getAll", body, content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "*/*"],
)
def test_any_other_type_of_content_is_a_415(client: Client, content_type: str | None) -> None:
    body = json.dumps({**client.tokens(), "ExportIds": ["x"]}).encode()
    answer = ask(client, "exports/getAll", body, content_type)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["Details"]


def test_a_body_without_end_is_a_413_before_it_has_all_come(client: Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 200_000_000:
            sent += 100_000
            yield b"x" * 100_000

    for url in ("exports/add", f"{client.sandbox.address}/control/records"):
        sent = 0
        try:
            status = client.http.post(url, content=endless(), headers={"Content-Type": JSON}).status_code
        except (httpx.WriteError, httpx.ReadError):  # the connection was closed under it
            status = 413
        assert status == 413
        assert sent < 100_000_000


def value(rng: random.Random, depth: int = 0) -> bytes:
    kind = rng.randrange(10)
    if kind == 0 and depth < 3:
        names = [json.dumps(rng.choice(NAMES)).encode() for _ in range(rng.randrange(4))]
        return b"{" + b",".join(name + b":" + value(rng, depth + 1) for name in names) + b"}"
    if kind == 1 and depth < 3:
        return b"[" + b",".join(value(rng, depth + 1) for _ in range(rng.randrange(4))) + b"]"
    if kind == 2 and rng.random() < 0.1:
        return rng.choice(NESTED)
    return rng.choice([*NUMBERS, *TEXTS, *OTHERS])


def body_of(rng: random.Random, client: Client) -> bytes:
    fields: dict[str, Any] = {**client.tokens()}
    raw = {name: json.dumps(text).encode() for name, text in fields.items()}
    if rng.random() < 0.7:
        raw["Limitation"] = rng.choice(
            [b'{"Count":5}', b'{"Count":1000,"Cursor":' + value(rng) + b"}", b'{"Count":' + value(rng) + b"}"]
        )
    if rng.random() < 0.3:
        raw["EntityType"] = json.dumps(rng.choice([*ENTITIES])).encode()
    if rng.random() < 0.2:
        raw["EnterpriseIds"] = json.dumps([NORTH]).encode()
    if rng.random() < 0.4:
        ends = b'{"StartUtc":%s,"EndUtc":%s}' % (rng.choice(TEXTS), rng.choice(TEXTS))
        raw[rng.choice(["UpdatedUtc", "CreatedUtc", "CollidingUtc", "ConsumedUtc"])] = ends
        raw["Filters"] = rng.choice(
            [
                b'{"UpdatedUtc":%s}' % ends,
                b'{"LedgerEntryFilters":{"Posting":{"Start":%s,"End":%s}}}'
                % (rng.choice(TEXTS), rng.choice(TEXTS)),
            ]
        )
    for _ in range(rng.randrange(4)):
        raw[rng.choice(NAMES)] = value(rng)
    return b"{" + b",".join(json.dumps(name).encode() + b":" + text for name, text in raw.items()) + b"}"


@pytest.mark.slow
def test_no_junk_makes_the_sandbox_fail(client: Client) -> None:
    """`JUNK=20000` for a long run."""
    rng = random.Random(int(os.environ.get("JUNK_SEED", "1")))
    addresses = [*OPERATIONS, *EXPORT_OPERATIONS, *EXPORT_OPERATIONS, "exports/add", "exports/add"]
    statuses: dict[int, int] = {}
    for at in range(int(os.environ.get("JUNK", "500"))):
        operation, content = rng.choice(addresses), body_of(rng, client)
        answer = ask(client, operation, content)
        assert answer.status_code < 500, (at, operation, content[:2000], answer.text)
        assert set(answer.json() if answer.content else {}) >= (
            set() if answer.is_success else {"Message", "RequestId"}
        )
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        if at % 50 == 0:
            log = client.http.get(f"{client.sandbox.address}/control/requests")
            assert log.status_code == 200, (at, log.text)
    print(statuses)
    assert statuses[200] and statuses[400]


PATHS = [
    "/files/",
    "/files/..%2f..%2fetc%2fpasswd",
    "/files/%00",
    "/files/x?sig=1",
    "/files/" + "x" * 9000,
    "//",
    "/%ff",
    "/api/connector/v1/",
    "/api/connector/v1/orderItems/getAll/",
    "/api/connector/v1/%00",
    "/control/",
    "/control/%00",
    "/control/clock/x",
    "/\u2603",
]


@pytest.mark.parametrize("path", PATHS)
def test_an_address_that_is_none_is_told_as_one(client: Client, path: str) -> None:
    headers = {"Range": "bytes=9-1,x", "If-Range": '"', "Prefer": "\x7f"}
    for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = client.http.request(method, f"{client.sandbox.address}{path}", headers=headers)
        assert 400 <= answer.status_code < 500, method


@pytest.mark.parametrize(
    "span",
    [
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 5000,
        "bytes=x",
        "x",
        "bytes=5-1",
        "bytes=0-0,0-0," * 500,
    ],
)
def test_a_range_that_is_none_is_no_failure(client: Client, span: str) -> None:
    export = client.export(client.order("OrderItem"))
    url = export["Files"][0]["Url"]
    assert client.http.get(url, headers={"Range": span}).status_code < 500
