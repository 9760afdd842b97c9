"""The record that made a conversion fail.

Lives here: inspecting every record of its files, and where none is wrong, finding the line that DuckDB refuses by
bisection. Not here: running DuckDB (`convert`), and what makes a record wrong (`inspect_record`).

DuckDB's error text is never repeated: it quotes values, and a value may be a guest's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb

from mews_assets.catalog.model import Column, RecordType
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import FieldError, is_blank
from mews_assets.lake.errors import RecordError

Reads: TypeAlias = Callable[[bytes, tuple[Column, ...]], bool]
"""Whether DuckDB reads these columns of these lines."""


def wrong_record(table: RecordType, sources: Sequence[Path]) -> RecordError | None:
    """The first record that `inspect` finds wrong; None where there is none."""
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
    table: RecordType, sources: Sequence[Path], parsed: Sequence[Path], reads: Reads
) -> RecordError | None:
    """The first record that DuckDB refuses. `parsed` are the files that it was given, line for line as the sources."""
    for path, copy in zip(sources, parsed, strict=True):
        before = 0
        with open_lines(copy) as source:
            for block in line_blocks(source):
                lines = [line + b"\n" for line in block.removesuffix(b"\n").split(b"\n")]
                at = None if reads(block, table.kept_columns) else _first_refused(table, lines, reads)
                if at is not None:
                    fields = [column.name for column in table.kept_columns if not reads(lines[at], (column,))]
                    problem = (
                        f"DuckDB {duckdb.__version__} cannot read it, though nothing was found wrong with it. That "
                        "is a fault of mews_assets"
                    )
                    return RecordError(table.name, path, before + at + 1, ", ".join(fields) or None, problem)
                before += len(lines)
    return None


def _first_refused(table: RecordType, lines: list[bytes], reads: Reads) -> int | None:
    """The index of the line that DuckDB refuses, of lines that it refuses together; None where it reads each alone."""
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if reads(b"".join(lines[low:middle]), table.kept_columns):
            low = middle
        else:
            high = middle
    return None if reads(lines[low], table.kept_columns) else low
