"""Which record is behind a conversion that failed.

Lives here: looking at every record of its files, and where nothing is found wrong, asking the parser for the smallest
piece that it refuses. Not here: the parser (`convert`), and what makes a record wrong (`records`).

What the parser says is never repeated: it quotes values, and a value may be a guest's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb

from mews_assets.catalog.model import Column, Table
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.inspect_record import FieldError, inspect, is_blank
from mews_assets.lake.errors import RecordError

Reads: TypeAlias = Callable[[bytes, tuple[Column, ...]], bool]
"""Whether the parser reads these lines, so far as they go into these columns."""


def wrong_record(table: Table, sources: Sequence[Path]) -> RecordError | None:
    """The first record that a close look finds wrong."""
    for path in sources:
        with open_lines(path) as lines:
            for number, line in enumerate(lines, 1):
                if is_blank(line):
                    continue
                try:
                    inspect(line, table)
                except FieldError as error:
                    return RecordError(table.name, path, number, error.path, error.problem)
    return None


def refused_record(
    table: Table, sources: Sequence[Path], parsed: Sequence[Path], reads: Reads
) -> RecordError | None:
    """The first record that the parser refuses. `parsed` are the files as it is given them, line for line."""
    for path, copy in zip(sources, parsed, strict=True):
        before = 0
        with open_lines(copy) as source:
            for block in line_blocks(source):
                lines = [line + b"\n" for line in block.removesuffix(b"\n").split(b"\n")]
                at = None if reads(block, table.kept_columns) else _refused(table, lines, reads)
                if at is not None:
                    fields = [one.name for one in table.kept_columns if not reads(lines[at], (one,))]
                    problem = (
                        f"DuckDB {duckdb.__version__} cannot read it, though nothing was found wrong with it. That "
                        "is a fault of mews_assets"
                    )
                    return RecordError(table.name, path, before + at + 1, ", ".join(fields) or None, problem)
                before += len(lines)
    return None


def _refused(table: Table, lines: list[bytes], reads: Reads) -> int | None:
    """Where the line stands that the parser refuses, of lines that it refuses together."""
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if reads(b"".join(lines[low:middle]), table.kept_columns):
            low = middle
        else:
            high = middle
    return None if reads(lines[low], table.kept_columns) else low
