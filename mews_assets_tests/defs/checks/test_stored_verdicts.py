"""Stored verdicts: the events of real runs, and the state in which the checks' page shows the asset."""

from __future__ import annotations

from collections import Counter
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks import checks_of
from mews_assets.defs.checks.latest_results import check_states, latest_results
from mews_assets.defs.checks.model import Verdict
from mews_assets.defs.checks.stored_verdicts import StoredVerdicts
from mews_assets.ingest.scope_keys import ScopeKeys
from mews_assets.windows import Grain
from mews_assets_tests.defs.judging import evaluate
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import DAYS, QUIET, RANGE_END, RANGE_START, Stage, evaluations

PAYMENTS = catalog.table("payments")
ASSET = PLAIN.changes(PAYMENTS)
KEY_UNIQUE = dg.AssetCheckKey(ASSET, "key_unique")


def shown(stage: Stage) -> dg.AssetCheckEvaluation:
    """The evaluation that the asset's page shows: the newest one."""
    found = stage.instance.event_log_storage.get_latest_asset_check_execution_by_key([KEY_UNIQUE])
    event = found[KEY_UNIQUE].event
    assert event is not None
    return event.get_dagster_event().asset_check_evaluation_data


def test_a_run_whose_partitions_pass_stores_two_events_a_partition_and_one_a_check(stage: Stage) -> None:
    result = stage.run("payments", stage.keys())
    assert result.success
    events = Counter(event.event_type_value for event in result.all_events)
    assert events["ASSET_MATERIALIZATION"] == 2 * len(stage.keys())
    assert events["ASSET_CHECK_EVALUATION"] == len(checks_of(PAYMENTS)) + 1  # and `captures_merged`
    assert events["ASSET_OBSERVATION"] <= 1


@pytest.mark.slow
def test_one_failing_partition_keeps_the_check_red_until_it_passes_whatever_other_runs_judge(
    stage: Stage,
) -> None:
    north, south = stage.enterprises
    failing, passing = stage.key(north, DAYS[0]), stage.key(south, DAYS[0])
    evaluate(stage.instance, [(failing, False), (None, False)])
    other = evaluations(stage.run("payments", [passing]), ASSET)
    assert other[("key_unique", None)] is False
    assert ("key_unique", passing) not in other
    red = shown(stage)
    assert red.metadata["failed_partitions"].value == []
    assert red.metadata["still_failing"].value == [failing]
    name = stage.directory.enterprises[north].name
    still = f"1 of earlier runs still fail: {name} {DAYS[0]}."
    assert red.description == f"1 of 1 partitions of this run pass. {still}"
    states = check_states(stage.instance, PAYMENTS, [north, south], stage.partition_keys, PLAIN)
    assert states[north].failing == {"key_unique": [DAYS[0]]}
    passed = evaluations(stage.run("payments", [failing]), ASSET)
    assert passed[("key_unique", failing)] and passed[("key_unique", None)]
    assert shown(stage).passed
    assert latest_results(stage.instance, ASSET, stage.partition_keys).failing == {}


def test_a_check_that_judged_nothing_has_no_verdict(stage: Stage) -> None:
    """A run whose pulls all failed has seen no row: a green check would say that it had."""
    stage.mews.plan_fault("exports/add", status=403)
    result = stage.run("payments", stage.keys())
    assert not result.success
    assert {name for name, _ in evaluations(result, ASSET)} <= {"captures_merged"}


AS_THEY_ARE = PartitionKeys(ScopeKeys({}), Grain.DAILY)


def states(stage: Stage) -> dict[str, str]:
    """The state of every check of the table as its page shows it: that of the newest record."""
    graph = build_definitions(stage.settings).get_repository_def().asset_graph
    ours = [key for key in graph.asset_check_keys if key.asset_key == ASSET]
    found = stage.instance.event_log_storage.get_latest_asset_check_execution_by_key(ours)
    return {key.name: record.status.value for key, record in found.items()}


def backfill(stage: Stage, day: str) -> dg.ExecuteInProcessResult:
    """A run over landing and changes of the first hotel as a backfill launches it: with all checks of the assets."""
    return (
        build_definitions(stage.settings)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=stage.instance,
            run_config={"loggers": QUIET},
            asset_selection=[PLAIN.landing(PAYMENTS), ASSET],
            tags=dict.fromkeys((RANGE_START, RANGE_END), stage.key(stage.enterprises[0], day)),
            raise_on_error=False,
        )
    )


def test_after_a_bad_capture_only_the_checks_that_failed_are_red(stage: Stage) -> None:
    add_scopes(stage)
    assert backfill(stage, DAYS[0]).success
    assert set(states(stage).values()) == {"SUCCEEDED"}
    stage.mews.plan_fault("exports/add", status=403)
    assert not backfill(stage, DAYS[1]).success
    assert set(states(stage).values()) == {"SUCCEEDED"}, "a run that saw no row has judged nothing"


@pytest.mark.slow
def test_a_backfill_does_not_make_the_freshness_skipped(stage: Stage) -> None:
    add_scopes(stage)
    assert (
        build_definitions(stage.settings)
        .resolve_job_def("freshness")
        .execute_in_process(instance=stage.instance, run_config={"loggers": QUIET}, raise_on_error=False)
        .success
    )
    before = states(stage)["fresh_per_scope"]
    assert before in ("SUCCEEDED", "FAILED")
    assert backfill(stage, DAYS[0]).success
    assert states(stage)["fresh_per_scope"] == before


@pytest.mark.slow
def test_windows_looked_at_again_are_counted_apart(stage: Stage) -> None:
    add_scopes(stage)
    assert backfill(stage, DAYS[0]).success
    assert backfill(stage, DAYS[1]).success
    for check in ("late_rows", "references_resolve"):
        key = dg.AssetCheckKey(ASSET, check)
        record = stage.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
        assert record.event is not None
        summary = record.event.get_dagster_event().asset_check_evaluation_data
        assert summary.description is not None
        assert summary.description.startswith("1 of 1 partitions of this run pass. ")
        assert " earlier ones looked at again pass." in summary.description
        assert summary.metadata["partitions"].value == 1
        assert summary.metadata["result"].value == summary.description


def stored_by_a_run(
    instance: dg.DagsterInstance, verdicts: dict[str, Verdict]
) -> list[dg.AssetCheckEvaluation]:
    """The events of one check, stored by a run of their own."""
    stored = StoredVerdicts(instance, ASSET, lambda key: {"hotel": f"The {key}"}, {}, AS_THEY_ARE)
    events = list(stored.events("key_unique", dg.AssetCheckSeverity.WARN, verdicts))

    @dg.op
    def judge(context) -> None:  # type: ignore[no-untyped-def]  # Dagster reads annotations
        for event in events:
            context.log_event(event)

    @dg.job
    def judging() -> None:
        judge()

    assert judging.execute_in_process(instance=instance).success
    return events


def test_of_540_partitions_with_one_that_fails_two_events_are_stored_and_the_text_names_it() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        verdicts = {
            f"p{number:03}": Verdict(number != 7, {"rows": 1}, int(number == 7)) for number in range(540)
        }
        single, summary = stored_by_a_run(instance, verdicts)
        assert (single.partition, single.passed, summary.partition, summary.passed) == (
            "p007",
            False,
            None,
            False,
        )
        assert summary.description == "539 of 540 partitions of this run pass. 1 fail: The p007."
        assert stored_by_a_run(instance, {}) == [], "the red summary stays, and nothing contradicts it"
        green = stored_by_a_run(instance, {"p007": Verdict(True, {})})
        assert [(one.partition, one.passed) for one in green] == [("p007", True), (None, True)]
        assert stored_by_a_run(instance, {}) == []


def test_the_graver_severity_of_failing_partitions_is_that_of_the_summary() -> None:
    error: Any = dg.AssetCheckSeverity.ERROR
    with dg.DagsterInstance.ephemeral() as instance:
        verdicts = {"a": Verdict(False, {}, 1), "b": Verdict(False, {}, 1, (), error)}
        *_, summary = stored_by_a_run(instance, verdicts)
        assert summary.severity is error
