"""Footers of Parquet files in the lake: rows, bytes, and the extreme values of a column. No row is read.

Lives here: reading footers, several at a time. Not here: which files and which column (`reading.inventory`,
`quality.volume`).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow.parquet as pq

from mews_assets.lake.storage.lake import Lake

_AT_ONCE = 8


@dataclass(frozen=True)
class Footer:
    """The footer of one file. `earliest` and `latest` are those of one column of dates or instants, None where
    it has no values."""

    rows: int
    size_bytes: int
    earliest: datetime | None
    latest: datetime | None


def read_footers(lake: Lake, names: Iterable[str], column: str) -> dict[str, Footer]:
    """The footers of files by name, in the order given, with the extreme values of a column."""
    wanted = list(names)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return dict(zip(wanted, threads.map(lambda name: _footer(lake, name, column), wanted), strict=True))


def read_metadata(lake: Lake, name: str) -> tuple[pq.FileMetaData, int]:
    """The footer of a file as Arrow reads it, and the file's bytes. Large: not to be kept for many files."""
    with lake.open_input_file(name) as source:
        return pq.read_metadata(source), int(source.size())


def _footer(lake: Lake, name: str, column: str) -> Footer:
    metadata, size = read_metadata(lake, name)
    at = metadata.schema.names.index(column)
    groups = (metadata.row_group(group).column(at).statistics for group in range(metadata.num_row_groups))
    extremes = [(column.min, column.max) for column in groups if column is not None and column.has_min_max]
    return Footer(
        rows=int(metadata.num_rows),
        size_bytes=size,
        earliest=min((_instant(low) for low, _ in extremes), default=None),
        latest=max((_instant(high) for _, high in extremes), default=None),
    )


def _instant(value: datetime | date) -> datetime:
    """A day as its midnight, a value without a zone as UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)
