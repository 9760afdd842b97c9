"""The whole lake searched for texts, whatever they are packed in and spelled like: the proof of a forgetting.

Lives here: every file read, the records that hold one of the texts, and whom they name. Not here: taking anything
out (`forget`), which texts (`telling`), and how a text is found (`literals`, then `needles`).

A text such as a family name may be another guest's too. So a find counts by the record it is in. What is left over is
a text in a record that names the person, or in a file without records; a text that other guests' own records hold is
theirs as well; the rest is told as it is, for people to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import is_data_subject_table
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.parse_record import FieldError, parse
from mews_assets.lake.erasure.identifying_texts import Telling, is_single_word
from mews_assets.lake.erasure.record_texts import Value, by_field_name, by_name, texts_in
from mews_assets.lake.erasure.unreadable_files import Damage
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_batches
from mews_assets.lake.text.match_ids import Names
from mews_assets.lake.text.match_texts import Needles, is_same
from mews_assets.lake.text.scan_words import Literals, pieces_of

_BATCH_ROWS = 4096
_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 1 << 16
"""Of two pieces of a file without lines: a text of 12 words has a few hundred bytes, six times that when escaped."""
_APART = "\n" * 9
"""Between values: more than what may separate the words of one text."""
_LINES = (".jsonl", ".ndjson")
_PACKED = (".zst", ".gz")


@dataclass
class Found:
    """What a search found. `left` and `elsewhere` are by file, with the number of records in it."""

    files: int = 0
    size_bytes: int = 0
    left: dict[str, int] = field(default_factory=dict)
    """Records that name the person, and files without records, that hold one of the texts."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Other records that hold a text that no other guest's own record holds; and weak texts where they mean little."""
    shared: set[str] = field(default_factory=set)
    """The texts that other guests' own records hold."""
    naming: int = 0
    """Records that name the person, with or without one of the texts."""
    unread: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, and so not be searched, with the error's kind."""


@dataclass(frozen=True)
class _Record:
    """What a record holds: the texts, those where it may be personal, and those that are a field's whole value as
    they were in the person's own record."""

    names_them: bool
    texts: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Hit:
    """Texts found in one file, and whether they are left over or another's."""

    name: str
    texts: frozenset[str]
    is_left: bool


def search(lake: Lake, telling: Telling, people: Iterable[str], tables: Iterable[Table]) -> Found:
    """Look for texts that tell who the people are in every file of the lake."""
    found, damage, hits = Found(), Damage(), Counter[_Hit]()
    look = _Look(telling, Names(tuple(people)), {table.name: table for table in tables})
    with lake.workspace() as workspace:
        for name in every_file(lake):
            with damage.of(name):
                local = lake.local_copy(name, workspace)
                found.files += 1
                found.size_bytes += local.stat().st_size
                look.at(name, local, found, hits)
                if lake.local_root is None:
                    local.unlink()
    for hit, count in hits.items():
        if hit.is_left:
            found.left[hit.name] = found.left.get(hit.name, 0) + count
        elif hit.texts - found.shared:
            found.elsewhere[hit.name] = found.elsewhere.get(hit.name, 0) + count
    found.unread = damage.files
    return found


def every_file(lake: Lake) -> list[str]:
    """All files but locks, what runs are at work on, and the texts of searches that are owed."""
    every = lake.files("", recursive=True)
    owed = f"{layout.forgetting_folder()}/"
    return [
        name
        for name in every
        if not name.endswith(".lock") and not lake.is_in_workspace(name) and not name.startswith(owed)
    ]


class _Look:
    """What is looked for, and how a find is taken."""

    def __init__(self, telling: Telling, names: Names, tables: dict[str, Table]) -> None:
        self._telling, self._names, self._tables = telling, names, tables
        self._needles = Needles(telling.texts)
        self._literals = Literals([*self._needles.words, *names.ids])

    def at(self, name: str, path: Path, found: Found, hits: Counter[_Hit]) -> None:
        """Look into one file."""
        if _is_of_lines(name):
            self._at_records(name, self._lines(name, path), found, hits)
        elif path.suffix == ".parquet" and _is_parquet(path):
            self._at_records(name, self._rows(name, path), found, hits)
        elif texts := self._in_file(path):
            telling = self._telling.strong(texts)
            if layout.is_our_own(name):  # it holds words of hotels and of ours, which may be a name as well
                telling = {text for text in telling if not is_single_word(text)}
            hits[_Hit(name, frozenset(texts), bool(telling))] += 1

    def _at_records(self, name: str, records: Iterator[_Record], found: Found, hits: Counter[_Hit]) -> None:
        table = self._tables.get(layout.table_of(name))
        of_people = table is not None and is_data_subject_table(table)
        for record in records:
            found.naming += record.names_them
            texts = record.texts
            is_left = record.names_them and bool(record.personal or self._telling.strong(texts))
            if of_people and not record.names_them:
                found.shared |= record.own  # a mention in another guest's notes is none of their own texts
                texts -= record.own
            if texts:
                hits[_Hit(name, texts, is_left)] += 1

    def _lines(self, name: str, path: Path) -> Iterator[_Record]:
        table = self._tables.get(layout.table_of(name))
        columns = by_name(table.columns) if table else None
        of_people = table is not None and is_data_subject_table(table)
        with open_lines(path) as source:
            for block in line_blocks(source, _BLOCK_BYTES):
                lines: list[bytes] = []
                for at in self._literals.lines(block):
                    lines = lines or block.split(b"\n")
                    names_them = self._names.stand_in(lines[at])
                    held = self._needles.within(lines[at].decode("utf-8", "replace"))
                    if held and (names_them or of_people):  # it matters in which field
                        yield self._record(names_them, texts_in(_parsed(lines[at]), columns))
                    else:
                        yield _Record(names_them, frozenset(held))

    def _rows(self, name: str, path: Path) -> Iterator[_Record]:
        table = self._tables.get(layout.table_of(name))
        columns = by_field_name(table.columns) if table else None
        for batch in open_batches(path, _BATCH_ROWS):
            masks = [self._literals.among(values) for values in batch.columns]
            holding = [
                at for at, mask in enumerate(masks) if mask.any()
            ]  # what the others hold is neither id nor text
            if not holding:
                continue
            any_of = pa.array(np.logical_or.reduce([masks[at] for at in holding]))
            for row in batch.select(holding).filter(any_of).to_pylist():
                values = list(texts_in(row, columns))
                every = "\n".join(one.text for one in values)
                yield self._record(self._names.stand_in(every.encode("utf-8", "replace")), values)

    def _record(self, names_them: bool, values: Iterable[Value]) -> _Record:
        values = list(values)
        held = self._needles.within(_APART.join(value.text for value in values))
        if not held:
            return _Record(names_them)
        own = {text for value in values for text in held if self._is_own(text, value)}
        personal = set[str]()
        if names_them:
            personal |= self._needles.within(_APART.join(one.text for one in values if one.personal))
        return _Record(names_them, frozenset(held), frozenset(personal), frozenset(own))

    def _is_own(self, text: str, value: Value) -> bool:
        """Whether the value is the text, and in a field that it stood in."""
        return value.field in self._telling.stood[text].fields and is_same(text, value.text)

    def _in_file(self, path: Path) -> set[str]:
        """The texts in a file that has no records, as UTF-8, Western European, or UTF-16."""
        held = set[str]()
        with open_lines(path) if path.suffix in _PACKED else path.open("rb") as source:
            for piece in pieces_of(source, _BLOCK_BYTES, _OVERLAP_BYTES):
                for spelling in _spellings(piece):
                    if self._literals.lines(spelling):
                        held |= self._needles.within(spelling.decode("utf-8", "replace"))
        return held


def _is_of_lines(name: str) -> bool:
    for packing in _PACKED:
        name = name.removesuffix(packing)
    return name.endswith(_LINES)


def _parsed(line: bytes) -> Any:
    """The record of a line; the text itself where it is none."""
    try:
        return parse(line)
    except FieldError:
        return line.decode("utf-8", "replace")


def _spellings(piece: bytes) -> Iterator[bytes]:
    yield piece
    try:
        piece.decode()
    except UnicodeDecodeError:
        yield piece.replace(b"\0", b"").decode("cp1252", "replace").encode()


def _is_parquet(path: Path) -> bool:
    """Whether it is whole; one that is not is looked at as it is."""
    try:
        pq.read_metadata(path)
    except pa.ArrowInvalid:
        return False
    return True
