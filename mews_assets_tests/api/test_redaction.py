"""The redactor: whatever the way a secret is written, it is not there afterwards."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.api import Credentials, redact
from mews_assets.api.redaction import drop_queries, guard_http_logs

SECRET = 'a/"b+é'


@pytest.mark.parametrize("written", [SECRET, json.dumps(SECRET)[1:-1], quote(SECRET, safe="")])
def test_a_secret_is_hidden_however_it_is_written(written: str) -> None:
    assert redact(f"bad token {written}!", [SECRET]) == "bad token ***!"


@given(secret=st.text("0123456789ABCDEF-", min_size=8), before=st.text(), after=st.text())
def test_no_text_around_a_secret_lets_it_through(secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + secret + after, [secret])


def test_a_secret_within_another_does_not_uncover_it() -> None:
    assert redact("abcdef", ["abc", "abcdef"]) == "***"


def test_an_empty_secret_hides_nothing() -> None:
    assert redact("hello", ["", "x"]) == "hello"


@pytest.mark.parametrize(
    "echo",
    ['{"ClientToken": "x", "Guest": "Ann"}', '{\\"Guest\\": \\"Ann\\", \\"AccessToken\\": \\"x\\"}'],
)
def test_an_echoed_body_is_hidden_whole(echo: str) -> None:
    assert redact(f"Invalid JSON: {echo}", []) == "Invalid JSON: {request body hidden}"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("https://f.example/a.jsonl?sig=1&se=2", "https://f.example/a.jsonl?***"),
        ("at 'https://f.example/a?x#y', then", "at 'https://f.example/a?***', then"),
        ("https://f.example/a#token", "https://f.example/a?***"),
        ("https://me:pw@f.example/a", "https://f.example/a"),
        ("to /a.jsonl?sig=1", "to /a.jsonl?***"),
        ("two http://a?1 https://b?2", "two http://a?*** https://b?***"),
        ("no link? none at all", "no link? none at all"),
    ],
)
def test_links_keep_host_and_path_only(text: str, cut: str) -> None:
    assert drop_queries(text) == cut
    assert drop_queries(cut) == cut


def test_guarding_the_logs_twice_is_the_same_as_once() -> None:
    guard_http_logs()
    before = [len(logging.getLogger(name).filters) for name in ("httpx", "httpcore.http11")]
    guard_http_logs()
    assert [len(logging.getLogger(name).filters) for name in ("httpx", "httpcore.http11")] == before == [1, 1]


@pytest.mark.parametrize(("client_token", "access_token"), [("", "a"), ("a", ""), ("a ", "b"), ("a", "b\n")])
def test_credentials_that_mews_would_refuse_are_refused_first(client_token: str, access_token: str) -> None:
    with pytest.raises(ValueError, match="_token is empty or has blanks") as caught:
        Credentials(client_token, access_token, "x 1")
    assert "b\n" not in str(caught.value)
