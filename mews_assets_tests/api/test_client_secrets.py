"""No token leaves the client but in a request's body, whatever is echoed or goes wrong."""

from __future__ import annotations

import json
import logging
import traceback

import httpx
import pytest

from mews_assets.api import (
    MewsError,
    TransientError,
)
from mews_assets_tests.api.stage import (
    ACCESS_TOKEN,
    CLIENT_TOKEN,
    ScriptedMews,
    client_of,
    credentials,
    ok,
)

OPERATION = "outletItems/getAll"


GUEST = {"Guest": "Ms Secret"}

ECHOES = [
    lambda request: httpx.Response(400, json={"Message": f"bad: {request.content.decode()}"}),
    lambda request: httpx.Response(400, text=request.content.decode()),
    lambda request: httpx.Response(401, json={"Message": f"Invalid AccessToken {ACCESS_TOKEN}"}),
    lambda request: httpx.Response(403, json={"Message": json.dumps(json.loads(request.content), indent=1)}),
    lambda request: httpx.Response(408, text=f"x{CLIENT_TOKEN}x" * 100),
    lambda request: httpx.Response(429, text=request.content.decode()),
    lambda request: httpx.Response(500, text=ACCESS_TOKEN.replace("/", "%2F")),
    lambda request: httpx.Response(302, headers={"Location": f"https://a.example/?t={ACCESS_TOKEN}"}),
    lambda request: httpx.Response(200, content=request.content[:-1]),
    lambda request: httpx.Response(200, content=b"<" + request.content),
]


@pytest.mark.parametrize("echo", ECHOES)
def test_no_token_is_ever_told_or_logged(echo: object, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever Mews or something in between echoes: not in messages, tracebacks, chained errors or logs."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(MewsError) as caught:
        client_of(ScriptedMews(echo)).ask(OPERATION, GUEST)  # type: ignore[arg-type]
    told = caplog.text + str(caught.value) + repr(caught.value) + repr(caught.value.__dict__)
    told += "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    for secret in (CLIENT_TOKEN, ACCESS_TOKEN, ACCESS_TOKEN.replace("/", "%2F"), "Ms Secret"):
        assert secret not in told


def test_no_token_is_told_when_the_connection_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mews = ScriptedMews(httpx.ConnectError(f"cannot send {ACCESS_TOKEN}"))
    with pytest.raises(TransientError) as caught:
        client_of(mews).ask(OPERATION, {})
    assert caught.value.__context__ is None and caught.value.__cause__ is None
    assert ACCESS_TOKEN not in caplog.text + str(caught.value)


def test_neither_client_nor_credentials_show_their_tokens() -> None:
    shown = repr(client_of(ScriptedMews(ok({})))) + repr(credentials()) + str(credentials())
    assert CLIENT_TOKEN not in shown and ACCESS_TOKEN not in shown
