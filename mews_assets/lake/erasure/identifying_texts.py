"""The texts of a person's records that identify the person.

Lives here: rules over the texts only, so that a search neither reports meaningless matches nor misses a name. Not here:
collecting the texts (`known_texts`), and searching for them (`verify_erasure`).

- Not searched for alone: texts of fewer than 4 letters or digits (2 in scripts without spaces), texts made of words in
  the names of Mews' fields, tables and values (`Email`) or of placeholders (`unknown`), and ids.
- A name that is not searched for alone is searched for as part of the whole name, in either order.
- Weak texts are single words, or a few letters, without a digit or `@`, that are no names (`Prague`, `en-GB`), and days
  that the catalog does not mark as personal. Where only weak texts are found, that is reported, but does not fail.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache
from itertools import permutations

from mews_assets.catalog import TABLES
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import Column, snake_case
from mews_assets.lake.text.match_texts import is_date, is_unspaced, words_of

_FEWEST_LETTERS, _FEWEST_UNSPACED = 4, 2
_FEW_LETTERS = 8
"""Texts without digits and with fewer letters are weak: a culture such as en-GB, a country's code with a region."""
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PLACEHOLDERS = frozenset(
    {
        *(
            "anonymous",
            "blank",
            "customer",
            "default",
            "dummy",
            "empty",
            "false",
            "first",
            "forgotten",
            "guest",
        ),
        *(
            "last",
            "missing",
            "n/a",
            "name",
            "nobody",
            "none",
            "null",
            "person",
            "private",
            "redacted",
            "removed",
        ),
        *("sample", "test", "true", "undefined", "unknown", "user", "walk-in", "xxxx", "yes"),
    }
)


class TextKind(IntEnum):
    """The kind of field in which a text occurred in the person's own records; the highest counts."""

    UNKNOWN = 0
    PERSONAL = 1
    NAME = 2
    WHOLE_NAME = 3


@dataclass(frozen=True)
class TextSource:
    """Where a text occurred in the person's own records: its kind, and the fields of which it was the whole value."""

    kind: TextKind
    fields: frozenset[str] = frozenset()

    def __or__(self, other: TextSource) -> TextSource:
        return TextSource(max(self.kind, other.kind), self.fields | other.fields)


@dataclass(frozen=True)
class IdentifyingTexts:
    """The texts to search for, each with its source. `not_searched` counts texts that are not searched for alone."""

    sources: Mapping[str, TextSource] = field(default_factory=dict, repr=False)
    weak: frozenset[str] = field(default=frozenset(), repr=False)
    not_searched: int = 0

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(sorted(self.sources))

    def strong(self, texts: Collection[str]) -> set[str]:
        """Those of the texts that are not weak."""
        return set(texts) - self.weak

    @classmethod
    def of(cls, texts: Iterable[str]) -> IdentifyingTexts:
        """These texts, as names."""
        return cls(dict.fromkeys(texts, TextSource(TextKind.NAME)))

    def with_texts(self, more: Mapping[str, TextSource]) -> IdentifyingTexts:
        """The same with more texts, none of them weak."""
        return replace(self, sources={**self.sources, **more}, weak=self.weak - set(more))


def choose_texts(texts: Mapping[str, TextSource]) -> IdentifyingTexts:
    """The texts to search for, of all texts of a person."""
    chosen = {text: source for text, source in texts.items() if _is_identifying(text, source.kind)}
    weak = {text for text, source in chosen.items() if _is_weak(text, source.kind)}
    return IdentifyingTexts(chosen, frozenset(weak), len(texts) - len(chosen))


def whole_names(names: Iterable[str]) -> Iterator[str]:
    """Every ordered pair of the names of one record, without placeholders."""
    real = [name for name in names if words_of(name) and not set(words_of(name)) <= _PLACEHOLDERS]
    for first, last in permutations(dict.fromkeys(real), 2):
        yield f"{first} {last}"


def is_single_word(text: str) -> bool:
    """Whether a text is one word, without digits and `@`."""
    return len(words_of(text)) <= 1 and "@" not in text and not any(map(str.isdigit, text))


def _is_identifying(text: str, kind: TextKind) -> bool:
    words = words_of(text)
    letters = "".join(words)
    unspaced = any(map(is_unspaced, letters))
    if len(letters) < (_FEWEST_UNSPACED if unspaced else _FEWEST_LETTERS) or _ID.fullmatch(text.strip()):
        return False
    return kind is TextKind.WHOLE_NAME or not set(words) <= everyday_words()


def _is_weak(text: str, kind: TextKind) -> bool:
    if kind >= TextKind.NAME:
        return False
    if is_date(text):
        return kind is TextKind.UNKNOWN
    if "@" in text or any(map(str.isdigit, text)):
        return False
    words = words_of(text)
    return len(words) == 1 or len("".join(words)) < _FEW_LETTERS


@cache
def everyday_words() -> frozenset[str]:
    """Words that occur everywhere in a lake, and words that people type as placeholders, folded."""
    found = {word for text in _PLACEHOLDERS for word in words_of(text)}
    for table in (*TABLES, *REFERENCES):
        found |= _words(table.name) | _words(table.entity)
        for column in table.columns:
            found |= _words_of_column(column)
    return frozenset(found)


def _words_of_column(column: Column) -> set[str]:
    found = _words(column.name).union(*map(_words, column.values))
    return found.union(*map(_words_of_column, column.columns))


def _words(name: str) -> set[str]:
    """A name, and the words in it."""
    return {*words_of(name), *words_of(snake_case(name))}
