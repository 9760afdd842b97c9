"""The whole lake searched for texts, whatever they are packed in: the proof that somebody was forgotten.

Lives here: every file opened and read, records that hold one of the texts, and whom they name. Not here: taking
anything out (`forget`).

A text such as a family name may be another guest's too. So a find counts by the record it is in: one that names the
person, or no record at all, is left over; a text that other guests' own records hold is theirs as well; the rest is
told as it is, for people to look at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.lake import layout
from mews_assets.lake.lines import open_lines
from mews_assets.lake.redaction import line_blocks
from mews_assets.lake.store import Lake

_BATCH_ROWS = 16_384


@dataclass
class Found:
    """What a search found. `left` and `elsewhere` are by file, with the number of records in it."""

    files: int = 0
    size_bytes: int = 0
    left: dict[str, int] = field(default_factory=dict)
    """Records that name the person, and files without records, that hold one of the texts."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Records that name somebody else or nobody and hold a text that no other guest's own record holds."""
    shared: set[str] = field(default_factory=set)
    """The texts that other guests' own records hold."""


def search(
    lake: Lake, texts: Collection[str], people: Collection[str], tables_of_people: Collection[str]
) -> Found:
    """Look for texts that tell who the people are in every file of the lake."""
    found = Found()
    hits: list[tuple[str, set[str]]] = []
    needles = _Needles(texts)
    named = [one.encode() for one in people]
    with lake.workspace() as workspace:
        for name in _every_file(lake):
            local = lake.fetch(name, workspace)
            found.files += 1
            found.size_bytes += local.stat().st_size
            for record, is_record in _records(local, needles):
                texts_here = needles.within(record)
                if not texts_here:
                    continue
                if not is_record or any(one in record for one in named):
                    found.left[name] = found.left.get(name, 0) + 1
                elif layout.table_of(name) in tables_of_people:
                    found.shared |= texts_here
                else:
                    hits.append((name, texts_here))
            if lake.local_root is None:
                local.unlink()
    for name, texts_here in hits:
        if texts_here - found.shared:
            found.elsewhere[name] = found.elsewhere.get(name, 0) + 1
    return found


class _Needles:
    """The texts, as they may stand in a file: plain, or as JSON escapes them."""

    def __init__(self, texts: Collection[str]) -> None:
        self._spellings = {
            spelling.encode(): text
            for text in texts
            for spelling in {text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}
        }
        self._words = {
            spelling: re.compile(rb"(?<!\w)" + re.escape(spelling) + rb"(?!\w)")
            for spelling in self._spellings
        }
        self.pattern = "|".join(re.escape(text) for text in sorted(texts))

    def may_be_in(self, content: bytes) -> bool:
        return any(spelling in content for spelling in self._spellings)

    def within(self, content: bytes) -> set[str]:
        """The texts that stand in it as whole words."""
        return {
            text
            for spelling, text in self._spellings.items()
            if spelling in content and self._words[spelling].search(content)
        }


def _every_file(lake: Lake) -> list[str]:
    every = lake.files("", recursive=True)
    return [name for name in every if not name.endswith(".lock") and not lake.is_in_workspace(name)]


def _records(path: Path, needles: _Needles) -> Iterator[tuple[bytes, bool]]:
    """The pieces of a file that may hold a text: its records, or all of it where it has none."""
    if not needles.pattern:
        return
    if path.name.endswith((".jsonl", ".jsonl.zst", ".jsonl.gz")):
        with open_lines(path) as source:
            for block in line_blocks(source):
                if needles.may_be_in(block):
                    yield from ((line, True) for line in block.split(b"\n"))
    elif path.suffix == ".parquet" and _is_parquet(path):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                if any(_holds(column, needles.pattern) for column in batch.columns):
                    for row in batch.to_pylist():
                        yield json.dumps(row, default=str, ensure_ascii=False).encode(), True
    else:
        yield path.read_bytes(), False


def _is_parquet(path: Path) -> bool:
    """Whether it is whole; one that is not is looked at as it is."""
    try:
        pq.read_metadata(path)
    except pa.ArrowInvalid:
        return False
    return True


def _holds(values: pa.Array, pattern: str) -> bool:
    """Whether any text in the values, however deep, holds one of the texts."""
    if pa.types.is_struct(values.type):
        return any(_holds(part, pattern) for part in values.flatten())
    if pa.types.is_map(values.type):
        return _holds(values.items, pattern)
    if pa.types.is_list(values.type):
        return _holds(values.flatten(), pattern)
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        values = values.cast(pa.string())
    if not pa.types.is_string(values.type):
        return False
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())
