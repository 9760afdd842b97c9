"""Copies of landed files for DuckDB, with the lines changed that it would refuse or misread.

Lives here: the copy of a landed file in which only such lines differ: with a byte order mark, an empty text for a date,
a date in a form that DuckDB does not read, or money that it would round beyond a decimal's limit. The landed file stays
as it is. Not here: the changed line (`inspect_record`).
"""

from __future__ import annotations

from pathlib import Path

from mews_assets.catalog.model import Kind, RecordType
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import is_blank
from mews_assets.lake.conversion.scan import Scan, compile_scan


def write_repaired(table: RecordType, source: Path, target: Path) -> None:
    """Copy a file whose lines are all valid, without compression, line for line."""
    # Money has a limited number of places, so every long amount is inspected.
    has_decimals = any(column.kind is Kind.DECIMAL for column in table.columns)
    scan = compile_scan(table, long_numbers=not has_decimals)
    with open_lines(source) as lines, target.open("wb") as copy:
        for block in line_blocks(lines):
            copy.write(_mended(block, table, scan))


def _mended(block: bytes, table: RecordType, scan: Scan) -> bytes:
    if scan.count_lines(block) is not None:
        return block
    lines = block.split(b"\n")
    for index, is_good in enumerate(scan.fits(lines)):
        if not is_good:
            lines[index] = (
                b"" if is_blank(lines[index]) else inspect(lines[index], table).mended or lines[index]
            )
    return b"\n".join(lines)
