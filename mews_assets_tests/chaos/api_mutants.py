"""Rules of requests to Mews, broken on purpose: windows, exports, downloads, pages, and the results that runs report.

Lives here: one function per broken rule, which patches it for as long as its context lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from mews_assets import windows
from mews_assets.api import Answer, MewsClient, MewsError, UnreadableError, file_download, links, pages
from mews_assets.api.errors import TooLargeError
from mews_assets.defs.sensors import exports
from mews_assets.ingest import materialise, pull
from mews_assets.lake.landing import export_log
from mews_assets.lake.storage import layout
from mews_assets.windows import Window
from mews_assets_tests.chaos import system
from mews_assets_tests.chaos.mutant_registry import mutant, patched


@mutant
def sizes_are_not_checked() -> Iterator[None]:
    """A download counts as complete when its connection ends."""
    real = file_download.FileDownload._receive

    def receive(self: Any, response: Any, out: Any) -> str:
        problem = real(self, response, out)
        if problem == "it ended early":
            self._size = self._arrived
            return ""
        return problem

    with patched((file_download.FileDownload, "_receive", receive)):
        yield


@mutant
def ids_are_saved_late() -> Iterator[None]:
    """A few other things are done before an export's id is saved."""
    real = export_log.save

    def save(lake: Any, export: Any) -> None:
        for number in range(4):
            lake.process.checkpoint(f"step {number} before saving")
        real(lake, export)

    with patched((export_log, "save", save)):
        yield


@mutant
def ids_are_forgotten_before_landing() -> Iterator[None]:
    """An export leaves the log when it is ready, before its files have landed."""
    real = pull.wait_for_export

    def wait(client: Any, export_id: str, **more: Any) -> Any:
        found = real(client, export_id, **more)
        here = _CURRENT[-1].current_process()
        lake = _CURRENT[-1].lake_of(here)
        for name in lake.files(layout.exports_folder(client.connection)):
            if export_id in name:
                lake.delete(name)
        return found

    with patched((pull, "wait_for_export", wait)), _noting_systems():
        yield


@mutant
def errors_end_the_pages_quietly() -> Iterator[None]:
    """The pages received before an error count as all pages."""
    real = pages.Pages.__iter__

    def quietly(self: Any) -> Iterator[Any]:
        try:
            yield from real(self)
        except TooLargeError:
            raise
        except MewsError:
            return

    with patched((pages.Pages, "__iter__", quietly)):
        yield


@mutant
def short_pages_end_a_query() -> Iterator[None]:
    """A page with fewer records than asked for counts as the last, although it has a cursor."""
    real = pages.Pages._next_cursor

    def next_cursor(self: Any, answer: Any, page: Any, count: int) -> str | None:
        if len(page.records[self._records_keys[0]]) < count:
            return None
        return real(self, answer, page, count)

    with patched((pages.Pages, "_next_cursor", next_cursor)):
        yield


@mutant
def windows_are_due_before_they_settle() -> Iterator[None]:
    """A window is due from its noon on."""

    def is_settled(self: Window, now: Any, *, by_day: bool) -> bool:
        return self.start + timedelta(hours=12) < now

    with patched((Window, "is_settled", is_settled)):
        yield


@mutant
def windows_are_never_looked_at_again() -> Iterator[None]:
    """Rows that become visible after their window has landed are never captured."""
    with patched((windows.Lookback, "since", lambda self, start, grain: start)):
        yield


@mutant
def intervals_are_asked_for_as_if_their_end_were_included() -> Iterator[None]:
    """Intervals end at a window's last instant, which is missing from the answer where intervals are half-open."""
    real, real_interval = pull.export_arguments, pull.as_interval

    def shorter(window: Window) -> Window:
        return Window(window.start, window.end - timedelta(microseconds=1))

    def question(table: Any, fetch: Any, one: Any) -> dict[str, Any]:
        found = real(table, fetch, one)
        return found | {"updated": shorter(found["updated"])} if "updated" in found else found

    with patched(
        (pull, "export_arguments", question),
        (exports, "export_arguments", question),
        (pull, "as_interval", lambda window: real_interval(shorter(window))),
    ):
        yield


@mutant
def days_end_at_midnight_in_utc() -> Iterator[None]:
    """A day of the ledger is captured before it has ended in hotels west of Greenwich."""
    with patched((windows, "LAST_DAY_END", timedelta(0))):
        yield


@mutant
def dead_links_are_used_again() -> Iterator[None]:
    """Expired links are not replaced by asking for the export again."""
    with patched((links.Links, "renew", lambda self, generation: None)):
        yield


@mutant
def downloads_go_on_anywhere() -> Iterator[None]:
    """A 206 answer is used wherever its range begins."""
    with patched((file_download.FileDownload, "_continues", lambda self, told: True)):
        yield


@mutant
def our_own_clock_decides_what_has_settled() -> Iterator[None]:
    """The Date header of Mews is ignored."""
    with patched((system, "time_at_mews", lambda clients, now, skew: now)):
        yield


@mutant
def the_newer_half_of_a_heavy_window_is_left_out() -> Iterator[None]:
    """Of a window that is too heavy, only the older half is asked for."""
    real = Window.halves

    def halves(self: Window) -> tuple[Window, Window]:
        older, _ = real(self)
        return older, older

    with patched((Window, "halves", halves)):
        yield


@mutant
def what_cannot_be_read_is_empty() -> Iterator[None]:
    """An unreadable answer counts as an answer without records."""
    real = MewsClient._read

    def read(self: Any, operation: str, response: Any, body: bytes, is_minimal: bool) -> Answer:
        try:
            return real(self, operation, response, body, is_minimal=is_minimal)
        except UnreadableError:
            if not is_minimal:
                raise
            request_id = response.headers.get("Request-Id")
            return Answer(operation, self.connection, 204, request_id, b"", fields={})

    with patched((MewsClient, "_read", read)):
        yield


@mutant
def failures_are_reported_green() -> Iterator[None]:
    """A run that could not make its partitions succeeds."""
    real = materialise._merge

    def merge(
        lake: Any, table: Any, partitions: Any, asked: Any, raw: Any, threads: Any, result: Any
    ) -> None:
        real(lake, table, partitions, asked, raw, threads, result)
        result.failed.clear()

    with patched((materialise, "_merge", merge)):
        yield


_CURRENT: list[system.System] = []


@contextmanager
def _noting_systems() -> Iterator[None]:
    real = system.System.transport_of

    def transport_of(self: system.System, one: Any) -> Any:
        _CURRENT[:] = [self]
        return real(self, one)

    with patch.object(system.System, "transport_of", transport_of):
        yield
