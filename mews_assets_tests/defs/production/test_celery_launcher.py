"""The health of a run on a worker: one that gives no sign of its task for a minute has lost it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

pytest.importorskip("dagster_celery")
from dagster._core.launcher import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from mews_assets.defs.production.celery_launcher import CheckedCeleryRunLauncher, Sign, Silences

RUN = dg.DagsterRun(job_name="payments", run_id="one", tags={DAGSTER_CELERY_TASK_ID_TAG: "task"})


def test_a_worker_at_work_is_well_and_one_that_is_silent_for_a_minute_is_lost() -> None:
    silences = Silences()
    signs = [
        Sign.AT_WORK,
        Sign.SILENT,
        Sign.UNKNOWN_TASK,
        Sign.AT_WORK,
        Sign.SILENT,
        Sign.SILENT,
        Sign.SILENT,
    ]
    found = [silences.judge("one", "celery@a", sign, 30.0 * number) for number, sign in enumerate(signs)]
    assert [health.status for health in found[:-1]] == [WorkerStatus.RUNNING] * 6
    assert found[-1].status is WorkerStatus.FAILED
    assert "celery@a does not answer, for 60 s: it was killed" in str(found[-1].msg)


def test_the_silences_of_two_runs_are_counted_apart() -> None:
    silences = Silences()
    silences.judge("one", "celery@a", Sign.SILENT, 0.0)
    assert silences.judge("two", "celery@a", Sign.SILENT, 70.0).status is WorkerStatus.RUNNING
    assert silences.judge("one", "celery@a", Sign.SILENT, 70.0).status is WorkerStatus.FAILED


class Celery:
    """What the launcher asks of Celery: the states of a task, one after the other, and what workers answer."""

    def __init__(self, states: list[str], answers: Any) -> None:
        self._states, self._answers = iter(states), answers
        self.control = SimpleNamespace(inspect=self._inspect)

    def AsyncResult(self, task: str) -> SimpleNamespace:  # noqa: N802 - Celery's name
        return SimpleNamespace(state=next(self._states), info={"hostname": "celery@a"})

    def _inspect(self, workers: list[str], timeout: float) -> SimpleNamespace:
        assert workers == ["celery@a"]
        return SimpleNamespace(active=lambda: self._answers)


def launcher(states: list[str], answers: Any) -> CheckedCeleryRunLauncher:
    made = CheckedCeleryRunLauncher(default_queue="dagster", broker="memory://", backend="cache+memory://")
    made.celery = Celery(states, answers)
    return made


@pytest.mark.parametrize(
    ("states", "answers", "status"),
    [
        (["STARTED"], {"celery@a": [{"id": "task"}]}, WorkerStatus.RUNNING),
        (["STARTED", "STARTED"], None, WorkerStatus.RUNNING),  # not yet for long enough
        (["STARTED", "SUCCESS", "SUCCESS"], {"celery@a": []}, WorkerStatus.SUCCESS),  # it ended just now
        (["FAILURE", "FAILURE"], None, WorkerStatus.FAILED),
    ],
)
def test_the_worker_is_asked_only_while_the_task_is_started(
    states: list[str], answers: Any, status: WorkerStatus
) -> None:
    assert launcher(states, answers).check_run_worker_health(RUN).status is status


def test_a_run_that_no_worker_has_is_left_alone() -> None:
    """Dagster's own check ends with a KeyError, at every look, for a run of the command line."""
    alone = dg.DagsterRun(job_name="payments", run_id="two")
    asked = launcher([], None)
    assert asked.check_run_worker_health(alone).status is WorkerStatus.RUNNING
    assert asked.get_run_worker_debug_info(alone) is None
