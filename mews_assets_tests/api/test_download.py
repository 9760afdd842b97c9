"""Downloads over real sockets: resumed, checked, on fresh links, without anything secret."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mews_assets.api import (
    DownloadedFile,
    DownloadError,
    Export,
    ExportFile,
)
from mews_assets_tests.api.file_server import (
    ONE,
    TWO,
    Storage,
    cut_after,
    downloaded,
    instead,
    only,
    serving,
    status,
)
from mews_assets_tests.api.stage import ACCESS_TOKEN, CLIENT_TOKEN


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
    files = downloaded(storage, tmp_path, sink=got.append, files_at_once=1)
    assert got == files


def test_a_cut_download_goes_on_where_it_stopped(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    storage.faults["one"] = [cut_after(100_000)]
    files = downloaded(storage, tmp_path)
    assert files[0].path.read_bytes() == ONE
    assert files[0].sha256 == hashlib.sha256(ONE).hexdigest()
    assert storage.ranges("one") == [None, "bytes=100000-"]


def test_a_download_cut_right_where_a_wrong_size_ends_is_not_taken_for_whole(
    storage: Storage, tmp_path: Path
) -> None:
    only(storage)
    announced = storage.export()
    storage.files["one"] = ONE + b'{"more":1}\n'
    storage.faults["one"] = [cut_after(len(ONE))]
    with pytest.raises(DownloadError, match="longer than announced"):
        downloaded(storage, tmp_path, refresh=lambda: announced)
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize("etag", ['"\xf9"', '"' + "x" * 9000 + '"', '"a"b"', 'W/"a"', '"a b"'])
def test_an_etag_that_no_request_may_hold_is_not_sent_back(
    storage: Storage, tmp_path: Path, etag: str
) -> None:
    only(storage)
    storage.faults["one"] = [cut_after(100_000, ETag=etag)]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == ONE
    assert "If-Range" not in storage.seen[1][1]


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
    assert caught.value.retryable
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


def test_one_failing_file_ends_the_others(storage: Storage, tmp_path: Path) -> None:
    storage.files = {"bad": b"x", **{f"f{n}": b"y" * 1000 for n in range(50)}}
    storage.faults["bad"] = [status(418)]
    with pytest.raises(DownloadError, match="status 418"):
        downloaded(storage, tmp_path, files_at_once=1)
    assert len(storage.seen) < 50
    assert not list(tmp_path.glob("*.partial"))
