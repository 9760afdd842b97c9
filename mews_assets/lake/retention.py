"""How long the landing keeps raw bytes.

Lives here: removing the files of captures that are old enough and whose rows are in changes. Their manifests stay, and
say so: where a row came from can still be told, only not be read again. A capture that is not merged yet, or that
could not become rows, is never removed, however old: what it brought is nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from mews_assets.catalog.model import Table
from mews_assets.lake import landing, layout, snapshot
from mews_assets.lake.landing import Manifest
from mews_assets.lake.store import Lake


@dataclass
class Expired:
    """What was removed of one table. `kept` are captures as old that are not in changes."""

    captures: int = 0
    files: int = 0
    stored_bytes: int = 0
    kept: list[str] = field(default_factory=list)


def expire(lake: Lake, table: Table, tables: Iterable[Table], before: datetime, now: datetime) -> Expired:
    """Remove the bytes of the table's captures taken before an instant. `tables` are all there are: rows of one may
    need the captures of another."""
    done = Expired()
    readers = {table.name, *(one.name for one in tables if one.via and one.via.table == table.name)}
    with lake.lock(f"changes-{table.name}"):
        _expire(lake, table.name, _not_taken_in(lake, readers), before, now, done)
    snapshots = layout.snapshot_landing(table.name)
    with lake.lock(snapshot.lock_name(table)):
        _expire(lake, snapshots, _not_taken_in(lake, {snapshots}), before, now, done)
    return done


def _expire(lake: Lake, name: str, needed: set[str], before: datetime, now: datetime, done: Expired) -> None:
    for capture in landing.captures(lake, name):
        manifest = landing.read_manifest(lake, name, capture)
        if manifest.captured_at >= before:
            continue
        if capture in needed:
            done.kept.append(capture)
            continue
        if manifest.expired_at is None:
            # Said first: a process killed in between leaves files that are removed the next time.
            manifest = replace(manifest, expired_at=now)
            lake.write_json(layout.manifest(name, capture), manifest.to_json())
            done.captures += 1
            done.stored_bytes += sum(file.stored_bytes for file in manifest.files)
        done.files += _remove_files(lake, manifest)


def _not_taken_in(lake: Lake, readers: Iterable[str]) -> set[str]:
    """Captures that may still be read, of one name or of another whose rows are found by this one's."""
    found: set[str] = set()
    for name in readers:
        for folder in (
            layout.pending_folder(name),
            layout.rejected_folder(name),
            layout.set_aside_folder(name),
        ):
            found.update(landing.marked(lake, folder))
    return found


def _remove_files(lake: Lake, manifest: Manifest) -> int:
    folder = layout.capture_folder(manifest.table, manifest.capture)
    there = lake.there([f"{folder}/{file.name}" for file in manifest.files]) if manifest.files else set()
    for name in sorted(there):
        lake.delete(name)
    return len(there)
