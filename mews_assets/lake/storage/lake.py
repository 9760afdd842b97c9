"""The lake as a place for files: a folder here, or a bucket anywhere `pyarrow.fs` reaches.

Lives here: reading, listing, and putting files in place whole. Not here: where a file belongs (`layout`) and
what is in it. A reader never sees half a file: on a local disk a file is written aside and renamed, on an
object store it is one PUT.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from mews_assets.catalog.privacy import KEEP, Privacy
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import DEFAULT_MEMORY
from mews_assets.lake.storage.stored_policy import refuse_other_policy, stored_policy, written_policy
from mews_assets.windows import Grain

log = logging.getLogger(__name__)

FORMAT = 1
"""Of the lake's layout. Raised when an older lake could no longer be read as it stands."""
_ASIDE = ".aside"
_WORKSPACE = "work-"
_LEFT_BEHIND_SECONDS = 86_400.0
"""No run works that long on one merge; exports that take longer are waited for outside it."""


_WRITTEN_AT_LEAST_SECONDS = 600.0
"""A file aside is written on without a pause; one untouched for ten minutes is nobody's."""


@dataclass(frozen=True)
class Lake:
    """A lake: where it is, and the grain its windows were cut with."""

    filesystem: pafs.FileSystem
    root: str
    grain: Grain
    privacy: Privacy = KEEP
    """What its tables show of personal data."""
    memory: int = DEFAULT_MEMORY
    """Bytes that the engine of one piece of work on it may hold for itself."""

    @property
    def local_root(self) -> Path | None:
        return Path(self.root) if isinstance(self.filesystem, pafs.LocalFileSystem) else None

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def uri(self, name: str) -> str:
        """What a reader outside passes to pandas, Polars or DuckDB."""
        return self.path(name) if self.local_root else f"{self.filesystem.type_name}://{self.path(name)}"

    def exists(self, name: str) -> bool:
        return bool(self.filesystem.get_file_info(self.path(name)).type == pafs.FileType.File)

    def existing(self, names: Sequence[str]) -> set[str]:
        """Which of the files there are. Asked in one call: object stores answer them side by side."""
        infos = self.filesystem.get_file_info([self.path(name) for name in names])
        return {name for name, info in zip(names, infos, strict=True) if info.type == pafs.FileType.File}

    def read(self, name: str) -> bytes:
        with self._open_input(name) as source:
            return bytes(source.read())

    def read_json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(self.read(name))
        except ValueError as error:
            raise LakeError(f"{self.uri(name)} is not JSON ({error}); restore it or move it away") from None
        if not isinstance(value, dict):
            raise LakeError(f"{self.uri(name)} does not hold one JSON object; restore it or move it away")
        return value

    def write(self, name: str, content: bytes) -> None:
        """Put content in place whole, and on disk before returning: these files are few and precious."""
        if self.local_root is None:
            with self.filesystem.open_output_stream(self.path(name), compression=None) as target:
                target.write(content)
            return
        aside = self._aside(name)
        with aside.open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        self._rename(aside, name)

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        self.write(name, json.dumps(value, indent=1, ensure_ascii=False).encode())

    def put(self, local: Path, name: str) -> None:
        """Put a finished local file in place whole; the local one may be moved away."""
        if self.local_root is None:
            # In one call: a stopped run's exception between two writes would close, and so publish, half a file.
            pafs.copy_files(
                str(local),
                self.path(name),
                source_filesystem=pafs.LocalFileSystem(),
                destination_filesystem=self.filesystem,
            )
            return
        try:
            self._rename(local, name)
        except OSError:  # another disk: copy aside first
            aside = self._aside(name)
            shutil.copyfile(local, aside)
            self._rename(aside, name)

    def local_copy(self, name: str, workspace: Path) -> Path:
        """The file on the local disk: itself in a local lake, a copy in the workspace otherwise."""
        if self.local_root is not None:
            return self.local_root / name
        target = workspace / f"{uuid.uuid4().hex}-{name.rsplit('/', 1)[-1]}"
        with self._open_input(name) as source, target.open("wb") as local:
            shutil.copyfileobj(source, local, 1 << 20)
        return target

    def pin(self, name: str, workspace: Path) -> Path:
        """The file as it is now, on the local disk, whatever is put in its place meanwhile."""
        target = workspace / f"{uuid.uuid4().hex}-{name.rsplit('/', 1)[-1]}"
        if self.local_root is None:
            return self.local_copy(name, workspace)
        try:
            os.link(self.local_root / name, target)
        except OSError:  # a disk without links
            shutil.copyfile(self.local_root / name, target)
        return target

    def fingerprints(self, folder: str) -> dict[str, str]:
        """The files below a folder, each with its size and time of writing: another file there has others."""
        selector = pafs.FileSelector(self.path(folder), allow_not_found=True, recursive=True)
        start = len(self.root) + 1
        return {
            info.path[start:]: f"{info.size}-{info.mtime_ns}"
            for info in self.filesystem.get_file_info(selector)
            if info.type == pafs.FileType.File
        }

    def files(self, folder: str, *, recursive: bool = False) -> list[str]:
        """The files below a folder, sorted, relative to the root; none where there is no such folder."""
        return self._list(folder, pafs.FileType.File, recursive)

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, sorted."""
        found = self._list(folder, pafs.FileType.Directory, False)
        return [name.rsplit("/", 1)[-1] for name in found]

    def _open_input(self, name: str) -> pa.NativeFile:
        # The bytes as they are: told nothing, pyarrow unpacks what is called .zst, and packs it when writing.
        return self.filesystem.open_input_stream(self.path(name), compression=None)

    def _list(self, folder: str, kind: pafs.FileType, recursive: bool) -> list[str]:
        selector = pafs.FileSelector(self.path(folder), allow_not_found=True, recursive=recursive)
        start = len(self.root) + 1
        infos = self.filesystem.get_file_info(selector)
        return sorted(info.path[start:] for info in infos if info.type == kind)

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already, or goes meanwhile, is no error."""
        if not self.exists(name):
            return
        try:
            self.filesystem.delete_file(self.path(name))
        except FileNotFoundError:
            return

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of one's own on the local disk, on the lake's own disk where that is local."""
        parent = None
        if self.local_root is not None:
            parent = self.local_root / _ASIDE
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
        with TemporaryDirectory(dir=parent, prefix=_WORKSPACE) as folder, _try_lock(Path(folder)):
            yield Path(folder)

    def drop_dead_workspaces(self) -> int:
        """Remove what no process works on any more, and files that never got to their place. Returns how many
        workspaces are still in use."""
        in_use = 0
        for folder in (self._locks_folder()).glob(f"{_WORKSPACE}*"):
            with suppress(FileNotFoundError), _try_lock(folder) as free:
                in_use += not free
                if free:
                    shutil.rmtree(folder)
        for left in self._locks_folder().glob("*-*"):
            with suppress(FileNotFoundError):
                if left.is_file() and left.stat().st_mtime < time.time() - _WRITTEN_AT_LEAST_SECONDS:
                    left.unlink(missing_ok=True)
        return in_use

    @staticmethod
    def is_in_workspace(name: str) -> bool:
        return name.startswith(f"{_ASIDE}/{_WORKSPACE}")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold other processes and threads off until the block ends; a killed holder lets go.

        On this machine, wherever the lake is. Where several machines write one lake, the orchestrator's pools
        must keep their runs apart.
        """
        folder = self._locks_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{layout.safe_name(name)}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("waiting until another run is done with %s", name)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _locks_folder(self) -> Path:
        if self.local_root is not None:
            return self.local_root / _ASIDE
        place = f"{self.filesystem.type_name}://{self.root}"
        name = f"mews_assets-{os.getuid()}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
        return Path(gettempdir()) / name

    def _aside(self, name: str) -> Path:
        folder = Path(self.root) / _ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{uuid.uuid4().hex}-{name.rsplit('/', 1)[-1]}"

    def _rename(self, local: Path, name: str) -> None:
        target = Path(self.root) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(local).replace(target)


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Hold a folder as one's own until the block ends; a killed holder lets go. False where another holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _sweep(aside: Path) -> None:
    """Remove the workspaces that killed processes left behind, a day after anything happened in them."""
    long_ago = time.time() - _LEFT_BEHIND_SECONDS
    for folder in aside.glob("work-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < long_ago:
                shutil.rmtree(folder, ignore_errors=True)


def open_lake(location: str, grain: Grain, privacy: Privacy | None = None) -> Lake:
    """The lake at a folder or URI, made if it is not there yet.

    Raises LakeError if it was laid with another grain: the keys of its partitions would mean other windows; and if
    its tables show other personal data than the policy says. Without a policy the lake's own holds.
    """
    if (laid := find_lake(location, grain, privacy)) is not None:
        return laid
    lake = _lake_at(location, grain, privacy or KEEP)
    content = {"format": FORMAT, "window": grain.value, **written_policy(lake.privacy)}
    lake.write_json(layout.LAKE_FILE, content)
    return lake


def find_lake(location: str, grain: Grain, privacy: Privacy | None = None) -> Lake | None:
    """The lake at a folder or URI, None where there is none yet; nothing is made. Raises LakeError as above."""
    lake = _lake_at(location, grain, privacy or KEEP)
    if not lake.exists(layout.LAKE_FILE):
        return None
    laid = lake.read_json(layout.LAKE_FILE)
    if laid.get("format") != FORMAT:
        raise LakeError(
            f"{location} is a lake of format {laid.get('format')!r}; this version reads format {FORMAT}"
        )
    if laid.get("window") != grain.value:
        raise LakeError(
            f"{location} was laid with {laid.get('window')} windows, but MEWS_WINDOW is {grain.value}. "
            f"Set MEWS_WINDOW={laid.get('window')}, or choose another MEWS_LAKE for the new windows"
        )
    if privacy is None:
        return replace(lake, privacy=stored_policy(laid))
    refuse_other_policy(location, laid, privacy)
    return lake


def open_standing(location: str) -> Lake:
    """The lake that stands at a folder or URI, with the windows it was laid with. Raises LakeError if none does."""
    lake = _lake_at(location, Grain.DAILY, KEEP)
    if not lake.exists(layout.LAKE_FILE):
        raise LakeError(
            f"there is no lake at {location}: set MEWS_LAKE to where it is, or make one: make demo"
        )
    return open_lake(location, Grain(str(lake.read_json(layout.LAKE_FILE).get("window"))))


def _lake_at(location: str, grain: Grain, privacy: Privacy) -> Lake:
    if "://" in location:
        try:
            filesystem, root = pafs.FileSystem.from_uri(location)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise LakeError(f"MEWS_LAKE is {location!r}, which leads nowhere: {error}") from None
    else:
        filesystem, root = pafs.LocalFileSystem(), str(Path(location).absolute())
    return Lake(filesystem, root.rstrip("/"), grain, privacy)
