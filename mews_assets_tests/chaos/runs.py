"""A Dagster instance in memory for one seed: its runs, and the partitions that they materialised.

Lives here: the few methods that sensors call on a Dagster instance, over plain lists. A real instance takes 25 ms per
event, too long for a thousand seeds; the tests of `defs` use real ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import dagster as dg


@dataclass
class Run:
    """One run. A killed one stays STARTED until run monitoring finds it."""

    run_id: str
    job: str
    tags: Mapping[str, str]
    config: Mapping[str, Any]
    run_key: str = ""
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED
    failure: Mapping[str, Any] | None = None
    ended: datetime | None = None
    problem: str = ""

    @property
    def job_name(self) -> str:
        return self.job

    @property
    def is_finished(self) -> bool:
        return self.status in (
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
            dg.DagsterRunStatus.CANCELED,
        )


@dataclass
class InMemoryInstance:
    """The methods of `DagsterInstance` that `defs` calls."""

    runs: list[Run] = field(default_factory=list)
    materialized: dict[dg.AssetKey, set[str]] = field(default_factory=dict)
    scopes: dict[str, list[str]] = field(default_factory=dict)

    def get_runs(self, filters: dg.RunsFilter, limit: int | None = None) -> list[Run]:
        wanted = dict(filters.tags or {})
        found = [
            run
            for run in reversed(self.runs)
            if wanted.items() <= run.tags.items() and (not filters.statuses or run.status in filters.statuses)
        ]
        return found[:limit]

    def get_run_by_id(self, run_id: str) -> Run | None:
        return next((run for run in self.runs if run.run_id == run_id), None)

    def get_run_record_by_id(self, run_id: str) -> Any:
        run = self.get_run_by_id(run_id)
        ended = run.ended.timestamp() if run and run.ended else None
        return SimpleNamespace(end_time=ended)

    def all_logs(self, run_id: str, of_type: dg.DagsterEventType) -> list[Any]:
        assert of_type is dg.DagsterEventType.STEP_FAILURE
        run = self.get_run_by_id(run_id)
        if run is None or run.failure is None:
            return []
        data = SimpleNamespace(user_failure_data=SimpleNamespace(metadata=run.failure))
        return [SimpleNamespace(dagster_event=SimpleNamespace(step_failure_data=data))]

    def get_materialized_partitions(self, asset: dg.AssetKey) -> set[str]:
        return set(self.materialized.get(asset, ()))

    def get_dynamic_partitions(self, name: str) -> list[str]:
        return list(self.scopes.get(name, ()))

    def add_dynamic_partitions(self, name: str, keys: Iterable[str]) -> None:
        self.scopes.setdefault(name, []).extend(keys)

    def request(self, job: str, request: dg.RunRequest) -> Run | None:
        """The run asked for, unless one was launched under this key before."""
        if request.run_key and any(run.run_key == request.run_key for run in self.runs):
            return None
        run = Run(f"run-{len(self.runs)}", job, request.tags, request.run_config, request.run_key or "")
        self.runs.append(run)
        return run
