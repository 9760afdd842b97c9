"""Freshness in Dagster: the check names hotels that are behind, on its own schedule; the policy is the daemon's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.events import AssetMaterialization, StepMaterializationData
from dagster._core.events.log import EventLogEntry

from mews_assets import catalog
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks import freshness
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import read_settings
from mews_assets.windows import from_api
from mews_assets_tests.conftest import MEWS_NOW
from mews_assets_tests.defs.daemon import home_of, running_daemon
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, RANGE_END, RANGE_START, Stage, evaluations, stage_of

PAYMENTS, CUSTOMERS = catalog.table("payments"), catalog.table("customers")


@pytest.fixture
def seen(stage: Stage) -> Iterator[Stage]:
    """A stage whose hotels were found seven hours ago, by Mews' clock."""
    assert stage.run("enterprises").success
    stage.mews.advance(7 * 3600)
    assert stage.run("enterprises").success
    yield stage
    stage.mews.set_clock(MEWS_NOW)


def judged(stage: Stage) -> dict[str, Any]:
    """By table, what the freshness job said."""
    result = stage.run(freshness.JOB)
    assert result.success
    return {one.asset_key.path[-1]: one for one in result.get_asset_check_evaluations()}


@pytest.mark.slow
def test_the_check_names_the_hotel_that_is_behind_while_its_neighbour_is_fresh(seen: Stage) -> None:
    north, south = seen.enterprises
    # In two runs: one would ask for both days of both hotels, and land them all.
    assert seen.run("payments", seen.keys([north])).success
    assert seen.run("payments", seen.keys([south], DAYS[:1])).success
    told = judged(seen)
    assert set(told) == {table.name for table in catalog.tables()}
    payments = told["payments"]
    assert not payments.passed
    assert payments.severity is dg.AssetCheckSeverity.ERROR
    (late,) = payments.metadata["late_scopes"].value
    assert late["scope"] == south
    assert late["name"] != south
    assert payments.description == f"1 of 2 enterprises are late: {late['name']} by 1 h 0 min."
    assert (late["newest_window"], late["first_missing_window"]) == DAYS
    # 2025-03-09 ended at midnight and was due at 6; the hotels' first sight was at 12, so at 18. It is 19.
    # The sandbox's clock runs on: a busy machine takes minutes to get here.
    assert (
        timedelta(0) <= from_api(late["due_utc"]) - datetime(2025, 3, 10, 18, tzinfo=UTC) < timedelta(hours=1)
    )
    assert late["late_hours"] == pytest.approx(1.0, abs=0.1)
    assert f"| {late['name']} | " in payments.metadata["late_table"].value
    assert payments.metadata["newest_window"].value == DAYS[1]
    # What never landed is behind as well, and a chain is named like a hotel.
    (chain,) = told["customers"].metadata["late_scopes"].value
    assert (chain["scope"], chain["newest_window"]) == (seen.chains[0], None)
    assert "nothing ever landed" in told["customers"].metadata["late_table"].value


@pytest.mark.slow
def test_the_check_passes_once_the_hotel_has_caught_up(seen: Stage) -> None:
    assert not judged(seen)["payments"].passed
    assert seen.run("payments", seen.keys()).success
    payments = judged(seen)["payments"]
    assert payments.passed
    assert payments.description == "All 2 enterprises are fresh."
    assert payments.metadata["late"].value == 0


def test_hotels_found_just_now_are_not_behind(stage: Stage) -> None:
    assert stage.run("enterprises").success
    assert all(one.passed for one in judged(stage).values())


def test_a_lag_that_is_allowed_by_setting_is_allowed(seen: Stage) -> None:
    seen.environment["MEWS_ALLOWED_LAG_HOURS"] = "12"
    assert all(one.passed for one in judged(seen).values())


def test_before_anything_is_known_the_check_says_so_and_does_not_pass(stage: Stage) -> None:
    for one in judged(stage).values():
        assert not one.passed
        assert one.severity is dg.AssetCheckSeverity.WARN
        assert "No hotel is known yet" in one.description


def test_a_hotel_that_nobody_sees_any_more_is_named_and_not_judged(seen: Stage) -> None:
    seen.instance.add_dynamic_partitions("enterprises", ["sold-last-year"])
    payments = judged(seen)["payments"]
    assert payments.metadata["no_longer_visible"].value == ["sold-last-year"]
    assert payments.metadata["scopes"].value == 2


@pytest.mark.slow
def test_no_tables_job_and_no_backfill_evaluates_it(seen: Stage) -> None:
    definitions = build_definitions(seen.settings)
    for table in catalog.tables():
        job = definitions.resolve_job_def(table.name)
        assert freshness.CHECK not in {key.name for key in job.asset_layer.asset_graph.asset_check_keys}
    # A backfill from an asset's page runs the assets with every check of theirs: this one is skipped.
    whole = definitions.get_repository_def().get_job("__ASSET_JOB")
    keys = {dg.AssetKey(["landing", "payments"]), PLAIN.changes(PAYMENTS)}
    result = whole.get_subset(asset_selection=keys).execute_in_process(
        instance=seen.instance,
        tags={
            RANGE_START: seen.key(seen.enterprises[0], DAYS[0]),
            RANGE_END: seen.key(seen.enterprises[0], DAYS[1]),
        },
        raise_on_error=False,
    )
    assert result.success
    told = {name for name, _ in evaluations(result, PLAIN.changes(PAYMENTS))}
    assert told and freshness.CHECK not in told


def schedule_of(stage: Stage) -> Any:
    repository = build_definitions(stage.settings).get_repository_def()
    schedule = repository.get_schedule_def(freshness.JOB)
    context = dg.build_schedule_context(
        instance=stage.instance, scheduled_execution_time=MEWS_NOW, repository_def=repository
    )
    return schedule.evaluate_tick(context)


def test_the_schedule_looks_even_when_nothing_else_runs_but_not_twice_at_once(
    mews: RunningSandbox,
    dagster_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = stage_of(mews, dagster_instance, tmp_path, monkeypatch)
    assert len(schedule_of(stage).run_requests) == 1
    waiting = stage.instance.create_run_for_job(
        build_definitions(stage.settings).resolve_job_def(freshness.JOB), status=dg.DagsterRunStatus.STARTED
    )
    told = schedule_of(stage)
    assert told.run_requests == [] or told.run_requests is None
    assert waiting.run_id in told.skip_message
    stage.instance.report_run_canceled(waiting)
    assert len(schedule_of(stage).run_requests) == 1


@pytest.mark.slow
def test_a_look_is_left_out_while_a_run_has_not_ended_in_whatever_state_it_is(
    mews: RunningSandbox,
    dagster_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = stage_of(mews, dagster_instance, tmp_path, monkeypatch)
    job = build_definitions(stage.settings).resolve_job_def(freshness.JOB)
    requested = {}
    for status in set(dg.DagsterRunStatus) - {dg.DagsterRunStatus.QUEUED}:  # which needs a daemon
        run = stage.instance.create_run_for_job(job, status=status)
        requested[status.value] = bool(schedule_of(stage).run_requests)
        stage.instance.delete_run(run.run_id)
    waited_for = {"NOT_STARTED", "STARTING", "STARTED", "CANCELING"}
    assert {status for status, is_requested in requested.items() if not is_requested} >= waited_for
    assert requested["SUCCESS"] and requested["FAILURE"] and requested["CANCELED"]


@pytest.mark.parametrize("automation", ["on", "off"])
def test_the_schedule_is_on_when_the_automation_is(automation: str) -> None:
    settings = read_settings({"MEWS_START_DATE": "2025-03-07", "MEWS_AUTOMATION": automation})
    expected = {"on": dg.DefaultScheduleStatus.RUNNING, "off": dg.DefaultScheduleStatus.STOPPED}
    assert freshness.freshness_schedule(settings).default_status is expected[automation]


def test_every_changes_asset_has_a_policy_as_long_as_one_window_and_the_lag() -> None:
    settings = read_settings({"MEWS_START_DATE": "2025-03-07", "MEWS_ALLOWED_LAG_HOURS": "3"})
    graph = build_definitions(settings).resolve_asset_graph()
    for table in catalog.tables():
        policy = graph.get(PLAIN.changes(table)).freshness_policy
        assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=27))
        assert graph.get(dg.AssetKey(["landing", table.name])).freshness_policy is None


def note_materialised(instance: dg.DagsterInstance, key: dg.AssetKey, at: datetime) -> None:
    """The event of a materialisation of one partition, as it would stand there had it happened then."""
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="payments",
        event_specific_data=StepMaterializationData(AssetMaterialization(key, partition="one|2025-03-07")),
    )
    run_id = "00000000-0000-4000-8000-000000000001"
    instance.event_log_storage.store_event(
        EventLogEntry(
            error_info=None,
            user_message="",
            level="INFO",
            run_id=run_id,
            timestamp=at.timestamp(),
            dagster_event=event,
        )
    )


@pytest.mark.slow
@pytest.mark.xdist_group("daemon")
def test_the_real_daemon_judges_the_policies(mews: RunningSandbox, tmp_path: Path) -> None:
    """One partition makes the asset pass, silence makes it fail, and what never landed stays unknown for ever."""
    now = datetime.now(UTC)
    tables = {"payments": now, "bills": now - timedelta(hours=31), "companies": None}
    with home_of(
        mews, tmp_path, MEWS_START_DATE=f"{now:%Y-%m-%d}", FRESHNESS_DAEMON_INTERVAL_SECONDS="1"
    ) as home:
        keys = {name: PLAIN.changes(catalog.table(name)) for name in tables}
        for name, at in tables.items():
            if at is not None:
                note_materialised(home.instance, keys[name], at)

        def states() -> dict[str, str]:
            records = home.instance.get_freshness_state_records(list(keys.values()))
            return {name: records[key].freshness_state.value for name, key in keys.items() if key in records}

        with running_daemon(home):
            home.wait(lambda: "judged" if len(states()) == len(tables) else None, 60, "every policy's state")
    assert states() == {
        "payments": FreshnessState.PASS.value,
        "bills": FreshnessState.FAIL.value,
        "companies": FreshnessState.UNKNOWN.value,
    }
