"""Texts found in other text in any spelling: the exact check of lines that a scan (`scan_words`) has found.

Lives here: which of some texts occur in a piece of text as whole words. Case, accents, escapes and the separators of
words do not count; of a phone number only the digits count, without the country code. Not here: which texts to search
for (`erasure.identifying_texts`).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mews_assets.lake.text.fold_text import folded

_PHONE = re.compile(r"[+(]*\d(?:[\s().\-/,]*\d){6,19}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?")
_PHONE_DIGITS = 9
"""The last digits, which count: before them is the country code, or a 0 in its place."""
_WORDS = 12
"""The first words of a longer text are enough to identify it, and its copy may be cut."""
_WORD = re.compile(r"[^\W_]+")
_BETWEEN = re.compile(r"[\W_]+")
_GAP = r"[\W_]{1,8}"
_UNSPACED = ((0x0E00, 0x10A0), (0x1100, 0x1200), (0x1780, 0x1800))
_LINE_END = re.compile(r"\\+[nrtbf]")
"""A line end as JSON escapes it; or a word after a backslash, which is why both are tried."""


class TextMatcher:
    """The texts, ready to be searched for. `words` has one word for each, which occurs wherever the text does."""

    def __init__(self, texts: Collection[str]) -> None:
        self._needles = [
            (text, _word(text), pattern) for text in sorted(texts) if (pattern := _pattern(text))
        ]
        self.words = [word for _, word, _ in self._needles]

    def within(self, text: str) -> set[str]:
        """The texts that occur in a piece of text."""
        found = self._within(folded(text))
        if "\\" in text:
            found |= self._within(folded(_LINE_END.sub(" ", text)))
        return found

    def _within(self, spelling: str) -> set[str]:
        letters = _BETWEEN.sub("", spelling)
        return {text for text, word, pattern in self._needles if word in letters and pattern.search(spelling)}


def is_same(text: str, other: str) -> bool:
    """Whether two texts are the same text in two spellings, without further words."""
    if _is_phone(text) and _is_phone(other):
        return _digits(folded(text)) == _digits(folded(other))
    return words_of(text) == words_of(other)


def is_date(text: str) -> bool:
    """Whether a text is a day or an instant."""
    return _DATE.fullmatch(text.strip()) is not None


def words_of(text: str) -> list[str]:
    """The folded words that identify a text."""
    return _WORD.findall(folded(text))[:_WORDS]


def is_unspaced(character: str) -> bool:
    """Whether a character is of a script without spaces between words, or with endings at names: Thai, Japanese,
    Korean."""
    code = ord(character)
    return code >= 0x2E80 or any(first <= code < after for first, after in _UNSPACED)


def _is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text.strip()) is not None and not is_date(text)


def _digits(text: str) -> str:
    return "".join(re.findall(r"\d", text))[-_PHONE_DIGITS:]


def _word(text: str) -> str:
    plain = folded(text)
    return _digits(plain) if _is_phone(plain) else max(words_of(text), key=len)


def _pattern(text: str) -> re.Pattern[str] | None:
    plain = folded(text)
    if _is_phone(plain):
        return re.compile(
            r"(?<![^\W_])[+(]?(?:\d[\s().\-/,+]{0,3}){0,6}"
            + r"[\s().\-/,+_]{0,4}".join(_digits(plain))
            + r"(?![^\W_])"
        )
    words = words_of(text)
    if not words:
        return None
    before = "" if is_unspaced(words[0][0]) else r"(?<![^\W_])"
    after = "" if is_unspaced(words[-1][-1]) else r"(?![^\W_])"
    return re.compile(before + _GAP.join(map(re.escape, words)) + after)
