"""The doctor's look at a Dagster instance: its home, its storage, its daemon and its pools."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.defs.local.diagnostics import look_at_instance
from mews_assets.ingest.directory import Enterprise
from mews_assets.ingest.findings import Finding, Level
from mews_assets_tests import ROOT
from mews_assets_tests.cli.stage import beat, only
from mews_assets_tests.defs.keys import PLAIN, directory_with

pytestmark = pytest.mark.usefixtures("elsewhere")
NOW = datetime.now(UTC)


def of_instance(
    instance: dg.DagsterInstance, *, automation: bool = True
) -> dict[tuple[str, Level], list[Finding]]:
    found: dict[tuple[str, Level], list[Finding]] = {}
    for one in look_at_instance(instance.root_directory, automation, datetime.now(UTC), PLAIN):
        found.setdefault((one.subject, one.level), []).append(one)
    return found


@pytest.mark.parametrize("home", ["relative/home", "/no/such/folder"])
def test_a_dagster_home_that_is_none_is_said(home: str) -> None:
    (found,) = look_at_instance(home, True, NOW, PLAIN)
    assert found.level is Level.FAIL
    assert home in found.text


def test_a_home_that_nobody_made_yet_is_not_made_by_looking(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    (found,) = look_at_instance(str(tmp_path), True, NOW, PLAIN)
    assert "dagster instance migrate" in found.fix
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_a_home_without_this_projects_settings_says_what_is_amiss(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        found = of_instance(instance)
    texts = " ".join(one.text for one in [*found["dagster", Level.WARN], *found["pools", Level.WARN]])
    for word in ("no dagster.yaml", "run_monitoring", "granularity"):
        assert word in texts


def test_storage_that_cannot_be_reached_is_said_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(
        "event_log_storage: {module: no.such.module, class: Nothing, "
        "config: {url: 'postgresql+psycopg2://user:zq7-password@127.0.0.1:9/dagster'}}\n"
        "run_storage: {module: dagster._core.storage.runs, class: InMemoryRunStorage, config: {}}\n"
    )
    (found,) = look_at_instance(str(tmp_path), True, NOW, PLAIN)
    assert found.level is Level.FAIL
    assert "zq7" not in found.text + found.fix


@pytest.mark.parametrize(
    ("ago", "automation", "level"),
    [
        (timedelta(seconds=5), True, Level.OK),
        (timedelta(hours=3), True, Level.FAIL),
        (timedelta(hours=3), False, Level.WARN),
    ],
)
def test_the_daemons_sign_of_life_is_judged_by_its_age(
    home: dg.DagsterInstance, ago: timedelta, automation: bool, level: Level
) -> None:
    beat(home, datetime.now(UTC) - ago)
    only(of_instance(home, automation=automation), "daemon", level)


def test_a_daemon_that_never_ran_is_no_failure_and_half_a_daemon_is_one(home: dg.DagsterInstance) -> None:
    assert "never run" in only(of_instance(home), "daemon", Level.WARN).text
    beat(home, datetime.now(UTC), "SENSOR")
    assert "no sign of life of sensor" in only(of_instance(home), "daemon", Level.FAIL).text


NORTH, SOUTH = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
DIRECTORY = directory_with(
    Enterprise(scope, name, "cccccccc-0000-4000-8000-000000000003", "The Chain", "UTC")
    for scope, name in ((NORTH, "The Lantern London"), (SOUTH, "The Heron"))
)


def scopes_found(home: dg.DagsterInstance, level: Level) -> list[Finding]:
    found = look_at_instance(home.root_directory, False, datetime.now(UTC), PLAIN, DIRECTORY)
    return [one for one in found if one.subject == "dagster" and one.level is level]


def test_a_home_that_knows_hotels_by_ids_is_to_be_adopted(home: dg.DagsterInstance) -> None:
    home.add_dynamic_partitions("enterprises", [NORTH, "the-heron-bbbbbbbb"])
    home.add_dynamic_partitions("chains", ["the-chain-cccccccc"])
    (finding,) = scopes_found(home, Level.WARN)
    assert "knows 1 hotels and chains by their ids" in finding.text
    assert "`mews-assets adopt`" in finding.fix
    (finding,) = scopes_found(home, Level.OK)
    assert "2 enterprises, 1 chains" in finding.text


def test_a_partition_that_is_no_hotel_is_named_with_a_similar_one_and_not_counted(
    home: dg.DagsterInstance,
) -> None:
    home.add_dynamic_partitions("enterprises", ["the-lantern-london-aaaaaaaa", "London"])
    (finding,) = scopes_found(home, Level.WARN)
    assert finding.text == (
        "London is a partition, and no connection sees the enterprise London. "
        "Similar are: The Lantern London (the-lantern-london-aaaaaaaa)"
    )
    assert "Delete partitions" in finding.fix
    (finding,) = scopes_found(home, Level.OK)
    assert "1 enterprises, 0 chains" in finding.text


def test_a_pool_slot_of_a_run_that_is_over_and_a_closed_pool_are_named(home: dg.DagsterInstance) -> None:
    storage = home.event_log_storage
    storage.set_concurrency_slots("mews_export_payments", 1)
    storage.claim_concurrency_slot("mews_export_payments", "a-run-that-is-gone", "pull_payments")
    storage.set_concurrency_slots("mews_pages_outlet_items", 0)
    found = of_instance(home)
    assert "a-run-that-is-gone" in only(found, "pools", Level.WARN).text
    assert "mews_pages_outlet_items" in only(found, "pools", Level.FAIL).text
