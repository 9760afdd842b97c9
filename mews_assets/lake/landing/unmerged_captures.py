"""Captures that landed and could not be merged, though no record is wrong: left pending, or set aside.

Lives here: counting tries, and listing the captures of a table that wait. A capture whose cause may pass (a full disk,
a lost network) stays pending with its cause, and every merge tries it. A capture that ends its own merge (too little
memory, an error of ours) is set aside after a few tries, one whose landed file was changed on disk at once: no later
merge takes it along, until `try_again`. Not here: records that are wrong (`capture_states.reject`).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from mews_assets.lake.errors import DamagedError, LakeError
from mews_assets.lake.landing import capture_states
from mews_assets.lake.landing.capture_states import CaptureState
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import cause_of, is_known, is_of_machine, is_of_memory
from mews_assets.lake.storage.state_files import read_state

log = logging.getLogger(__name__)

MAX_TRIES = 3
"""Merges that a capture may end. Memory that was too little three times is not short by chance."""


class UnmergedError(LakeError):
    """A capture that landed was not merged: the cause, and what to do."""

    def __init__(
        self, manifest: Manifest, cause: str, tries: int, is_set_aside: bool, *, is_in_table: bool = False
    ) -> None:
        self.is_in_table = is_in_table
        self.table, self.capture, self.cause = manifest.table, manifest.capture, cause
        self.tries, self.is_set_aside = tries, is_set_aside
        self.retryable = not is_set_aside
        if is_in_table:
            then = "Its rows in the table stay. Materialise the same again when the cause is mended"
        elif is_set_aside:
            after = f" after {tries} tries" if tries > 1 else ""
            then = (
                f"It is set aside{after}: it stays landed, and the others go on without it. Mend the cause, then run "
                f"mews-assets retry {layout.landed_table(manifest.table)}"
            )
        else:
            counted = f" (try {tries} of {MAX_TRIES})" if tries else ""
            then = f"It stays landed, and the next run of the table tries again{counted}"
        super().__init__(f"{manifest.table}: capture {manifest.capture} was not merged: {cause}. {then}")


@dataclass(frozen=True)
class UnmergedCapture:
    """One capture that waits. `table` is the name it landed under; `tries` counts the merges that it ended."""

    table: str
    capture: str
    cause: str
    tries: int
    is_set_aside: bool
    scopes: tuple[str, ...]
    window: str


def note_unmerged(lake: Lake, manifest: Manifest, error: Exception) -> UnmergedError:
    """Save the cause why a capture could not be merged. For a capture that is in the table already nothing is saved."""
    pending = layout.pending_file(manifest.table, manifest.capture)
    aside = layout.set_aside_file(manifest.table, manifest.capture)
    cause = cause_of(error)
    # The text of an unknown error may hold values; its traceback does not.
    frames = "" if is_known(error) else "".join(["\n", *traceback.format_tb(error.__traceback__)])
    log.error("%s: capture %s was not merged: %s%s", manifest.table, manifest.capture, cause, frames)
    try:
        was_set_aside = lake.exists(aside)
        if not was_set_aside and not lake.exists(pending):
            return UnmergedError(manifest, cause, 0, False, is_in_table=True)
        tries_before = _tries(lake, aside if was_set_aside else pending)
        may_pass = is_of_machine(error) or getattr(error, "retryable", False)
        may_pass = may_pass and not isinstance(error, DamagedError) and not is_of_memory(error)
        tries = tries_before + (not may_pass)
        is_set_aside = was_set_aside or isinstance(error, DamagedError) or tries >= MAX_TRIES
        if is_set_aside:
            capture_states.set_aside(lake, manifest.table, CaptureState(manifest.capture, cause, tries))
        else:
            capture_states.mark_pending(lake, manifest.table, manifest.capture, cause, tries)
        return UnmergedError(manifest, cause, tries, is_set_aside)
    except OSError:  # the cause cannot be written either: the capture stays pending as it is
        return UnmergedError(manifest, cause, 0, False)


def unmerged(lake: Lake, table: str) -> list[UnmergedCapture]:
    """The captures landed under a name that wait with a cause, oldest first."""
    found = []
    for folder, is_set_aside in (
        (layout.pending_folder(table), False),
        (layout.set_aside_folder(table), True),
    ):
        for capture in capture_states.captures_in(lake, folder):
            with suppress(FileNotFoundError):  # merged meanwhile
                state = _state(lake, f"{folder}/{capture}.json")
                if state.problem:
                    scopes, window = _requested(lake, table, capture)
                    found.append(
                        UnmergedCapture(
                            table, capture, state.problem, state.tries, is_set_aside, scopes, window
                        )
                    )
    return sorted(found, key=lambda waiting: waiting.capture)


def _state(lake: Lake, name: str) -> CaptureState:
    """The file of a capture's state; where it cannot be read, that is its problem."""
    try:
        return read_state(lake, name, CaptureState)
    except LakeError as error:
        return CaptureState(problem=str(error))


def _tries(lake: Lake, name: str) -> int:
    try:
        return read_state(lake, name, CaptureState).tries
    except LakeError as error:  # it stops no other capture, and is overwritten with the cause of this merge
        log.warning("%s: its tries are counted from 0", error)
        return 0


def _requested(lake: Lake, table: str, capture: str) -> tuple[tuple[str, ...], str]:
    """The scopes and the window of a capture; none and "unknown" where its manifest cannot be read."""
    try:
        manifest = read_manifest(lake, table, capture)
    except (LakeError, FileNotFoundError):
        return (), "unknown"
    return manifest.scopes, str(manifest.window)


def unmerged_of(lake: Lake, table: str) -> list[UnmergedCapture]:
    """The captures of a table that wait with a cause, of its windows and of its snapshots."""
    return [waiting for name in layout.landings(table) for waiting in unmerged(lake, name)]


def try_again(lake: Lake, table: str, only: Collection[str] | None = None) -> list[str]:
    """Make the set-aside captures, or some of them, pending again, with no tries; the next merge takes them along.

    Returns their ids.
    """
    aside = capture_states.captures_in(lake, layout.set_aside_folder(table))
    captures = [capture for capture in aside if only is None or capture in only]
    for capture in captures:
        capture_states.mark_pending(lake, table, capture)
        lake.delete(layout.set_aside_file(table, capture))
    return captures
