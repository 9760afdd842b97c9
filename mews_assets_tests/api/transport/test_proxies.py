"""Which way a request takes: the environment's proxy, or none, and what is told of a variable that is wrong."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.api import (
    ConnectionSettingError,
    DownloadError,
    DownloadLimits,
    Export,
    ExportFile,
    ExportStatus,
    MewsClient,
    PermanentError,
    Runtime,
    download_files,
)
from mews_assets.api.transport.proxies import Proxies
from mews_assets_tests.api.file_server import Storage, downloaded, only
from mews_assets_tests.api.raw_server import answering, client_at, once, read_request, whole
from mews_assets_tests.api.stage import credentials

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *map(str.upper, NAMES), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


def way(url: str, **variables: str) -> str:
    """The proxy to a host, by environment variables; empty where there is none."""
    found = Proxies(variables).to(httpx.URL(url))
    return f"{found.url.host}:{found.url.port}" if found else ""


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("https://api.mews.com", {}, ""),
        ("https://api.mews.com", {"HTTPS_PROXY": PROXY}, "proxy.example:3128"),
        ("https://api.mews.com", {"https_proxy": PROXY}, "proxy.example:3128"),
        ("https://api.mews.com", {"https_proxy": "proxy.example:3128"}, "proxy.example:3128"),
        ("https://api.mews.com", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, "proxy.example:3128"),
        ("https://api.mews.com", {"https_proxy": "", "HTTPS_PROXY": PROXY}, ""),
        ("https://api.mews.com", {"HTTP_PROXY": PROXY}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY}, "proxy.example:3128"),
        ("https://api.mews.com", {"ALL_PROXY": "http://other:1", "HTTPS_PROXY": PROXY}, "proxy.example:3128"),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "*"}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "a.example, mews.com"}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": ".mews.com"}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "*.mews.com"}, ""),
        ("https://API.mews.com", {"ALL_PROXY": PROXY, "no_proxy": "api.MEWS.com"}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "api.mews.com:443"}, ""),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "api.mews.com:8443"}, "proxy.example:3128"),
        ("https://api.mews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "https://api.mews.com"}, ""),
        ("https://notmews.com", {"ALL_PROXY": PROXY, "NO_PROXY": "mews.com"}, "proxy.example:3128"),
        ("https://10.2.3.4", {"ALL_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://11.2.3.4", {"ALL_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, "proxy.example:3128"),
        ("https://[fd00::7]", {"ALL_PROXY": PROXY, "NO_PROXY": "fd00::/8"}, ""),
        ("https://[fe00::7]", {"ALL_PROXY": PROXY, "NO_PROXY": "fd00::/8,[::1]"}, "proxy.example:3128"),
        ("https://[fd00::7]", {"ALL_PROXY": PROXY, "NO_PROXY": "[FD00:0::7]"}, ""),
        ("https://[fd00::7]:8443", {"ALL_PROXY": PROXY, "NO_PROXY": "[fd00::7]:8443"}, ""),
        # Loopback is never anybody else's.
        ("http://127.0.0.1:80", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, ""),
        ("http://127.9.8.7:80", {"HTTP_PROXY": PROXY}, ""),
        ("http://localhost:1", {"HTTP_PROXY": PROXY, "NO_PROXY": "x"}, ""),
        ("http://[::1]:1", {"HTTP_PROXY": PROXY}, ""),
        ("http://[::ffff:127.0.0.1]:1", {"HTTP_PROXY": PROXY}, ""),
    ],
)  # fmt: skip
def test_the_way_to_a_host_is_the_one_that_the_environment_names(
    url: str, variables: dict[str, str], proxy: str
) -> None:
    assert way(url, **variables) == proxy


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_whatever_stands_in_no_proxy_is_no_error(text: str) -> None:
    Proxies({"NO_PROXY": text, "ALL_PROXY": PROXY}).to(httpx.URL("https://api.mews.com"))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60))
def test_whatever_stands_in_a_proxy_variable_is_a_way_or_one_error_that_names_it(text: str) -> None:
    try:
        Proxies({"ALL_PROXY": text}).to(httpx.URL("https://api.mews.com"))
    except ConnectionSettingError as error:
        assert str(error).startswith("ALL_PROXY ")


SECRET = "s3cret-pw"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALL_PROXY", "socks5://proxy.example:1080", "socksio"),
        ("all_proxy", f"socks5h://me:{SECRET}@proxy.example:1080", "socksio"),
        ("HTTPS_PROXY", "socks4://proxy.example", "socks4"),
        ("HTTPS_PROXY", f"ftp://me:{SECRET}@proxy.example", "ftp"),
        ("HTTPS_PROXY", f"http://me:{SECRET}@[bad", "no address"),
        ("HTTPS_PROXY", "http://proxy.example:99999", "no address"),
        ("HTTPS_PROXY", "http://", "no address"),
        ("HTTPS_PROXY", f"http://{'a' * 64}.example", "no address"),
        ("HTTPS_PROXY", "http://xn--0.example:1", "no address"),
        ("HTTPS_PROXY", "http://a..example:1", "no address"),
        ("SSL_CERT_FILE", "/no/such/certificates.pem", "/no/such/certificates.pem"),
        ("SSL_CERT_FILE", __file__, "certificate"),
        ("SSL_CERT_DIR", "/no/such/folder", "/no/such/folder"),
        ("SSLKEYLOGFILE", "/no/such/folder/keys", "/no/such/folder/keys"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_used_is_named_with_what_is_wrong_and_without_its_password(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConnectionSettingError, match=f"^{name} ") as caught:
        MewsClient("https://api.mews.com", credentials())
    assert said in str(caught.value) and SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_file_of_certificates_is_no_matter_where_nothing_is_encrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/certificates.pem")
    with answering(once(whole(b'{"a":1}'))) as address, client_at(address) as mews:
        assert mews.ask("a/b", {}).body == b'{"a":1}'


def test_loopback_is_asked_directly_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "fd00::/8")
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with answering(once(whole(b'{"a":1}'))) as address, client_at(address) as mews:
        assert mews.ask("a/b", {}).body == b'{"a":1}'


def test_a_proxy_that_refuses_is_named_as_one_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel to Mews is asked for at the proxy, with its user and password, and is refused."""
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        connection.sendall(whole(b"", b"407 Proxy Authentication Required"))

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(read_request(connection))
                refuse(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{SECRET}@127.0.0.1:{listener.getsockname()[1]}")
        with (
            MewsClient("https://api.mews.com", credentials()) as mews,
            pytest.raises(PermanentError, match="407") as caught,
        ):
            mews.ask("a/b", {})
        thread.join(5)
    assert asked[0].startswith(b"CONNECT api.mews.com:443 ")
    assert b"Proxy-Authorization: Basic " in asked[0]
    assert "HTTPS_PROXY" in str(caught.value) and SECRET not in str(caught.value)


def fetched(storage: Storage, tmp_path: Path, look_up: list[str]) -> None:
    downloaded(storage, tmp_path, resolve=lambda _: look_up)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "all_proxy"])
def test_a_proxy_variable_does_not_switch_off_the_check_of_what_is_connected_to_directly(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    only(storage)
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1, a private address"):
        fetched(storage, tmp_path, ["93.184.215.14"])
    assert storage.seen == []  # not a byte was sent there


def test_what_a_proxy_is_at_does_not_matter_for_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a proxy of this network to the internet: the connection is to the proxy, and is no private link."""
    with answering(once(whole(b"", b"502 Bad Gateway"))) as address:
        monkeypatch.setenv("HTTPS_PROXY", address)
        export = Export(
            "e1", ExportStatus.SUCCESS, "Bill", (ExportFile("https://files.example/one?sig=s3cret", 5),)
        )
        with (
            MewsClient("https://api.mews.com", credentials()) as mews,
            pytest.raises(DownloadError, match="502"),
        ):
            download_files(
                mews,
                "e1",
                tmp_path,
                refresh=lambda: export,
                limits=DownloadLimits(max_tries=1),
                runtime=Runtime(sleep=lambda _: None, resolve=lambda _: ["93.184.215.14"]),
            )


@pytest.mark.parametrize(
    "link",
    [f"https://{'a' * 64}.example/x", "https://xn--0/x", "https://a..b/x", "https://a:99999/x", "https://[::1/x",
     "https://\ud800/x", "https://a.example/\ud800", "https://" + "a." * 200 + "example/"],
)  # fmt: skip
def test_a_link_that_is_no_address_is_one_error_of_that_export(link: str, tmp_path: Path) -> None:
    export = Export("e1", ExportStatus.SUCCESS, "Bill", (ExportFile(link, 5),))
    with (
        MewsClient("https://api.mews.com", credentials()) as mews,
        pytest.raises(DownloadError, match="link cannot be read"),
    ):
        download_files(mews, "e1", tmp_path, refresh=lambda: export)


@pytest.mark.parametrize(
    "link", ["https://xn--0/", f"https://{'a' * 64}.b/", "https://[::1", "http://a:99999/"]
)
@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary"])
def test_a_redirect_to_what_is_no_address_is_told_as_one(link: str, status: bytes) -> None:
    answer = whole(b"", status, b"Location: " + link.encode())
    with (
        answering(once(answer)) as address,
        client_at(address) as mews,
        pytest.raises(PermanentError, match="redirect"),
    ):
        mews.ask("a/b", {})
