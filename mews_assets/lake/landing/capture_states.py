"""Which landed captures are in changes: every other is pending, rejected or set aside.

Lives here: the small file that says so for each capture, and moving a capture from one state to another. Not here:
why a capture is set aside (`unmerged_captures`).

    pending     landed, and not in changes yet; the next merge takes it along
    rejected    has a record that cannot become a row
    set aside   ended the merges that took it along, and is not tried again by itself
"""

from __future__ import annotations

from dataclasses import dataclass

from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import write_state


@dataclass(frozen=True)
class CaptureState:
    """The file of a capture that is pending, rejected or set aside. `problem` is why, empty where nothing is wrong;
    `tries` are the merges that the capture ended."""

    capture: str = ""
    problem: str = ""
    tries: int = 0


def rejected(lake: Lake, table: str) -> set[str]:
    """The captures that have a record which cannot become a row."""
    return set(captures_in(lake, layout.rejected_folder(table)))


def without_rows(lake: Lake, table: str) -> set[str]:
    """The captures that landed and that no merge takes along: rejected or set aside."""
    return rejected(lake, table) | set(captures_in(lake, layout.set_aside_folder(table)))


def captures_in(lake: Lake, folder: str) -> list[str]:
    """The captures that have a file in a folder of the lake's state."""
    return [name.rsplit("/", 1)[-1].removesuffix(".json") for name in lake.files(folder)]


def pending(lake: Lake, table: str) -> list[Manifest]:
    """The captures that landed and are not in changes yet, oldest first. A capture whose manifest cannot be read is set
    aside here: it would stop every other."""
    found = []
    for capture in captures_in(lake, layout.pending_folder(table)):
        if lake.exists(layout.manifest(table, capture)):
            try:
                found.append(read_manifest(lake, table, capture))
            except LakeError:
                problem = "its manifest cannot be read: restore it"
                set_aside(lake, table, CaptureState(capture, problem, tries=1))
    return found


def mark_pending(lake: Lake, table: str, capture: str, problem: str = "", tries: int = 0) -> None:
    """The next merge takes the capture along. `problem` is why the last one could not."""
    write_state(lake, layout.pending_file(table, capture), CaptureState(capture, problem, tries))


def set_aside(lake: Lake, table: str, state: CaptureState) -> None:
    """No merge takes the capture along until it is marked pending again."""
    write_state(lake, layout.set_aside_file(table, state.capture), state)
    lake.delete(layout.pending_file(table, state.capture))


def mark_merged(lake: Lake, manifest: Manifest) -> None:
    """The capture's rows are in changes: remove the file of any other state."""
    lake.delete(layout.rejected_file(manifest.table, manifest.capture))
    lake.delete(layout.set_aside_file(manifest.table, manifest.capture))
    lake.delete(layout.pending_file(manifest.table, manifest.capture))


def reject(lake: Lake, manifest: Manifest, problem: str) -> None:
    """A record of the capture cannot become a row. The capture stays landed, and later merges do not try it again."""
    state = CaptureState(manifest.capture, problem)
    write_state(lake, layout.rejected_file(manifest.table, manifest.capture), state)
    lake.delete(layout.set_aside_file(manifest.table, manifest.capture))
    lake.delete(layout.pending_file(manifest.table, manifest.capture))
