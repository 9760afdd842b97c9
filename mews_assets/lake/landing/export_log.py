"""The export log: exports that were requested and whose files have not landed yet.

Lives here: one small file per export in the lake. An export can be found by its id only, so the id is saved as soon as
Mews answers; a retry, in this process or another, resumes that export instead of requesting a new one. Not here:
requests to Mews (`ingest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import Instant, in_utc, read_state, write_state
from mews_assets.windows import Window


@dataclass(frozen=True)
class LoggedExport:
    """An export as it was requested. `asked_by` is the run that waits for it; empty where no run does."""

    id: str
    connection: str
    table: str
    scopes: tuple[str, ...]
    window: Window
    asked_at: datetime
    asked_by: str = ""


class _StoredExport(msgspec.Struct, kw_only=True):
    """The file of one export; its folder names the connection."""

    id: str
    table: str
    scopes: tuple[str, ...]
    start_utc: Instant
    end_utc: Instant
    asked_at: Instant
    asked_by: str = ""


def save(lake: Lake, export: LoggedExport) -> None:
    """Save an export. On disk when this returns."""
    stored = _StoredExport(
        id=export.id,
        table=export.table,
        scopes=export.scopes,
        start_utc=export.window.start,
        end_utc=export.window.end,
        asked_at=in_utc(export.asked_at),
        asked_by=export.asked_by,
    )
    write_state(lake, layout.export_file(export.connection, export.id), stored)


def remove(lake: Lake, export: LoggedExport) -> None:
    """Forget an export: its files have landed, or never will."""
    lake.delete(layout.export_file(export.connection, export.id))


def logged_exports(lake: Lake, connection: str, table: str) -> list[LoggedExport]:
    """The pending exports of a table by a connection, oldest first. Raises LakeError on one that cannot be read."""
    found = []
    for name in lake.files(layout.exports_folder(connection)):
        try:
            stored = read_state(lake, name, _StoredExport)
        except FileNotFoundError:  # its run landed it since the folder was listed
            continue
        if stored.table == table:
            window = Window(stored.start_utc, stored.end_utc)
            found.append(
                LoggedExport(
                    stored.id, connection, table, stored.scopes, window, stored.asked_at, stored.asked_by
                )
            )
    return sorted(found, key=lambda export: export.asked_at)
