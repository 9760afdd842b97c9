"""Files that cannot be read, told at the end instead of stopping the work on all others.

Lives here: which errors say that one file is damaged or gone. Not here: what is done to the files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mews_assets.lake.errors import LakeError


class Damage:
    """The files that could not be read, each with what was said of it."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What fails in the block is this file's alone. One that is gone by now is none: another run replaced it."""
        try:
            yield
        except FileNotFoundError:
            return
        except (EOFError, OSError, zlib.error, pa.ArrowInvalid, LakeError, KeyError) as error:
            self.files[name] = type(error).__name__
