"""Answers made to hurt: each ends in one clear error, none in a wrong answer or without bound."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator

import httpx
import pytest

from mews_assets.api import MewsError, Pages, PermanentError, TooLargeError, client, get_exports
from mews_assets_tests.api.stage import ScriptedMews, client_of, ok

OPERATION = "bills/getAll"
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"Bills":[{"Id":"a"}],"Bills":[]}', "it has 'Bills' twice"),
        (b'{ "Bills" : [] ,\n "B\\u0069lls" : [] }', "it has 'Bills' twice"),
        (b'{"Bills":[],"Cursor":null,"Cursor":null}', "it has 'Cursor' twice"),
        (b'{"Bills":' + DEEP + b"}", "no JSON object"),
        (b'{"Bills":[NaN]}', "no JSON object"),
        (b'{"Bills":[{"Id":"\xff\xfe"}]}', "no JSON object"),
        (b'{"Bills":[5]}', r"Bills\[0\] is no object"),
        (b'{"Bills":{}}', "Bills is no list"),
    ],
)  # fmt: skip
def test_a_hostile_page_is_one_clear_error(body: bytes, said: str) -> None:
    with pytest.raises(PermanentError, match=f"cannot be read: .*{said}"):
        list(Pages(client_of(ScriptedMews(ok(body))), OPERATION, ("Bills",), {}))


@pytest.mark.parametrize(
    "body",
    [
        b'{ "Bills" : [ {"Id":"a"} ] , "Cursor" : null }',
        b'{"Bills":[{"Id":"a"}],"B":{"Bills":[1,1]},"Cursor":null}\n',
    ],
)
def test_blanks_and_names_deeper_down_are_no_fault(body: bytes) -> None:
    (page,) = Pages(client_of(ScriptedMews(ok(body))), OPERATION, ("Bills",), {})
    assert page.records == {"Bills": [b'{"Id":"a"}']}


def test_numbers_keep_their_digits_however_many() -> None:
    record = b'{"Id":"a","Value":' + b"1234567890" * 500 + b"}"
    (page,) = Pages(client_of(ScriptedMews(ok(b'{"Bills":[' + record + b"]}"))), OPERATION, ("Bills",), {})
    assert page.records == {"Bills": [record]}


FILE = b'{"Url":"https://x.example/1","SizeInBytes":%s}'


@pytest.mark.parametrize(
    ("exports", "said"),
    [
        (b'[{"Id":"e","Status":"Failed","Status":"Success"}]', "has a name twice"),
        (b'[{"Id":"e","Status":"Success","Files":[' + FILE % b"1e400" + b"]}]", "without Url or SizeInBytes"),
        (b'[{"Id":"e","Status":"Success","Files":[' + FILE % (b"9" * 5000) + b"]}]", "Exceeds the limit|digits"),
        (b'[{"Id":"e","Status":"Success","Files":[' + FILE % b"-1" + b"]}]", "without Url or SizeInBytes"),
        (b'[{"Id":"e","Status":"Success","Files":5}]', "Files that are no list"),
        (b'[{"Id":5,"Status":"Success"}]', "no Id or no Status"),
        (b"5", "Exports is no list"),
        (b"[5]", "no object"),
        (b"[" * 990 + b"]" * 990, "deep|depth"),
    ],
)  # fmt: skip
def test_a_hostile_status_of_exports_is_one_clear_error(exports: bytes, said: str) -> None:
    mews = ScriptedMews(ok(b'{"Exports":' + exports + b"}"))
    with pytest.raises(PermanentError, match=f"cannot be read: .*({said})"):
        get_exports(client_of(mews), ["e"])


class _Endless(httpx.SyncByteStream):
    def __init__(self, piece: bytes) -> None:
        self.piece, self.sent = piece, 0

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"Bills":["'
        while True:
            self.sent += len(self.piece)
            yield self.piece


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 8 << 20)
    return 8 << 20


def test_an_endless_answer_is_not_read_to_its_end(small: int) -> None:
    endless = _Endless(b"x" * 65_536)
    mews = ScriptedMews(lambda _: httpx.Response(200, stream=endless))
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="longer than 8 MiB"):
        client_of(mews).ask(OPERATION, {})
    assert endless.sent <= small + 65_536
    assert tracemalloc.get_traced_memory()[1] < 4 * small
    tracemalloc.stop()


@pytest.mark.slow
def test_an_answer_that_unpacks_without_end_is_stopped_by_what_it_unpacks_to(small: int) -> None:
    packed = gzip.compress(b'{"Bills":["' + b"x" * (20 * small))
    assert len(packed) < small / 8
    pieces = [packed[at : at + 4096] for at in range(0, len(packed), 4096)]

    class Bomb(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from pieces

    mews = ScriptedMews(lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Bomb()))
    with pytest.raises(TooLargeError, match="longer than 8 MiB unpacked"):
        client_of(mews).ask(OPERATION, {})


def test_a_page_that_is_too_long_is_asked_for_in_smaller_ones(small: int) -> None:
    long = ok(b'{"Bills":["' + b"x" * small + b'"]}')
    mews = ScriptedMews(long, ok(b'{"Bills":[{"Id":"a"}],"Cursor":null}'))
    (page,) = Pages(client_of(mews), OPERATION, ("Bills",), {})
    assert page.records == {"Bills": [b'{"Id":"a"}']}
    assert [body["Limitation"]["Count"] for body in mews.bodies] == [1000, 500]


def test_a_packed_answer_is_read_as_it_was_before_packing() -> None:
    mews = ScriptedMews(
        lambda _: httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(gzip.compress(b'{"Bills":[]}'))
        )
    )
    assert client_of(mews).ask(OPERATION, {}).body == b'{"Bills":[]}'


def test_no_hostile_answer_ends_in_anything_but_an_error_of_ours() -> None:
    for body in (b"\x00" * 100, b"{" * 5000, b'{"a":"' + b"\\" * 9999, DEEP, b'"' * 10_001, b"-" * 9999):
        with pytest.raises(MewsError):
            client_of(ScriptedMews(ok(body))).ask(OPERATION, {})
