"""Metrics: what several processes did is added up, what stands is read, and the dashboard asks for nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("prometheus_client")
from prometheus_client.parser import text_string_to_metric_families

from mews_assets import metrics
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.windows import Grain
from mews_assets_tests import ROOT

DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
WORK = """
import os
from mews_assets import metrics
from mews_assets.clients import client_of
from mews_assets.settings import read_settings
settings = read_settings(os.environ)
with client_of(settings, settings.connections[0]) as client:
    for _ in range(2):
        client.ask("enterprises/getAll", {"Limitation": {"Count": 1}})
metrics.count_export_wait("payments", 42.0)
metrics.count_landed("payments", 1000)
metrics.count_merged("payments", 7)
"""
DISCOVER = """
import os
from mews_assets.defs.base.resources import MewsResource
from mews_assets.ingest.directory import save_directory
from mews_assets.lake.storage.lake import open_lake
from mews_assets.settings import read_settings
settings = read_settings(os.environ)
with MewsResource.of(settings).open() as platform:
    save_directory(open_lake(settings.lake, settings.grain), platform.directory, platform.now())
"""


def environment(mews: RunningSandbox, folder: Path) -> dict[str, str]:
    (folder / "counts").mkdir()
    return {
        **os.environ,
        "MEWS_PLATFORM_ADDRESS": mews.address,
        "MEWS_CLIENT_TOKEN": mews.client_token,
        "MEWS_ACCESS_TOKEN": mews.access_token,
        "MEWS_START_DATE": "2025-03-08",
        "MEWS_TABLES": "payments,customers",
        "MEWS_LAKE": str(folder / "lake"),
        "DAGSTER_HOME": "",
        metrics.FOLDER: str(folder / "counts"),
    }


def scraped(address: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Each metric's values by its labels."""
    with urlopen(address, timeout=20) as answer:
        text = answer.read().decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def asked_for(dashboard: dict[str, Any]) -> set[str]:
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {name for one in expressions for name in re.findall(r"\bmews_\w+", one)}


@pytest.mark.slow
def test_what_processes_did_and_what_stands_is_served_and_is_all_that_the_dashboard_asks_for(
    mews: RunningSandbox, tmp_path: Path
) -> None:
    given = environment(mews, tmp_path)
    open_lake(given["MEWS_LAKE"], Grain.DAILY)
    for work in (WORK, WORK, DISCOVER):
        subprocess.run([sys.executable, "-c", work], env=given, cwd=tmp_path, check=True)
    command = [sys.executable, "-c", "from mews_assets.cli import main; main()", "metrics", "--port", "0"]
    with subprocess.Popen(command, env=given, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = scraped(process.stdout.readline().strip())
        finally:
            process.kill()
    assert found["mews_requests_total"][("enterprises/getAll", "200")] >= 4
    assert found["mews_landed_bytes_total"] == {("payments",): 2000.0}
    assert found["mews_merged_rows_total"] == {("payments",): 14.0}
    assert found["mews_export_wait_seconds_sum"] == {("payments",): 84.0}
    assert found["mews_late_hotels"] == {("customers",): 0.0, ("payments",): 0.0}, "seen just now"
    assert set(found["mews_captures_pending"].values()) == {0.0}
    named = asked_for(json.loads(DASHBOARD.read_text()))
    # Without a partition there is no lag, and without a Dagster home there are no runs.
    assert named - set(found) == {"mews_table_lag_seconds", "mews_runs"}


def test_the_dashboard_names_only_metrics_that_there_are() -> None:
    from mews_assets.defs.production import exporter

    gauges = {
        exporter.LAG,
        exporter.LATE,
        exporter.PENDING,
        exporter.EXPORTS,
        exporter.EXPORT_AGE,
        exporter.RUNS,
    }
    totals = {f"{name}_total" for name in (metrics.REQUESTS, metrics.LANDED_BYTES, metrics.MERGED_ROWS)}
    buckets = {f"{name}_bucket" for name in (metrics.REQUEST_SECONDS, metrics.EXPORT_WAIT)}
    assert asked_for(json.loads(DASHBOARD.read_text())) == gauges | totals | buckets


def test_the_dashboard_is_one_of_grafana() -> None:
    """Read by the models that Grafana makes of its own schema."""
    dashboard = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    pytest.importorskip("grafana_foundation_sdk.models.prometheus")
    content = json.loads(DASHBOARD.read_text())
    found = dashboard.Dashboard.from_json(content)
    assert (found.title, found.uid) == ("mews_assets", "mews-assets")
    assert [panel.type_val for panel in found.panels] == [panel["type"] for panel in content["panels"]]
    assert len({panel.id_val for panel in found.panels}) == len(found.panels)
    places = [(panel.grid_pos.x, panel.grid_pos.y) for panel in found.panels]
    assert len(set(places)) == len(places)


def test_without_anybody_who_reads_them_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics.FOLDER, raising=False)
    metrics._counters.cache_clear()
    metrics.count_request("bills/getAll", 200, 0.1)
    assert metrics._counters() == {}
    metrics._counters.cache_clear()
