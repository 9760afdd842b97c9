"""Landings: what Mews sent, kept as it came, one folder per capture.

Lives here: the manifest of a capture, putting captures in place, and finding them again. Not here: how the
bytes were fetched, and what becomes of them (`changes`).

A capture is one pull of one or more partitions. Its manifest is written last, so a folder without one is a
pull that did not end, and no reader looks into it. A capture stays *pending* until its rows are in changes:
whoever merges next takes it along, so a process killed in between loses nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

from mews_assets.lake import layout
from mews_assets.lake.store import Lake
from mews_assets.windows import Grain, Window, from_api, to_api, windows_between

_COMPRESSION_LEVEL = 3
"""zstd's default: export files shrink to about a tenth; level 1 is a third faster and a tenth larger."""


@dataclass(frozen=True)
class LandedFile:
    """One file of a capture: its lines and bytes as sent, the hash of those bytes, and what it takes up."""

    name: str
    lines: int
    size_bytes: int
    sha256: str
    stored_bytes: int


@dataclass(frozen=True)
class Manifest:
    """What a capture holds: every record of these scopes whose stamp lies in the window, both ends included.

    `source` says how it was fetched: operation or entity type, export id, request ids. `owners` gives the scope
    of what the rows name, where that is not their scope itself and the scopes are several.
    """

    capture: str
    table: str
    connection: str
    scopes: tuple[str, ...]
    window: Window
    captured_at: datetime
    source: dict[str, Any] = field(default_factory=dict, hash=False)
    files: tuple[LandedFile, ...] = ()
    owners: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def lines(self) -> int:
        return sum(file.lines for file in self.files)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def partitions(self, grain: Grain) -> list[tuple[str, Window]]:
        """The scopes and windows it covers whole."""
        windows = list(windows_between(self.window.start, self.window.end, grain))
        return [(scope, window) for scope in self.scopes for window in windows]

    def covers(self, scope: str, window: Window) -> bool:
        """Whether all of the window was asked for, for the scope."""
        return scope in self.scopes and self.window.covers(window)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "format": 1,
            "window": {"start_utc": to_api(self.window.start), "end_utc": to_api(self.window.end)},
            "captured_at": to_api(self.captured_at),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Manifest:
        window = value["window"]
        return cls(
            capture=value["capture"],
            table=value["table"],
            connection=value["connection"],
            scopes=tuple(value["scopes"]),
            window=Window(from_api(window["start_utc"]), from_api(window["end_utc"])),
            captured_at=from_api(value["captured_at"]),
            source=value["source"],
            files=tuple(LandedFile(**file) for file in value["files"]),
            owners=value.get("owners", {}),
        )


def new_capture_id(now: datetime) -> str:
    """Sorts by time: `20261122T150000Z-3f9a1c20`."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def land(lake: Lake, manifest: Manifest, sources: Iterable[Path], workspace: Path) -> Manifest:
    """Put local JSON Lines files into the lake as a capture, mark it pending, and return its manifest."""
    for scope in manifest.scopes:
        layout.safe_name(scope)  # refused here, or no later merge of the table would get past this capture
    jobs = list(enumerate(sources, 1))
    with ThreadPoolExecutor(4) as side_by_side:
        files = list(
            side_by_side.map(lambda job: _land_file(lake, manifest, job[0], job[1], workspace), jobs)
        )
    landed = replace(manifest, files=tuple(files))
    # Pending first: a manifest without this mark would be a landing that nobody merges.
    lake.write_json(layout.pending_file(manifest.table, manifest.capture), {"capture": manifest.capture})
    lake.write_json(layout.manifest(manifest.table, manifest.capture), landed.to_json())
    return landed


def _land_file(lake: Lake, manifest: Manifest, number: int, source: Path, workspace: Path) -> LandedFile:
    name = layout.landed_file(manifest.table, manifest.capture, number)
    packed = workspace / f"{manifest.table}-{number:05}.zst"
    digest = hashlib.sha256()
    lines = size = 0
    unended = False
    packer = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)
    with source.open("rb") as raw, packed.open("wb") as target, packer.stream_writer(target) as writer:
        while piece := raw.read(1 << 20):
            digest.update(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            unended = not piece.endswith(b"\n")
            writer.write(piece)
    stored = packed.stat().st_size
    lake.put(packed, name)
    return LandedFile(name.rsplit("/", 1)[-1], lines + unended, size, digest.hexdigest(), stored)


def read_manifest(lake: Lake, table: str, capture: str) -> Manifest:
    return Manifest.from_json(lake.read_json(layout.manifest(table, capture)))


def landed_files(lake: Lake, manifest: Manifest, workspace: Path) -> list[Path]:
    """The capture's files on the local disk, still compressed."""
    folder = layout.capture_folder(manifest.table, manifest.capture)
    return [lake.fetch(f"{folder}/{file.name}", workspace) for file in manifest.files]


def captures(lake: Lake, table: str) -> list[str]:
    """The ids of all landed captures of a table, oldest first."""
    folder = layout.landing_folder(table)
    return [name for name in lake.folders(folder) if lake.exists(layout.manifest(table, name))]


def captures_since(lake: Lake, table: str, since: datetime) -> list[Manifest]:
    """The captures taken at or after an instant, oldest first; older ones are told by their id, not read."""
    first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    recent = [capture for capture in captures(lake, table) if capture >= first]
    manifests = [read_manifest(lake, table, capture) for capture in recent]
    return [manifest for manifest in manifests if manifest.captured_at >= since]


def pending(lake: Lake, table: str) -> list[Manifest]:
    """Captures that landed and are not yet in changes, oldest first."""
    names = [
        name.rsplit("/", 1)[-1].removesuffix(".json") for name in lake.files(layout.pending_folder(table))
    ]
    return [read_manifest(lake, table, name) for name in names if lake.exists(layout.manifest(table, name))]


def settle(lake: Lake, manifest: Manifest) -> None:
    """The capture's rows are in changes, whatever was said of it before."""
    lake.delete(layout.rejected_file(manifest.table, manifest.capture))
    lake.delete(layout.pending_file(manifest.table, manifest.capture))


def reject(lake: Lake, manifest: Manifest, problem: str) -> None:
    """The capture cannot become rows. It stays landed, and is not tried with every later one."""
    record = {"capture": manifest.capture, "problem": problem}
    lake.write_json(layout.rejected_file(manifest.table, manifest.capture), record)
    lake.delete(layout.pending_file(manifest.table, manifest.capture))
