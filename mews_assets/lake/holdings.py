"""What a table holds, from the footers of its files: no row is read.

Lives here: scopes, partitions, rows, bytes and the newest stamp of a table in the lake.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow.parquet as pq

from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake import layout
from mews_assets.lake.store import Lake


@dataclass(frozen=True)
class Holdings:
    """One table's whole. `newest` is the newest version's stamp, None without rows."""

    scopes: int
    partitions: int
    rows: int
    size_bytes: int
    newest: datetime | None


def holdings(lake: Lake, table: Table) -> Holdings:
    """What `changes/<table>` holds."""
    names = lake.files(layout.changes_folder(table.name), recursive=True)
    with ThreadPoolExecutor(8) as side_by_side:
        footers = list(side_by_side.map(lambda name: _footer(lake, table, name), names))
    newest = [stamp for _, _, stamp in footers if stamp is not None]
    return Holdings(
        scopes=len({name.split("/")[2] for name in names}),
        partitions=len(names),
        rows=sum(rows for rows, _, _ in footers),
        size_bytes=sum(size for _, size, _ in footers),
        newest=max(newest, default=None),
    )


def _footer(lake: Lake, table: Table, name: str) -> tuple[int, int, datetime | None]:
    with lake.filesystem.open_input_file(lake.path(name)) as source:
        size = source.size()
        metadata = pq.read_metadata(source)
    column = metadata.schema.names.index(snake_case(table.version_column))
    stamps = [
        _instant(statistics.max)
        for group in range(metadata.num_row_groups)
        if (statistics := metadata.row_group(group).column(column).statistics) and statistics.has_min_max
    ]
    return metadata.num_rows, size, max(stamps, default=None)


def _instant(stamp: datetime | date) -> datetime:
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return datetime(stamp.year, stamp.month, stamp.day, tzinfo=UTC)
