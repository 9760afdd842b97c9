"""The lake looked at from outside: whether it can be written, and whether there is room.

Lives here: trying it out with one small file. A lake that has not been laid yet is not laid by looking.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mews_assets.catalog.privacy import Privacy
from mews_assets.ingest.findings import Finding, fail, judge_free_space, ok
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, find_lake
from mews_assets.windows import Grain

SUBJECT = "lake"


def probe_lake(location: str, grain: Grain, privacy: Privacy | None = None) -> list[Finding]:
    """Whether the lake takes a file and gives it back, and the room on the disk that captures pass through."""
    try:
        lake = find_lake(location, grain, privacy)
        if lake is None:
            return _not_laid(location)
        _try(lake)
    except (LakeError, OSError, ValueError) as error:
        return [fail(SUBJECT, f"{location}: {error}", _advice(error))]
    written = ok(SUBJECT, f"{location} can be written; its windows are {grain.value}")
    return [written, _room(lake.local_root)]


def _not_laid(location: str) -> list[Finding]:
    if "://" in location:
        return [ok(SUBJECT, f"{location} holds no lake yet; the first run lays it"), _room(None)]
    folder = Path(location).absolute()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        text = f"{folder} cannot be made, for nothing can be written into {there}: {error.strerror}"
        return [fail(SUBJECT, text, "choose another MEWS_LAKE, or let this user write there.")]
    return [ok(SUBJECT, f"{folder} holds no lake yet; the first run lays it"), _room(there)]


def _try(lake: Lake) -> None:
    name, content = layout.trial_file(), b"written to see whether this can be done\n"
    lake.write(name, content)
    try:
        if lake.read(name) != content:
            raise LakeError(f"{lake.uri(name)} reads otherwise than it was written a moment ago")
    finally:
        lake.delete(name)


def _room(place: Path | None) -> Finding:
    """Of a lake in a bucket, the disk where captures are converted before they are put there."""
    if place is not None:
        return judge_free_space("room", str(place), shutil.disk_usage(place).free)
    folder = tempfile.gettempdir()
    return judge_free_space(
        "room", f"{folder}, where captures are converted,", shutil.disk_usage(folder).free
    )


def _advice(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "let this user write there, or choose another MEWS_LAKE."
    if isinstance(error, LakeError):
        return "do what the message says; the lake is as it was."
    return "check MEWS_LAKE, and in a bucket the keys in the variables of the cloud's own tools."
