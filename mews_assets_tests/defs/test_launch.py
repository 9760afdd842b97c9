"""Runs launched from Python: discovery first, then every settled window of every scope."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.checks import checks_of
from mews_assets.defs.local.launch import discover_scopes, materialise_due
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.conftest import MEWS_NOW
from mews_assets_tests.defs.stage import stage_of


@pytest.mark.slow
def test_discovery_and_what_is_due_run_on_the_instance_of_dagster_home(
    mews: RunningSandbox,
    dagster_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = stage_of(mews, dagster_instance, tmp_path, monkeypatch, MEWS_START_DATE="2025-03-08")
    discovered = discover_scopes()
    assert (discovered.job, discovered.succeeded, discovered.problem) == ("enterprises", True, "")

    ran = materialise_due("companies", MEWS_NOW)
    assert (ran.succeeded, ran.problem) == (True, "")
    partitions = 2 * len(stage.chains)  # two days; and one check is of the table as a whole
    told = (ran.partitions, ran.checks_passed, ran.checks_failed)
    assert told == (partitions, len(checks_of(catalog.table("companies"))) * partitions + 1, 0)

    mews.plan_fault("exports/add", status=403)
    failed = materialise_due("bills", MEWS_NOW)
    assert not failed.succeeded
    assert (failed.partitions, failed.checks_passed) == (0, 1), "no capture waits to be merged"
    assert failed.problem.startswith("bills: 4 partitions failed") and "status 403" in failed.problem
