"""Where tokens may travel: which platform addresses and operations are accepted."""

from __future__ import annotations

import pytest

from mews_assets.api import (
    MewsClient,
)
from mews_assets_tests.api.stage import (
    ScriptedMews,
    client_of,
    credentials,
    ok,
)


@pytest.mark.parametrize("operation", ["/a/b", "a/b/", "a", "a/../b", "a/b?c", "https://x.example/a"])
def test_what_is_no_operation_is_never_sent(operation: str) -> None:
    mews = ScriptedMews(ok({}))
    with pytest.raises(ValueError, match="no operation"):
        client_of(mews).ask(operation, {})
    assert not mews.requests


@pytest.mark.parametrize(
    "address",
    ["http://api.mews.com", "api.mews.com", "ftp://api.mews.com", "https://user:pw@api.mews.com", "",
     "https://api.mews.com?x=1", "https://api.mews.com/api/connector/v1", "http://127.0.0.1.example.com"],
)  # fmt: skip
def test_tokens_are_not_sent_to_a_doubtful_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"https://api\.mews\.com"):
        MewsClient(address, credentials())


@pytest.mark.parametrize(
    "address", ["https://api.mews.com/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9"]
)
def test_https_and_this_machine_are_fine_addresses(address: str) -> None:
    with MewsClient(address, credentials()) as client:
        assert not str(client.platform).endswith("/")
