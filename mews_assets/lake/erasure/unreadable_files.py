"""Files that cannot be read: reported at the end, so that they do not stop the work on others.

Lives here: which errors mean that one file is damaged. Not here: the work on the files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mews_assets.lake.errors import LakeError


class UnreadableFiles:
    """The files that could not be read, each with the type of its error."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Errors in the block are this file's. A file that does not exist any more is skipped: another run replaced
        it."""
        try:
            yield
        except FileNotFoundError:
            return
        except (EOFError, OSError, zlib.error, pa.ArrowInvalid, LakeError, KeyError) as error:
            self.files[name] = type(error).__name__
