"""Footers of Parquet files in the lake: rows, bytes, and the extreme values of some columns. No row is read.

Lives here: reading footers, several at a time. Not here: which files and which columns, and keeping what was read
(`file_statistics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow.parquet as pq

from mews_assets.lake.storage.lake import Lake

_AT_ONCE = 16
"""Footers of a bucket are waited for, not computed."""


@dataclass(frozen=True)
class Extremes:
    """The first and the last instant of a column of dates or instants; None where it has no values."""

    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True)
class Footer:
    """The footer of one file, with the extremes of the columns that were asked for."""

    rows: int
    size_bytes: int
    extremes: Mapping[str, Extremes] = field(default_factory=dict)


def read_footers(lake: Lake, names: Iterable[str], columns: Sequence[str]) -> dict[str, Footer]:
    """The footers of files by name, in the order given."""
    wanted = list(names)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        read = threads.map(lambda name: footer(*read_metadata(lake, name), columns), wanted)
        return dict(zip(wanted, read, strict=True))


def read_metadata(lake: Lake, name: str) -> tuple[pq.FileMetaData, int]:
    """The footer of a file as Arrow reads it, and the file's bytes. Large: not to be kept for many files."""
    with lake.open_input_file(name) as source:
        return pq.read_metadata(source), int(source.size())


def footer(metadata: pq.FileMetaData, size_bytes: int, columns: Sequence[str]) -> Footer:
    """What a footer says, as Arrow read it."""
    names = metadata.schema.names
    extremes = {column: _extremes(metadata, names.index(column)) for column in columns}
    return Footer(int(metadata.num_rows), size_bytes, extremes)


def _extremes(metadata: pq.FileMetaData, at: int) -> Extremes:
    groups = (metadata.row_group(group).column(at).statistics for group in range(metadata.num_row_groups))
    found = [(column.min, column.max) for column in groups if column is not None and column.has_min_max]
    return Extremes(
        earliest=min((_instant(low) for low, _ in found), default=None),
        latest=max((_instant(high) for _, high in found), default=None),
    )


def _instant(value: datetime | date) -> datetime:
    """A day as its midnight, a value without a zone as UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)
