"""Every line of a landed file checked against the catalog, at the speed of a scan.

Lives here: reading a file block by block, matching it against the table's shape, and looking closer at the
lines that do not match. Not here: converting; what is wrong with one record (`records`).

Why it exists: the parser that converts (DuckDB) passes a string where a number belongs, rounds 5.7 to an
integer 6, drops unknown fields, and keeps 17 digits of a number, all in silence.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.lake.errors import RecordError
from mews_assets.lake.records import FieldError, fits_double, inspect
from mews_assets.lake.shape import line_pattern

BLOCK_BYTES = 8 << 20
"""Matched at a time. Each match compiles its pattern anew, 1 to 10 ms: below 5 % of what this much takes."""
_AT_ONCE = 2
"""Blocks matched side by side: on two cores the check would else go on alone when the rest of a conversion is done."""
MAX_LINE_BYTES = 16 << 20
"""The longest record that is read; the largest seen in exports are a few hundred kilobytes."""


@dataclass
class Seen:
    """How often a field was seen that the catalog does not know, and what it held first."""

    count: int
    kind: str


@dataclass
class Findings:
    """What a check of whole files found. `lines` are records; `exact_numbers` is by (id, version text)."""

    lines: int = 0
    blank_lines: int = 0
    unknown: dict[str, Seen] = field(default_factory=dict)
    exact_numbers: dict[tuple[str, str | None], dict[str, str]] = field(default_factory=dict)

    def add(self, other: Findings) -> None:
        self.lines += other.lines
        self.blank_lines += other.blank_lines
        self.exact_numbers.update(other.exact_numbers)
        for path, seen in other.unknown.items():
            self.unknown.setdefault(path, Seen(0, seen.kind)).count += seen.count


def check_file(table: Table, path: Path) -> Findings:
    """Check every line of a JSON Lines file (plain, .gz or .zst).

    Raises RecordError naming file, line and field on the first record that cannot become a row.
    """
    checker = _Checker(table, path)
    try:
        with open_lines(path) as source, ThreadPoolExecutor(_AT_ONCE) as matching:
            for block, is_good in _matched(_blocks(source, table, path), checker.matches_whole, matching):
                checker.take(block, is_good)
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        line = checker.findings.lines + checker.findings.blank_lines + 1
        raise RecordError(table.name, path, line, None, f"cannot be unpacked from here on: {error}") from None
    return checker.findings


def open_lines(path: Path) -> BinaryIO:
    """A landed file opened for its bytes, whatever it is compressed with."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast(BinaryIO, io.BufferedReader(zstandard.open(path, "rb"), BLOCK_BYTES))
    return path.open("rb")


def _matched(
    blocks: Iterator[memoryview], matches: Callable[[memoryview], bool], pool: ThreadPoolExecutor
) -> Iterator[tuple[memoryview, bool]]:
    """Every block in turn with whether it matches. What reading raises comes after all blocks before it."""
    waiting: deque[tuple[memoryview, Future[bool]]] = deque()
    failure: Exception | None = None
    try:
        for block in blocks:
            waiting.append((block, pool.submit(matches, block)))
            if len(waiting) == _AT_ONCE:
                first, is_good = waiting.popleft()
                yield first, is_good.result()
    except Exception as error:
        failure = error
    for block, is_good in waiting:
        yield block, is_good.result()
    if failure is not None:
        raise failure


def _blocks(source: BinaryIO, table: Table, path: Path) -> Iterator[memoryview]:
    """The file in pieces that end with a line end; the last one is given one if it has none.

    A piece is a view of a buffer that is used again: it must be done with before so many more are asked for as
    are matched side by side.
    """
    buffers = [bytearray(BLOCK_BYTES + MAX_LINE_BYTES + 1) for _ in range(_AT_ONCE)]
    buffer, view = buffers[0], memoryview(buffers[0])
    held = passed = number = 0
    while got := source.readinto(view[held : held + BLOCK_BYTES]):  # type: ignore[attr-defined]
        first = buffer.find(b"\n", held, held + got) if held else 0
        end = buffer.rfind(b"\n", held, held + got) + 1
        held += got
        if end and first <= MAX_LINE_BYTES:  # only the piece's first line can be longer than a block
            yield view[:end]
            passed += end
            number += 1
            rest = view[end:held]
            buffer = buffers[number % _AT_ONCE]
            view = memoryview(buffer)
            held -= end
            view[:held] = rest
        if held > MAX_LINE_BYTES:
            problem = f"longer than {MAX_LINE_BYTES >> 20} MiB, the longest record that is read"
            raise RecordError(table.name, path, _lines_within(path, passed) + 1, None, problem)
    if held:
        buffer[held] = 10
        yield view[: held + 1]


def _lines_within(path: Path, size_bytes: int) -> int:
    """Lines in the first bytes of a file. Counted for an error only: counting takes a tenth of the scan."""
    lines = 0
    with open_lines(path) as source:
        while size_bytes > 0 and (piece := source.read(min(BLOCK_BYTES, size_bytes))):
            lines += piece.count(b"\n")
            size_bytes -= len(piece)
    return lines


_LEARN_AFTER = 16
"""Records with a new field looked at one by one, before the field is learnt and the scan is fast again."""
_LONG_NUMBER = re.compile(rb"[:,\[][ \t]*(-?[0-9][-+0-9.eE]{15,}|-?[0-9][-+0-9.]*[eE][-+0-9.eE]*)")


class _Checker:
    """One file's check: what it knows of the file so far, and what it found."""

    def __init__(self, table: Table, path: Path) -> None:
        self.findings = Findings()
        self._table, self._path = table, path
        self._lines_before = 0
        self._known_names = frozenset(_names(table.columns))
        self._is_spaced = False
        self._has_decimals = any(column.kind is Kind.DECIMAL for column in table.columns)
        self._learnt: dict[str, bytes] = {}
        """Path and text of the new fields that the pattern lets through: these are counted by their text."""
        self._write_patterns()

    def take(self, block: memoryview, is_good: bool) -> None:
        """The next block of the file, and whether it matches as a whole: if not, its lines are looked at."""
        lines = _line_ends(block)
        if is_good:
            self.findings.lines += lines
            text = bytes(block) if self._learnt else b""
            looked_at: list[bytes] = []
        else:
            text = bytes(block)
            looked_at = self._look_closer(text)
        for path, name in self._learnt.items():
            by_name = text.count(name) - sum(line.count(name) for line in looked_at)
            self.findings.unknown[path].count += by_name
        self._lines_before += lines

    def matches_whole(self, block: memoryview) -> bool:
        """Whether every line is good. Mews sends no spaces between tokens; others do, and stay with it.

        It may be asked of blocks to come, from another thread: fields that are learnt meanwhile are then looked
        at one by one once more.
        """
        if not self._is_spaced and _matches_whole(block, self._compact_pattern):
            return True
        self._is_spaced = _matches_whole(block, self._spaced_pattern)
        return self._is_spaced

    def _write_patterns(self) -> None:
        compact = line_pattern(self._table, unknown=self._learnt, spaces=False)
        spaced = line_pattern(self._table, unknown=self._learnt)
        long = line_pattern(self._table, unknown=self._learnt, long_numbers=True)
        self._compact_pattern = rf"\A(?:{compact}\n)*\z"
        self._spaced_pattern = rf"\A(?:{spaced}\n)*\z"
        self._line_pattern = rf"\A{spaced}\z"
        self._long_number_pattern = rf"\A{long}\z"

    def _look_closer(self, block: bytes) -> list[bytes]:
        """Line by line: most still match; of the others, most only hold a long number.

        Gives the lines whose new fields were counted one by one.
        """
        lines = block.split(b"\n")[:-1]
        odd = np.flatnonzero(~_matches(lines, self._line_pattern)).tolist()
        if not self._has_decimals:  # their places are limited too, which only a closer look tells
            long = _matches([lines[index] for index in odd], self._long_number_pattern)
            odd = [
                index
                for index, only_long in zip(odd, long, strict=True)
                if not (
                    only_long
                    and all(fits_double(text.decode()) for text in _LONG_NUMBER.findall(lines[index]))
                )
            ]
        self.findings.lines += len(lines)
        newly_seen: list[str] = []
        for index in odd:
            if lines[index].strip():
                newly_seen += self._inspect(lines[index], self._lines_before + int(index) + 1)
            else:
                self.findings.lines -= 1
                self.findings.blank_lines += 1
        self._learn(newly_seen, block)
        return [lines[index] for index in odd]

    def _inspect(self, line: bytes, number: int) -> list[str]:
        try:
            record = inspect(line, self._table)
        except FieldError as error:
            raise RecordError(self._table.name, self._path, number, error.path, error.problem) from None
        if record.inexact:
            self.findings.exact_numbers[record.id, record.version] = record.inexact
        for path, kind in record.unknown:
            self.findings.unknown.setdefault(path, Seen(0, kind)).count += 1
        return [path for path, _ in record.unknown if path not in self._learnt]

    def _learn(self, newly_seen: list[str], block: bytes) -> None:
        """Let a field that keeps coming through, unless its name alone does not tell where it stands."""
        learnt_names = {path.rpartition(".")[2] for path in self._learnt}
        for path in dict.fromkeys(newly_seen):
            name = path.rpartition(".")[2]
            text = f'"{name}":'.encode()
            times = newly_seen.count(path)
            is_told_by_name = name not in self._known_names and name not in learnt_names
            # Counted one by one in this block: what its text says must agree.
            if is_told_by_name and times >= _LEARN_AFTER and block.count(text) == times:
                self._learnt[path] = text
                learnt_names.add(name)
                self._write_patterns()


def _line_ends(block: memoryview) -> int:
    # In pieces that the allocator keeps: one comparison of all would be given pages anew for every block.
    pieces = (block[at : at + 65_536] for at in range(0, len(block), 65_536))
    return sum(int(np.count_nonzero(np.frombuffer(piece, np.uint8) == 10)) for piece in pieces)


def _matches_whole(block: memoryview, pattern: str) -> bool:
    """Whether the block as a whole matches; it is not copied."""
    offsets = pa.py_buffer(np.array([0, len(block)], np.int32))
    value = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(block)])
    return bool(pc.match_substring_regex(value, pattern=pattern)[0].as_py())


def _matches(values: list[bytes], pattern: str) -> np.ndarray:
    """Which of the values match, as booleans."""
    return np.asarray(pc.match_substring_regex(pa.array(values, pa.large_binary()), pattern=pattern))


def _names(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield column.name
        yield from _names(column.columns)
