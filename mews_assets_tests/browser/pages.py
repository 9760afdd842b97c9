"""The UI's pages as a person reads them, in the chromium of this machine.

Lives here: finding and starting the browser, and what is clicked on a page. Not here: what must stand
there (the tests).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PATIENCE_MS = 60_000
"""A page is there within seconds; a machine that also runs the daemon and the run is slow at first."""


def find_chromium() -> str | None:
    """The path of the browser, or None where none is installed."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Ui:
    """One browser page on one webserver. `shots` is the folder of the screenshots."""

    page: Page
    address: str
    shots: Path

    def open(self, path: str, must_show: str) -> None:
        """Open a page and wait until a text stands on it; keep a screenshot."""
        self.page.goto(self.address + path)
        self.shows(must_show)
        self.shoot(path)

    def shows(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=_PATIENCE_MS)

    def shoot(self, name: str) -> None:
        self.page.screenshot(
            path=self.shots / f"{name.strip('/').replace('/', '_').partition('?')[0] or 'first'}.png"
        )

    def launch_backfill(self, job: str, hotel: str, days: str) -> None:
        """As a person does it on the job's page: choose a hotel from the list, write the days, launch."""
        self.open(f"/locations/mews_assets.definitions/jobs/{job}", "Materialize")
        dialog = self.page.get_by_role("dialog")
        self.page.get_by_role("button", name="Materialize").first.click()
        try:
            expect(dialog.get_by_text("Partition selection")).to_be_visible(timeout=_PATIENCE_MS)
            dialog.get_by_text("Select a partition").first.click()
        finally:
            self.shoot("backfill dialog opened")
        # The list also holds hidden copies of each text, to measure it.
        self.page.get_by_text(hotel).locator("visible=true").first.click(force=True)
        self.page.keyboard.press("Escape")
        dialog.get_by_placeholder("ex:").fill(days)
        self.page.keyboard.press("Tab")
        self.shoot("backfill dialog")
        dialog.get_by_role("button", name="Launch").click()

    def open_report(self, hotel: str) -> str:
        """From the page to begin with to the report, and a hotel in its picker, by its key; the report's text."""
        self.open("/assets/start_here", "What this is")
        self.page.get_by_role("link", name="Open the report").click()
        picker = self.page.locator("#hotel")
        expect(picker).to_be_visible(timeout=_PATIENCE_MS)
        self.shoot("report of all")
        picker.select_option(hotel)
        expect(self.page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=_PATIENCE_MS)
        self.shoot("report of a hotel")
        return self.page.locator("main").inner_text()

    def log_lines(self, run: str, containing: str) -> list[str]:
        """The lines of a run's log that contain a text. (The page renders only those in sight.)"""
        self.open(f"/runs/{run}", "Finished execution of run")
        self.page.get_by_placeholder("Filter").last.fill(containing)
        self.page.wait_for_timeout(1000)
        self.shoot(f"log of {containing}")
        return [text for text in self.page.get_by_text(containing).all_inner_texts() if text]


@contextmanager
def ui_of(address: str, chromium: str, shots: Path) -> Iterator[Ui]:
    shots.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield Ui(browser.new_page(viewport={"width": 1500, "height": 1000}), address, shots)
        finally:
            browser.close()
