"""The log of a run as its page shows it: real runs, on an instance with the project's own `python_logs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from mews_assets import catalog
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests import ROOT
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes, fold_run
from mews_assets_tests.defs.stage import DAYS, Stage, stage_of

PYTHON_LOGS = yaml.safe_load((ROOT / "dagster.yaml").read_text())["python_logs"]


@pytest.fixture
def logged(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage whose instance is set up as dagster.yaml says."""
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.ephemeral(settings={"python_logs": PYTHON_LOGS}) as instance:
        yield stage_of(mews, instance, tmp_path, monkeypatch, MEWS_LAKE="lake")


def lines(stage: Stage, result: dg.ExecuteInProcessResult) -> list[str]:
    """What the run's page shows beside Dagster's own events."""
    entries: list[Any] = stage.instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if not entry.is_dagster_event]


def test_a_run_over_an_export_tells_what_was_asked_what_landed_and_what_came_of_it(logged: Stage) -> None:
    add_scopes(logged)
    first = lines(logged, logged.run("payments", logged.keys()))
    asked, export, landed, merged, checks = first
    north, south = sorted(logged.mews.sandbox.store.enterprises())
    assert asked.startswith("payments: 4 partitions of 2 hotels (") and asked.endswith(", 8 to 9 March 2025")
    assert north not in asked and south not in asked, "hotels have names"
    assert export.startswith("payments: asked for export ")
    assert export.endswith(" of Payment for 2 enterprises, 8 to 9 March 2025")
    assert " was ready after 0 s; " in landed and " lines in " in landed
    rows = sum(partition.rows for partition in _partitions(logged))
    assert merged == f"payments: {rows} rows new, 0 repeats; 4 partitions written, 0 unchanged"
    assert checks == "payments: checks: 13 passed, 0 failed"
    again = lines(logged, logged.run("payments", logged.keys()))
    assert f"payments: 0 rows new, {rows} repeats; 0 partitions written, 4 unchanged" in again


def _partitions(stage: Stage) -> list[Any]:
    from mews_assets.lake.reading.inventory import inventory

    return list(inventory(stage.lake, catalog.table("payments")).values())


def test_a_run_by_pages_tells_how_many_requests_it_took(logged: Stage) -> None:
    add_scopes(logged)
    told = lines(logged, logged.run("outlet_items", logged.keys()))
    pages = [line for line in told if " by outletItems/getAll in " in line]
    assert pages, told
    assert all("lines of outlet_bills" in line and "lines of outlet_items" in line for line in pages)
    assert 5 <= len(told) <= 15


@pytest.mark.slow
def test_a_run_that_makes_changes_again_names_hotels_too(logged: Stage) -> None:
    assert logged.run("enterprises").success
    assert logged.run("payments", logged.keys()).success
    keys = logged.keys()
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    told = lines(logged, logged.run("payments", tags=tags, only=[PLAIN.changes(catalog.table("payments"))]))
    assert told[0].startswith("payments: 4 partitions of 2 hotels (")
    assert not any(scope in told[0] for scope in logged.enterprises)


@pytest.mark.slow
def test_the_end_of_a_good_run_does_not_say_that_something_was_not_returned(logged: Stage) -> None:
    add_scopes(logged)
    runs = [logged.run("payments", logged.keys(days=DAYS[:1]))]
    runs.append(fold_run(logged, catalog.table("payments"), *logged.enterprises))
    assert all(run.success for run in runs)
    assert not [line for run in runs for line in lines(logged, run) if "did not yield" in line]


@pytest.mark.parametrize(
    "file", sorted((ROOT / "mews_assets" / "deploy").glob("dagster*.yaml")), ids=lambda file: file.name
)
def test_every_instance_that_we_describe_brings_our_lines_to_the_page(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["python_logs"] == PYTHON_LOGS
