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
import uuid
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.lake.conversion.check_file import open_lines
from mews_assets.lake.errors import DamagedError, LakeError
from mews_assets.lake.landing.erasure_list import erased_customers
from mews_assets.lake.landing.redact_lines import Redactor
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import ZSTD_LEVEL
from mews_assets.windows import Grain, Window, from_api, to_api, windows_between


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
    """What a capture holds: every record of these scopes whose stamp lies in the window, perhaps some right at its end.

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
    redacted_lines: int = 0
    """Lines that a forgotten person was taken out of: these are not as Mews sent them."""
    expired_at: datetime | None = None
    """When the bytes were removed, their rows being in changes; None while they are there."""

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

    def reaches(self, window: Window) -> bool:
        """Whether it can hold rows of the window: all of it, some of it, or those right at its own end."""
        return self.window.start < window.end and window.start <= self.window.end

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "format": 1,
            "window": {"start_utc": to_api(self.window.start), "end_utc": to_api(self.window.end)},
            "captured_at": to_api(self.captured_at),
            "expired_at": to_api(self.expired_at) if self.expired_at else None,
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
            redacted_lines=value.get("redacted_lines", 0),
            expired_at=from_api(value["expired_at"]) if value.get("expired_at") else None,
        )


def new_capture_id(now: datetime) -> str:
    """Sorts by time: `20261122T150000Z-3f9a1c20`."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def land(lake: Lake, manifest: Manifest, sources: Iterable[Path], workspace: Path) -> Manifest:
    """Put local JSON Lines files into the lake as a capture, mark it pending, and return its manifest."""
    for scope in manifest.scopes:
        layout.safe_name(scope)  # refused here, or no later merge of the table would get past this capture
    jobs = list(enumerate(sources, 1))
    people = erased_customers(lake)
    with ThreadPoolExecutor(4) as side_by_side:
        landings = list(
            side_by_side.map(lambda job: _land_file(lake, manifest, job[0], job[1], people, workspace), jobs)
        )
    lines = sum(redacted for _, redacted in landings)
    landed = replace(manifest, files=tuple(file for file, _ in landings), redacted_lines=lines)
    # Pending first: a manifest without this mark would be a landing that nobody merges.
    lake.write_json(layout.pending_file(manifest.table, manifest.capture), {"capture": manifest.capture})
    lake.write_json(layout.manifest(manifest.table, manifest.capture), landed.to_json())
    # Whoever forgets somebody writes the list first and then looks for captures: one of us sees the other.
    if (now := erased_customers(lake)).keys() != people.keys():
        return redact(lake, landed, now, workspace)
    return landed


def redact(lake: Lake, manifest: Manifest, people: Collection[str], workspace: Path) -> Manifest:
    """Take people out of a capture's files. Gives its manifest, which is another one if that changed anything."""
    if manifest.expired_at is not None:
        return manifest
    files, lines = list[LandedFile](), 0
    for number, file in enumerate(manifest.files, 1):
        name = f"{layout.capture_folder(manifest.table, manifest.capture)}/{file.name}"
        if not lake.exists(name):
            files.append(file)
            continue
        redactor = Redactor(_table(manifest), people)
        packed = workspace / f"{uuid.uuid4().hex}.zst"
        try:
            with open_lines(lake.local_copy(name, workspace)) as source:
                rewritten = _pack(redactor.pieces(source), packed, manifest, number)
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _unlike(manifest, file, "cannot be unpacked") from None
        if rewritten.lines != file.lines:  # taking people out leaves every line a line
            raise _unlike(manifest, file, f"holds {rewritten.lines:,} lines")
        # A sum that differs without a change: killed between the file and its manifest, the time before.
        if redactor.lines or rewritten.sha256 != file.sha256:
            lake.put(packed, name)
            lines += redactor.lines
            files.append(rewritten)
        else:
            packed.unlink()
            files.append(file)
    if tuple(files) == manifest.files:
        return manifest
    changed = replace(manifest, files=tuple(files), redacted_lines=manifest.redacted_lines + lines)
    lake.write_json(layout.manifest(manifest.table, manifest.capture), changed.to_json())
    return changed


def redact_stray(lake: Lake, table: str, name: str, people: Collection[str], workspace: Path) -> int:
    """Take people out of a file of a pull that did not end. Returns the lines changed.

    A pull that is landing it just now says later what it put there: it then finds the list of the forgotten longer,
    and redacts what it landed itself.
    """
    if not name.endswith(".zst"):
        return 0
    redactor = Redactor(table_of(layout.landed_table(table)), people)
    packed = workspace / f"{uuid.uuid4().hex}.zst"
    with open_lines(lake.local_copy(name, workspace)) as source:
        _pack_lines(redactor.pieces(source), packed)
    if redactor.lines:
        lake.put(packed, name)
    packed.unlink(missing_ok=True)
    return redactor.lines


def _unlike(manifest: Manifest, file: LandedFile, found: str) -> DamagedError:
    return DamagedError(
        f"{manifest.table}: {file.name} of capture {manifest.capture} was changed or cut on disk: it {found}, where "
        f"{file.lines:,} lines landed. People cannot be taken out of it: restore the file from a copy, or remove the "
        "folder of its capture, whose rows in changes stay"
    )


def _land_file(
    lake: Lake, manifest: Manifest, number: int, source: Path, people: Collection[str], workspace: Path
) -> tuple[LandedFile, int]:
    """The file as landed, and the lines that forgotten people were taken out of on the way."""
    packed = workspace / f"{manifest.table}-{number:05}.zst"
    with source.open("rb") as raw:
        if not people:
            landed, redacted = _pack(iter(lambda: raw.read(1 << 20), b""), packed, manifest, number), 0
        else:
            redactor = Redactor(_table(manifest), people)
            landed = _pack(redactor.pieces(raw), packed, manifest, number)
            redacted = redactor.lines
    lake.put(packed, layout.landed_file(manifest.table, manifest.capture, number))
    return landed, redacted


def _pack(pieces: Iterable[bytes], packed: Path, manifest: Manifest, number: int) -> LandedFile:
    lines, size, sha256 = _pack_lines(pieces, packed)
    name = layout.landed_file(manifest.table, manifest.capture, number).rsplit("/", 1)[-1]
    return LandedFile(name, lines, size, sha256, packed.stat().st_size)


def _pack_lines(pieces: Iterable[bytes], packed: Path) -> tuple[int, int, str]:
    """Compress a file. Returns its lines, its size and the hash of its bytes."""
    digest = hashlib.sha256()
    lines = size = 0
    unended = False
    packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    with packed.open("wb") as target, packer.stream_writer(target) as writer:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            unended = not piece.endswith(b"\n")
            writer.write(piece)
    return lines + unended, size, digest.hexdigest()


def _table(manifest: Manifest) -> Table:
    return table_of(layout.landed_table(manifest.table))


def read_manifest(lake: Lake, table: str, capture: str) -> Manifest:
    return Manifest.from_json(lake.read_json(layout.manifest(table, capture)))


def landed_files(lake: Lake, manifest: Manifest, workspace: Path) -> list[Path]:
    """The capture's files on the local disk, still compressed. Raises LakeError when they are gone by now."""
    if manifest.expired_at is not None:
        raise LakeError(
            f"{manifest.table}: the bytes of capture {manifest.capture} were removed on {to_api(manifest.expired_at)}, "
            "past MEWS_LANDING_DAYS. Its rows stay in changes; they cannot be made again"
        )
    folder = layout.capture_folder(manifest.table, manifest.capture)
    return [lake.local_copy(f"{folder}/{file.name}", workspace) for file in manifest.files]


def captures(lake: Lake, table: str) -> list[str]:
    """The ids of all landed captures of a table, oldest first."""
    folder = layout.landing_folder(table)
    return [name for name in lake.folders(folder) if lake.exists(layout.manifest(table, name))]


def captures_since(lake: Lake, table: str, since: datetime) -> list[Manifest]:
    """The captures taken at or after an instant, oldest first; older ones are told by their id, not read.

    Not those that cannot become rows or are set aside: whoever counts on their partitions would end without them.
    """
    first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    # By their ids first: whether each of all there ever were has a manifest would be a question for each.
    named = [name for name in lake.folders(layout.landing_folder(table)) if name >= first]
    recent = [name for name in named if lake.exists(layout.manifest(table, name))]
    if recent:
        recent = sorted(set(recent) - without_rows(lake, table))
    manifests = [read_manifest(lake, table, capture) for capture in recent]
    return [manifest for manifest in manifests if manifest.captured_at >= since]


def rejected(lake: Lake, table: str) -> set[str]:
    """The captures with a record that cannot become a row."""
    return set(captures_in(lake, layout.rejected_folder(table)))


def without_rows(lake: Lake, table: str) -> set[str]:
    """The captures that landed and that no merge takes along: rejected, or set aside."""
    return rejected(lake, table) | set(captures_in(lake, layout.set_aside_folder(table)))


def captures_in(lake: Lake, folder: str) -> list[str]:
    """The captures that have a file in a folder of the lake's state."""
    return [name.rsplit("/", 1)[-1].removesuffix(".json") for name in lake.files(folder)]


def pending(lake: Lake, table: str) -> list[Manifest]:
    """Captures that landed and are not in changes yet, oldest first. One whose manifest cannot be read is set aside: it
    would stop every other."""
    found = []
    for capture in captures_in(lake, layout.pending_folder(table)):
        if lake.exists(layout.manifest(table, capture)):
            try:
                found.append(read_manifest(lake, table, capture))
            except (LakeError, LookupError, TypeError, ValueError):
                told = {"capture": capture, "problem": "its manifest cannot be read: restore it", "tries": 1}
                lake.write_json(layout.set_aside_file(table, capture), told)
                lake.delete(layout.pending_file(table, capture))
    return found


def mark_merged(lake: Lake, manifest: Manifest) -> None:
    """The capture's rows are in changes, whatever was said of it before."""
    lake.delete(layout.rejected_file(manifest.table, manifest.capture))
    lake.delete(layout.set_aside_file(manifest.table, manifest.capture))
    lake.delete(layout.pending_file(manifest.table, manifest.capture))


def reject(lake: Lake, manifest: Manifest, problem: str) -> None:
    """The capture cannot become rows. It stays landed, and is not tried with every later one."""
    record = {"capture": manifest.capture, "problem": problem}
    lake.write_json(layout.rejected_file(manifest.table, manifest.capture), record)
    lake.delete(layout.set_aside_file(manifest.table, manifest.capture))
    lake.delete(layout.pending_file(manifest.table, manifest.capture))
