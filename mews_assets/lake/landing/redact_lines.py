"""Landed lines with forgotten people taken out of them.

Lives here: the bytes of a line to other bytes, and of a file to others, line for line. A line stays a record with
the same Id and stamps, so that the count of lines, and what can be rebuilt of them, stay as they were. Not here:
which files (`landing`, `forget`), rows (`hiding`).

The landing holds what the tables do not: fields that the catalog does not know, or that are deprecated. Nobody has
said that they are not personal, so they go; and a line that names the person anywhere is taken to be about them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.catalog.privacy import is_data_subject_table, is_hashed, survives_erasure
from mews_assets.lake.conversion.check_file import line_blocks
from mews_assets.lake.conversion.inspect_record import FieldError, parse, written
from mews_assets.lake.conversion.mask_rows import PLACEHOLDER
from mews_assets.lake.text.match_ids import Names

UNREADABLE = b'{"forgotten":true}'
"""In place of a line that names the person and cannot be read: it could not become a row before, nor can it now."""


class Redactor:
    """Takes people out of files of one table. `lines` counts those that it changed, `named` those that name them."""

    def __init__(self, table: Table, people: Collection[str]) -> None:
        self._table, self._names = table, Names(people)
        self.lines = self.named = 0

    def pieces(self, source: BinaryIO) -> Iterator[bytes]:
        """The file in pieces that end with a line, the last one perhaps without its line end."""
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
    """A line that names a forgotten person, without what is personal. Doing it again changes nothing."""
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
    return written(kept).encode()


def _survives(column: Column, value: Any) -> Any:
    """What is left of a value: of an object that is not personal itself, what in it is not."""
    if column.pii or (column.deprecated and column.kind is Kind.JSON):
        return _emptied(column)
    if column.kind is not Kind.OBJECT:
        return value
    if isinstance(value, list):
        return [_surviving_fields(column, one) for one in value]
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
