"""Runs on Celery workers, with a check of their health that sees killed workers.

Lives here: Dagster's own launcher, and in it the answer to whether a run's worker lives. Not here: when run monitoring
asks, and how often (`dagster.celery.yaml`). Needs `pip install 'mews_assets[celery]'`.

Celery writes STARTED into its results when a worker begins a task, and a worker killed by SIGKILL writes nothing more.
Dagster's launcher takes STARTED for RUNNING, so such a run would stay STARTED for ever, with its pool slots. Here the
worker itself is asked whether it is at work on the task. One that gives no such answer for SILENT_SECONDS has lost it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

SILENT_SECONDS = float(os.environ.get("MEWS_WORKER_SILENT_SECONDS", "60"))
"""A worker that is out of reach for so long has lost its runs. Longer than a broker takes to start anew."""
ANSWER_SECONDS = 3.0
"""A worker answers from its main process, also while its child works."""


class Sign(Enum):
    """What a worker says of a task that it began."""

    AT_WORK = "at work"
    UNKNOWN_TASK = "does not know the task, as after a restart"
    SILENT = "does not answer"


@dataclass
class Silences:
    """Since when each run's worker has given no sign of its task. In the daemon's memory: a new daemon counts anew."""

    since: dict[str, float] = field(default_factory=dict)

    def judge(self, run_id: str, worker: str, sign: Sign, clock: float) -> CheckRunHealthResult:
        """The health of a run whose task is STARTED."""
        if sign is Sign.AT_WORK:
            self.since.pop(run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        silent = clock - self.since.setdefault(run_id, clock)
        if silent < SILENT_SECONDS:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"{worker} {sign.value} for {silent:.0f} s")
        del self.since[run_id]
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"The worker {worker} {sign.value}, for {silent:.0f} s: it was killed, or cannot reach the broker.",
        )


class CheckedCeleryRunLauncher(CeleryRunLauncher):
    """`CeleryRunLauncher` that notices killed workers."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._silences = Silences()
        self._clock: Callable[[], float] = time.monotonic

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            # Of the command line, say: no worker of ours has it, and Dagster's own check ends with a KeyError.
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not launched on a worker")
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        result = self.celery.AsyncResult(task)
        if result.state != "STARTED":
            return super().check_run_worker_health(run)
        worker = str((result.info or {}).get("hostname", ""))
        sign = self._sign(worker, task)
        if sign is not Sign.AT_WORK and self.celery.AsyncResult(task).state != "STARTED":
            return super().check_run_worker_health(run)  # it ended just now
        return self._silences.judge(run.run_id, worker or "of the task", sign, self._clock())

    def get_run_worker_debug_info(
        self, run: dg.DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return None
        found: str | None = super().get_run_worker_debug_info(run, include_container_logs)
        return found

    def _sign(self, worker: str, task: str) -> Sign:
        inspect = self.celery.control.inspect([worker] if worker else None, timeout=ANSWER_SECONDS)
        answers = inspect.active()
        if not answers:
            return Sign.SILENT
        at_work = {one["id"] for tasks in answers.values() for one in tasks}
        return Sign.AT_WORK if task in at_work else Sign.UNKNOWN_TASK
