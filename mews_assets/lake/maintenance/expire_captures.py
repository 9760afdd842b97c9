"""Expiring captures: raw bytes older than MEWS_LANDING_DAYS are removed.

Lives here: removing the files of captures that are old enough and whose rows are in changes. Their manifests stay and
are marked as expired, so the origin of a row is still known. A capture that is not merged, or could not become rows, is
never removed: its records are nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from mews_assets.catalog.model import Table
from mews_assets.lake.current import snapshot
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.manifests import Manifest, pin_manifest, write_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake


@dataclass
class Expired:
    """The captures of one table whose bytes were removed. `kept` are old captures that are not in changes."""

    captures: int = 0
    files: int = 0
    stored_bytes: int = 0
    kept: list[str] = field(default_factory=list)


def expire(lake: Lake, table: Table, tables: Iterable[Table], before: datetime, now: datetime) -> Expired:
    """Remove the bytes of the table's captures taken before an instant. `tables` are all tables: rows of one may need
    the captures of another."""
    done = Expired()
    readers = {
        table.name,
        *(other.name for other in tables if other.parent_key and other.parent_key.table == table.name),
    }
    with lake.lock(f"changes-{table.name}"):
        _expire(lake, table.name, _unmerged(lake, readers), before, now, done)
    snapshots = layout.snapshot_landing(table.name)
    with lake.lock(snapshot.lock_name(table)):
        _expire(lake, snapshots, _unmerged(lake, {snapshots}), before, now, done)
    return done


def _expire(lake: Lake, name: str, needed: set[str], before: datetime, now: datetime, done: Expired) -> None:
    for capture in capture_store.captures(lake, name):
        manifest, version = pin_manifest(lake, name, capture)
        if manifest.captured_at >= before:
            continue
        if capture in needed:
            done.kept.append(capture)
            continue
        if manifest.expired_at is None:
            # Marked first: a process killed in between leaves files that are removed the next time.
            manifest = replace(manifest, expired_at=now)
            write_manifest(lake, manifest, over=version)
            done.captures += 1
            done.stored_bytes += sum(file.stored_bytes for file in manifest.files)
        done.files += _remove_files(lake, manifest)


def _unmerged(lake: Lake, readers: Iterable[str]) -> set[str]:
    """The captures of some tables that are not merged."""
    found: set[str] = set()
    for name in readers:
        for folder in (
            layout.pending_folder(name),
            layout.rejected_folder(name),
            layout.set_aside_folder(name),
        ):
            found.update(capture_states.captures_in(lake, folder))
    return found


def _remove_files(lake: Lake, manifest: Manifest) -> int:
    folder = layout.capture_folder(manifest.table, manifest.capture)
    existing = (
        lake.existing([f"{folder}/{file.name}" for file in manifest.files]) if manifest.files else set()
    )
    for name in sorted(existing):
        lake.delete(name)
    return len(existing)
