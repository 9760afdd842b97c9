"""The landing: bytes as Mews sent them, one folder per capture.

Lives here: putting captures in place, finding them again, and taking erased customers out of their files. Not here:
how the bytes were fetched (`ingest`), and merging them (`changes.merge`).

A capture is one pull of one or more partitions. Its manifest is written last, so a folder without one is a pull that
did not end, and no reader looks into it. A capture stays *pending* until its rows are in changes: the next merge takes
it along, so a process killed in between loses nothing.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import zstandard

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.lake.conversion.check_file import open_lines
from mews_assets.lake.errors import DamagedError, LakeError, LostRaceError
from mews_assets.lake.landing.capture_states import mark_pending, without_rows
from mews_assets.lake.landing.erasure_list import erased_customers
from mews_assets.lake.landing.manifests import (
    LandedFile,
    Manifest,
    first_capture_id,
    pin_manifest,
    read_manifest,
    write_manifest,
)
from mews_assets.lake.landing.redact_lines import Redactor
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import ZSTD_LEVEL
from mews_assets.windows import to_api

_TRIES = 10
"""Times that a capture is redacted again because another run changed it meanwhile."""


def land(lake: Lake, manifest: Manifest, sources: Iterable[Path], workspace: Path) -> Manifest:
    """Put local JSON Lines files into the lake as a capture, mark it pending, and return its manifest."""
    for scope in manifest.scopes:
        layout.safe_name(scope)  # refused here: it would stop every later merge of the table
    jobs = list(enumerate(sources, 1))
    people = erased_customers(lake)
    with ThreadPoolExecutor(4) as threads:
        landings = list(
            threads.map(lambda job: _land_file(lake, manifest, job[0], job[1], people, workspace), jobs)
        )
    lines = sum(redacted for _, redacted in landings)
    landed = replace(manifest, files=tuple(file for file, _ in landings), redacted_lines=lines)
    # Pending first: a capture with a manifest and without this mark would never be merged.
    mark_pending(lake, manifest.table, manifest.capture)
    write_manifest(lake, landed)
    # An erasure writes its list first and then looks for captures, so either it finds this one or we find its list.
    if (now := erased_customers(lake)).keys() != people.keys():
        return redact(lake, landed, now, workspace)
    return landed


def redact(lake: Lake, manifest: Manifest, people: Collection[str], workspace: Path) -> Manifest:
    """Take erased customers out of a capture's files. Returns its manifest, changed where a file changed.

    Raises DamagedError on a file that was changed or cut on disk, LostRaceError where another run changes the capture
    again and again.
    """
    for _ in range(_TRIES):
        manifest, version = pin_manifest(lake, manifest.table, manifest.capture)
        with suppress(LostRaceError):
            return _redact(lake, manifest, version, people, workspace)
    raise LostRaceError(lake.uri(layout.manifest(manifest.table, manifest.capture)))


def _redact(
    lake: Lake, manifest: Manifest, version: str, people: Collection[str], workspace: Path
) -> Manifest:
    if manifest.expired_at is not None:
        return manifest
    files, lines = list[LandedFile](), 0
    for number, file in enumerate(manifest.files, 1):
        name = f"{layout.capture_folder(manifest.table, manifest.capture)}/{file.name}"
        try:
            pinned = lake.pin(name, workspace)
        except FileNotFoundError:
            files.append(file)
            continue
        redactor = Redactor(_table(manifest), people)
        packed = workspace / f"{uuid.uuid4().hex}.zst"
        try:
            with open_lines(pinned.path) as source:
                rewritten = _pack(redactor.pieces(source), packed, manifest, number)
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _unlike(manifest, file, "cannot be unpacked") from None
        if rewritten.lines != file.lines:  # redacting keeps every line
            raise _unlike(manifest, file, f"holds {rewritten.lines:,} lines")
        # Another hash without a changed line: an earlier run was killed between the file and its manifest.
        if redactor.lines or rewritten.sha256 != file.sha256:
            lake.put(packed, name, over=pinned.version)
            lines += redactor.lines
            files.append(rewritten)
        else:
            packed.unlink()
            files.append(file)
    if tuple(files) == manifest.files:
        return manifest
    changed = replace(manifest, files=tuple(files), redacted_lines=manifest.redacted_lines + lines)
    write_manifest(lake, changed, over=version)
    return changed


def redact_stray(lake: Lake, table: str, name: str, people: Collection[str], workspace: Path) -> int:
    """Take erased customers out of a file of a pull that did not end. Returns the number of lines changed.

    A pull that is still landing the file writes its manifest later: it then finds the longer erasure list, and redacts
    its files itself.
    """
    if not name.endswith(".zst"):
        return 0
    redactor = Redactor(table_of(layout.landed_table(table)), people)
    packed = workspace / f"{uuid.uuid4().hex}.zst"
    pinned = lake.pin(name, workspace)
    with open_lines(pinned.path) as source:
        _pack_lines(redactor.pieces(source), packed)
    if redactor.lines:
        lake.put(packed, name, over=pinned.version)
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
    """The file as landed, and the number of lines that erased customers were taken out of."""
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
    """Compress a file. Returns its number of lines, its bytes and their SHA-256."""
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


def landed_files(lake: Lake, manifest: Manifest, workspace: Path) -> list[Path]:
    """The capture's files on the local disk, still compressed. Raises LakeError where they have expired."""
    if manifest.expired_at is not None:
        raise LakeError(
            f"{manifest.table}: the bytes of capture {manifest.capture} were removed on {to_api(manifest.expired_at)}, "
            "past MEWS_LANDING_DAYS. Its rows stay in changes; they cannot be rebuilt"
        )
    folder = layout.capture_folder(manifest.table, manifest.capture)
    return [lake.local_copy(f"{folder}/{file.name}", workspace) for file in manifest.files]


def captures(lake: Lake, table: str) -> list[str]:
    """The ids of all landed captures of a table, oldest first."""
    folder = layout.landing_folder(table)
    return [name for name in lake.folders(folder) if lake.exists(layout.manifest(table, name))]


def captures_since(lake: Lake, table: str, since: datetime) -> list[Manifest]:
    """The captures taken at or after an instant, oldest first. The manifests of older captures are not read.

    Captures that are rejected or set aside are left out: no row of them is in changes.
    """
    first = first_capture_id(since)
    # By id first: to look for the manifest of every capture ever taken would be one request each.
    named = [name for name in lake.folders(layout.landing_folder(table)) if name >= first]
    recent = [name for name in named if lake.exists(layout.manifest(table, name))]
    if recent:
        recent = sorted(set(recent) - without_rows(lake, table))
    manifests = [read_manifest(lake, table, capture) for capture in recent]
    return [manifest for manifest in manifests if manifest.captured_at >= since]
