"""The lake as a place for files: a folder here, or a bucket of an object store.

Lives here: reading, listing, and putting files in place whole; locks and workspaces; opening a lake. Not here: how a
folder (`local_store`) and a bucket (`object_store`) do it, where a file belongs (`layout`) and what is in it.

A reader never sees half a file, nor two versions mixed. A writer that replaces what others may replace says which
version it read, and is refused where another one stands by now.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from mews_assets.catalog.privacy import KEEP, Privacy
from mews_assets.lake.errors import LakeError, LostRaceError
from mews_assets.lake.storage import layout, leases, local_store
from mews_assets.lake.storage.duckdb_session import DEFAULT_MEMORY
from mews_assets.lake.storage.local_store import ASIDE, LocalStore
from mews_assets.lake.storage.object_store import open_object_store
from mews_assets.lake.storage.store import ABSENT, Pinned, Store
from mews_assets.lake.storage.stored_policy import refuse_other_policy, stored_policy, written_policy
from mews_assets.windows import Grain

FORMAT, OLDEST_FORMAT = 2, 1
"""The format of new lakes, and the oldest one that this version reads and writes. 2 keeps statistics of the files in
changes; `maintenance.migrate` brings older lakes to it."""
_WORKSPACE = "work-"
_LEFT_BEHIND_SECONDS = 86_400.0
"""No run works that long on one merge; exports that take longer are waited for outside it."""
_WRITTEN_AT_LEAST_SECONDS = 600.0
"""A file aside is written on without a pause; one untouched for ten minutes is nobody's."""
_CHANGES_TRIED = 20
"""Times that a small file is read, changed and written, until nobody else did in between."""


@dataclass(frozen=True)
class Lake:
    """A lake: where its files are, and the grain its windows were cut with."""

    store: Store
    grain: Grain
    privacy: Privacy = KEEP
    """What its tables show of personal data."""
    memory: int = DEFAULT_MEMORY
    """Bytes that the engine of one piece of work on it may hold for itself."""

    @property
    def root(self) -> str:
        return self.store.root

    @property
    def local_root(self) -> Path | None:
        return Path(self.store.root) if isinstance(self.store, LocalStore) else None

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def uri(self, name: str) -> str:
        """What a reader outside passes to pandas, Polars or DuckDB."""
        return self.store.uri(name)

    def exists(self, name: str) -> bool:
        return self.store.exists(name)

    def existing(self, names: Sequence[str]) -> set[str]:
        """Which of the files there are. Asked in one call: object stores answer them side by side."""
        return self.store.existing(names)

    def read(self, name: str) -> bytes:
        return self.store.read(name).data

    def read_json(self, name: str) -> dict[str, Any]:
        return self.read_json_version(name)[0]

    def read_json_version(self, name: str) -> tuple[dict[str, Any], str]:
        """The content of a small file, and its version."""
        content, version = self.read_version(name)
        return self._parse_json(name, content), version

    def read_version(self, name: str) -> tuple[bytes, str]:
        """The content of a file, and its version."""
        found = self.store.read(name)
        return found.data, found.version

    def write(self, name: str, content: bytes, *, over: str | None = None) -> None:
        """Put content in place whole, and on disk before returning. `over` as in `put`; without it for files that one
        writer writes."""
        self._write(name, content, over)

    def write_json(self, name: str, value: dict[str, Any], *, over: str | None = None) -> None:
        """`over` as in `put`."""
        self._write(name, _json(value), over)

    def change_json(
        self, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Replace a small file by what `change` makes of it, however many others do so at once. Gives what stands then.

        `change` is given None where there is no file, gives None to leave all as it is, and may be called several
        times. Raises LostRaceError where others were faster every time.
        """
        for number in range(_CHANGES_TRIED):
            try:
                before: dict[str, Any] | None
                before, version = self.read_json_version(name)
            except FileNotFoundError:
                before, version = None, ABSENT
            after = change(before)
            if after is None:
                return before
            with suppress(LostRaceError):
                self._write(name, _json(after), version)
                return after
            time.sleep(0.01 * number)
        raise LostRaceError(self.uri(name))

    def version(self, name: str) -> str:
        """What a replacement is to go over; ABSENT where there is no such file."""
        return self.store.version(name)

    def put(self, local: Path, name: str, *, over: str | None = None) -> str:
        """Put a finished local file in place whole; the local one may be moved away. Gives its fingerprint.

        `over` is the version that it replaces, ABSENT for none: LostRaceError is raised where another one stands.
        Without, it replaces whatever stands there.
        """
        return self.store.put(local, name, over)

    def pin(self, name: str, workspace: Path) -> Pinned:
        """The file as it is now, on the local disk, whatever is put in its place meanwhile; and its version."""
        folder = workspace / uuid.uuid4().hex
        folder.mkdir()
        return self.store.pin(name, folder)

    def local_copy(self, name: str, workspace: Path) -> Path:
        """The same without the version, for who only reads."""
        return self.pin(name, workspace).path

    def open_input_file(self, name: str) -> pa.NativeFile:
        """One version of the file, to look into. Of a long one in a bucket only the parts that are read are fetched."""
        return self.store.open_input_file(name)

    def fingerprints(self, folder: str) -> dict[str, str]:
        """The files below a folder, each with what tells it from the file it replaced."""
        return self.store.fingerprints(folder)

    def files(self, folder: str, *, recursive: bool = False) -> list[str]:
        """The files below a folder, sorted, relative to the root; none where there is no such folder."""
        return self.store.files(folder, recursive)

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, sorted."""
        return self.store.folders(folder)

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already, or goes meanwhile, is no error."""
        self.store.delete(name)

    def _write(self, name: str, content: bytes, over: str | None) -> None:
        self.store.write(name, content, over)

    def _parse_json(self, name: str, content: bytes) -> dict[str, Any]:
        try:
            value = json.loads(content)
        except ValueError as error:
            raise LakeError(f"{self.uri(name)} is not JSON ({error}); restore it or move it away") from None
        if not isinstance(value, dict):
            raise LakeError(f"{self.uri(name)} does not hold one JSON object; restore it or move it away")
        return value

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of one's own on the local disk, on the lake's own disk where that is local."""
        parent = None
        if self.local_root is not None:
            parent = self.local_root / ASIDE
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
        with TemporaryDirectory(dir=parent, prefix=_WORKSPACE) as folder, local_store.try_hold(Path(folder)):
            yield Path(folder)

    def drop_dead_workspaces(self) -> int:
        """Remove what no process works on any more, and files that never got to their place. Returns how many
        workspaces are still in use."""
        in_use = 0
        for folder in (self.locks_folder()).glob(f"{_WORKSPACE}*"):
            with suppress(FileNotFoundError), local_store.try_hold(folder) as free:
                in_use += not free
                if free:
                    shutil.rmtree(folder)
        for left in self.locks_folder().glob("*-*"):
            with suppress(FileNotFoundError):
                if left.is_file() and left.stat().st_mtime < time.time() - _WRITTEN_AT_LEAST_SECONDS:
                    left.unlink(missing_ok=True)
        return in_use

    @staticmethod
    def is_in_workspace(name: str) -> bool:
        return name.startswith(f"{ASIDE}/{_WORKSPACE}")

    @contextmanager
    def lock(self, name: str) -> Iterator[Callable[[], None]]:
        """Hold other processes and threads off until the block ends, on all machines. A killed holder lets go: at once
        on this machine, after `leases.TAKEN_OVER_AFTER` on others.

        Gives a function to be called before files are put in place: it raises LeaseLostError where another machine may
        have taken over.
        """
        with self.lock_here(name):
            if self.local_root is not None:
                yield _nothing_to_confirm
                return
            with leases.hold(self.store, layout.lease_file(name), self._machine()) as held:
                yield held.confirm

    @contextmanager
    def lock_here(self, name: str) -> Iterator[None]:
        """Hold off the other processes of this machine only: enough where a conditional replacement does the rest."""
        with local_store.hold(self.locks_folder() / f"{layout.safe_name(name)}.lock", name):
            yield

    def locks_folder(self) -> Path:
        """The folder on the local disk that all processes of this machine share for this lake."""
        if self.local_root is not None:
            return self.local_root / ASIDE
        place = self.uri("")
        name = f"mews_assets-{os.getuid()}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
        return Path(gettempdir()) / name

    def _machine(self) -> str:
        """The name of the folder that this machine's locks of the lake are in: whoever shares it, shares them."""
        file = self.locks_folder() / "machine"
        with local_store.hold_briefly(self.locks_folder() / "machine.lock"):
            if not file.exists():
                file.write_text(uuid.uuid4().hex)
            return file.read_text()


def _nothing_to_confirm() -> None:
    """A lock of the kernel is not lost while its process lives."""


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


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
    # Of two processes that lay it at once, with other settings perhaps, the first one's stand for both.
    if lake.change_json(layout.LAKE_FILE, lambda laid: None if laid else content) is not content:
        return open_lake(location, grain, privacy)
    return lake


def find_lake(location: str, grain: Grain, privacy: Privacy | None = None) -> Lake | None:
    """The lake at a folder or URI, None where there is none yet; nothing is made. Raises LakeError as above."""
    lake = _lake_at(location, grain, privacy or KEEP)
    if not lake.exists(layout.LAKE_FILE):
        return None
    laid = lake.read_json(layout.LAKE_FILE)
    _refuse_other_format(location, laid.get("format"))
    if laid.get("window") != grain.value:
        raise LakeError(
            f"{location} was laid with {laid.get('window')} windows, but MEWS_WINDOW is {grain.value}. "
            f"Set MEWS_WINDOW={laid.get('window')}, or choose another MEWS_LAKE for the new windows"
        )
    if privacy is None:
        return replace(lake, privacy=stored_policy(laid))
    refuse_other_policy(location, laid, privacy)
    return lake


def _refuse_other_format(location: str, found: object) -> None:
    if isinstance(found, int) and OLDEST_FORMAT <= found <= FORMAT:
        return
    problem = f"{location} is a lake of format {found!r}; this version reads the formats {OLDEST_FORMAT} to {FORMAT}"
    if isinstance(found, int) and found > FORMAT:
        raise LakeError(
            f"{problem}. A newer version of mews_assets wrote it: install that version here, as on the machine that "
            "migrated the lake. Nothing was changed"
        )
    raise LakeError(f"{problem}. Restore its {layout.LAKE_FILE}, or choose another MEWS_LAKE")


def open_standing(location: str) -> Lake:
    """The lake that stands at a folder or URI, with the windows it was laid with. Raises LakeError if none does."""
    lake = _lake_at(location, Grain.DAILY, KEEP)
    if not lake.exists(layout.LAKE_FILE):
        raise LakeError(
            f"there is no lake at {location}: set MEWS_LAKE to where it is, or make one: make demo"
        )
    return open_lake(location, Grain(str(lake.read_json(layout.LAKE_FILE).get("window"))))


def open_place(location: str, *, is_brief: bool = False) -> Lake:
    """The lake's place for files, whatever was laid there: nothing is asked, and nothing made. A brief one waits some
    seconds for an object store, and tries once."""
    return _lake_at(location, Grain.DAILY, KEEP, is_brief=is_brief)


def _lake_at(location: str, grain: Grain, privacy: Privacy, *, is_brief: bool = False) -> Lake:
    scheme, separator, _ = location.partition("://")
    if separator and scheme != "file":
        return Lake(open_object_store(location, is_brief=is_brief), grain, privacy)
    folder = unquote(urlsplit(location).path) if separator else str(Path(location).absolute())
    return Lake(LocalStore(folder.rstrip("/")), grain, privacy)
