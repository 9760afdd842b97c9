"""Runs as Kubernetes jobs, with a check of their health that a silent API does not fail.

Lives here: Dagster's own launcher, and in it what an unanswered question means. Not here: when run monitoring asks, and
how often (`dagster.k8s.yaml`). Needs `pip install 'mews_assets[kubernetes]'`.

Run monitoring fails a run at the first answer that is not RUNNING, and Dagster's launcher answers UNKNOWN where the API
of Kubernetes did not: one lost request would end a run whose pod is well. Here a run is of unknown health only when it
was so for UNANSWERED_SECONDS. A pod that was killed is FAILED at the first look, as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_k8s import K8sRunLauncher

UNANSWERED_SECONDS = 300.0
"""Longer than a control plane takes to be upgraded or to find another leader."""


class CheckedK8sRunLauncher(K8sRunLauncher):
    """`K8sRunLauncher` that waits for an API that does not answer."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._unanswered_since: dict[str, float] = {}
        self._clock: Callable[[], float] = time.monotonic

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        found: CheckRunHealthResult = super().check_run_worker_health(run)
        if found.status is not WorkerStatus.UNKNOWN:
            self._unanswered_since.pop(run.run_id, None)
            return found
        now = self._clock()
        silent = now - self._unanswered_since.setdefault(run.run_id, now)
        if silent < UNANSWERED_SECONDS:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"unknown for {silent:.0f} s: {found.msg}")
        del self._unanswered_since[run.run_id]
        return found
