"""One Parquet file written again with some of its values changed, and nothing else.

Lives here: applying a change to one row group at a time, and replacing the file. Order, columns and key-value metadata
stay. Not here: which files, and which change (`erasure`, `maintenance`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.storage.footers import read_metadata
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_writer
from mews_assets.lake.storage.store import Pinned

_TRIES = 10
"""Times that it begins again because another run replaced the file meanwhile."""


def rewrite(
    lake: Lake,
    name: str,
    change: Callable[[pa.RecordBatch], pa.RecordBatch],
    workspace: Path,
    *,
    key_value_metadata: Mapping[bytes, bytes] | None = None,
) -> int:
    """Replace the file by its changed copy; nothing is done where nothing changes. Returns how many rows changed.

    Where another run replaces the file meanwhile, the new one is changed. Raises LostRaceError where that never ends.

    `key_value_metadata` is added to that of the file; the file is then written in any case.
    """
    for number in range(_TRIES):
        try:
            pinned = lake.pin(name, workspace)
        except FileNotFoundError:
            if not number:
                raise
            return 0  # another run took the rows into another file, and masks them itself
        with suppress(LostRaceError):
            return _rewrite(lake, name, pinned, change, workspace, key_value_metadata)
    raise LostRaceError(lake.uri(name))


def _rewrite(
    lake: Lake,
    name: str,
    pinned: Pinned,
    change: Callable[[pa.RecordBatch], pa.RecordBatch],
    workspace: Path,
    key_value_metadata: Mapping[bytes, bytes] | None,
) -> int:
    aside = workspace / f"{uuid.uuid4().hex}.parquet"
    changed = 0
    with pq.ParquetFile(pinned.path) as file:
        kept = {key: value for key, value in (file.metadata.metadata or {}).items() if key != b"ARROW:schema"}
        writer: pq.ParquetWriter | None = None
        try:
            for batch in _row_groups(file):
                new = change(batch)
                changed += 0 if new.equals(batch) else _changed_columns(new, batch)
                rows = pa.Table.from_batches([new])
                writer = writer or open_writer(aside, file.schema_arrow.remove_metadata(), rows)
                writer.write_table(rows.replace_schema_metadata(None))
            if writer is None:
                writer = open_writer(aside, file.schema_arrow.remove_metadata(), None)
            writer.add_key_value_metadata({**kept, **(key_value_metadata or {})})
        finally:
            if writer is not None:
                writer.close()
    if changed or key_value_metadata is not None:
        lake.put(aside, name, over=pinned.version)
    else:
        aside.unlink()
    return changed


def _row_groups(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for number in range(file.num_row_groups):
        yield from file.read_row_group(number).combine_chunks().to_batches()


def _changed_columns(new: pa.RecordBatch, old: pa.RecordBatch) -> int:
    return sum(
        not new.slice(row, 1).equals(old.slice(row, 1)) for row in range(old.num_rows)
    )  # only of batches in which something differs


def read_key_value_metadata(lake: Lake, name: str, key: bytes) -> bytes | None:
    """The value of a key in a file's key-value metadata; None where it is missing."""
    value: bytes | None = (read_metadata(lake, name)[0].metadata or {}).get(key)
    return value
