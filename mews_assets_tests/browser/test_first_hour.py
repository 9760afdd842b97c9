"""The first hour of a user in a real browser: where to begin, a backfill of one hotel, its run, a check, a mart."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the extra `browser` is not installed: make test-browser")
from mews_assets.catalog.model import ScopeKind
from mews_assets.cli.report_server import report_server
from mews_assets.defs.local.launch import (
    discover_scopes,
    make_current,
    make_marts,
    refresh_reference,
    write_report,
)
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.windows import Grain
from mews_assets_tests.browser.pages import find_chromium, ui_of
from mews_assets_tests.defs.daemon import home_of, running_daemon, running_webserver
from mews_assets_tests.defs.keys import PLAIN

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: apt-get install chromium"),
]
DAYS = "[2025-03-08...2025-03-09]"


def test_a_user_finds_the_beginning_fills_two_days_of_a_hotel_and_reads_what_came_of_it(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CHROMIUM is not None
    with (
        report_server(open_lake(str(tmp_path / "lake"), Grain.DAILY), 0) as report,
        home_of(mews, tmp_path, MEWS_START_DATE="2025-03-07", MEWS_REPORT_URL=report) as home,
    ):
        monkeypatch.setenv("DAGSTER_HOME", home.environment["DAGSTER_HOME"])
        assert discover_scopes().succeeded, "as `materialise reference/enterprises` does"
        hotel, _ = home.instance.get_dynamic_partitions(PLAIN.scope_set(ScopeKind.ENTERPRISE))
        with (
            running_daemon(home),
            running_webserver(home) as address,
            ui_of(address, CHROMIUM, tmp_path / "shots") as ui,
        ):
            ui.open("/assets/start_here", "What this is")
            ui.shows("Let it run by itself")

            ui.launch_backfill("order_items", hotel, DAYS)
            backfill = home.wait(
                lambda: next((one.backfill_id for one in home.instance.get_backfills()), None),
                60,
                "a backfill",
            )
            assert home.wait_for_backfill(backfill, 180) == "COMPLETED_SUCCESS"
            (run,) = home.runs_of(backfill)
            assert ui.log_lines(run.run_id, "asked for export")
            assert ui.log_lines(run.run_id, " failed")
            assert not ui.log_lines(run.run_id, "did not yield")

            ui.open(
                "/assets/changes/order_items?view=checks&checkDetail=key_unique",
                "2 of 2 partitions of this",
            )
            assert ui.page.get_by_text("Skipped").count() == 0
            key = f"{hotel}|2025-03-08"
            ui.open(f"/assets/landing/order_items?view=partitions&partition={key}", "captures")

            assert refresh_reference().succeeded
            assert make_current(ScopeKind.ENTERPRISE).partitions == 1  # the other tables have not landed
            assert make_marts().succeeded
            ui.open("/", "mews_assets")
            ui.open("/assets/marts/daily_revenue?view=events", "Materialized in run")
            ui.page.get_by_text("[Show Markdown]").first.click()
            plot = ui.page.get_by_role("dialog").locator("img")
            plot.wait_for()
            ui.shoot("plot")
            assert plot.evaluate("image => image.naturalWidth") > 300

            assert write_report().succeeded
            errors: list[str] = []
            ui.page.on("pageerror", lambda error: errors.append(str(error)))
            shown = ui.open_report(hotel)
            assert "Daily revenue, net" in shown
            assert "order_items\t2025-03-09" in shown, "freshness of that hotel"
            assert "checks fail for this hotel." in shown
            assert errors == []
