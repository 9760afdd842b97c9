"""Real runs over the sandbox: what each leaves in Dagster and in the lake, also when a part of it fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets.defs.build import build_definitions
from mews_assets.defs.local import launch
from mews_assets_tests.defs.runs import add_scopes, rebuild
from mews_assets_tests.defs.stage import (
    DAYS,
    RANGE_END,
    RANGE_START,
    Stage,
    evaluations,
    expected_verdicts,
    failure_of,
    materialisations,
    observations,
)


def landing(table: str) -> dg.AssetKey:
    return dg.AssetKey(["landing", table])


def changes(table: str) -> dg.AssetKey:
    return dg.AssetKey(["changes", table])


def run_by(stage: Stage, way: str, table: str) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """A run launched as a sensor does, as the UI's backfill does, or for one partition; and its keys."""
    keys = stage.keys()
    add_scopes(stage)
    if way == "keys in run config":
        return stage.run(table, keys), keys
    if way == "range tags":
        return stage.run(table, tags={RANGE_START: keys[0], RANGE_END: keys[-1]}), keys
    if way == "a range and its first key":  # as a backfill from a job's page tags its runs
        scope, window = keys[0].split("|")
        first = {"dagster/partition/enterprise": scope, "dagster/partition/window": window}
        tags = {RANGE_START: keys[0], RANGE_END: keys[-1], **first}
        return stage.run(table, tags=tags), keys
    return stage.run(table, tags={"dagster/partition": keys[0]}), keys[:1]


@pytest.mark.parametrize(
    "way", ["keys in run config", "range tags", "a range and its first key", "one partition"]
)
def test_a_run_tells_every_partition_once_with_all_there_is_to_know(stage: Stage, way: str) -> None:
    result, keys = run_by(stage, way, "payments")
    assert result.success

    landed = materialisations(result, landing("payments"))
    assert set(landed) == set(keys)
    for metadata in landed.values():
        assert metadata["enterprise"].startswith("The ")
        assert metadata["dagster/partition_row_count"] > 0
        assert len(metadata["captures"]) == 1
    (observed,) = observations(result, landing("payments"))
    for capture, source in observed["captures"].items():
        assert (Path(observed["dagster/uri"]) / capture / "manifest.json").exists()
        assert source["bytes"] > 0 and source["lines"] > 0
        assert source["connection"] == "default"
        assert source["entity_type"] == "Payment"
        assert source["export_id"] and source["captured_at"]

    changed = materialisations(result, changes("payments"))
    assert set(changed) == set(keys)
    for key, metadata in changed.items():
        rows = pq.read_table(metadata["dagster/uri"], partitioning=None)
        assert metadata["dagster/partition_row_count"] == rows.num_rows > 0
        assert metadata["size_bytes"] == Path(metadata["dagster/uri"]).stat().st_size
        assert metadata["newest_utc"].startswith(key.partition("|")[2])
        assert metadata["captures"] == landed[key]["captures"] == list(observed["captures"])
        assert metadata["numbers"].pop("rows_arrived") == rows.num_rows
        assert set(metadata["numbers"].values()) == {0}
        assert metadata["enterprise"] == landed[key]["enterprise"]

    verdicts = evaluations(result, changes("payments"))
    assert set(verdicts) == expected_verdicts("payments")
    assert all(verdicts.values())


@pytest.mark.parametrize("way", ["keys in run config", "range tags", "one partition"])
def test_no_verdict_stays_announced(stage: Stage, way: str) -> None:
    result, _ = run_by(stage, way, "payments")
    assert result.success
    expected = expected_verdicts("payments")
    checks = [dg.AssetCheckKey(changes("payments"), name) for name in {name for name, _ in expected}]
    infos = stage.instance.event_log_storage.get_asset_check_partition_info(checks)
    assert {info.latest_execution_status.value for info in infos} == {"SUCCEEDED"}
    assert len(infos) == len(expected)


def test_dagster_counts_the_partitions_of_a_run_that_named_them_in_its_config(stage: Stage) -> None:
    add_scopes(stage)
    keys = stage.keys(stage.enterprises[:1])
    assert stage.run("payments", keys).success
    assert stage.instance.get_materialized_partitions(changes("payments")) == set(keys)


@pytest.mark.parametrize("status", [403, 400])
def test_a_failing_pull_leaves_its_neighbours_in_place_and_names_its_partitions(
    stage: Stage, status: int
) -> None:
    """Availability adjustments take one export per enterprise: a rule of Mews stops the first one only."""
    stage.mews.plan_fault("exports/add", status=status, times=1)
    result = stage.run("availability_adjustments", stage.keys())
    assert not result.success
    told = set(materialisations(result, changes("availability_adjustments")))
    failure = failure_of(result).user_failure_data
    failed = failure.metadata["failed_partitions"].value
    assert (len(told), len(failed)) == (2, 2)
    (stopped,) = {stage.partition_keys.split(key)[0] for key in failed}
    assert told == set(stage.keys([one for one in stage.enterprises if one != stopped]))
    assert "403" not in failure.description or status == 403
    assert stage.key(stopped, "2025-03-08") in failure.description
    (cause,) = failure.metadata["causes"].value
    assert str(status) in cause and "Next:" in cause
    assert set(evaluations(result, changes("availability_adjustments"))) >= expected_verdicts(
        "availability_adjustments"
    )


def test_a_refusal_is_not_tried_again_and_a_busy_mews_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mews_assets.api import ForbiddenError, TransientError
    from mews_assets.catalog import table
    from mews_assets.defs.assets.run_failures import failure
    from mews_assets.ingest.materialise import Materialised

    keys = stage.partition_keys
    one, other = map(keys.partition, stage.keys()[:2])
    refused = ([one], ForbiddenError("not yours", status=403))
    busy = ([other], TransientError("busy", status=503))
    group = (table("reservations"),)
    assert not failure(group, Materialised(failed=[refused]), keys).allow_retries
    assert not failure(group, Materialised(failed=[busy, refused]), keys).allow_retries
    assert failure(group, Materialised(failed=[busy]), keys).allow_retries


def test_a_run_that_names_no_partitions_says_how_to_name_them(stage: Stage) -> None:
    result = stage.run("payments")
    assert not result.success
    description = failure_of(result).user_failure_data.description
    assert "names no partitions" in description and "config: {partitions:" in description


def test_a_run_that_names_no_such_partition_says_how_one_reads(stage: Stage) -> None:
    result = stage.run("payments", ["2025-03-08"])
    assert not result.success
    assert "<enterprise or chain>|<window>" in failure_of(result).user_failure_data.description


def test_a_window_that_has_not_settled_is_refused_before_mews_is_asked_for_it(stage: Stage) -> None:
    result = stage.run("payments", stage.keys(stage.enterprises[:1], ["2025-03-10"]))
    assert not result.success
    assert "has not settled" in failure_of(result).user_failure_data.description
    assert "exports/add" not in stage.mews.requests()["Counts"]


def test_a_run_that_reaches_up_to_an_unsettled_window_leaves_it_out_and_says_so(stage: Stage) -> None:
    """As a backfill of all there is does shortly after midnight, and of the ledger all morning."""
    settled, unsettled = (stage.keys(stage.enterprises[:1], [day]) for day in ("2025-03-09", "2025-03-10"))
    result = stage.run("payments", [*settled, *unsettled])
    assert result.success
    told = [event.partition for event in result.get_asset_materialization_events()]
    assert {str(one) for one in told} == set(settled)
    said = [entry.user_message for entry in stage.instance.all_logs(result.run_id)]
    (warning,) = [one for one in said if "left out" in one]
    assert "1 partitions" in warning and "2025-03-11T00:05:00Z" in warning


def test_landing_is_kept_and_a_second_run_changes_no_row(stage: Stage, tmp_path: Path) -> None:
    keys = stage.keys(stage.enterprises[:1])
    first = stage.run("payments", keys)
    files = {path: path.read_bytes() for path in (tmp_path / "lake/landing").rglob("*.*")}
    before = rows_of(tmp_path, "payments")
    stage.mews.advance(5)  # its time is known to a second: within one, either capture may seem the first
    second = stage.run("payments", keys)
    assert first.success and second.success
    assert {path: path.read_bytes() for path in files} == files
    assert len(list((tmp_path / "lake/landing/payments").iterdir())) == 2
    assert rows_of(tmp_path, "payments") == before
    for metadata in materialisations(second, changes("payments")).values():
        numbers = metadata["numbers"]
        assert numbers["repeats"] == numbers["rows_arrived"] == metadata["dagster/partition_row_count"]
    assert all(evaluations(second, changes("payments")).values())


def rows_of(folder: Path, table: str) -> dict[str, list[dict[str, object]]]:
    """All rows of a table in the lake, by file."""
    root = folder / "lake" / "changes" / table
    return {
        str(path.relative_to(root)): pq.read_table(path, partitioning=None).to_pylist()
        for path in sorted(root.rglob("*.parquet"))
    }


def test_changes_alone_are_rebuilt_from_landing_without_asking_mews(stage: Stage, tmp_path: Path) -> None:
    keys = stage.keys()
    assert stage.run("reservations", keys).success
    before = rows_of(tmp_path, "reservations")
    shutil.rmtree(tmp_path / "lake" / "changes")
    stage.mews.reset()
    result = rebuild(stage, "reservations")
    assert result.success
    assert stage.mews.requests()["Requests"] == []
    assert rows_of(tmp_path, "reservations") == before
    assert set(materialisations(result, changes("reservations"))) == set(keys)
    assert materialisations(result, landing("reservations")) == {}
    assert set(evaluations(result, changes("reservations"))) == expected_verdicts("reservations")


def test_changes_of_what_never_landed_cannot_be_rebuilt_and_say_so(stage: Stage) -> None:
    here, there = stage.enterprises
    assert stage.run("payments", stage.keys([here])).success
    result = rebuild(stage, "payments")
    assert not result.success
    assert set(materialisations(result, changes("payments"))) == set(stage.keys([here]))
    description = failure_of(result).user_failure_data.description
    assert "2 partitions failed" in description
    assert stage.key(there) in description and stage.key(here) not in description
    assert "landing/payments" in description


def test_one_run_of_outlet_items_fills_both_tables(stage: Stage) -> None:
    result = stage.run("outlet_items", stage.keys())
    assert result.success
    for table in ("outlet_items", "outlet_bills"):
        told = materialisations(result, changes(table))
        assert set(told) == set(stage.keys()) == set(materialisations(result, landing(table)))
        assert sum(metadata["dagster/partition_row_count"] for metadata in told.values()) > 0
        assert set(evaluations(result, changes(table))) == expected_verdicts(table)
    assert "exports/add" not in stage.mews.requests()["Counts"]


def test_customers_land_by_chain_and_name_it(stage: Stage) -> None:
    keys = stage.keys(stage.chains)
    result = stage.run("customers", keys)
    assert result.success
    told = materialisations(result, changes("customers"))
    assert set(told) == set(keys)
    assert all(metadata["chain"] and metadata["chain"] not in keys for metadata in told.values())


def test_weeks_land_like_days(stage: Stage) -> None:
    stage.environment["MEWS_WINDOW"] = "weekly"
    stage.environment["MEWS_START_DATE"] = "2025-02-26"
    keys = stage.keys(days=["2025-03-02"])
    result = stage.run("ledger_entries", keys)
    assert result.success
    assert set(materialisations(result, changes("ledger_entries"))) == set(keys)
    assert all(evaluations(result, changes("ledger_entries")).values())


def test_the_enterprises_job_adds_scopes_and_removes_none(stage: Stage, tmp_path: Path) -> None:
    gone = "00000000-0000-4000-8000-00000000dead"
    stage.instance.add_dynamic_partitions(SCOPE_SETS_ENTERPRISES, [gone])
    for _ in range(2):
        result = stage.run("enterprises")
        assert result.success
        assert stage.instance.get_dynamic_partitions("enterprises") == [gone, *stage.enterprise_keys]
        assert set(stage.instance.get_dynamic_partitions("chains")) == set(stage.chain_keys)
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    metadata = {name: value.value for name, value in event.materialization.metadata.items()}
    assert metadata["no_longer_visible"] == [gone]
    assert metadata["dagster/row_count"] == 2
    assert all(one in metadata["enterprises"] for one in stage.enterprises)
    rows = pq.read_table(tmp_path / "lake/reference/enterprises/rows.parquet").to_pylist()
    assert {row["id"] for row in rows} == set(stage.enterprises)


SCOPE_SETS_ENTERPRISES = "enterprises"


def test_a_hotel_that_nobody_sees_any_more_does_not_stop_its_neighbours(stage: Stage) -> None:
    """Scopes are never removed from the partition sets, so runs go on naming it."""
    gone = "00000000-0000-4000-8000-00000000dead"
    keys = stage.keys(days=DAYS[:1])
    stage.instance.add_dynamic_partitions("enterprises", [gone])
    result = stage.run("payments", [stage.key(gone, DAYS[0]), *keys])
    assert not result.success
    assert set(materialisations(result, changes("payments"))) == set(keys)
    assert gone in failure_of(result).user_failure_data.description


def test_a_run_of_checks_alone_says_where_checks_are_evaluated(stage: Stage) -> None:
    definitions = build_definitions(stage.settings)
    add_scopes(stage)
    only = dg.AssetSelection.checks_for_assets(changes("payments"))
    job = dg.define_asset_job("checks_alone", selection=only)
    result = (
        dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        .resolve_job_def("checks_alone")
        .execute_in_process(
            instance=stage.instance,
            tags={"dagster/partition": stage.keys()[0]},
            raise_on_error=False,
        )
    )
    assert not result.success
    assert "checks are evaluated where rows are written" in failure_of(result).user_failure_data.description


def test_a_run_of_the_demonstration_names_its_code_location_as_the_ui_asks_for_it() -> None:
    """Without it the first page says that there are no runs, and the bars of the jobs are empty."""

    @dg.op
    def work() -> None: ...

    @dg.job
    def some_job() -> None:
        work()

    with dg.DagsterInstance.ephemeral() as instance:
        result = some_job.execute_in_process(instance=instance, tags=launch._SHOWN_IN_UI)
        launch._name_code_location(instance, result.run_id)
        (run,) = instance.get_runs(dg.RunsFilter(tags={".dagster/repository": "__repository__@mews_assets"}))
        assert run.remote_job_origin is not None and run.remote_job_origin.location_name == "mews_assets"
        assert run.status is dg.DagsterRunStatus.SUCCESS
