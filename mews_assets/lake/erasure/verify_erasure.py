"""A search of the lake and of copies of its tables for texts, in any compression and spelling: the proof of an erasure.

Lives here: reading every file, the records that contain one of the texts, and whom they name. Not here: changing files
(`erase_customer`), which texts (`identifying_texts`), and how a text is found (`text.scan_words`, `text.match_texts`).

A text such as a family name may be another guest's too, so a match is judged by its record. It remains to be erased in
a record that names the person, and in a file without records; a text in other guests' own records is theirs as well;
all other matches are reported for people to check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import is_data_subject_table
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.parse_record import FieldError, parse
from mews_assets.lake.erasure.identifying_texts import IdentifyingTexts, is_single_word
from mews_assets.lake.erasure.record_texts import Value, by_field_name, by_name, texts_in
from mews_assets.lake.erasure.unreadable_files import UnreadableFiles
from mews_assets.lake.progress import Progress, unwatched
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_batches
from mews_assets.lake.text.match_ids import IdMatcher
from mews_assets.lake.text.match_texts import TextMatcher, is_same
from mews_assets.lake.text.scan_words import WordScan, pieces_of

_BATCH_ROWS = 4096
_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 1 << 16
"""Overlap of pieces of a file without lines: a text of 12 words has a few hundred bytes, six times that if escaped."""
_APART = "\n" * 9
"""Put between values: longer than a separator within a text."""
_SEARCHING = "searching files"
_DELTA_LOG = "/_delta_log/"
_LINES = (".jsonl", ".ndjson")
_PACKED = (".zst", ".gz")


@dataclass
class Found:
    """The result of a search. `remaining` and `elsewhere` have the number of records by file."""

    files: int = 0
    copied_files: int = 0
    """How many of them are in copies of the tables."""
    size_bytes: int = 0
    remaining: dict[str, int] = field(default_factory=dict)
    """Records that name the person, and files without records, that contain one of the texts."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Other records with a text that is in no other guest's own record, and records with weak texts only."""
    shared: set[str] = field(default_factory=set)
    """The texts that are in other guests' own records."""
    naming: int = 0
    """Number of records that name the person, with or without one of the texts."""
    unread: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, and so were not searched, with the type of the error."""


@dataclass(frozen=True)
class Copies:
    """Copies of the lake's tables in another place, such as Delta tables: a folder for each table, with all versions.

    `renew` makes them again from the lake, and removes the versions before. `place` is only read.
    """

    name: str
    place: Lake
    renew: Callable[[], None]

    def table_of(self, name: str) -> str:
        return name.split("/")[0]


@dataclass(frozen=True)
class _Record:
    """The texts in a record: all, those in fields that may be personal, and those that are the whole value of a field
    of which they were the whole value in the person's own record."""

    names_them: bool
    texts: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Hit:
    """Texts found in a record of one file, and whether they remain to be erased."""

    name: str
    texts: frozenset[str]
    is_remaining: bool


def search(
    lake: Lake,
    texts: IdentifyingTexts,
    people: Iterable[str],
    tables: Iterable[Table],
    copies: Copies | None = None,
    progress: Progress = unwatched,
) -> Found:
    """Search every file of the lake, and of the copies of its tables, for the texts."""
    own, copied = every_file(lake), every_file(copies.place) if copies is not None else []
    total = len(own) + len(copied)
    found, unreadable, hits = Found(), UnreadableFiles(), Counter[_Hit]()
    by_name = {table.name: table for table in tables}
    file_search = _FileSearch(texts, IdMatcher(tuple(people)), by_name, layout.table_of)
    with lake.workspace() as workspace:
        for name in own:
            progress(_SEARCHING, found.files, total)
            with unreadable.of(name):
                _search_file(file_search, lake, name, name, workspace, found, hits)
        if copies is not None:
            of_copies = replace(file_search, table_of=lambda name: copies.table_of(name.partition("/")[2]))
            for name in copied:
                progress(_SEARCHING, found.files, total)
                shown = f"{copies.name}/{name}"
                with unreadable.of(shown):
                    _search_file(of_copies, copies.place, name, shown, workspace, found, hits)
                    found.copied_files += 1
    progress(_SEARCHING, total, total)
    for hit, count in hits.items():
        if hit.is_remaining:
            found.remaining[hit.name] = found.remaining.get(hit.name, 0) + count
        elif hit.texts - found.shared:
            found.elsewhere[hit.name] = found.elsewhere.get(hit.name, 0) + count
    found.unread = unreadable.files
    return found


def _search_file(
    file_search: _FileSearch,
    place: Lake,
    name: str,
    shown: str,
    workspace: Path,
    found: Found,
    hits: Counter[_Hit],
) -> None:
    local = place.local_copy(name, workspace)
    found.files += 1
    found.size_bytes += local.stat().st_size
    file_search.search(shown, local, found, hits)
    if place.local_root is None:
        local.unlink()


def every_file(lake: Lake) -> list[str]:
    """All files but locks, the workspaces of runs, and the texts of pending searches."""
    files = lake.files("", recursive=True)
    pending = f"{layout.pending_searches_folder()}/"
    return [
        name
        for name in files
        if not name.endswith(".lock") and not lake.is_in_workspace(name) and not name.startswith(pending)
    ]


@dataclass(frozen=True)
class _FileSearch:
    """The texts and ids to search for, and the search of one file. `table_of` gives the table of a file's records."""

    _texts: IdentifyingTexts
    _names: IdMatcher
    _tables: dict[str, Table]
    table_of: Callable[[str], str]

    @cached_property
    def _needles(self) -> TextMatcher:
        return TextMatcher(self._texts.texts)

    @cached_property
    def _literals(self) -> WordScan:
        return WordScan([*self._needles.words, *self._names.ids])

    def search(self, name: str, path: Path, found: Found, hits: Counter[_Hit]) -> None:
        """Search one file."""
        if _is_of_lines(name):
            self._search_records(name, self._lines(name, path), found, hits)
        elif path.suffix == ".parquet" and _is_parquet(path):
            self._search_records(name, self._rows(name, path), found, hits)
        elif texts := self._in_file(path):
            strong = self._texts.strong(texts)
            # Its words are hotels' and ours, and may be names as well.
            if layout.is_our_own(name) or _DELTA_LOG in name:
                strong = {text for text in strong if not is_single_word(text)}
            hits[_Hit(name, frozenset(texts), bool(strong))] += 1

    def _search_records(
        self, name: str, records: Iterator[_Record], found: Found, hits: Counter[_Hit]
    ) -> None:
        table = self._tables.get(self.table_of(name))
        of_people = table is not None and is_data_subject_table(table)
        for record in records:
            found.naming += record.names_them
            texts = record.texts
            is_remaining = record.names_them and bool(record.personal or self._texts.strong(texts))
            if of_people and not record.names_them:
                found.shared |= record.own  # a mention in another guest's notes is not their own text
                texts -= record.own
            if texts:
                hits[_Hit(name, texts, is_remaining)] += 1

    def _lines(self, name: str, path: Path) -> Iterator[_Record]:
        table = self._tables.get(self.table_of(name))
        columns = by_name(table.columns) if table else None
        of_people = table is not None and is_data_subject_table(table)
        with open_lines(path) as source:
            for block in line_blocks(source, _BLOCK_BYTES):
                lines: list[bytes] = []
                for at in self._literals.lines(block):
                    lines = lines or block.split(b"\n")
                    names_them = self._names.stand_in(lines[at])
                    held = self._needles.within(lines[at].decode("utf-8", "replace"))
                    if held and (names_them or of_people):  # the field decides
                        yield self._record(names_them, texts_in(_parsed(lines[at]), columns))
                    else:
                        yield _Record(names_them, frozenset(held))

    def _rows(self, name: str, path: Path) -> Iterator[_Record]:
        table = self._tables.get(self.table_of(name))
        columns = by_field_name(table.columns) if table else None
        for batch in open_batches(path, _BATCH_ROWS):
            masks = [self._literals.among(values) for values in batch.columns]
            matching = [at for at, mask in enumerate(masks) if mask.any()]  # the other columns contain none
            if not matching:
                continue
            is_match = pa.array(np.logical_or.reduce([masks[at] for at in matching]))
            for row in batch.select(matching).filter(is_match).to_pylist():
                values = list(texts_in(row, columns))
                every = "\n".join(value.text for value in values)
                yield self._record(self._names.stand_in(every.encode("utf-8", "replace")), values)

    def _record(self, names_them: bool, values: Iterable[Value]) -> _Record:
        values = list(values)
        held = self._needles.within(_APART.join(value.text for value in values))
        if not held:
            return _Record(names_them)
        own = {text for value in values for text in held if self._is_own(text, value)}
        personal = set[str]()
        if names_them:
            personal |= self._needles.within(_APART.join(value.text for value in values if value.personal))
        return _Record(names_them, frozenset(held), frozenset(personal), frozenset(own))

    def _is_own(self, text: str, value: Value) -> bool:
        """Whether the value is the text, and in one of the fields of its source."""
        return value.field in self._texts.sources[text].fields and is_same(text, value.text)

    def _in_file(self, path: Path) -> set[str]:
        """The texts in a file without records, in UTF-8, Windows-1252 or UTF-16."""
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
    """The record of a line; the line itself where it is not JSON."""
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
    """Whether a file is readable Parquet; any other is searched as bytes."""
    try:
        pq.read_metadata(path)
    except pa.ArrowInvalid:
        return False
    return True
