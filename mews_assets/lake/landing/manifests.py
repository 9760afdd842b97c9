"""Manifests: what each capture holds, and the ids of captures.

Lives here: the manifest of a capture, as a value and as the file beside the capture's bytes. Not here: the bytes
(`capture_store`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import Instant, in_utc, read_state_version, write_state
from mews_assets.windows import Grain, Window, windows_between


@dataclass(frozen=True)
class LandedFile:
    """One file of a capture: its lines and bytes as Mews sent them, their SHA-256, and its size in the lake."""

    name: str
    lines: int
    size_bytes: int
    sha256: str
    stored_bytes: int


@dataclass(frozen=True)
class Manifest:
    """A capture's manifest. It holds every record of these scopes whose stamp lies in the window, and perhaps some
    stamped exactly at its end.

    `source` is how it was fetched: operation or entity type, export id, request ids. `owners` gives the scope of each
    id that rows name, where rows do not name their scope and the capture has several.
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
    redacted_lines: int = 0
    """Lines that an erased customer was taken out of: these are not as Mews sent them."""
    expired_at: datetime | None = None
    """When the bytes were removed, their rows being in changes; None while they exist."""

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
        """Whether all of the window was requested, for the scope."""
        return scope in self.scopes and self.window.covers(window)

    def reaches(self, window: Window) -> bool:
        """Whether it can hold rows of the window: of all or part of it, or stamped at the capture's own end."""
        return self.window.start < window.end and window.start <= self.window.end


class _StoredWindow(msgspec.Struct):
    start_utc: Instant
    end_utc: Instant


class _StoredManifest(msgspec.Struct, kw_only=True):
    """`manifest.json`."""

    capture: str
    table: str
    connection: str
    scopes: tuple[str, ...]
    window: _StoredWindow
    captured_at: Instant
    source: dict[str, Any]
    files: tuple[LandedFile, ...]
    owners: dict[str, str] = {}
    redacted_lines: int = 0
    expired_at: Instant | None = None
    format: int = 1


def read_manifest(lake: Lake, table: str, capture: str) -> Manifest:
    """The manifest of a capture. Raises LakeError on one that cannot be read, FileNotFoundError where there is none."""
    return pin_manifest(lake, table, capture)[0]


def pin_manifest(lake: Lake, table: str, capture: str) -> tuple[Manifest, str]:
    """The manifest of a capture, and the version of its file. Raises as `read_manifest`."""
    stored, version = read_state_version(lake, layout.manifest(table, capture), _StoredManifest)
    fields = msgspec.structs.asdict(stored)
    del fields["format"]
    try:
        window = Window(stored.window.start_utc, stored.window.end_utc)
    except ValueError as error:
        name = lake.uri(layout.manifest(table, capture))
        raise LakeError(f"{name} cannot be read ({error}); restore it or move it away") from None
    return Manifest(**{**fields, "window": window}), version


def write_manifest(lake: Lake, manifest: Manifest, *, over: str | None = None) -> None:
    """Put the manifest beside the capture's files. From now on readers see the capture.

    `over` is the version that it replaces. Raises LostRaceError where another one stands.
    """
    window = _StoredWindow(manifest.window.start, manifest.window.end)
    expired_at = None if manifest.expired_at is None else in_utc(manifest.expired_at)
    instants = {"captured_at": in_utc(manifest.captured_at), "expired_at": expired_at}
    stored = _StoredManifest(**{**vars(manifest), "window": window, **instants})
    write_state(lake, layout.manifest(manifest.table, manifest.capture), stored, over=over)


def new_capture_id(now: datetime) -> str:
    """A capture id such as `20261122T150000Z-3f9a1c20`. Ids sort by time."""
    return f"{first_capture_id(now)}-{secrets.token_hex(4)}"


def first_capture_id(instant: datetime) -> str:
    """What no id of a capture taken at or after the instant sorts before."""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
