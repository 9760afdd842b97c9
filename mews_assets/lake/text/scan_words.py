"""Lines and values that hold one of many words, whatever they are spelled like, at the speed of a scan.

Lives here: looking for folded words in squeezed text (`folding`). What is found may be part of a longer word, or have
separators within: it is for a closer look. Not here: what the words are (`needles`, `naming`).
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
"""Words that are looked for one by one. More of them are one regular expression, which is read once for all."""
_AT_ONCE = 100
"""Words of one expression: with 300 ids in it, RE2 is a third as fast."""


class Literals:
    """The words, ready to be looked for. With `ascii_only` they have no other letters, and it takes less time."""

    def __init__(self, words: Iterable[str], *, ascii_only: bool = False) -> None:
        self._squeezed = squeezed_ascii if ascii_only else squeezed
        self._words = sorted({squeezed(word.encode("utf-8", "replace")) for word in words} - {b""})
        self._patterns = [
            b"|".join(self._words[at : at + _AT_ONCE]) for at in range(0, len(self._words), _AT_ONCE)
        ]  # letters and digits only: none of them means anything to a regular expression

    def lines(self, block: bytes) -> list[int]:
        """The lines of a block, by their place in it, that may hold one of the words."""
        text = self._squeezed(block)
        if not self._is_in(text):
            return []
        return [int(at) for at in np.flatnonzero(self._among(text.split(b"\n")))]

    def among(self, values: pa.Array) -> Mask:
        """Which of the values of any type may hold one of the words, however deep."""
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
        there = values.drop_null() if values.null_count else values
        if not len(there):
            return found
        text = _joined(there)
        if text.count(b"\n") >= len(there):  # a value of several lines
            text = _joined(pc.replace_substring(there, "\n", " "))
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
    """The texts of one batch as lines."""
    lists = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    return bytes(pc.binary_join(lists, pa.scalar("\n", values.type))[0].as_buffer())


def _matches(texts: list[bytes], pattern: bytes) -> Any:
    return np.asarray(pc.match_substring_regex(pa.array(texts, pa.large_binary()), pattern))


def pieces_of(source: Any, size: int, overlap: int) -> Iterator[bytes]:
    """A file without lines in pieces that overlap, so that no text is cut in all of them."""
    held = b""
    while piece := source.read(size):
        yield held + piece
        held = (held + piece)[-overlap:]
