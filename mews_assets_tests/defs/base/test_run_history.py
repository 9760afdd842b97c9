"""Run history: how far a run is, and what it said of its failure."""

from __future__ import annotations

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.base.metadata_keys import EXPORT_TAG, TABLE_TAG
from mews_assets.defs.base.run_history import failed_pulls, is_going, newest_runs, run_of_export, state_of
from mews_assets.ingest.pending_exports import RunState
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, Stage

STATUS = dg.DagsterRunStatus


@dg.job
def nothing() -> None:
    """A job that only its runs' records matter of."""


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
    return instance.create_run_for_job(nothing, status=status, tags=tags)


@pytest.mark.parametrize("status", [one for one in STATUS if one is not STATUS.QUEUED])
def test_every_status_of_dagster_is_going_succeeded_or_failed(status: dg.DagsterRunStatus) -> None:
    ended = {
        STATUS.SUCCESS: RunState.SUCCEEDED,
        STATUS.FAILURE: RunState.FAILED,
        STATUS.CANCELED: RunState.FAILED,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        one = run(instance, status)
        assert state_of(instance, one) is ended.get(status, RunState.GOING)
        assert is_going(instance, one.run_id) is (status not in ended)


def test_a_run_that_nobody_knows_is_not_going() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert not is_going(instance, "00000000-0000-4000-8000-000000000000")
        assert run_of_export(instance, "x") is RunState.NONE


def test_the_newest_run_of_an_export_counts() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, STATUS.FAILURE, **{EXPORT_TAG: "x", TABLE_TAG: "payments"})
        run(instance, STATUS.STARTED, **{EXPORT_TAG: "x", TABLE_TAG: "payments"})
        run(instance, STATUS.SUCCESS, **{EXPORT_TAG: "y", TABLE_TAG: "bills"})
        assert run_of_export(instance, "x") is RunState.GOING
        assert [one.status for one in newest_runs(instance, catalog.table("payments"), 5, PLAIN)] == [
            STATUS.STARTED,
            STATUS.FAILURE,
        ]
        assert len(newest_runs(instance, catalog.table("payments"), 1, PLAIN)) == 1


def test_a_refused_run_has_failed_for_good_and_names_what_it_could_not_pull(stage: Stage) -> None:
    stage.mews.plan_fault("exports/add", status=403, times=1)
    result = stage.run("payments", stage.keys())
    one = stage.instance.get_run_by_id(result.run_id)
    assert one is not None
    assert state_of(stage.instance, one) is RunState.FAILED_FOR_GOOD
    (pull,) = failed_pulls(stage.instance, one.run_id)
    assert pull["scopes"] == sorted(stage.enterprises)
    assert (pull["start_utc"][:10], pull["end_utc"]) == (DAYS[0], "2025-03-10T00:00:00Z")
    assert "status 403" in pull["cause"]
    assert pull["retryable"] is False


def test_a_run_that_may_succeed_later_has_failed_but_not_for_good(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mews_assets.api.client.wait_seconds", lambda *_: 0.0)
    stage.mews.plan_fault("exports/add", status=503, times=50)
    result = stage.run("payments", stage.keys())
    one = stage.instance.get_run_by_id(result.run_id)
    assert one is not None
    assert state_of(stage.instance, one) is RunState.FAILED
    assert [pull["retryable"] for pull in failed_pulls(stage.instance, one.run_id)] == [True]
