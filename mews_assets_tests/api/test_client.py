"""How the client reacts to every kind of answer."""

from __future__ import annotations

import pickle
import ssl
import threading
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from mews_assets.api import (
    ForbiddenError,
    MewsError,
    PermanentError,
    SlidingWindow,
    TooLargeError,
    TransientError,
    UnauthorizedError,
    UnreadableError,
)
from mews_assets_tests.api.stage import (
    ACCESS_TOKEN,
    CLIENT_TOKEN,
    NOW,
    FakeClock,
    ScriptedMews,
    client_of,
    ok,
    refusal,
    values_of,
)

OPERATION = "outletItems/getAll"


def test_a_request_is_a_post_to_the_operation_with_the_tokens_in_its_body() -> None:
    mews = ScriptedMews(ok({"OutletItems": []}))
    client_of(mews).ask(OPERATION, {"Currency": "EUR"})
    request = mews.requests[0]
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.example.com/api/connector/v1/outletItems/getAll",
    )
    assert mews.bodies[0] == {
        "ClientToken": CLIENT_TOKEN,
        "AccessToken": ACCESS_TOKEN,
        "Client": "mews_assets 0.1",
        "Currency": "EUR",
    }
    headers = str(request.headers)
    assert CLIENT_TOKEN not in headers and ACCESS_TOKEN not in headers


def test_the_answer_comes_back_byte_for_byte() -> None:
    body = b'{ "Amount": 1.10,\n "Name": "caf\xc3\xa9" }'
    client = client_of(ScriptedMews(ok(body)))
    assert client.ask(OPERATION, {}).body == body
    assert values_of(client.ask(OPERATION, {})) == {"Amount": 1.1, "Name": "café"}


def test_a_body_may_not_bring_its_own_tokens() -> None:
    with pytest.raises(ValueError, match="AccessToken"):
        client_of(ScriptedMews(ok({}))).ask(OPERATION, {"AccessToken": "x"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, PermanentError),
        (302, PermanentError),
        (307, PermanentError),
        (400, PermanentError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, PermanentError),
        (405, PermanentError),
        (408, TooLargeError),
        (413, TooLargeError),
        (418, PermanentError),
    ],
)
def test_what_cannot_pass_is_raised_at_once(status: int, kind: type[MewsError]) -> None:
    mews, clock = ScriptedMews(refusal(status, Location="https://elsewhere.example/?token=1")), FakeClock()
    with pytest.raises(kind) as caught:
        client_of(mews, clock).ask(OPERATION, {})
    assert type(caught.value) is kind
    assert len(mews.requests) == 1 and clock.naps == []
    assert not caught.value.retryable


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    mews = ScriptedMews(refusal(status), refusal(status), ok({"Fine": 1}))
    assert values_of(client_of(mews).ask(OPERATION, {})) == {"Fine": 1}
    assert len(mews.requests) == 3
    assert mews.bodies[0] == mews.bodies[2]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut"),
        httpx.PoolTimeout("busy"),
    ],
)
def test_connection_trouble_is_tried_again(trouble: httpx.TransportError) -> None:
    mews = ScriptedMews(trouble, ok({"Fine": 1}))
    assert values_of(client_of(mews).ask(OPERATION, {})) == {"Fine": 1}


@pytest.mark.parametrize("trouble", [refusal(500), refusal(429), httpx.ConnectError("refused")])
def test_after_the_last_try_the_caller_is_told_to_wait(trouble: httpx.Response | Exception) -> None:
    mews = ScriptedMews(trouble)
    with pytest.raises(TransientError, match="Given up after 6 tries") as caught:
        client_of(mews).ask(OPERATION, {})
    assert len(mews.requests) == 6
    assert caught.value.retryable


def test_a_certificate_that_is_not_trusted_is_no_passing_trouble() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("bad certificate") from ssl.SSLCertVerificationError("self-signed")

    mews = ScriptedMews(refuse)
    with pytest.raises(PermanentError, match="certificate"):
        client_of(mews).ask(OPERATION, {})
    assert len(mews.requests) == 1


def test_waits_grow_and_are_never_longer_than_half_a_minute() -> None:
    clock = FakeClock()
    with pytest.raises(TransientError):
        client_of(ScriptedMews(refusal(500)), clock, max_tries=9).ask(OPERATION, {})
    assert clock.naps == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_may_cut_a_wait_down_to_nothing() -> None:
    clock = FakeClock()
    with pytest.raises(TransientError):
        client_of(ScriptedMews(refusal(500)), clock, random=lambda: 0.0).ask(OPERATION, {})
    assert sum(clock.naps) == 0


def test_retry_after_in_seconds_is_waited_for() -> None:
    clock = FakeClock()
    mews = ScriptedMews(refusal(429, **{"Retry-After": "17"}), ok({}))
    client_of(mews, clock, random=lambda: 0.25).ask(OPERATION, {})
    assert clock.naps == [17.25]


def test_retry_after_as_a_date_is_measured_by_mews_own_clock() -> None:
    clock, theirs = FakeClock(), NOW + timedelta(hours=3)
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=20), usegmt=True),
    }
    client_of(ScriptedMews(refusal(429, **headers), ok({})), clock, random=lambda: 0.0).ask(OPERATION, {})
    assert clock.naps == [20.0]


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "٣"])
def test_a_missing_or_strange_retry_after_means_backoff(value: str) -> None:
    clock = FakeClock()
    strange = httpx.Response(429, headers=[(b"Retry-After", value.encode())] if value else [])
    client_of(ScriptedMews(strange, strange, ok({})), clock).ask(OPERATION, {})
    assert clock.naps == [1, 2]


def test_a_very_long_retry_after_is_left_to_the_caller() -> None:
    mews, clock = ScriptedMews(refusal(429, **{"Retry-After": "3600"})), FakeClock()
    with pytest.raises(TransientError, match="3600 s") as caught:
        client_of(mews, clock).ask(OPERATION, {})
    assert caught.value.retry_after_seconds == 3600
    assert len(mews.requests) == 1 and clock.naps == []


def test_a_429_holds_back_every_thread_that_shares_the_pacing() -> None:
    clock = FakeClock()
    pacing = SlidingWindow(1000, 30.0, clock, clock.sleep)
    mews = ScriptedMews(refusal(429, **{"Retry-After": "10"}), ok({}))
    client_of(mews, clock, pacing=pacing, sleep=lambda _: None).ask(OPERATION, {})
    assert clock() == 1011.0


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b"[]", b"null", b'"x"', b'{"a":1', b'{"a":1}}', b"{'a':1}", b'{"a":NaN}',
     b'{"a":"\xff"}', b'{"a":[1,]}'],
)  # fmt: skip
def test_an_unreadable_answer_is_never_an_empty_one(body: bytes) -> None:
    mews = ScriptedMews(ok(body))
    with pytest.raises(UnreadableError, match="cannot be read") as caught:
        client_of(mews).ask(OPERATION, {})
    # Not asked again at once, and yet what spoilt it may pass: one page of a proxy stops nobody for good.
    assert (len(mews.requests), caught.value.retryable) == (1, True)


def test_a_body_that_cannot_be_unpacked_was_spoilt_on_its_way_and_is_asked_for_again() -> None:
    spoilt = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
    mews = ScriptedMews(lambda _: spoilt, ok({"a": 1}))
    assert values_of(client_of(mews).ask(OPERATION, {})) == {"a": 1}
    assert len(mews.requests) == 2


def test_a_204_is_only_readable_where_it_was_asked_for() -> None:
    mews = ScriptedMews(httpx.Response(204))
    assert client_of(mews).ask(OPERATION, {}, minimal=True).is_empty
    assert mews.requests[0].headers["Prefer"] == "return=minimal"
    with pytest.raises(PermanentError, match="cannot be read"):
        client_of(mews).ask(OPERATION, {})
    assert "Prefer" not in mews.requests[1].headers


def test_a_redirect_is_not_followed_and_its_query_not_told() -> None:
    mews = ScriptedMews(httpx.Response(307, headers={"Location": "https://evil.example/x?key=secret"}))
    with pytest.raises(PermanentError) as caught:
        client_of(mews).ask(OPERATION, {})
    assert "https://evil.example/x" in str(caught.value) and "secret" not in str(caught.value)
    assert len(mews.requests) == 1


def test_an_error_says_what_was_tried_and_what_to_do_next() -> None:
    mews = ScriptedMews(refusal(401, "Invalid AccessToken", **{"Request-Id": "req-7"}))
    with pytest.raises(UnauthorizedError) as caught:
        client_of(mews).ask(OPERATION, {})
    error = caught.value
    assert (error.operation, error.status, error.request_id, error.connection, error.message) == (
        OPERATION,
        401,
        "req-7",
        "hotel-1",
        "Invalid AccessToken",
    )
    for part in (OPERATION, "401", "req-7", "hotel-1", "Invalid AccessToken", "check the client token"):
        assert part in str(error)


def test_the_request_id_of_the_body_does_where_the_header_is_missing() -> None:
    with pytest.raises(ForbiddenError) as caught:
        client_of(ScriptedMews(refusal(403))).ask(OPERATION, {})
    assert caught.value.request_id == "req-body"


def test_an_error_survives_pickling() -> None:
    with pytest.raises(TransientError) as caught:
        client_of(ScriptedMews(refusal(429, **{"Retry-After": "999"}))).ask(OPERATION, {})
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is TransientError and str(again) == str(caught.value)
    assert again.retry_after_seconds == 999


def test_the_difference_between_the_clocks_is_noted() -> None:
    mews = ScriptedMews(ok({}, Date=format_datetime(NOW + timedelta(seconds=90), usegmt=True)))
    client = client_of(mews)
    assert client.clock_skew_seconds is None
    client.ask(OPERATION, {})
    assert client.clock_skew_seconds == 90


def test_cookies_are_not_kept() -> None:
    mews = ScriptedMews(ok({}, **{"Set-Cookie": "a=b; Path=/"}))
    client = client_of(mews)
    client.ask(OPERATION, {})
    client.ask(OPERATION, {})
    assert "Cookie" not in mews.requests[1].headers


def test_threads_may_share_a_client() -> None:
    mews = ScriptedMews(ok({"Fine": 1}))
    client = client_of(mews)
    threads = [threading.Thread(target=client.ask, args=(OPERATION, {})) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mews.requests) == 16
