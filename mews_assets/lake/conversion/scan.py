"""The fast check whether lines have the shape of their table, block by block.

Lives here: two checks with the same result. Compiled code (`_scan.c`) reads the bytes; where it could not be built, for
lack of a compiler, RE2 (in pyarrow) matches regular expressions in ten times the time. Not here: the shape
(`line_schema`), and the lines that do not have it (`check_file`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog.model import RecordType
from mews_assets.lake.conversion.line_schema import SEPARATED, line_fields, line_pattern

try:
    from mews_assets.lake.conversion import _scan
except ImportError:
    _scan = None  # type: ignore[assignment]


class Scan(Protocol):
    """The compiled shape of a line."""

    def count_lines(self, block: bytes | memoryview) -> int | None:
        """The number of lines of a block that ends with a line end; None where a line has another shape."""
        ...

    def fits(self, lines: list[bytes]) -> list[bool]:
        """Which of these lines, given without line ends, have the shape."""
        ...


def compile_scan(table: RecordType, *, unknown: Iterable[str] = (), long_numbers: bool = False) -> Scan:
    """The fastest scan of this installation. The arguments are those of `line_schema.line_pattern`."""
    unknown = tuple(unknown)
    if is_compiled():
        return _Compiled(table, unknown, long_numbers)
    return _Expression(table, unknown, long_numbers)


def is_compiled() -> bool:
    """Whether this installation has the compiled code."""
    return _scan is not None


class _Compiled:
    def __init__(self, table: RecordType, unknown: tuple[str, ...], long_numbers: bool) -> None:
        self._shape = _scan.shape(line_fields(table, unknown=unknown, long_numbers=long_numbers))

    def count_lines(self, block: bytes | memoryview) -> int | None:
        lines = _scan.count_lines(self._shape, block)
        return None if lines < 0 else lines

    def fits(self, lines: list[bytes]) -> list[bool]:
        return [_scan.count_lines(self._shape, line + b"\n") == 1 for line in lines]


class _Expression:
    """Regular expressions. Each match compiles its pattern again, which takes 1 to 10 ms."""

    def __init__(self, table: RecordType, unknown: tuple[str, ...], long_numbers: bool) -> None:
        spaced = line_pattern(table, unknown=unknown, long_numbers=long_numbers)
        compact = line_pattern(table, unknown=unknown, long_numbers=long_numbers, spaces=False)
        self._line = rf"\A{spaced}\z"
        self._spaced = rf"\A(?:{spaced}\n)*\z"
        self._compact = rf"\A(?:{compact}\n)*\z"
        self._is_spaced = False

    def count_lines(self, block: bytes | memoryview) -> int | None:
        """Mews sends no spaces between tokens, which matches a tenth faster; once a block has some, the next have
        too."""
        if self._is_spaced or not _matches_whole(block, self._compact):
            self._is_spaced = _matches_whole(block, self._spaced)
            if not self._is_spaced:
                return None
        return _line_ends(block) if _matches_whole(block, SEPARATED) else None

    def fits(self, lines: list[bytes]) -> list[bool]:
        values = pa.array(lines, pa.large_binary())
        matched = [pc.match_substring_regex(values, pattern=pattern) for pattern in (self._line, SEPARATED)]
        return [bool(fit) for fit in np.asarray(pc.and_(*matched))]


def _matches_whole(block: bytes | memoryview, pattern: str) -> bool:
    """Whether the block as a whole matches; it is not copied."""
    offsets = pa.py_buffer(np.array([0, len(block)], np.int32))
    value = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(block)])
    return bool(pc.match_substring_regex(value, pattern=pattern)[0].as_py())


def _line_ends(block: bytes | memoryview) -> int:
    # In small pieces, whose memory the allocator reuses: one large array would be allocated again for every block.
    pieces = (block[at : at + 65_536] for at in range(0, len(block), 65_536))
    return sum(int(np.count_nonzero(np.frombuffer(piece, np.uint8) == 10)) for piece in pieces)
