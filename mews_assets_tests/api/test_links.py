"""Links that die, change or lead astray; and that no signature is ever told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from mews_assets.api import (
    DownloadError,
    Export,
    ExportExpiredError,
    ExportFile,
    ExportStatus,
    MewsClient,
    MewsError,
    TransientError,
    download_files,
)
from mews_assets_tests.api.file_server import ONE, TWO, Storage, cut_after, downloaded, only, serving, status
from mews_assets_tests.api.stage import SIGNATURE, credentials


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_dead_link_is_replaced_by_a_fresh_one(storage: Storage, tmp_path: Path, code: int) -> None:
    only(storage)
    storage.faults["one"] = [status(code)]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == ONE
    assert storage.refreshes == 2


def test_a_link_that_dies_halfway_is_replaced_and_the_file_resumed(storage: Storage, tmp_path: Path) -> None:
    only(storage)

    def cut_and_expire(handler: Any, content: bytes) -> None:
        storage.signature += 1
        cut_after(120_000)(handler, content)

    storage.faults["one"] = [cut_and_expire]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == ONE
    assert storage.ranges("one") == [None, "bytes=120000-", "bytes=120000-"]
    assert storage.refreshes == 2


def test_files_waiting_in_line_share_one_fresh_answer(storage: Storage, tmp_path: Path) -> None:
    storage.files = {f"f{n}": bytes([n]) * 1000 for n in range(12)}

    def refresh() -> Export:
        export = storage.export()
        if storage.refreshes == 1:
            storage.signature += 1
        return export

    assert len(downloaded(storage, tmp_path, refresh=refresh)) == 12
    assert storage.refreshes == 2


def test_links_that_stay_dead_end_the_download(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [status(403)] * 99
    with pytest.raises(DownloadError, match="3 new links were dead too"):
        downloaded(storage, tmp_path)
    assert storage.refreshes == 4


def test_an_export_that_expired_meanwhile_is_named_as_such(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [status(403)]
    states = iter([storage.export(), Export("e1", ExportStatus.EXPIRED, "Bill")])
    with pytest.raises(ExportExpiredError):
        downloaded(storage, tmp_path, refresh=lambda: next(states))


def test_an_export_that_is_not_ready_is_not_downloaded(storage: Storage, tmp_path: Path) -> None:
    pending = Export("e1", ExportStatus.PENDING, "Bill", status_text="Pending")
    with pytest.raises(DownloadError, match="no files yet: it is Pending"):
        downloaded(storage, tmp_path, refresh=lambda: pending)


def test_fresh_links_in_another_order_still_lead_to_the_same_files(storage: Storage, tmp_path: Path) -> None:
    storage.faults["one"] = [cut_after(100_000), status(403)]

    def refresh() -> Export:
        export = storage.export()
        files = export.files if storage.refreshes == 1 else export.files[::-1]
        return Export("e1", export.status, "Bill", files)

    files = downloaded(storage, tmp_path, refresh=refresh, files_at_once=1)
    assert [file.path.read_bytes() for file in files] == [ONE, TWO]


def test_an_export_whose_files_changed_is_not_pieced_together(storage: Storage, tmp_path: Path) -> None:
    only(storage)

    def grow(handler: Any, content: bytes) -> None:
        storage.files = {"one": ONE + b"more"}
        status(403)(handler, content)

    storage.faults["one"] = [grow]
    with pytest.raises(DownloadError, match="other files than before"):
        downloaded(storage, tmp_path)


def test_an_error_while_asking_for_fresh_links_comes_through(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [status(403)]
    answers = iter([storage.export()])

    def refresh() -> Export:
        for export in answers:
            return export
        raise TransientError("busy")

    with pytest.raises(TransientError, match="busy"):
        downloaded(storage, tmp_path, refresh=refresh)


def test_a_redirect_on_the_same_terms_is_followed(storage: Storage, tmp_path: Path) -> None:
    only(storage, "two")
    storage.faults["two"] = [status(302, Location="/two?sig=1&again=1"), status(307, Location="/two?sig=1")]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == TWO


def test_endless_redirects_are_not_followed(storage: Storage, tmp_path: Path) -> None:
    only(storage, "two")
    storage.faults["two"] = [status(302, Location="/two?sig=1")] * 99
    with pytest.raises(DownloadError, match="more than 3 times"):
        downloaded(storage, tmp_path)


@pytest.mark.parametrize(
    "elsewhere", ["http://files.example/one?sig=x", "ftp://127.0.0.1/one", "https://files.example/one"]
)
def test_a_redirect_to_other_terms_is_refused(storage: Storage, tmp_path: Path, elsewhere: str) -> None:
    only(storage)
    storage.faults["one"] = [status(302, Location=elsewhere)]
    with pytest.raises(DownloadError, match="not followed"):
        downloaded(storage, tmp_path)


@pytest.mark.parametrize(
    "link", ["http://files.example/one?sig=s3cret", "file:///etc/passwd", "one", "http://["]
)
def test_a_link_that_is_not_https_is_refused(storage: Storage, tmp_path: Path, link: str) -> None:
    export = Export("e1", ExportStatus.SUCCESS, "Bill", (ExportFile(link, 7),))
    with pytest.raises(DownloadError) as caught:
        downloaded(storage, tmp_path, refresh=lambda: export)
    assert "s3cret" not in str(caught.value)


def test_a_plain_link_of_an_https_platform_is_refused_even_on_its_own_host(tmp_path: Path) -> None:
    export = Export("e1", ExportStatus.SUCCESS, "Bill", (ExportFile("http://api.mews.com/one", 7),))
    with (
        MewsClient("https://api.mews.com", credentials()) as client,
        pytest.raises(DownloadError, match="not https"),
    ):
        download_files(client, "e1", tmp_path, refresh=lambda: export)


SIGNED = "one?sig=" + SIGNATURE


@pytest.mark.parametrize("fault", [status(500), status(403), status(302, Location="/" + SIGNED)])
def test_no_signature_is_ever_told_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Any
) -> None:
    """At DEBUG the HTTP library logs whole links and headers; a signed link is a key to the guests' data."""
    caplog.set_level(logging.DEBUG)

    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url}")

    with serving(Storage({"one": TWO}, faults={"one": [fault] * 99})) as storage:
        export = Export(
            "e1", ExportStatus.SUCCESS, "Bill", (ExportFile(f"{storage.address}/{SIGNED}", len(TWO)),)
        )
        with pytest.raises(MewsError) as refused:
            downloaded(storage, tmp_path, refresh=lambda: export)
        with pytest.raises(MewsError) as lost:
            downloaded(storage, tmp_path, refresh=lambda: export, transport=httpx.MockTransport(lose))
    assert "receive_response_headers" in caplog.text
    for told in (caplog.text, str(refused.value), str(lost.value), repr(export)):
        assert SIGNATURE not in told
