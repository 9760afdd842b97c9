"""Files of a lake in a folder: written aside, then renamed.

Lives here: reading, listing, and putting files in place whole on a local or shared disk, and locks among the processes
that share it. Not here: where a file belongs (`layout`), and locks among machines (`leases`).

A lock is the kernel's, which a killed holder lets go of at once. It is not a library's: `filelock` polls where the
kernel wakes, and on a disk without locks it goes on with a file that a killed holder leaves behind.

A conditional replacement compares and renames under one lock on the lake's own disk. A file's version is its inode,
size and time of writing; a pinned file is a second name of the same inode, so that no other file gets its number.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.storage.store import ABSENT, Content, Pinned

ASIDE = ".aside"
"""The folder of the lake that no reader looks into: locks, workspaces, and files that are being written."""
_DISK = pafs.LocalFileSystem()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalStore:
    """The files below a folder."""

    root: str

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def existing(self, names: Sequence[str]) -> set[str]:
        return {name for name in names if self.exists(name)}

    def version(self, name: str) -> str:
        try:
            return _version(self._path(name).stat())
        except FileNotFoundError:
            return ABSENT

    def read(self, name: str) -> Content:
        with self._path(name).open("rb") as source:
            return Content(source.read(), _version(os.fstat(source.fileno())))

    def write(self, name: str, content: bytes, over: str | None) -> str:
        """On disk before returning: these files are few and precious."""
        aside = self._aside(name)
        with aside.open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
            version = _version(os.fstat(target.fileno()))
        self._replace_or_remove(aside, name, over)
        return version

    def put(self, local: Path, name: str, over: str | None) -> str:
        about = local.stat()  # before it is in place, where others replace it
        try:
            self._replace(local, name, over)
        except LostRaceError:
            raise
        except OSError:  # another disk: copy aside first
            aside = self._aside(name)
            shutil.copyfile(local, aside)
            about = aside.stat()
            self._replace_or_remove(aside, name, over)
        return _fingerprint(about.st_size, about.st_mtime_ns)

    def pin(self, name: str, folder: Path) -> Pinned:
        target = folder / name.rsplit("/", 1)[-1]
        try:
            os.link(self._path(name), target)
        except FileNotFoundError:
            raise
        except OSError:  # a disk without links
            with self._path(name).open("rb") as source, target.open("wb") as copy:
                version = _version(os.fstat(source.fileno()))
                shutil.copyfileobj(source, copy, 1 << 20)
            return Pinned(target, version)
        return Pinned(target, _version(target.stat()))

    def open_input_file(self, name: str) -> pa.NativeFile:
        return _DISK.open_input_file(str(self._path(name)))

    def fingerprints(self, folder: str) -> dict[str, str]:
        return {
            self._name(info): _fingerprint(info.size, info.mtime_ns)
            for info in self._infos(folder, recursive=True)
            if info.type == pafs.FileType.File
        }

    def files(self, folder: str, recursive: bool) -> list[str]:
        infos = self._infos(folder, recursive)
        return sorted(self._name(info) for info in infos if info.type == pafs.FileType.File)

    def folders(self, folder: str) -> list[str]:
        infos = self._infos(folder, recursive=False)
        return sorted(info.base_name for info in infos if info.type == pafs.FileType.Directory)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return Path(self.root) / name

    def _name(self, info: pafs.FileInfo) -> str:
        return str(info.path[len(self.root) + 1 :])

    def _infos(self, folder: str, recursive: bool) -> list[pafs.FileInfo]:
        where = f"{self.root}/{folder}"
        selector = pafs.FileSelector(where, allow_not_found=True, recursive=recursive)
        found: list[pafs.FileInfo] = _DISK.get_file_info(selector)
        return found

    def _aside(self, name: str) -> Path:
        folder = Path(self.root) / ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{uuid.uuid4().hex}-{name.rsplit('/', 1)[-1]}"

    def _replace_or_remove(self, aside: Path, name: str, over: str | None) -> None:
        """A file written aside by this store does not stay there when it is refused."""
        try:
            self._replace(aside, name, over)
        except LostRaceError:
            aside.unlink(missing_ok=True)
            raise

    def _replace(self, local: Path, name: str, over: str | None) -> None:
        if over is None:
            self._rename(local, name)
            return
        with hold_briefly(Path(self.root) / ASIDE / "replace.lock"):
            if self.version(name) != over:
                raise LostRaceError(self.uri(name))
            self._rename(local, name)

    def _rename(self, local: Path, name: str) -> None:
        target = self._path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(local).replace(target)


def _version(about: os.stat_result) -> str:
    return f"{about.st_ino}-{about.st_size}-{about.st_mtime_ns}"


def _fingerprint(size: int, mtime_ns: int) -> str:
    return f"{size}-{mtime_ns}"


@contextmanager
def hold(path: Path, name: str) -> Iterator[None]:
    """Hold the lock on a file, which is made where it is not there. `name` says in the log what is waited for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting until another run is done with %s", name)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def hold_briefly(path: Path) -> Iterator[None]:
    """The same for work of a millisecond, without a word in the log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def try_hold(folder: Path) -> Iterator[bool]:
    """Hold the lock on a folder until the block ends. False where another process holds it."""
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
