"""Deliberately broken variants of the rules: each must be caught, or the suite proves nothing.

Lives here: one function per broken rule, which patches it for as long as its context lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from mews_assets.api import MewsError, download, links, pages
from mews_assets.api.errors import ShrinkError
from mews_assets.ingest import materialise, pull
from mews_assets.lake import changes, dealing, export_log, landing, layout, partition_files, store
from mews_assets.windows import Window
from mews_assets_tests.chaos import house, process, seams, story

MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {}


def mutant(breaks: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
    MUTANTS[breaks.__name__.replace("_", " ")] = contextmanager(breaks)
    return breaks


def _patched(*seams: tuple[Any, str, Any]) -> ExitStack:
    stack = ExitStack()
    for owner, name, value in seams:
        stack.enter_context(patch.object(owner, name, value))
    return stack


@mutant
def windows_are_closed_at_both_ends() -> Iterator[None]:
    """A row stamped exactly at a capture's end is dealt to the window before it."""
    real = dealing._stamp

    def stamp(table: Any, capture: Any) -> tuple[str, str]:
        found, join = real(table, capture)
        end = dealing._instant(capture.manifest.window.end)
        return f"(CASE WHEN {found} = {end} THEN {found} - INTERVAL 1 MICROSECOND ELSE {found} END)", join

    with _patched((dealing, "_stamp", stamp)):
        yield


@mutant
def rows_at_the_end_are_dropped() -> Iterator[None]:
    with _patched((dealing, "beyond", lambda manifest, grain: set())):
        yield


@mutant
def files_are_written_in_place() -> Iterator[None]:
    """No file aside: half of it can be seen when the process dies."""

    def written(lake: process.ChaosLake, name: str, content: bytes) -> None:
        target = Path(lake.root) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            lake.process.point(f"amid {name}")
            file.write(content[len(content) // 2 :])

    def put(lake: process.ChaosLake, local: Path, name: str) -> None:
        written(lake, name, Path(local).read_bytes())

    with _patched((process.ChaosLake, "write", written), (process.ChaosLake, "put", put)):
        yield


@mutant
def sizes_are_not_checked() -> Iterator[None]:
    """A download is taken for whole when its connection ends."""
    real = download._File._take

    def take(self: Any, response: Any, out: Any) -> str:
        trouble = real(self, response, out)
        if trouble == "it ended early":
            self._size = self._arrived
            return ""
        return trouble

    with _patched((download._File, "_take", take)):
        yield


@mutant
def ids_are_saved_late() -> Iterator[None]:
    """A few other things are done before an export's id is saved."""
    real = export_log.save

    def save(lake: Any, export: Any) -> None:
        for what in ("one thing", "another", "a third", "a fourth"):
            lake.process.point(f"doing {what} first")
        real(lake, export)

    with _patched((export_log, "save", save)):
        yield


@mutant
def ids_are_forgotten_before_landing() -> Iterator[None]:
    real = pull.wait_for_export

    def wait(client: Any, export_id: str, **more: Any) -> Any:
        found = real(client, export_id, **more)
        here = _CURRENT[-1].here_now()
        lake = _CURRENT[-1].lake_of(here)
        for name in lake.files(layout.exports_folder(client.connection)):
            if export_id in name:
                lake.delete(name)
        return found

    with _patched((pull, "wait_for_export", wait)), _noting_houses():
        yield


@mutant
def errors_end_the_pages_quietly() -> Iterator[None]:
    real = pages.Pages.__iter__

    def quietly(self: Any) -> Iterator[Any]:
        try:
            yield from real(self)
        except ShrinkError:
            raise
        except MewsError:
            return

    with _patched((pages.Pages, "__iter__", quietly)):
        yield


@mutant
def captures_replace_what_was_there() -> Iterator[None]:
    with _patched((changes._Merge, "_standing_files", lambda self: set())):
        yield


@mutant
def windows_are_due_before_they_settle() -> Iterator[None]:
    def is_settled(self: Window, now: Any) -> bool:
        return self.start + timedelta(hours=12) < now

    with _patched((Window, "is_settled", is_settled)):
        yield


@mutant
def dead_links_are_used_again() -> Iterator[None]:
    with _patched((links.Links, "renew", lambda self, generation: None)):
        yield


@mutant
def downloads_go_on_anywhere() -> Iterator[None]:
    """A 206 is taken for what was asked for, wherever it begins."""
    with _patched((download._File, "_continues", lambda self, told: True)):
        yield


@mutant
def captures_are_settled_before_their_rows_are_in_place() -> Iterator[None]:
    real = changes._stage

    def stage(lake: Any, *arguments: Any) -> Any:
        staged = real(lake, *arguments)
        for one in staged:
            landing.settle(lake, one.manifest)
        return staged

    with _patched((changes, "_stage", stage)):
        yield


@mutant
def manifests_come_before_their_files() -> Iterator[None]:
    real = landing.land

    def land(lake: Any, manifest: Any, sources: Any, workspace: Any) -> Any:
        files = tuple(
            landing.LandedFile(f"part-{number:05}.jsonl.zst", 1, 1, "", 1)
            for number, _ in enumerate(sources, 1)
        )
        lake.write_json(
            layout.manifest(manifest.table, manifest.capture),
            dict(manifest.to_json(), files=[vars(f) for f in files]),
        )
        return real(lake, manifest, sources, workspace)

    with _patched((landing, "land", land)):
        yield


@mutant
def captures_are_not_marked_pending() -> Iterator[None]:
    """A process that dies between landing and merging leaves rows that nobody merges."""
    real = store.Lake.write_json

    def write(self: Any, name: str, value: dict[str, Any]) -> None:
        if not name.startswith("state/pending/"):
            real(self, name, value)

    with _patched((store.Lake, "write_json", write)):
        yield


@mutant
def ties_are_in_no_order() -> Iterator[None]:
    """Rows of one instant stand as they come."""
    real = seams.shared_engine

    class Unordered:
        def __init__(self, engine: Any) -> None:
            self._engine = engine

        def __getattr__(self, name: str) -> Any:
            return getattr(self._engine, name)

        def sql(self, text: str) -> Any:
            return self._engine.sql(text.replace(", id, _captured_at_utc, _landing_id", ", md5(id)"))

    @contextmanager
    def opened(*arguments: Any, **more: Any) -> Iterator[Any]:
        with real(*arguments, **more) as engine:
            yield Unordered(engine)

    with _patched((seams, "shared_engine", opened)):
        yield


@mutant
def versions_of_one_id_are_one_row() -> Iterator[None]:
    real = partition_files.PartitionFiles._first_of_each

    def first(self: Any, batch: Any, previous: Any) -> Any:
        keep, last = real(self, batch, previous)
        seen: set[Any] = set()
        for at, (place, one) in enumerate(
            zip(batch.column(dealing.PLACE).to_pylist(), batch.column("id").to_pylist(), strict=True)
        ):
            keep[at] &= (place, one) not in seen
            seen.add((place, one))
        return np.asarray(keep), last

    with _patched((partition_files.PartitionFiles, "_first_of_each", first)):
        yield


@mutant
def merges_do_not_wait_for_each_other() -> Iterator[None]:
    @contextmanager
    def unlocked(self: Any, name: str) -> Iterator[None]:
        yield

    with _patched((store.Lake, "lock", unlocked)):
        yield


@mutant
def our_own_clock_decides_what_has_settled() -> Iterator[None]:
    with _patched((house, "time_at_mews", lambda clients, now, skew: now)):
        yield


@mutant
def the_newer_half_of_a_heavy_window_is_left_out() -> Iterator[None]:
    real = Window.halves

    def halves(self: Window) -> tuple[Window, Window]:
        older, _ = real(self)
        return older, older

    with _patched((Window, "halves", halves)):
        yield


@mutant
def failures_are_reported_green() -> Iterator[None]:
    real = materialise._merge

    def merge(
        lake: Any, table: Any, partitions: Any, asked: Any, raw: Any, threads: Any, result: Any
    ) -> None:
        real(lake, table, partitions, asked, raw, threads, result)
        result.failed.clear()

    with _patched((materialise, "_merge", merge)):
        yield


_CURRENT: list[house.House] = []


@contextmanager
def _noting_houses() -> Iterator[None]:
    real = house.House.wire_of

    def wire_of(self: house.House, one: Any) -> Any:
        _CURRENT[:] = [self]
        return real(self, one)

    with patch.object(house.House, "wire_of", wire_of):
        yield


def caught_by(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first of the seeds that catches a mutant, and what it said; None if none does."""
    with MUTANTS[name]():
        for seed in seeds:
            try:
                outcome = story.tell(seed)
            except Exception as error:
                return seed, f"the story broke off: {error!r}"
            if outcome.wrong:
                return seed, outcome.wrong[0]
    return None
