"""Links that lead to machines only we can reach are not followed, however they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from mews_assets.api import (
    DownloadError,
    Export,
    ExportFile,
    ExportStatus,
    MewsClient,
    Runtime,
    download_files,
)
from mews_assets.api.transport.ssrf_guard import is_public, not_public, resolve
from mews_assets_tests.api.file_server import TWO, Storage, downloaded, only, serving, status
from mews_assets_tests.api.stage import credentials

PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
     "fd12::1", "2002:7f00:1::", "2001:db8::1", "", "one",
     "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",],
)  # fmt: skip
def test_addresses_of_this_machine_and_this_network_are_not_public(address: str) -> None:
    assert not is_public(address)
    assert not_public([PUBLIC, address]) == address


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)
    assert not not_public([address])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
def test_a_host_is_looked_up_as_the_connection_will_be(host: str) -> None:
    assert not_public(resolve(host))


def test_a_host_nobody_here_knows_has_no_address() -> None:
    assert resolve("no-such-host.invalid") == []
    assert resolve("x" * 300) == []


def resolve_literal(host: str) -> list[str]:
    """An address as itself, and any name as one of the internet."""
    return [host] if not host[-1].isalpha() else [PUBLIC]


def fetched(link: str, tmp_path: Path, addresses: dict[str, list[str]], **more: Any) -> list[str]:
    """The hosts that were asked for the file; the link is that of a platform on the internet."""
    asked: list[str] = []

    def storage(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"Location": more["to"]})
        return httpx.Response(200, stream=httpx.ByteStream(TWO))

    export = Export("e1", ExportStatus.SUCCESS, "Bill", (ExportFile(link, len(TWO)),))
    with MewsClient("https://api.mews.com", credentials()) as client:
        download_files(
            client,
            "e1",
            tmp_path,
            refresh=lambda: export,
            runtime=Runtime(
                transport=httpx.MockTransport(storage),
                sleep=lambda _: None,
                resolve=lambda host: addresses.get(host) or resolve_literal(host),
            ),
        )
    return asked


def test_a_storage_service_on_the_internet_is_asked(tmp_path: Path) -> None:
    found = fetched(
        "https://files.example/one?sig=1", tmp_path, {"files.example": [PUBLIC, "2606:4700::1111"]}
    )
    assert found == ["files.example"]


@pytest.mark.parametrize(
    ("link", "addresses"),
    [
        ("https://169.254.169.254/latest/meta-data?sig=s3cret", {}),
        ("https://127.0.0.1:8443/one?sig=s3cret", {}),
        ("https://[::1]/one?sig=s3cret", {}),
        ("https://[::ffff:10.0.0.1]/one?sig=s3cret", {}),
        ("https://inside.example/one?sig=s3cret", {"inside.example": ["10.0.0.7"]}),
        ("https://both.example/one?sig=s3cret", {"both.example": [PUBLIC, "192.168.0.1"]}),
    ],
)
def test_a_link_into_our_own_network_is_refused_before_anything_is_sent(
    tmp_path: Path, link: str, addresses: dict[str, list[str]]
) -> None:
    with pytest.raises(DownloadError, match="private address, and is not followed") as caught:
        fetched(link, tmp_path, addresses)
    assert "s3cret" not in str(caught.value)


def test_a_redirect_into_our_own_network_is_refused(tmp_path: Path) -> None:
    addresses = {"files.example": [PUBLIC], "inside.example": ["10.0.0.7"]}
    with pytest.raises(DownloadError, match=r"inside\.example at 10\.0\.0\.7"):
        fetched("https://files.example/moved", tmp_path, addresses, to="https://inside.example/one")


def test_a_name_that_leads_elsewhere_than_it_was_looked_up_is_caught_when_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real connection to this machine, behind a name that was said to be of the internet."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Storage({"one": TWO})) as storage:
        with pytest.raises(DownloadError, match=r"127\.0\.0\.1, a private address"):
            downloaded(storage, tmp_path, resolve=lambda _: [PUBLIC])
        assert list(tmp_path.iterdir()) == []


def test_a_platform_that_is_of_our_network_may_lead_into_it(tmp_path: Path) -> None:
    with serving(Storage({"one": TWO, "two": TWO})) as storage:
        only(storage)
        storage.faults["one"] = [status(302, Location="/one?sig=1")]
        assert downloaded(storage, tmp_path)[0].path.read_bytes() == TWO


@pytest.mark.parametrize(
    "address",
    ["::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b:1::7f00:1", "64:ff9b::7f00:1",
     "fec0::1", "feff::1", "2002:a00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
     "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:7f00:1", "100::1",
     "2001:2::1", "3fff::1", "5f00::1", "4000::1", "::ffff:0.0.0.0", "192.88.99.1.", "0177.0.0.1"],
)  # fmt: skip
def test_an_address_of_ours_is_not_public_however_it_is_wrapped(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["2002:808:808::1", "2a00:1450:4001::200e", "64:ff9b::8.8.8.8"])
def test_an_address_of_the_internet_stays_public_when_it_is_wrapped(address: str) -> None:
    assert is_public(address)
