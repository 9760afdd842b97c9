"""Which texts tell who somebody is, of all that the records of a person hold.

Lives here: a bounded rule over the texts alone, so that a search neither ends in finds that mean nothing nor keeps
quiet about a name. Not here: collecting the texts (`learning`), looking for them (`search`).

- Not looked for by itself: what has fewer than 4 letters or digits (2 in scripts without spaces), what consists of
  words that Mews' own fields, tables and values are named with (`Email`), of placeholders (`unknown`), and ids.
- A name that is not looked for by itself is looked for as part of the whole name, in either order.
- Weak is a single word, or a few letters, without a digit or `@`, that is no name (`Prague`, `en-GB`), and a day that
  the catalog does not know to be personal. It is told where it is found, and alone it is never what is left over.
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
"""Below this, words without digits are weak: a culture such as en-GB, a country's code with its region's."""
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


class Standing(IntEnum):
    """Where a text stood in the person's own records; the highest counts."""

    UNKNOWN = 0
    PERSONAL = 1
    NAME = 2
    WHOLE_NAME = 3


@dataclass(frozen=True)
class Stood:
    """A text of the person's own records: its standing, and the fields it stood in, whole."""

    standing: Standing
    fields: frozenset[str] = frozenset()

    def __or__(self, other: Stood) -> Stood:
        return Stood(max(self.standing, other.standing), self.fields | other.fields)


@dataclass(frozen=True)
class Telling:
    """The texts to look for, with what is known of each. `unsaid` is how many others are not looked for alone."""

    stood: Mapping[str, Stood] = field(default_factory=dict, repr=False)
    weak: frozenset[str] = field(default=frozenset(), repr=False)
    unsaid: int = 0

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(sorted(self.stood))

    def strong(self, texts: Collection[str]) -> set[str]:
        """Those of the texts that tell somebody by themselves."""
        return set(texts) - self.weak

    @classmethod
    def of(cls, texts: Iterable[str]) -> Telling:
        """These texts, whatever they are."""
        return cls(dict.fromkeys(texts, Stood(Standing.NAME)))

    def also(self, more: Mapping[str, Stood]) -> Telling:
        """The same with more strong texts."""
        return replace(self, stood={**self.stood, **more}, weak=self.weak - set(more))


def telling(texts: Mapping[str, Stood]) -> Telling:
    """The texts among those of a person that are worth looking for."""
    chosen = {text: stood for text, stood in texts.items() if _is_telling(text, stood.standing)}
    weak = {text for text, stood in chosen.items() if _is_weak(text, stood.standing)}
    return Telling(chosen, frozenset(weak), len(texts) - len(chosen))


def whole_names(names: Iterable[str]) -> Iterator[str]:
    """The names of one record, each beside each other one. A placeholder is no name."""
    real = [name for name in names if words_of(name) and not set(words_of(name)) <= _PLACEHOLDERS]
    for first, last in permutations(dict.fromkeys(real), 2):
        yield f"{first} {last}"


def is_single_word(text: str) -> bool:
    """Whether it is one word, and neither a number nor part of an address."""
    return len(words_of(text)) <= 1 and "@" not in text and not any(map(str.isdigit, text))


def _is_telling(text: str, standing: Standing) -> bool:
    words = words_of(text)
    letters = "".join(words)
    unspaced = any(map(is_unspaced, letters))
    if len(letters) < (_FEWEST_UNSPACED if unspaced else _FEWEST_LETTERS) or _ID.fullmatch(text.strip()):
        return False
    return standing is Standing.WHOLE_NAME or not set(words) <= everyday_words()


def _is_weak(text: str, standing: Standing) -> bool:
    if standing >= Standing.NAME:
        return False
    if is_date(text):
        return standing is Standing.UNKNOWN
    if "@" in text or any(map(str.isdigit, text)):
        return False
    words = words_of(text)
    return len(words) == 1 or len("".join(words)) < _FEW_LETTERS


@cache
def everyday_words() -> frozenset[str]:
    """The words that stand everywhere in a lake, or that people type where they know nothing, folded."""
    found = {word for one in _PLACEHOLDERS for word in words_of(one)}
    for table in (*TABLES, *(reference.table for reference in REFERENCES)):
        found |= _words(table.name) | _words(table.entity)
        for column in table.columns:
            found |= _words_of_column(column)
    return frozenset(found)


def _words_of_column(column: Column) -> set[str]:
    found = _words(column.name).union(*map(_words, column.values))
    return found.union(*map(_words_of_column, column.columns))


def _words(name: str) -> set[str]:
    """A name as it is, and the words it consists of."""
    return {*words_of(name), *words_of(snake_case(name))}
