"""Captures that landed and could not be merged, through no fault of a record: left pending, or set aside.

Lives here: counting tries, and the captures of a table that wait. What may go well later (a full disk, a lost network)
stays pending with its cause, and is tried with every merge. What ends the merge of its own (too little memory, an error
of ours) is set aside after a few tries, and a landed file that is not what landed at once: no later merge takes it
along. Set aside, its rows are in the landing and not in the tables, until `try_again` and the next merge.
Not here: records that are wrong (`landing.reject`).
"""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from dataclasses import dataclass

from mews_assets.lake.errors import DamagedError, LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import cause_of, is_known, is_of_machine, is_of_memory

log = logging.getLogger(__name__)

MAX_TRIES = 3
"""Merges that a capture may end. Memory that did not suffice three times is not short by chance."""


class UnmergedError(LakeError):
    """A capture that landed and is not in the table: why, and what becomes of it."""

    def __init__(
        self, manifest: Manifest, cause: str, tries: int, is_set_aside: bool, *, is_in_table: bool = False
    ) -> None:
        self.is_in_table = is_in_table
        self.table, self.capture, self.cause = manifest.table, manifest.capture, cause
        self.tries, self.is_set_aside = tries, is_set_aside
        self.retryable = not is_set_aside
        if is_in_table:
            then = (
                "Its rows that stand in the table stay. Materialise the same again when the cause is mended"
            )
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
    """One capture that waits. `table` is the name it landed under; `tries` counts merges that it ended."""

    table: str
    capture: str
    cause: str
    tries: int
    is_set_aside: bool
    scopes: tuple[str, ...]
    window: str


def note_unmerged(lake: Lake, manifest: Manifest, error: Exception) -> UnmergedError:
    """Note that a capture could not be merged. What is in the table already is only told of."""
    pending = layout.pending_file(manifest.table, manifest.capture)
    aside = layout.set_aside_file(manifest.table, manifest.capture)
    cause = cause_of(error)
    # The text of an error that is not known may hold values; where it came from does not.
    frames = "" if is_known(error) else "".join(["\n", *traceback.format_tb(error.__traceback__)])
    log.error("%s: capture %s was not merged: %s%s", manifest.table, manifest.capture, cause, frames)
    try:
        was_set_aside = lake.exists(aside)
        if not was_set_aside and not lake.exists(pending):
            return UnmergedError(manifest, cause, 0, False, is_in_table=True)
        before = lake.read_json(aside if was_set_aside else pending)
        may_pass = is_of_machine(error) or getattr(error, "retryable", False)
        may_pass = may_pass and not isinstance(error, DamagedError) and not is_of_memory(error)
        tries = int(before.get("tries", 0)) + (not may_pass)
        told = {"capture": manifest.capture, "problem": cause, "tries": tries}
        is_set_aside = was_set_aside or isinstance(error, DamagedError) or tries >= MAX_TRIES
        lake.write_json(aside if is_set_aside else pending, told)
        if is_set_aside:
            lake.delete(pending)
        return UnmergedError(manifest, cause, tries, is_set_aside)
    except OSError:  # where nothing can be written, the cause cannot be either: it stays pending as it is
        return UnmergedError(manifest, cause, 0, False)


def unmerged(lake: Lake, table: str) -> list[UnmergedCapture]:
    """The captures landed under a name that wait with a cause, oldest first. One that waits for its turn is none."""
    found = []
    for folder, is_set_aside in (
        (layout.pending_folder(table), False),
        (layout.set_aside_folder(table), True),
    ):
        for capture in capture_store.captures_in(lake, folder):
            with suppress(FileNotFoundError):  # merged meanwhile
                told = lake.read_json(f"{folder}/{capture}.json")
                if problem := told.get("problem"):
                    tries, (scopes, window) = int(told.get("tries", 0)), _asked(lake, table, capture)
                    found.append(
                        UnmergedCapture(table, capture, str(problem), tries, is_set_aside, scopes, window)
                    )
    return sorted(found, key=lambda one: one.capture)


def _asked(lake: Lake, table: str, capture: str) -> tuple[tuple[str, ...], str]:
    """The scopes and the window of a capture, as far as its manifest can be read."""
    try:
        manifest = capture_store.read_manifest(lake, table, capture)
    except (LakeError, LookupError, TypeError, ValueError):
        return (), "unknown"
    return manifest.scopes, str(manifest.window)


def unmerged_of(lake: Lake, table: str) -> list[UnmergedCapture]:
    """All captures of a table that wait with a cause, of its windows and of its snapshots."""
    return [one for name in layout.landings(table) for one in unmerged(lake, name)]


def try_again(lake: Lake, table: str) -> list[str]:
    """Make what was set aside pending again, as if never tried; the next merge takes it along. Gives the captures."""
    captures = capture_store.captures_in(lake, layout.set_aside_folder(table))
    for capture in captures:
        lake.write_json(layout.pending_file(table, capture), {"capture": capture})
        lake.delete(layout.set_aside_file(table, capture))
    return captures
