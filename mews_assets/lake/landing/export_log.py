"""The export log: exports that were asked for and whose files have not landed yet.

Lives here: one small file per export in the lake. An export's id is the only handle on it, so it is saved
the moment Mews answers; a retry, in this process or another, goes on with that export instead of asking
again. Not here: asking Mews (`ingest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Window, from_api, to_api


@dataclass(frozen=True)
class LoggedExport:
    """An export as it was asked for. `asked_by` is the run that waits for it; empty when none does."""

    id: str
    connection: str
    table: str
    scopes: tuple[str, ...]
    window: Window
    asked_at: datetime
    asked_by: str = ""


def save(lake: Lake, export: LoggedExport) -> None:
    """On disk when this returns."""
    lake.write_json(
        layout.export_file(export.connection, export.id),
        {
            "id": export.id,
            "table": export.table,
            "scopes": list(export.scopes),
            "start_utc": to_api(export.window.start),
            "end_utc": to_api(export.window.end),
            "asked_at": to_api(export.asked_at),
            "asked_by": export.asked_by,
        },
    )


def remove(lake: Lake, export: LoggedExport) -> None:
    """Its files have landed, or it can bring none any more."""
    lake.delete(layout.export_file(export.connection, export.id))


def logged_exports(lake: Lake, connection: str, table: str) -> list[LoggedExport]:
    """The exports of a table that a connection is still owed, oldest first."""
    found = []
    for name in lake.files(layout.exports_folder(connection)):
        try:
            value = lake.read_json(name)
        except FileNotFoundError:  # its run landed it since the folder was listed
            continue
        if value["table"] == table:
            window = Window(from_api(value["start_utc"]), from_api(value["end_utc"]))
            found.append(
                LoggedExport(
                    id=value["id"],
                    connection=connection,
                    table=table,
                    scopes=tuple(value["scopes"]),
                    window=window,
                    asked_at=from_api(value["asked_at"]),
                    asked_by=value.get("asked_by", ""),
                )
            )
    return sorted(found, key=lambda export: export.asked_at)
