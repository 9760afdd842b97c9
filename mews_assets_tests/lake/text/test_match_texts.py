"""Texts found however they are spelled, by the scan and by the closer look alike; and nothing found besides."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.lake.text.fold_text import folded, squeezed, unescaped
from mews_assets.lake.text.match_texts import TextMatcher, is_same
from mews_assets.lake.text.scan_words import WordScan
from mews_assets_tests.lake.spellings import PHONES, SPELLINGS, made_name, made_phone

NAME, EMAIL, PHONE = "Zoraya Nov\u00e1kov\u00e1", "zoraya@planted.example", "+420 777 123 456"


def finds(text: str, content: str) -> bool:
    """Both looks agree, or the search as a whole would miss what one of them finds."""
    needles = TextMatcher([text])
    closer = bool(needles.within(content))
    scan = bool(WordScan(needles.words).lines(content.encode("utf-8", "replace")))
    scanned = bool(WordScan(needles.words).among(pa.array([None, content])).any())
    assert scan >= closer and scanned >= closer
    return closer


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("text", [NAME, EMAIL, "X1234567", "\u0416\u0443\u043a\u043e\u0432\u0430"])
def test_a_text_is_found_in_every_spelling(text: str, spelling: str) -> None:
    spelled = SPELLINGS[spelling](text)
    assert finds(text, f"a note: {spelled}, and more")
    assert finds(text, spelled)


@pytest.mark.parametrize("spelling", PHONES)
def test_a_phone_number_is_found_by_its_digits(spelling: str) -> None:
    assert finds(PHONE, f"call {PHONES[spelling](PHONE)} late")


@pytest.mark.slow
@given(st.integers(0, 2**32), st.sampled_from(sorted(SPELLINGS)), st.sampled_from(sorted(PHONES)))
@settings(max_examples=300, deadline=None)
def test_random_texts_are_found_in_every_spelling(seed: int, spelling: str, dialled: str) -> None:
    rnd = random.Random(seed)
    first, last, phone = made_name(rnd), made_name(rnd), made_phone(rnd)
    assert finds(f"{first} {last}", f"\u010dekejte: {SPELLINGS[spelling](f'{first} {last}')}!")
    assert finds(first, f"<b>{SPELLINGS[spelling](first)}</b>")
    assert finds(phone, f"tel:{PHONES[dialled](phone)}")
    assert not finds(first, f"{last} was here, {phone}")


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Anna", "Savannah and Hannah"),
        ("Anna", "annabel"),
        (NAME, "Zoraya and then somebody called Nov\u00e1kov\u00e1"),
        (PHONE, "+420 777 123 457"),
        (PHONE, "777 123 4567"),
        (PHONE, "id 1f777123456a"),
        ("1990-05-17", "1990-05-18"),
        (EMAIL, "zoraya@planted.exampleton"),
    ],
)
def test_another_text_is_not_found(text: str, content: str) -> None:
    assert not finds(text, content)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\u5c71\u7530\u592a\u90ce", "\u5c71\u7530\u592a\u90ce\u69d8\u306e\u4e88\u7d04"),
        ("\uae40\ucca0\uc218", "\uae40\ucca0\uc218\ub2d8\uc740"),
        ("Strasse", "an der Stra\u00dfe"),
        ("Stra\u00dfer", "STRASSER"),
        ("O'Brien", "O\u2019BRIEN"),
        ("Zoraya", "\\nZoraya\\tcalled"),
        ("novakova", "C:\\novakova\\file.txt"),
        ("Zoraya", "scan_zoraya_2.pdf"),
        ("\ufb01nch", "Finch"),
    ],
)
def test_scripts_and_places_with_ways_of_their_own(text: str, content: str) -> None:
    assert finds(text, content)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_keep_their_lines(content: bytes) -> None:
    assert unescaped(content).count(b"\n") == squeezed(content).count(b"\n") == content.count(b"\n")


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
@settings(max_examples=300, deadline=None)
def test_squeezed_is_folded_without_what_separates(text: str) -> None:
    text = text.replace("\n", " ")
    letters = "".join(one for one in folded(text) if not one.isascii() or one.isalnum())
    assert squeezed(text.encode()).decode() == letters


def test_two_spellings_of_one_text_are_the_same_and_a_longer_one_is_not() -> None:
    assert is_same(NAME, SPELLINGS["percent"](NAME).upper())
    assert is_same(PHONE, "777123456")
    assert not is_same(NAME, f"{NAME} called")


def test_a_long_text_is_known_by_its_first_words() -> None:
    words = [f"word{number}" for number in range(40)]
    assert finds(" ".join(words), f"copied: {' '.join(words[:15])}")
    assert not finds(" ".join(words), " ".join(words[:11]))


def test_many_words_are_found_as_few_are() -> None:
    words = [f"word{number:04}x" for number in range(350)]
    lines = WordScan(words).lines(b"nothing\nWORD0007X\n\nhas w\xc3\xb3rd0349x\n")
    assert lines == [1, 3]
    nested = pa.array([{"a": [{"b": "word0300x"}]}, None, {"a": None}, {"a": [{"b": "\nWord0001X"}]}])
    assert WordScan(words).among(nested).tolist() == [True, False, False, True]
    pairs = pa.array(
        [[("word0001x", "1")], None, [("k", "word0002x"), ("l", "m")], []], pa.map_("string", "string")
    )
    assert WordScan(words).among(pairs).tolist() == [True, False, True, False]
    assert WordScan(words).among(nested.slice(1)).tolist() == [False, False, True]
    assert WordScan(words).among(pairs.slice(2)).tolist() == [True, False]
