"""Every line of a landed file checked against the catalog, at the speed of a scan.

Lives here: reading a file block by block, having it scanned for the table's shape, and looking closer at the
lines that have not that shape. Not here: the scan (`scan`); converting; what is wrong with one record (`records`).

Why it exists: the parser that converts (DuckDB) passes a string where a number belongs, rounds 5.7 to an
integer 6, drops unknown fields, and keeps 17 digits of a number, all in silence.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import pyarrow as pa

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.lake.conversion.exact_numbers import long_numbers, number_paths
from mews_assets.lake.conversion.inspect_record import BOM, FieldError, inspect, is_blank
from mews_assets.lake.conversion.scan import compile_scan
from mews_assets.lake.errors import RecordError

BLOCK_BYTES = 8 << 20
"""Scanned at a time. With a regular expression each begins with 1 to 10 ms of preparation, below 5 % of its time."""
MAX_LINE_BYTES = 16 << 20
"""The longest record that is read; the largest seen in exports are a few hundred kilobytes."""


@dataclass
class UnknownField:
    """How often a field was seen that the catalog does not know, and what it held first."""

    count: int
    kind: str


@dataclass
class FileFindings:
    """What a check of whole files found. `lines` are records, `exact` those with numbers longer than a double.

    `empty` counts the dates and instants that were empty texts, and became nulls, by their field. `mended` counts the
    lines that the parser must be given otherwise than they came (see `mending`).
    """

    lines: int = 0
    blank_lines: int = 0
    unknown: dict[str, UnknownField] = field(default_factory=dict)
    exact: int = 0
    empty: Counter[str] = field(default_factory=Counter)
    mended: int = 0

    def add(self, other: FileFindings) -> None:
        self.lines += other.lines
        self.blank_lines += other.blank_lines
        self.exact += other.exact
        self.empty += other.empty
        self.mended += other.mended
        for path, seen in other.unknown.items():
            self.unknown.setdefault(path, UnknownField(0, seen.kind)).count += seen.count


KeepExact: TypeAlias = Callable[[int, dict[str, str]], None]
"""Takes a record's place in the file, from 0 on, and its numbers that a double cannot hold: text by place in it."""


def check_file(table: Table, path: Path, keep_exact: KeepExact = lambda row, numbers: None) -> FileFindings:
    """Check every line of a JSON Lines file (plain, .gz or .zst).

    Raises RecordError naming file, line and field on the first record that cannot become a row.
    """
    checker = _Checker(table, path, keep_exact)
    try:
        with open_lines(path) as source:
            for block in _blocks(source):
                checker.check_block(block)
    except _TooLongError:
        problem = f"longer than {MAX_LINE_BYTES >> 20} MiB, the longest record that is read"
        raise RecordError(table.name, path, checker.lines_before + 1, None, problem) from None
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the archive's
        problem = f"cannot be unpacked from here on: {error}"
        raise RecordError(table.name, path, checker.lines_before + 1, None, problem) from None
    return checker.findings


def open_lines(path: Path) -> BinaryIO:
    """A landed file opened for its bytes, whatever it is compressed with.

    Raises, or its reads raise, EOFError or OSError where an archive is none or was cut short.
    """
    if path.suffix in (".gz", ".zst") and path.stat().st_size == 0:
        raise EOFError(f"an empty file is no {path.suffix} archive")
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        # Not by zstandard: where an archive was cut short, its reader ends as if that were all.
        unpacked = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return cast(BinaryIO, io.BufferedReader(unpacked, BLOCK_BYTES))
    return path.open("rb")


class _TooLongError(Exception):
    """The next line has no end within what is read of one."""


def _blocks(source: BinaryIO) -> Iterator[memoryview]:
    """The file in pieces that end with a line end; the last one is given one if it has none.

    A piece is a view of a buffer that is used again: it must be done with before the next is asked for.
    """
    buffer = bytearray(BLOCK_BYTES + MAX_LINE_BYTES + 1)
    view = memoryview(buffer)
    held = 0
    while got := source.readinto(view[held : held + BLOCK_BYTES]):  # type: ignore[attr-defined]
        first = buffer.find(b"\n", held, held + got) if held else 0
        end = buffer.rfind(b"\n", held, held + got) + 1
        held += got
        if end and first <= MAX_LINE_BYTES:  # only the piece's first line can be longer than a block
            yield view[:end]
            held -= end
            view[:held] = view[end : end + held]
        if held > MAX_LINE_BYTES:
            raise _TooLongError
    if held:
        buffer[held] = 10
        yield view[: held + 1]


_LEARN_AFTER = 16
"""Records with a new field looked at one by one, before the field is learnt and the scan is fast again."""


class _Checker:
    """One file's check: what it knows of the file so far, and what it found."""

    def __init__(self, table: Table, path: Path, keep_exact: KeepExact) -> None:
        self.findings = FileFindings()
        self._table, self._path, self._keep_exact = table, path, keep_exact
        self._known_names = frozenset(_names(table.columns))
        self._number_places = number_paths(table.columns)
        self._has_decimals = any(column.kind is Kind.DECIMAL for column in table.columns)
        self._learnt: dict[str, bytes] = {}
        """Path and text of the new fields that the scan lets through: these are counted by their text."""
        self._scan = compile_scan(table)

    @property
    def lines_before(self) -> int:
        """Lines of the blocks taken so far."""
        return self.findings.lines + self.findings.blank_lines

    def check_block(self, block: memoryview) -> None:
        """The next block of the file. If not all its lines are good, they are looked at one by one."""
        lines = self._scan.count_lines(block)
        if lines is not None:
            self.findings.lines += lines
            text = bytes(block) if self._learnt else b""
            looked_at: list[bytes] = []
        else:
            text = bytes(block)
            looked_at = self._inspect_lines(text)
        for path, name in self._learnt.items():
            by_name = text.count(name) - sum(line.count(name) for line in looked_at)
            self.findings.unknown[path].count += by_name

    def _inspect_lines(self, block: bytes) -> list[bytes]:
        """Line by line: most are good; of the others, most only hold a long number.

        Gives the lines whose new fields were counted one by one.
        """
        lines = block.split(b"\n")[:-1]
        first_line, first_row = self.lines_before + 1, self.findings.lines
        odd = [index for index, is_good in enumerate(self._scan.fits(lines)) if not is_good]
        only_long = self._only_long([lines[index] for index in odd])
        blanks = 0
        looked_at: list[bytes] = []
        newly_seen: list[str] = []
        for index, is_only_long in zip(odd, only_long, strict=True):
            line, row = lines[index], first_row + index - blanks
            if is_blank(line):
                blanks += 1
                self.findings.mended += line.startswith(BOM)
            elif not (is_only_long and self._take_numbers(line, row)):
                newly_seen += self._inspect(line, first_line + index, row)
                looked_at.append(line)
        self.findings.lines += len(lines) - blanks
        self.findings.blank_lines += blanks
        self._learn(newly_seen, block)
        return looked_at

    def _only_long(self, lines: list[bytes]) -> list[bool]:
        """Which lines are good but for long numbers."""
        if self._has_decimals:  # their places are limited too, which only a closer look tells
            return [False] * len(lines)
        return compile_scan(self._table, unknown=self._learnt, long_numbers=True).fits(lines)

    def _take_numbers(self, line: bytes, row: int) -> bool:
        """Take a line's long numbers and no more of it; False where it must be looked at after all."""
        try:
            self._keep(row, long_numbers(line, self._number_places))
        except (ValueError, RecursionError):
            return False
        return True

    def _inspect(self, line: bytes, number: int, row: int) -> list[str]:
        """Its number counts all lines, its row those with a record. Gives the paths of fields not learnt yet."""
        try:
            record = inspect(line, self._table)
        except FieldError as error:
            raise RecordError(self._table.name, self._path, number, error.path, error.problem) from None
        self._keep(row, record.inexact)
        self.findings.empty.update(record.empty)
        self.findings.mended += record.mended is not None
        for path, kind in record.unknown:
            self.findings.unknown.setdefault(path, UnknownField(0, kind)).count += 1
        return [path for path, _ in record.unknown if path not in self._learnt]

    def _keep(self, row: int, numbers: dict[str, str]) -> None:
        if numbers:
            self.findings.exact += 1
            self._keep_exact(row, numbers)

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
                self._scan = compile_scan(self._table, unknown=self._learnt)


def _names(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield column.name
        yield from _names(column.columns)


def line_blocks(source: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A file of lines in blocks that end with a line end. A line longer than any record is cut, and so unreadable."""
    held = b""
    while piece := source.read(size):
        held += piece
        end = held.rfind(b"\n") + 1
        if not end and len(held) > MAX_LINE_BYTES:
            end = len(held)
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held
