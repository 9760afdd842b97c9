"""Downloads over real sockets: resumed, checked, on fresh links, without anything secret."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mews_assets.api import (
    DownloadedFile,
    DownloadError,
    Export,
    ExportExpiredError,
    ExportFile,
    ExportStatus,
    MewsClient,
    MewsError,
    WaitError,
    download_files,
)
from mews_assets_tests.api.file_server import Storage, cut_after, instead, serving, status
from mews_assets_tests.api.stage import ACCESS_TOKEN, CLIENT_TOKEN, SIGNATURE, credentials

ONE = random.Random(1).randbytes(300_000)
TWO = b'{"Id":"b"}\n' * 5_000


@pytest.fixture
def storage() -> Iterator[Storage]:
    with serving(Storage({"one": ONE, "two": TWO})) as running:
        yield running


def downloaded(storage: Storage, target: Path, **changes: Any) -> list[DownloadedFile]:
    given: dict[str, Any] = {"refresh": storage.export, "sleep": lambda _: None} | changes
    with MewsClient(storage.address, credentials(), connection="hotel-1") as client:
        return download_files(client, "e1", target, **given)


def only(storage: Storage, name: str = "one") -> None:
    storage.files = {name: storage.files[name]}


def test_files_arrive_whole_under_stable_names_with_their_hash(storage: Storage, tmp_path: Path) -> None:
    files = downloaded(storage, tmp_path / "new")
    assert [file.path.name for file in files] == ["part-00001.jsonl", "part-00002.jsonl"]
    assert [file.path.read_bytes() for file in files] == [ONE, TWO]
    assert [file.sha256 for file in files] == [hashlib.sha256(one).hexdigest() for one in (ONE, TWO)]
    assert [file.size_bytes for file in files] == [len(ONE), len(TWO)]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [file.path.name for file in files]


def test_an_export_without_files_is_an_empty_list(storage: Storage, tmp_path: Path) -> None:
    storage.files = {}
    assert downloaded(storage, tmp_path) == []


def test_an_empty_file_is_a_file(storage: Storage, tmp_path: Path) -> None:
    storage.files = {"none": b""}
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == b""


def test_a_request_carries_a_signature_and_nothing_else_secret(storage: Storage, tmp_path: Path) -> None:
    downloaded(storage, tmp_path)
    for _, headers in storage.seen:
        assert headers["Accept-Encoding"] == "identity"
        assert not {"Authorization", "Cookie", "Referer"} & set(headers)
        assert CLIENT_TOKEN not in str(headers) and ACCESS_TOKEN not in str(headers)


def test_each_file_is_handed_over_as_soon_as_it_is_there(storage: Storage, tmp_path: Path) -> None:
    got: list[DownloadedFile] = []
    files = downloaded(storage, tmp_path, sink=got.append, side_by_side=1)
    assert got == files


def test_a_cut_download_goes_on_where_it_stopped(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [cut_after(100_000)]
    files = downloaded(storage, tmp_path)
    assert files[0].path.read_bytes() == ONE
    assert files[0].sha256 == hashlib.sha256(ONE).hexdigest()
    assert storage.ranges("one") == [None, "bytes=100000-"]


def test_every_new_byte_starts_the_count_of_tries_anew(storage: Storage, tmp_path: Path) -> None:
    only(storage)

    def piece(start: int) -> Callable[..., None]:
        if not start:
            return cut_after(1000)
        span = {"Content-Range": f"bytes {start}-{len(ONE) - 1}/{len(ONE)}"}
        return cut_after(1000, 206, **span)

    storage.faults["one"] = [piece(1000 * n) for n in range(10)]
    assert downloaded(storage, tmp_path, max_tries=2)[0].path.read_bytes() == ONE
    assert len(storage.seen) == 11


def test_a_server_without_ranges_starts_over(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.has_ranges = False
    storage.faults["one"] = [cut_after(100_000)]
    files = downloaded(storage, tmp_path)
    assert files[0].path.read_bytes() == ONE
    assert files[0].sha256 == hashlib.sha256(ONE).hexdigest()


def test_a_file_that_changed_meanwhile_is_not_pieced_together(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.etag = '"new"'
    storage.faults["one"] = [cut_after(100_000, ETag='"old"')]
    files = downloaded(storage, tmp_path)
    assert files[0].path.read_bytes() == ONE
    assert storage.seen[1][1]["If-Range"] == '"old"'


@pytest.mark.parametrize("span", ["bytes 5-299999/300000", "bytes */300000", "", "bytes abc"])
def test_a_rest_that_begins_elsewhere_is_not_appended(storage: Storage, tmp_path: Path, span: str) -> None:
    only(storage)
    wrong = instead(ONE[100_000:], 206, **{"Content-Range": span})
    storage.faults["one"] = [cut_after(100_000), wrong]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == ONE
    assert storage.ranges("one") == [None, "bytes=100000-", None]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_passing_trouble_is_tried_again(storage: Storage, tmp_path: Path, code: int) -> None:
    storage.faults["two"] = [status(code, **{"Retry-After": "7"})]
    naps: list[float] = []
    assert len(downloaded(storage, tmp_path, sleep=naps.append)) == 2
    assert naps == [7]


def test_lasting_trouble_ends_after_the_tries(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [status(500)] * 99
    with pytest.raises(DownloadError, match="given up after 3 tries") as caught:
        downloaded(storage, tmp_path, max_tries=3)
    assert len(storage.seen) == 3
    assert caught.value.is_transient
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_gone_ends_after_the_tries(storage: Storage, tmp_path: Path) -> None:
    with serving(Storage({"one": ONE})) as gone:
        pass
    with pytest.raises(DownloadError, match="ConnectError"):
        downloaded(gone, tmp_path, max_tries=2)


def assert_sizes(error: DownloadError, expected: int, actual: int) -> None:
    assert (error.file, error.expected_bytes, error.actual_bytes) == ("part-00001.jsonl", expected, actual)
    assert f"Expected {expected} bytes, got {actual}" in str(error)


def announcing(storage: Storage, size: int) -> Callable[[], Export]:
    def refresh() -> Export:
        export = storage.export()
        return Export("e1", export.status, "Bill", (ExportFile(export.files[0].url, size),))

    return refresh


def test_a_file_shorter_than_announced_is_an_error(storage: Storage, tmp_path: Path) -> None:
    only(storage, "two")
    with pytest.raises(DownloadError) as caught:
        downloaded(storage, tmp_path, refresh=announcing(storage, len(TWO) + 1))
    assert_sizes(caught.value, len(TWO) + 1, len(TWO))
    assert list(tmp_path.iterdir()) == []


def test_a_file_longer_than_announced_is_stopped_early(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    with pytest.raises(DownloadError, match="longer than announced") as caught:
        downloaded(storage, tmp_path, refresh=announcing(storage, 10))
    assert caught.value.expected_bytes == 10
    assert caught.value.actual_bytes is not None and caught.value.actual_bytes < len(ONE)
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_file_of_another_size_is_an_error(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    grown = instead(b"x", 206, **{"Content-Range": "bytes 100000-300009/300010"})
    storage.faults["one"] = [cut_after(100_000), grown]
    with pytest.raises(DownloadError, match="leads to 300010 bytes"):
        downloaded(storage, tmp_path)


def test_encoded_bytes_are_refused_for_their_size_says_nothing(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [instead(ONE, 200, **{"Content-Encoding": "gzip"})]
    with pytest.raises(DownloadError, match="sent as gzip"):
        downloaded(storage, tmp_path)


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
    with pytest.raises(DownloadError, match="3 fresh ones were dead too"):
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

    files = downloaded(storage, tmp_path, refresh=refresh, side_by_side=1)
    assert [file.path.read_bytes() for file in files] == [ONE, TWO]


def test_an_export_whose_files_changed_is_not_pieced_together(storage: Storage, tmp_path: Path) -> None:
    only(storage)

    def grow(handler: Any, content: bytes) -> None:
        storage.files = {"one": ONE + b"more"}
        status(403)(handler, content)

    storage.faults["one"] = [grow]
    with pytest.raises(DownloadError, match="other files than before"):
        downloaded(storage, tmp_path)


def test_one_failing_file_ends_the_others(storage: Storage, tmp_path: Path) -> None:
    storage.files = {"bad": b"x", **{f"f{n}": b"y" * 1000 for n in range(50)}}
    storage.faults["bad"] = [status(418)]
    with pytest.raises(DownloadError, match="status 418"):
        downloaded(storage, tmp_path, side_by_side=1)
    assert len(storage.seen) < 50
    assert not list(tmp_path.glob("*.partial"))


def test_an_error_while_asking_for_fresh_links_comes_through(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [status(403)]
    answers = iter([storage.export()])

    def refresh() -> Export:
        for export in answers:
            return export
        raise WaitError("busy")

    with pytest.raises(WaitError, match="busy"):
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
    assert "HTTP Request: GET" in caplog.text and "receive_response_headers" in caplog.text
    for told in (caplog.text, str(refused.value), str(lost.value), repr(export)):
        assert SIGNATURE not in told
