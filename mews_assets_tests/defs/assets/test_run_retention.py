"""Old runs deleted from a real instance: partition status and check state stay, all else of them goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.assets.run_retention import JOB, CodeLocation, delete_old
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks.latest_results import latest_results
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import read_settings
from mews_assets_tests.defs.judging import evaluate
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, QUIET, stage_of

PAYMENTS = catalog.table("payments")
KEYS = (PLAIN.landing(PAYMENTS), PLAIN.changes(PAYMENTS))
OURS = CodeLocation(None, frozenset({"payments", "judging"}), frozenset(KEYS))


def stored(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    return len(instance.fetch_materializations(key, limit=1000).records)


@pytest.mark.slow
def test_old_runs_go_and_what_is_materialised_and_what_fails_stays_known(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.instance_for_test() as instance:
        stage = stage_of(mews, instance, tmp_path, monkeypatch, MEWS_TABLES="payments")
        keys = stage.keys()
        for _ in range(2):
            assert stage.run("payments", keys).success
        failing = stage.key(stage.enterprises[0], DAYS[0])
        evaluate(instance, [(failing, False), (None, False)])
        others = dg.DagsterInstance.create_run_for_job

        @dg.job
        def of_another_team() -> None: ...

        foreign = others(instance, of_another_team, status=dg.DagsterRunStatus.SUCCESS)
        going = others(
            instance,
            build_definitions(stage.settings).resolve_job_def("payments"),
            status=dg.DagsterRunStatus.STARTED,
        )
        old = {run.run_id for run in instance.get_runs()} - {foreign.run_id, going.run_id}
        assert delete_old(instance, OURS, datetime.now(UTC) - timedelta(days=1)) == 0
        assert delete_old(instance, OURS, datetime.now(UTC) + timedelta(days=1)) == len(old) == 3
        assert {run.run_id for run in instance.get_runs()} == {foreign.run_id, going.run_id}
        for key in KEYS:
            assert instance.get_materialized_partitions(key) == set(keys)
            assert stored(instance, key) == len(keys), "of two materialisations the newer one is kept"
        assert latest_results(instance, PLAIN.changes(PAYMENTS), stage.partition_keys).failing == {
            "key_unique": {failing}
        }
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(PLAIN.changes(PAYMENTS), "key_unique"), limit=10
        )
        assert {(record.partition, record.status.value) for record in history} == {
            (failing, "FAILED"),
            (None, "FAILED"),
            (None, "PLANNED"),  # of the run that is going
        }
        assert not [path for path in Path(instance.root_directory).rglob("*") if path.stem in old]
        instance.report_run_canceled(going)
        assert stage.run("payments", [failing]).success
        assert latest_results(instance, PLAIN.changes(PAYMENTS), stage.partition_keys).failing == {}


@pytest.mark.parametrize("days", ["", "30"])
def test_the_job_and_its_schedule_are_there_where_a_limit_is_set(days: str) -> None:
    settings = read_settings({"MEWS_START_DATE": "2025-03-07", "MEWS_RUN_DAYS": days})
    definitions = build_definitions(settings)
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert (JOB in jobs) == bool(days)
    assert settings.run_days == (int(days) if days else None)
    if days:
        with dg.instance_for_test() as instance:
            job = definitions.resolve_job_def(JOB)
            assert job.execute_in_process(instance=instance, run_config={"loggers": QUIET}).success
