"""Whatever comes, it is bounded: by bytes while it is unpacked, and by time from its first byte to its last."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import zstandard

from mews_assets.api import (
    DownloadError,
    DownloadLimits,
    MewsClient,
    MewsError,
    PermanentError,
    TooLargeError,
    TransientError,
    UnreadableError,
    client,
    refusals,
)
from mews_assets_tests.api.file_server import ONE, Storage, cut_after, downloaded, instead, only
from mews_assets_tests.api.raw_server import answering, client_at, once, whole
from mews_assets_tests.api.stage import ACCESS_TOKEN, ScriptedMews, client_of, ok, values_of

OPERATION = "bills/getAll"
MIB = 1 << 20


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 8 * MIB)
    return 8 * MIB


def encoded(body: bytes, encoding: bytes, status: bytes = b"200 OK") -> bytes:
    return whole(body, status, b"Content-Encoding: " + encoding)


def gzipped_twice(content: bytes) -> bytes:
    return gzip.compress(gzip.compress(content))


def one_letter(content: bytes) -> bytes:
    return content[:1]


@pytest.mark.slow_after_first
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        (b"zstd", zstandard.compress),
        (b"gzip, gzip", gzipped_twice),
        (b"gzip", gzip.compress),
        (b"deflate", one_letter),
        (b"br", one_letter),
        (b"unheard-of", one_letter),
    ],
)
def test_a_packed_answer_is_bounded_while_it_is_unpacked_or_not_unpacked_at_all(
    small: int, encoding: bytes, pack: Callable[[bytes], bytes]
) -> None:
    body = pack(b"x" * (200 * MIB))
    tracemalloc.start()
    with answering(once(encoded(body, encoding))) as address, client_at(address) as mews:
        began = time.monotonic()
        with pytest.raises((TooLargeError, UnreadableError), match=r"8 MiB|Content-Encoding"):
            mews.ask(OPERATION, {})
        assert time.monotonic() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 4 * small
    tracemalloc.stop()


def test_only_gzip_is_asked_for() -> None:
    mews = ScriptedMews(ok({}))
    client_of(mews).ask(OPERATION, {})
    assert mews.requests[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip", "identity", ""])
def test_an_encoding_that_was_asked_for_is_read_however_it_is_written(encoding: str) -> None:
    body = gzip.compress(b'{"Bills":[]}') if "gzip" in encoding.lower() else b'{"Bills":[]}'
    packed = lambda _: httpx.Response(  # noqa: E731
        200, headers={"Content-Encoding": encoding}, stream=httpx.ByteStream(body)
    )
    assert client_of(ScriptedMews(packed)).ask(OPERATION, {}).body == b'{"Bills":[]}'


@pytest.mark.parametrize(
    "packed", [gzip.compress(b'{"a":1}')[:-9], gzip.compress(b'{"a":1}') + b"more"], ids=["cut", "goes on"]
)
def test_a_packed_answer_that_is_cut_or_goes_on_after_its_end_is_asked_for_again(packed: bytes) -> None:
    spoilt = lambda _: httpx.Response(  # noqa: E731
        200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed)
    )
    mews = ScriptedMews(spoilt, ok({"a": 1}))
    assert values_of(client_of(mews).ask(OPERATION, {})) == {"a": 1}


def test_an_answer_of_many_tiny_values_is_too_long_as_well() -> None:
    body = b'{"Bills":[' + b"{}," * 6_000_000 + b"{}]}"
    mews = ScriptedMews(lambda _: httpx.Response(200, stream=httpx.ByteStream(body)))
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="values"):
        client_of(mews).ask(OPERATION, {})
    assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(b"503 Busy", TransientError), (b"400 Bad", PermanentError), (b"408 Slow", TooLargeError)],
)
def test_of_an_endless_refusal_only_the_beginning_is_read(status: bytes, kind: type[MewsError]) -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain\r\n\r\n")
        while sent < 64 * MIB:
            sent += connection.send(b"no " * 20_000)

    with answering(endless) as address, client_at(address) as mews, pytest.raises(kind) as caught:
        mews.ask(OPERATION, {})
    assert type(caught.value) is kind
    assert sent < 32 * MIB


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip"])
def test_a_refusal_keeps_its_kind_whatever_its_body_is_packed_with(encoding: bytes) -> None:
    busy = once(encoded(b"\x28\xb5\x2f\xfd junk", encoding, b"503 Busy"))
    with answering(busy) as address, client_at(address) as mews, pytest.raises(TransientError):
        mews.ask(OPERATION, {})


def test_a_token_that_stands_across_the_end_of_what_is_read_is_not_told_in_part() -> None:
    for before in range(refusals.ERROR_BYTES - len(ACCESS_TOKEN), refusals.ERROR_BYTES + 1):
        # The queries before it are cut out, so that the end of what was read comes into the message.
        text = ("https://a.example/x?" + "q" * before)[: before - 1] + " " + ACCESS_TOKEN
        with pytest.raises(TransientError) as caught:
            client_of(ScriptedMews(httpx.Response(500, text=text)), max_tries=1).ask(OPERATION, {})
        assert ACCESS_TOKEN[:6] not in str(caught.value)


def drip(piece: bytes, seconds: float, head: bytes = b"") -> object:
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while not stopped.wait(seconds):
            connection.sendall(piece)

    return answer


TIMEOUTS = httpx.Timeout(0.2)
"""For one read; an answer may take two and a half times as long in all."""


@pytest.mark.parametrize(
    "dripping",
    [
        drip(b"H", 0.05),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
        drip(b"X-A: b\r\n", 0.05, b"HTTP/1.1 200 OK\r\n"),
        drip(b" ", 0.05, b"HTTP/1.1 200 OK\r\n\r\n{"),
        drip(b"1\r\n \r\n", 0.05, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        drip(b" ", 0.05, b"HTTP/1.1 503 Busy\r\n\r\n"),
    ],
    ids=["status line", "continue", "headers", "body", "chunks", "refusal"],
)
def test_a_slow_drip_ends_with_the_time_for_the_whole_answer(dripping: object) -> None:
    with answering(dripping) as address, client_at(address, timeouts=TIMEOUTS) as mews:  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(TransientError):
            mews.ask(OPERATION, {})
        assert time.monotonic() - began < 2


def test_a_download_that_drips_ends_with_the_time_for_a_file_of_its_size(
    storage: Storage, tmp_path: Path
) -> None:
    only(storage)

    def dripping(handler: object, content: bytes) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(content)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        for at in range(100):
            handler.wfile.write(content[at : at + 1])  # type: ignore[attr-defined]
            handler.wfile.flush()  # type: ignore[attr-defined]
            time.sleep(0.05)

    storage.faults["one"] = [dripping] * 20  # type: ignore[list-item]
    began = time.monotonic()
    with pytest.raises(DownloadError, match=r"longer than .* s in all"):
        downloaded(storage, tmp_path, file_seconds=0.3, bytes_per_second=3_000_000)  # 300 kB: 0.1 s more
    assert time.monotonic() - began < 2
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_brings_a_byte_with_every_try_ends_as_well(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    span = lambda at: {"Content-Range": f"bytes {at}-{len(ONE) - 1}/{len(ONE)}"}  # noqa: E731
    storage.faults["one"] = [cut_after(1), *(cut_after(1, 206, **span(at)) for at in range(1, 100_000))]
    with pytest.raises(DownloadError, match=r"longer than .* s in all"):
        downloaded(storage, tmp_path, file_seconds=0.5, bytes_per_second=3_000_000)


def test_a_slow_download_of_a_large_file_is_given_the_time_it_needs() -> None:
    seconds_for = DownloadLimits().seconds_for
    assert seconds_for(10**9) > 8 * 3600 > seconds_for(10**8)
    assert seconds_for(0) == 900


def test_files_that_the_disk_cannot_hold_are_not_begun(storage: Storage, tmp_path: Path) -> None:
    only(storage)
    announced = storage.export()
    vast = type(announced.files[0])(announced.files[0].url, 10**18)
    export = type(announced)("e1", announced.status, "Bill", (vast,))
    with pytest.raises(DownloadError, match="free"):
        downloaded(storage, tmp_path, refresh=lambda: export)
    assert storage.seen == []


@pytest.mark.parametrize("span", ["9" * 5000, f"bytes 0-1/{'9' * 5000}", f"bytes {'0' * 5000}-1/2"])
def test_a_range_of_thousands_of_digits_is_one_that_begins_elsewhere(
    storage: Storage, tmp_path: Path, span: str
) -> None:
    only(storage)
    storage.faults["one"] = [cut_after(100_000), instead(ONE[100_000:], 206, **{"Content-Range": span})]
    assert downloaded(storage, tmp_path)[0].path.read_bytes() == ONE


def test_the_client_is_still_shared_by_threads_while_one_of_them_hangs() -> None:
    hung = threading.Event()
    turn = iter([True, False, False])

    def answer(connection: socket.socket) -> None:
        if next(turn):
            hung.wait(5)
        else:
            connection.sendall(whole(b'{"a":1}'))

    with (
        answering(answer) as address,
        MewsClient(address, client_of(ScriptedMews(ok({})))._credentials) as mews,
    ):
        thread = threading.Thread(target=lambda: mews.ask(OPERATION, {}), daemon=True)
        thread.start()
        time.sleep(0.1)
        assert mews.ask(OPERATION, {}).body == b'{"a":1}'
        hung.set()
        thread.join(10)
