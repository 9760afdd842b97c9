"""A fast scan for lines and values that may contain one of many words, in any spelling.

Lives here: searching for folded words in squeezed text (`fold_text`). A match may be part of a longer word, or have
separators within: the caller checks it. Not here: the words (`match_texts`, `match_ids`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.lake.text.fold_text import squeezed, squeezed_ascii

Mask = npt.NDArray[np.bool_]
_FEW = 3
"""Up to this many words are searched one by one; more are searched by one regular expression."""
_AT_ONCE = 100
"""Words in one regular expression: with 300 ids, RE2 is a third as fast."""


class WordScan:
    """The words, ready to be searched for. `ascii_only`: they have ASCII letters only, which is faster."""

    def __init__(self, words: Iterable[str], *, ascii_only: bool = False) -> None:
        self._squeezed = squeezed_ascii if ascii_only else squeezed
        self._words = sorted({squeezed(word.encode("utf-8", "replace")) for word in words} - {b""})
        self._patterns = [
            b"|".join(self._words[at : at + _AT_ONCE]) for at in range(0, len(self._words), _AT_ONCE)
        ]  # letters and digits only: none has a meaning in a regular expression

    def lines(self, block: bytes) -> list[int]:
        """The indexes of the lines of a block that may contain one of the words."""
        text = self._squeezed(block)
        if not self._is_in(text):
            return []
        return [int(at) for at in np.flatnonzero(self._among(text.split(b"\n")))]

    def among(self, values: pa.Array) -> Mask:
        """Which of the values, of any type and depth, may contain one of the words."""
        kind = values.type
        if isinstance(values, pa.DictionaryArray):
            return self.among(values.dictionary_decode())
        if pa.types.is_struct(kind):
            found = np.zeros(len(values), bool)
            for part in values.flatten():
                found |= self.among(part)
            return found
        if pa.types.is_map(kind):
            pairs = pa.StructArray.from_arrays([values.keys, values.items], ["key", "value"])
            return self._of_lists(pa.ListArray.from_arrays(values.offsets, pairs))
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return self._of_lists(values)
        if pa.types.is_date(kind):
            values = values.cast(pa.string())
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return np.zeros(len(values), bool)
        return self._of_texts(values)

    def _of_lists(self, lists: pa.Array) -> Mask:
        found = np.zeros(len(lists), bool)
        found[np.asarray(pc.list_parent_indices(lists))[self.among(lists.flatten())]] = True
        return found

    def _of_texts(self, values: pa.Array) -> Mask:
        found = np.zeros(len(values), bool)
        present = values.drop_null() if values.null_count else values
        if not len(present):
            return found
        text = _joined(present)
        if text.count(b"\n") >= len(present):  # a value of several lines
            text = _joined(pc.replace_substring(present, "\n", " "))
        text = self._squeezed(text)
        if self._is_in(text):
            found[np.asarray(values.is_valid())] = self._among(text.split(b"\n"))
        return found

    def _is_in(self, text: bytes) -> bool:
        if len(self._words) <= _FEW:
            return any(word in text for word in self._words)
        return any(_matches([text], pattern)[0] for pattern in self._patterns)

    def _among(self, lines: list[bytes]) -> Mask:
        found = np.zeros(len(lines), bool)
        for pattern in self._patterns:
            found |= _matches(lines, pattern)
        return found


def _joined(values: pa.Array) -> bytes:
    """The texts, one per line."""
    lists = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    return bytes(pc.binary_join(lists, pa.scalar("\n", values.type))[0].as_buffer())


def _matches(texts: list[bytes], pattern: bytes) -> Any:
    return np.asarray(pc.match_substring_regex(pa.array(texts, pa.large_binary()), pattern))


def pieces_of(source: Any, size: int, overlap: int) -> Iterator[bytes]:
    """A file without lines in overlapping pieces, so that every text is whole in one of them."""
    held = b""
    while piece := source.read(size):
        yield held + piece
        held = (held + piece)[-overlap:]
