"""Statistics of the files of changes: rows, bytes, and the first and last instants, kept in one file per table.

Lives here: reading them, and writing them as files are put in place. Not here: what they are for (`reading.inventory`,
`quality.volume`), and reading a footer (`storage.footers`).

They are a cache, never a second truth. Each line names the fingerprint of the file that it is about, as a listing of
the folder gives it; a line of another fingerprint is not used, and the footer of that file is read instead. So whoever
replaces a file without writing here, or loses a race to write here, costs the next reader one footer.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.model import Table
from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.footers import Footer, footer, read_footers
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.store import ABSENT

log = logging.getLogger(__name__)

CAPTURED = "_captured_at_utc"
_TRIES = 5
"""Times that the file is read, changed and written, until nobody else did in between."""
_LISTED_AT_ONCE = 16
_INSTANT = pa.timestamp("us", "UTC")
_SCHEMA = pa.schema(
    [
        pa.field("scope", pa.string(), nullable=False),
        pa.field("window", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("newest", _INSTANT),
        pa.field("captured", _INSTANT),
    ]
)


@dataclass(frozen=True)
class FileStatistics:
    """Statistics of one version of a file. `newest` is the last stamp of its rows, `captured` when the first of them
    was captured; None without rows."""

    fingerprint: str
    rows: int
    size_bytes: int
    newest: datetime | None
    captured: datetime | None


_VALUES = [field.name for field in fields(FileStatistics)]


def statistics_of(
    lake: Lake, table: Table, names: Collection[str] | None = None
) -> dict[str, FileStatistics]:
    """The statistics of all files of `changes/<table>` by name, or of those files among `names` that there are.

    Footers are read of the files only whose statistics are not known; they are known from then on.
    """
    scopes = None if names is None else {layout.scope_of(name) for name in names}
    listed = _listed(lake, table, scopes)
    if names is not None:
        listed = {name: listed[name] for name in names if name in listed}
    held, version = _load(lake, table)
    known = {
        name: found
        for name, found in _lines(table, _of_scopes(held, scopes))
        if listed.get(name) == found.fingerprint
    }
    missing = {name: fingerprint for name, fingerprint in listed.items() if name not in known}
    footers = read_footers(lake, missing, _columns(table))
    read = {name: _statistics(table, missing[name], found) for name, found in footers.items()}
    if read or (names is None and held.num_rows > len(known)):
        _save(lake, table, read, only=listed.keys() if names is None else None, first=(held, version))
    return {name: known.get(name) or read[name] for name in listed}


def files_without_statistics(lake: Lake, table: Table) -> list[str]:
    """The files of `changes/<table>` whose footers a reader of all statistics would read, sorted."""
    listed = _listed(lake, table, None)
    known = {name: found.fingerprint for name, found in _lines(table, _load(lake, table)[0])}
    return sorted(name for name, fingerprint in listed.items() if known.get(name) != fingerprint)


def local_statistics(table: Table, path: Path) -> FileStatistics:
    """The statistics of a file that is not in place yet, so without a fingerprint."""
    return _statistics(table, "", footer(pq.read_metadata(path), path.stat().st_size, _columns(table)))


def save_statistics(lake: Lake, table: Table, written: Mapping[str, FileStatistics]) -> None:
    """Add statistics of files that were put in place. Where they cannot be written, the next reader reads footers."""
    if written:
        _save(lake, table, written)


def without_quotes(fingerprint: str) -> str:
    """A fingerprint as it is compared: of one object, one store's listing has the ETag in quotes, and another's not."""
    return fingerprint.strip('"')


def _save(
    lake: Lake,
    table: Table,
    found: Mapping[str, FileStatistics],
    *,
    only: Collection[str] | None = None,
    first: tuple[pa.Table, str] | None = None,
) -> None:
    """Put lines in the place of those of the same files. With `only`, lines of other files are removed. `first` is the
    file as it was read just now."""
    new = _table_of(found)
    kept = None if only is None else set(only)
    for _ in range(_TRIES):
        held, version = first or _load(lake, table)
        first = None
        replaced = pc.is_in(_keys(held), value_set=_keys(new))
        lines = pa.concat_tables([held.filter(pc.invert(replaced)), new])
        if kept is not None:
            names = (name for name, _ in _lines(table, lines))
            lines = lines.filter(pa.array([name in kept for name in names], pa.bool_()))
        lines = lines.sort_by([("scope", "ascending"), ("window", "ascending")])
        try:
            lake.write(layout.statistics_file(table.name), _to_bytes(lines), over=version)
            return
        except LostRaceError:
            continue
        except OSError as error:  # a lake that may only be read
            log.info("%s: the statistics of its files were not kept: %s", table.name, error)
            return
    log.info("%s: the statistics of its files were not kept, for others were keeping theirs", table.name)


def _load(lake: Lake, table: Table) -> tuple[pa.Table, str]:
    """The file and its version. One that is missing, damaged or of other columns holds nothing: it is made again."""
    name = layout.statistics_file(table.name)
    try:
        content, version = lake.read_version(name)
    except FileNotFoundError:
        return _SCHEMA.empty_table(), ABSENT
    try:
        return pa.ipc.open_file(content).read_all().cast(_SCHEMA), version
    except (pa.ArrowException, ValueError):
        log.info("%s cannot be read, and is made again from the files", lake.uri(name))
        return _SCHEMA.empty_table(), version


def _to_bytes(lines: pa.Table) -> bytes:
    content = pa.BufferOutputStream()
    with pa.ipc.new_file(content, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(lines)
    return bytes(content.getvalue())


def _listed(lake: Lake, table: Table, scopes: Collection[str] | None) -> dict[str, str]:
    """The names of files, each with its fingerprint."""
    folders = [layout.changes_folder(table.name)]
    if scopes is not None:
        folders = [layout.scope_folder(table.name, scope) for scope in sorted(scopes)]
    with ThreadPoolExecutor(_LISTED_AT_ONCE) as side_by_side:
        return {
            name: without_quotes(fingerprint)
            for found in side_by_side.map(lake.fingerprints, folders)
            for name, fingerprint in found.items()
        }


def _of_scopes(lines: pa.Table, scopes: Collection[str] | None) -> pa.Table:
    if scopes is None:
        return lines
    return lines.filter(pc.is_in(lines["scope"], value_set=pa.array(list(scopes), pa.string())))


def _lines(table: Table, lines: pa.Table) -> Iterator[tuple[str, FileStatistics]]:
    columns = [lines[name].to_pylist() for name in ("scope", "window", *_VALUES)]
    for scope, window, *values in zip(*columns, strict=True):
        yield layout.changes_file(table.name, scope, window), FileStatistics(*values)


def _table_of(found: Mapping[str, FileStatistics]) -> pa.Table:
    def lines() -> Iterable[dict[str, object]]:
        for name, statistics in found.items():
            scope, window = layout.partition_of(name)
            yield {"scope": scope, "window": window, **asdict(statistics)}

    return pa.Table.from_pylist(list(lines()), _SCHEMA)


def _keys(lines: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(lines["scope"], lines["window"], "/")


def _columns(table: Table) -> list[str]:
    return [table.version_field, CAPTURED]


def _statistics(table: Table, fingerprint: str, found: Footer) -> FileStatistics:
    newest, captured = found.extremes[table.version_field].latest, found.extremes[CAPTURED].earliest
    return FileStatistics(fingerprint, found.rows, found.size_bytes, newest, captured)
