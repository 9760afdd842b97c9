"""The ids of people, found in any spelling: in capitals, or escaped.

Lives here: which lines and values name one of some people. Not here: redacting lines (`landing.redact_lines`) and
masking rows (`conversion.mask_rows`).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.lake.text.fold_text import unescaped
from mews_assets.lake.text.scan_words import Mask, WordScan


def same_id(identity: str) -> str:
    """The one spelling of an id: Mews' ids are GUIDs, in which capitals mean nothing."""
    return identity.lower()


class IdMatcher:
    """The ids of some people, ready to be searched for."""

    def __init__(self, people: Collection[str]) -> None:
        self.ids = [same_id(person) for person in sorted(people)]
        self._encoded = [id.encode() for id in self.ids]
        self._literals = WordScan(self.ids, ascii_only=True)
        # Without `array` for no ids: it imports pandas, which takes longer than most conversions.
        self._set = pa.array(self.ids, pa.string()) if self.ids else pa.nulls(0, pa.string())

    def __bool__(self) -> bool:
        return bool(self.ids)

    def lines(self, block: bytes) -> list[int]:
        """The indexes of the lines of a block that name one of them."""
        if not (maybe := self._literals.lines(block)):
            return []
        lines = block.split(b"\n")
        return [at for at in maybe if self.stand_in(lines[at])]

    def stand_in(self, text: bytes) -> bool:
        """Whether the text contains one of the ids."""
        plain = unescaped(text).lower()
        return any(id in plain for id in self._encoded)

    def are(self, values: pa.Array) -> Mask:
        """Which of the values are one of the ids."""
        return np.asarray(pc.is_in(pc.ascii_lower(values), value_set=self._set), bool)

    def among(self, values: pa.Array) -> Mask:
        """Which of the texts contain one of the ids."""
        found = self._literals.among(values)
        for at in np.flatnonzero(found):
            found[at] = self.stand_in(str(values[int(at)].as_py()).encode("utf-8", "replace"))
        return found
