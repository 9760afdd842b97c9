"""What the lake asks of the place its files are in: a folder, or a bucket.

Lives here: the protocol of both stores, and the versions of a file. Not here: the stores (`local_store`,
`object_store`).

A version names the bytes that stand under a name: whoever replaces a file says which version it read, and the store
refuses where another one stands by now. So of two writers, on any machines, neither overwrites what it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

ABSENT = ""
"""The version of a file that is not there."""


@dataclass(frozen=True)
class Pinned:
    """One version of a file on the local disk. It stays as it is, whatever is put in its place."""

    path: Path
    version: str


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and their version."""

    data: bytes
    version: str


class Store(Protocol):
    """Names are relative to the lake's root. A file that is not there raises FileNotFoundError; any other failure is an
    OSError. `over` is the version to be replaced: ABSENT for none, None for whatever stands there; LostRaceError is
    raised where another version stands."""

    @property
    def root(self) -> str: ...

    def uri(self, name: str) -> str: ...

    def exists(self, name: str) -> bool: ...

    def existing(self, names: Sequence[str]) -> set[str]: ...

    def version(self, name: str) -> str:
        """ABSENT where there is no such file."""
        ...

    def read(self, name: str) -> Content: ...

    def write(self, name: str, content: bytes, over: str | None) -> str:
        """Gives the version that was written."""
        ...

    def put(self, local: Path, name: str, over: str | None) -> str:
        """Gives the fingerprint of the file that was put."""
        ...

    def pin(self, name: str, folder: Path) -> Pinned:
        """In a local folder, under its own name."""
        ...

    def open_input_file(self, name: str) -> pa.NativeFile: ...

    def fingerprints(self, folder: str) -> dict[str, str]: ...

    def files(self, folder: str, recursive: bool) -> list[str]: ...

    def folders(self, folder: str) -> list[str]: ...

    def delete(self, name: str) -> None: ...
