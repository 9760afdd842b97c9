"""Text folded for comparison: without case, accents, escapes and separators.

Lives here: decoding escapes (JSON's `\\u`, percent-encoding, HTML entities, also nested), folding text for exact
comparison, and squeezing blocks of lines to letters and digits, which is fast, so that a search finds the few lines to
check closely. Not here: the texts and ids to find (`match_texts`, `match_ids`).

Where the folded text of a line contains a word, its squeezed line contains the same word squeezed.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

_ROUNDS = 4
"""How deep escapes may be nested: a URL in HTML in JSON in a JSON text has four levels."""
_MARKS = range(0x300, 0x370)
"""Accents that combine with Latin, Greek and Cyrillic letters. Elsewhere, marks are letters of their own."""
_WITHOUT_PARTS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not decompose, as people write them whose keyboard lacks them."""
_LOWER = bytes(range(256)).lower()
_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum() and code != 10)
_NOT_ASCII_LETTERS = _SEPARATORS + bytes(range(128, 256))
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_RUNS: dict[bytes, bytes] = {}
"""Folded runs of non-ASCII characters: most languages have few of them, which repeat."""
_MOST_RUNS = 200_000

_UNICODE = re.compile(
    rb"\\\\*u[0-9a-fA-F]{4}(?:\\+u[0-9a-fA-F]{4})*"
)  # begins with one letter: a fast search
_PERCENT = re.compile(rb"%(?:25)*[0-9a-fA-F]{2}(?:%(?:25)*[0-9a-fA-F]{2})*")
_ENTITY = re.compile(rb"&(?:amp;)*(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_CONTROLS = bytes(range(32))
_TO_SPACES = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))


def unescaped(content: bytes) -> bytes:
    """The content with its escapes decoded. The number of lines stays: an escaped line end becomes a space."""
    for _ in range(_ROUNDS):
        again = False
        for mark, pattern, decode in _ESCAPES:
            if mark in content:
                found = _Decoded(decode)
                content = pattern.sub(found.text, content)
                again |= found.again
        if not again:
            break
    return content


class _Decoded:
    """Decodes the escapes of one text, each distinct escape once."""

    def __init__(self, decode: Callable[[bytes], bytes]) -> None:
        self._decode, self._known = decode, dict[bytes, bytes]()
        self.again = False
        """Whether something decoded may be an escape again."""

    def text(self, match: re.Match[bytes]) -> bytes:
        escape = match[0]
        if escape not in self._known:
            decoded = self._known[escape] = self._decode(escape).translate(_TO_SPACES)
            self.again |= decoded != escape and not {92, 37, 38}.isdisjoint(decoded)  # \ % &
        return self._known[escape]


def _of_unicode(escape: bytes) -> bytes:
    units = re.findall(rb"u([0-9a-fA-F]{4})", escape)
    text = b"".join(bytes.fromhex(unit.decode()) for unit in units).decode("utf-16-be", "replace")
    return text.encode()


def _of_percent(escape: bytes) -> bytes:
    decoded = bytes.fromhex(re.sub(rb"%(?:25(?=[0-9a-fA-F]{2}|%|25))*", b"", escape).decode())
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return decoded.decode("cp1252", "replace").encode()
    return decoded


def _of_entity(escape: bytes) -> bytes:
    text = html.unescape(re.sub(rb"&(?:amp;)*", b"&", escape).decode())
    return text.encode("utf-8", "replace")


_ESCAPES: tuple[tuple[bytes, re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    (b"\\u", _UNICODE, _of_unicode),
    (b"%", _PERCENT, _of_percent),
    (b"&", _ENTITY, _of_entity),
)


class _Folds(dict[int, str]):
    """The fold of each character: letters and digits; a space for separators; nothing for invisible characters."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _fold(chr(code))
        return found


def _fold(character: str) -> str:
    if character.isascii():
        return character.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(map(_plain, apart.translate(_WITHOUT_PARTS)))


def _plain(character: str) -> str:
    if ord(character) in _MARKS or unicodedata.category(character) == "Cf":  # an accent, or invisible
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return character if character.isalnum() or unicodedata.category(character)[0] == "M" else " "


_FOLDS = _Folds()


def folded(text: str) -> str:
    """The text without case, accents and escapes. Fullwidth letters and ligatures become plain letters."""
    content = unescaped(text.encode("utf-8", "replace"))
    return content.decode("utf-8", "replace").translate(_FOLDS)


def squeezed(content: bytes) -> bytes:
    """The letters and digits of each line, folded, and the line ends."""
    content = unescaped(content)
    if not content.isascii():
        lines = content.split(b"\n")
        content = b"\n".join(
            line if line.isascii() else _BEYOND_ASCII.sub(_folded_run, line) for line in lines
        )
    return content.translate(_LOWER, _SEPARATORS)


def squeezed_ascii(content: bytes) -> bytes:
    """The ASCII letters and digits of each line, and the line ends: faster, for texts without other letters."""
    return unescaped(content).translate(_LOWER, _NOT_ASCII_LETTERS)


def _folded_run(match: re.Match[bytes]) -> bytes:
    run = match[0]
    if (found := _RUNS.get(run)) is None:
        if len(_RUNS) >= _MOST_RUNS:
            _RUNS.clear()
        found = _RUNS[run] = run.decode("utf-8", "replace").translate(_FOLDS).encode()
    return found
