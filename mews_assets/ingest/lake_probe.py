"""Probes of the lake: whether it can be written, the free space, and erasures that did not finish.

Lives here: writing and reading one small file, and counting. A lake that was not created yet is not created by a probe.
Not here: how findings are judged and printed (`findings`, `cli`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mews_assets.catalog.privacy import Privacy
from mews_assets.ingest.findings import Finding, fail, judge_free_space, ok, warn
from mews_assets.lake.erasure import pending_searches
from mews_assets.lake.errors import LakeError, LostRaceError
from mews_assets.lake.maintenance.migrate import format_of
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import FORMAT, Lake, find_lake
from mews_assets.lake.storage.store import ABSENT
from mews_assets.windows import Grain

SUBJECT = "lake"


def probe_lake(location: str, grain: Grain, privacy: Privacy | None = None) -> list[Finding]:
    """Whether a file can be written and read back, the free space on disk, and erasures that did not finish."""
    try:
        lake = find_lake(location, grain, privacy)
        if lake is None:
            return _not_created(location)
        _try(lake)
    except (LakeError, OSError, ValueError) as error:
        return [fail(SUBJECT, f"{location}: {error}", _advice(error))]
    written = ok(SUBJECT, f"{location} can be written; its windows are {grain.value}")
    return [written, _free_space(lake.local_root), *_older_format(lake), *_unfinished_erasures(lake)]


def _not_created(location: str) -> list[Finding]:
    if "://" in location:
        return [ok(SUBJECT, f"{location} holds no lake yet; the first run creates it"), _free_space(None)]
    folder = Path(location).absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        text = f"{folder} cannot be created, for nothing can be written into {existing}: {error.strerror}"
        return [fail(SUBJECT, text, "choose another MEWS_LAKE, or let this user write there.")]
    return [ok(SUBJECT, f"{folder} holds no lake yet; the first run creates it"), _free_space(existing)]


def _try(lake: Lake) -> None:
    name, content = layout.trial_file(), b"written to see whether this can be done\n"
    lake.write(name, content)
    try:
        if lake.read(name) != content:
            raise LakeError(f"{lake.uri(name)} does not read back as it was written a moment ago")
        _refuse_late_writes(lake, name)
    finally:
        lake.delete(name)


def _refuse_late_writes(lake: Lake, name: str) -> None:
    """Raise LakeError where a write is accepted over a file that the writer has not read: rows would be lost."""
    try:
        lake.write_json(name, {"written": "late"}, over=ABSENT)
    except LostRaceError:
        return
    raise LakeError(
        f"{lake.uri(name)} was replaced although the write was conditional on there being no such file. This object "
        "store ignores conditions (If-None-Match), so two runs would overwrite each other's rows: use another one"
    )


def _free_space(place: Path | None) -> Finding:
    """The free space of a local lake; for a lake in a bucket, of the disk where captures are converted first."""
    if place is not None:
        return judge_free_space("disk", str(place), shutil.disk_usage(place).free)
    folder = tempfile.gettempdir()
    return judge_free_space(
        "disk", f"{folder}, where captures are converted,", shutil.disk_usage(folder).free
    )


def _older_format(lake: Lake) -> list[Finding]:
    if (found := format_of(lake)) == FORMAT:
        return []
    text = f"the lake has format {found}, which this version reads and writes; new lakes have format {FORMAT}"
    return [warn(SUBJECT, text, "run mews-assets migrate when every machine has this version.")]


def _unfinished_erasures(lake: Lake) -> list[Finding]:
    """A warning for each customer whose `forget` was interrupted before its search found nothing left."""
    return [
        warn(
            "erasure",
            f"the erasure of customer {person} did not finish: the search that proves it is still owed",
            f"run mews-assets forget --customer {person}",
        )
        for person in pending_searches.pending(lake)
    ]


def _advice(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "let this user write there, or choose another MEWS_LAKE."
    if isinstance(error, LakeError):
        return "do what the message says; the lake is as it was."
    return "check MEWS_LAKE, and in a bucket the keys in the variables of the cloud's own tools."
