"""Every line of a landed file checked against the catalog.

Lives here: reading a file block by block, scanning each block for the table's shape, and inspecting the lines that do
not have it. Not here: the scan (`scan`), the error of one record (`inspect_record`), and converting (`convert`).

DuckDB, which converts the lines, silently accepts a string for a number, rounds 5.7 to the integer 6, drops unknown
fields, and keeps 17 digits of a number. So every line is checked.
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

from mews_assets.catalog.model import Column, Kind, RecordType
from mews_assets.lake.conversion.exact_numbers import long_numbers, number_paths
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import BOM, FieldError, is_blank
from mews_assets.lake.conversion.scan import compile_scan
from mews_assets.lake.errors import RecordError

BLOCK_BYTES = 8 << 20
"""Bytes scanned at a time. A regular expression needs 1 to 10 ms to start on each block, below 5 % of the time."""
MAX_LINE_BYTES = 16 << 20
"""The longest record that is read; the longest seen in exports have a few hundred kilobytes."""


@dataclass
class UnknownField:
    """A field that the catalog does not know: how often it was seen, and the JSON type of its first value."""

    count: int
    kind: str


@dataclass
class FileFindings:
    """The findings in whole files. `lines` counts records, `exact` those with numbers that a double cannot hold.

    `empty` counts, by field, dates and instants that were empty texts and became null. `mended` counts the lines that
    DuckDB must be given in another form (see `repair_lines`).
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
"""Called with a record's number in the file, from 0, and its numbers that a double cannot hold: text by path."""


def check_file(
    table: RecordType, path: Path, keep_exact: KeepExact = lambda row, numbers: None
) -> FileFindings:
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
            raise  # of the disk, not of the archive
        problem = f"cannot be unpacked from here on: {error}"
        raise RecordError(table.name, path, checker.lines_before + 1, None, problem) from None
    return checker.findings


def open_lines(path: Path) -> BinaryIO:
    """Open a landed file for its uncompressed bytes.

    This or reading raises EOFError or OSError where the file is no archive, or was cut.
    """
    if path.suffix in (".gz", ".zst") and path.stat().st_size == 0:
        raise EOFError(f"an empty file is no {path.suffix} archive")
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        # Not by zstandard: its reader ends without an error where an archive was cut.
        unpacked = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return cast(BinaryIO, io.BufferedReader(unpacked, BLOCK_BYTES))
    return path.open("rb")


class _TooLongError(Exception):
    """The next line is longer than MAX_LINE_BYTES."""


def _blocks(source: BinaryIO) -> Iterator[memoryview]:
    """The file in blocks of whole lines; a last line without a line end gets one.

    A block is a view of a buffer that is reused: finish with it before taking the next.
    """
    buffer = bytearray(BLOCK_BYTES + MAX_LINE_BYTES + 1)
    view = memoryview(buffer)
    held = 0
    while got := source.readinto(view[held : held + BLOCK_BYTES]):  # type: ignore[attr-defined]
        first = buffer.find(b"\n", held, held + got) if held else 0
        end = buffer.rfind(b"\n", held, held + got) + 1
        held += got
        if end and first <= MAX_LINE_BYTES:  # only the first line can be longer than a block
            yield view[:end]
            held -= end
            view[:held] = view[end : end + held]
        if held > MAX_LINE_BYTES:
            raise _TooLongError
    if held:
        buffer[held] = 10
        yield view[: held + 1]


_LEARN_AFTER = 16
"""Records with a new field that are inspected, before the scan learns the field and is fast again."""


class _Checker:
    """The check of one file: its findings, and the new fields that its scan has learnt."""

    def __init__(self, table: RecordType, path: Path, keep_exact: KeepExact) -> None:
        self.findings = FileFindings()
        self._table, self._path, self._keep_exact = table, path, keep_exact
        self._known_names = frozenset(_names(table.columns))
        self._number_places = number_paths(table.columns)
        self._has_decimals = any(column.kind is Kind.DECIMAL for column in table.columns)
        self._learnt: dict[str, bytes] = {}
        """Path and JSON text of the new fields that the scan passes: these are counted by their text."""
        self._scan = compile_scan(table)

    @property
    def lines_before(self) -> int:
        """Lines of the blocks checked so far."""
        return self.findings.lines + self.findings.blank_lines

    def check_block(self, block: memoryview) -> None:
        """Check the next block. If a line does not have the shape, lines are checked one by one."""
        lines = self._scan.count_lines(block)
        if lines is not None:
            self.findings.lines += lines
            text = bytes(block) if self._learnt else b""
            inspected: list[bytes] = []
        else:
            text = bytes(block)
            inspected = self._inspect_lines(text)
        for path, name in self._learnt.items():
            by_name = text.count(name) - sum(line.count(name) for line in inspected)
            self.findings.unknown[path].count += by_name

    def _inspect_lines(self, block: bytes) -> list[bytes]:
        """Check lines one by one: most have the shape, and most others hold only a long number.

        Returns the lines that were inspected, and so had their new fields counted.
        """
        lines = block.split(b"\n")[:-1]
        first_line, first_row = self.lines_before + 1, self.findings.lines
        odd = [index for index, is_good in enumerate(self._scan.fits(lines)) if not is_good]
        only_long = self._has_only_long_numbers([lines[index] for index in odd])
        blanks = 0
        inspected: list[bytes] = []
        newly_seen: list[str] = []
        for index, is_has_only_long_numbers in zip(odd, only_long, strict=True):
            line, row = lines[index], first_row + index - blanks
            if is_blank(line):
                blanks += 1
                self.findings.mended += line.startswith(BOM)
            elif not (is_has_only_long_numbers and self._take_numbers(line, row)):
                newly_seen += self._inspect(line, first_line + index, row)
                inspected.append(line)
        self.findings.lines += len(lines) - blanks
        self.findings.blank_lines += blanks
        self._learn(newly_seen, block)
        return inspected

    def _has_only_long_numbers(self, lines: list[bytes]) -> list[bool]:
        """Which lines have the shape except for long numbers."""
        if self._has_decimals:  # whose number of places is limited: `inspect` checks it
            return [False] * len(lines)
        return compile_scan(self._table, unknown=self._learnt, long_numbers=True).fits(lines)

    def _take_numbers(self, line: bytes, row: int) -> bool:
        """Keep the long numbers of a line; False where the line must be inspected after all."""
        try:
            self._keep(row, long_numbers(line, self._number_places))
        except (ValueError, RecursionError):
            return False
        return True

    def _inspect(self, line: bytes, number: int, row: int) -> list[str]:
        """Inspect a line: `number` counts all lines, `row` only records. Returns the paths of new fields not learnt
        yet."""
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
        """Let the scan pass a new field that comes often, unless its name occurs elsewhere too."""
        learnt_names = {path.rpartition(".")[2] for path in self._learnt}
        for path in dict.fromkeys(newly_seen):
            name = path.rpartition(".")[2]
            text = f'"{name}":'.encode()
            times = newly_seen.count(path)
            is_unique_name = name not in self._known_names and name not in learnt_names
            # The count by inspection and the count of its text must agree in this block.
            if is_unique_name and times >= _LEARN_AFTER and block.count(text) == times:
                self._learnt[path] = text
                learnt_names.add(name)
                self._scan = compile_scan(self._table, unknown=self._learnt)


def _names(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield column.name
        yield from _names(column.columns)


def line_blocks(source: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A file in blocks of whole lines. A line longer than MAX_LINE_BYTES is cut, and so cannot be read."""
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
