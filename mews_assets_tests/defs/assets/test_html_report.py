"""The asset `report`: made from a real lake, it tells which hotels are late and which checks fail, by hotel."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets.cli import main
from mews_assets.defs.build import build_definitions
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.conftest import MEWS_NOW
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, QUIET, Stage, stage_of

TABLES = "order_items,outlet_items,outlet_bills"


@pytest.fixture
def stage(
    mews: RunningSandbox,
    dagster_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    stage = stage_of(mews, dagster_instance, tmp_path, monkeypatch, MEWS_TABLES=TABLES)
    mews.set_clock(MEWS_NOW)
    assert stage.run("enterprises").success
    return stage


def make_report(stage: Stage) -> dict[str, Any]:
    result = (
        build_definitions(stage.settings)
        .resolve_job_def("html_report")
        .execute_in_process(instance=stage.instance, run_config={"loggers": QUIET})
    )
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def overview_of(path: str) -> dict[str, Any]:
    found = re.search(r'id="overview">(.*?)</script>', Path(path).read_text(encoding="utf-8"))
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


def test_the_report_names_the_hotel_of_a_failing_check_and_of_a_late_table(stage: Stage) -> None:
    north, south = stage.enterprises
    assert stage.run("order_items", stage.keys([north], DAYS)).success
    table, key = stage.settings.tables[0], stage.key(north, DAYS[0])
    for asset, partition in (
        (PLAIN.changes(table), key),
        (PLAIN.changes(table), None),
        (PLAIN.current(table), key.partition("|")[0]),
        (PLAIN.current(table), None),
    ):
        stage.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=asset,
                check_name="key_unique",
                passed=False,
                partition=partition,
                description="1 fails",
            )
        )
    metadata = make_report(stage)
    assert metadata["marts"] == 0
    assert metadata["marts_not_made_yet"] == ["daily_revenue", "tax_summary", "outlet_revenue"]
    assert metadata["hotels"] == 2
    assert re.fullmatch(r"[45]\.\d MB", metadata["size"])
    shown = overview_of(metadata["file"])
    scopes = {hotel["scopes"][0]: hotel["name"] for hotel in shown["hotels"]}
    assert set(scopes) == {north, south}
    newest = {
        scope: (name, newest)
        for table, scope, name, newest, _ in shown["freshness"]
        if table == "order_items"
    }
    assert newest == {north: (scopes[north], max(DAYS)), south: (scopes[south], "")}
    failed = {check["asset"]: check for check in shown["checks"] if check["failing"]}
    assert {(check["check"], check["text"]) for check in failed.values()} == {("key_unique", "1 fails")}
    assert {asset: check["failing"] for asset, check in failed.items()} == {
        "changes/order_items": {north: [DAYS[0]]},
        "current/order_items": {north: ["all"]},
    }
    assert {check["check"] for check in shown["checks"] if check["passed"]} >= {"captures_merged"}


def test_the_command_writes_the_same_file(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(stage.settings.lake).parent)
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert main(["report"]) == 0
    told = capsys.readouterr().out
    assert f"{stage.settings.lake}/report.html: " in told
    assert "not made yet: daily_revenue, tax_summary, outlet_revenue. Run the job `marts`" in told
    assert overview_of(f"{stage.settings.lake}/report.html")["checks"] == []
    assert "no Dagster home is set" in Path(f"{stage.settings.lake}/report.html").read_text(encoding="utf-8")


def test_the_page_to_begin_with_and_the_asset_link_to_the_report(stage: Stage) -> None:
    from dataclasses import replace

    address = "https://reports.example.com/report.html"
    graph = build_definitions(replace(stage.settings, report_url=address)).resolve_asset_graph()
    for key in (PLAIN.start_here, PLAIN.report):
        assert f"[Open the report]({address})" in (graph.get(key).description or "")
