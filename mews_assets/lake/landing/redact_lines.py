"""Erased customers taken out of landed lines.

Lives here: rewriting the bytes of a line, and of a file line by line. A line stays a record with the same Id and
stamps, so the number of lines and the rows rebuilt from them stay the same. Not here: which files (`capture_store`,
`erasure.erase_customer`), and rows (`conversion.mask_rows`).

The landing holds fields that the tables do not: unknown to the catalog, or deprecated. They may be personal, so they
are removed; and a line that names the person anywhere counts as about that person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.catalog.privacy import is_data_subject_table, is_hashed, survives_erasure
from mews_assets.lake.conversion.check_file import line_blocks
from mews_assets.lake.conversion.mask_rows import PLACEHOLDER
from mews_assets.lake.conversion.parse_record import FieldError, parse, to_json
from mews_assets.lake.text.match_ids import IdMatcher

UNREADABLE = b'{"forgotten":true}'
"""Replaces a line that names the person and cannot be read: it could not become a row before, nor can it now."""


class Redactor:
    """Takes customers out of files of one table. `lines` counts the changed lines, `named` the lines that name them."""

    def __init__(self, table: Table, people: Collection[str]) -> None:
        self._table, self._names = table, IdMatcher(people)
        self.lines = self.named = 0

    def pieces(self, source: BinaryIO) -> Iterator[bytes]:
        """The redacted file in pieces of whole lines; the last line may have no line end."""
        for piece in line_blocks(source):
            naming = self._names.lines(piece)
            if not naming:
                yield piece
                continue
            lines = piece.split(b"\n")
            for at in naming:
                lines[at] = self._changed(lines[at])
            yield b"\n".join(lines)

    def _changed(self, line: bytes) -> bytes:
        self.named += 1
        new = redacted(line, self._table)
        self.lines += new != line
        return new


def redacted(line: bytes, table: Table) -> bytes:
    """A line that names an erased customer, without its personal data. Redacting it again changes nothing."""
    try:
        record = parse(line)
    except FieldError:
        return UNREADABLE
    about_people = is_data_subject_table(table)
    known = {column.name: column for column in table.columns}
    kept = {
        name: _emptied(column)
        if about_people and not survives_erasure(table, column)
        else _survives(column, value)
        for name, value in record.items()
        if (column := known.get(name)) is not None
    }
    return to_json(kept).encode()


def _survives(column: Column, value: Any) -> Any:
    """The value without its personal parts."""
    if column.pii or (column.deprecated and column.kind is Kind.JSON):
        return _emptied(column)
    if column.kind is not Kind.OBJECT:
        return value
    if isinstance(value, list):
        return [_surviving_fields(column, item) for item in value]
    return _surviving_fields(column, value)


def _surviving_fields(column: Column, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    known = {nested.name: nested for nested in column.columns}
    return {
        name: None if known[name].pii else _survives(known[name], inner)
        for name, inner in value.items()
        if name in known
    }


def _emptied(column: Column) -> Any:
    if not column.required or column.deprecated:
        return None
    if column.is_list:
        return []
    return PLACEHOLDER if is_hashed(column) else None
