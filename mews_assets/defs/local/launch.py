"""Runs launched from Python, without a daemon, for the demonstration and tests.

Lives here: real Dagster jobs on a real instance, in this process. Not here: the sensors' runs, which the daemon
launches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import cast

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.assets.html_report import REPORT_JOB
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.assets.marts import MARTS_JOB, wanted_marts
from mews_assets.defs.assets.requested_partitions import RANGE_END, RANGE_START
from mews_assets.defs.base.event_tables import materialised_in
from mews_assets.defs.base.jobs import ENTERPRISES_JOB
from mews_assets.defs.base.metadata_keys import FAILED_PARTITIONS, LOOKED_AT_AGAIN, PARTITIONS
from mews_assets.defs.base.partitions import join_key, known_scopes
from mews_assets.defs.build import REFERENCE_JOB, build_definitions
from mews_assets.defs.checks.freshness import JOB as FRESHNESS_JOB
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.storage import layout
from mews_assets.settings import read_settings
from mews_assets.windows import settled_windows, to_key

_QUIET = {"console": {"config": {"log_level": "ERROR"}}}
"""The instance keeps the whole log of a run; the terminal shows its errors."""
_ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("mews_assets"), SINGLETON_REPOSITORY_NAME)
"""The code location, by its name in workspace.yaml. The UI's first page and the bars of its jobs show only runs that
name one, as those do that the daemon launches."""
_SHOWN_IN_UI = {REPOSITORY_LABEL_TAG: _ORIGIN.get_label()}
_COUNTED = (layout.CHANGES, layout.CURRENT)
"""The layers whose partitions are counted; a partition of landing is the same as that of changes."""


@dataclass(frozen=True)
class LaunchedRun:
    """One job's run: partitions, verdicts by check and partition, and its error if it failed."""

    job: str
    succeeded: bool
    partitions: int
    checks_passed: int
    checks_failed: int
    problem: str = ""


_kept: list[dg.DagsterInstance] = []


def keep_instance_open() -> None:
    """Open the instance once for all runs of this process: opening it reads the history of Dagster's own schema."""
    _kept.append(dg.DagsterInstance.get())


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME: the one that this process keeps open, if it does."""
    if _kept:
        yield _kept[0]
    else:
        with dg.DagsterInstance.get() as instance:
            yield instance


def discover_scopes() -> LaunchedRun:
    """Run the job that fills the partition sets."""
    return _run(ENTERPRISES_JOB, {})


def materialise_due(table_name: str, now: datetime) -> LaunchedRun:
    """Run the job of a table for every settled window since the start, for every known scope."""
    settings = read_settings(os.environ)
    table = catalog.table(table_name)
    with _instance() as instance:
        scopes = known_scopes(instance, table.scope, Namespace.of(settings))
    windows = settled_windows(settings.start, now, settings.grain, by_day=table.by_day)
    keys = [join_key(scope, to_key(window, settings.grain)) for window in windows for scope in scopes]
    return _run(table_name, {op_name(table, Namespace.of(settings)): {"config": {"partitions": keys}}})


def refresh_reference() -> LaunchedRun:
    """Run the job that reads all reference tables."""
    return _run(REFERENCE_JOB, {})


def make_current(kind: ScopeKind) -> LaunchedRun:
    """Bring the current tables of all scopes of a kind up to their changes, in one run."""
    settings = read_settings(os.environ)
    keys = [Namespace.of(settings).current(table) for table in settings.tables if table.scope is kind]
    return _of_assets(f"current tables of each {kind.value}", keys, kind)


def take_snapshot(table_name: str) -> LaunchedRun:
    """Ask for all there is of a table, of every known scope."""
    table = catalog.table(table_name)
    namespace = Namespace.of(read_settings(os.environ))
    return _of_assets(f"snapshot of {table_name}", [namespace.snapshot(table)], table.scope)


def make_marts(share: int = 0, shares: int = 1) -> LaunchedRun:
    """Run the job that makes the marts, or a share of them."""
    settings = read_settings(os.environ)
    keys = [Namespace.of(settings).mart(mart.name) for mart in wanted_marts(settings)]
    return _run(MARTS_JOB, {}, keys[share::shares])


def write_report() -> LaunchedRun:
    """Run the job that writes the HTML report."""
    return _run(REPORT_JOB, {})


def write_sql_catalog() -> LaunchedRun:
    """Write the DuckDB file with a view for every table."""
    return _of_assets("SQL catalog", [Namespace.of(read_settings(os.environ)).sql_catalog])


def look_for_late_hotels() -> LaunchedRun:
    """Run the job that checks every table for hotels that are behind."""
    return _run(FRESHNESS_JOB, {})


def _run(job: str, ops: dict[str, object], assets: list[dg.AssetKey] | None = None) -> LaunchedRun:
    """Run a job, or its part for some assets."""
    settings = read_settings(os.environ)
    found = build_definitions(settings).resolve_job_def(Namespace.of(settings).name(job))
    with _instance() as instance:
        return _execute(job, found, instance, assets=assets, config={"ops": ops})


def _of_assets(title: str, keys: list[dg.AssetKey], kind: ScopeKind | None = None) -> LaunchedRun:
    """Materialise assets in one run; with `kind`, their partitions of all scopes."""
    settings = read_settings(os.environ)
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with _instance() as instance:
        scopes = known_scopes(instance, kind, Namespace.of(settings)) if kind else []
        tags = {RANGE_START: scopes[0], RANGE_END: scopes[-1]} if kind else {}
        return _execute(title, job, instance, assets=keys, tags=tags)


def _execute(
    title: str,
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    assets: list[dg.AssetKey] | None,
    config: Mapping[str, object] = MappingProxyType({}),
    tags: Mapping[str, str] = MappingProxyType({}),
) -> LaunchedRun:
    result = job.execute_in_process(
        instance=instance,
        run_config={**config, "loggers": _QUIET},
        asset_selection=assets,
        tags={**tags, **_SHOWN_IN_UI},
        raise_on_error=False,
    )
    _name_code_location(instance, result.run_id)
    return summarise(title, result, instance, Namespace.of(read_settings(os.environ)))


def _name_code_location(instance: dg.DagsterInstance, run_id: str) -> None:
    """Dagster runs a job in this process without an origin, and takes none from its caller."""
    run = instance.get_run_by_id(run_id)
    if run is not None:
        instance.run_storage.replace_job_origin(run, RemoteJobOrigin(_ORIGIN, run.job_name))


def summarise(
    job: str, result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, namespace: Namespace
) -> LaunchedRun:
    """Partitions, verdicts and problems of a run."""
    problems = list[str]()
    passed = failed = 0
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            of_event = _verdicts(event.asset_check_evaluation_data)
            passed, failed = passed + of_event[0], failed + of_event[1]
        elif event.is_step_failure and event.step_failure_data.error is not None:
            failure = event.step_failure_data
            described = failure.user_failure_data.description if failure.user_failure_data else None
            problems.append(described or str(event.message))
    # Not from the events of the op: of many partitions it yields the last one only.
    written = materialised_in(instance, result.run_id)
    partitions = sum((namespace.own_asset(asset) or "").partition("/")[0] in _COUNTED for asset, _ in written)
    return LaunchedRun(job, result.success, partitions, passed, failed, " ".join(problems))


def _verdicts(evaluation: dg.AssetCheckEvaluation) -> tuple[int, int]:
    """How many partitions passed and failed, from the summary of a check; its single verdicts are part of that."""
    if evaluation.partition is not None:
        return 0, 0
    judged, named = (evaluation.metadata.get(name) for name in (PARTITIONS, FAILED_PARTITIONS))
    if judged is None or named is None:  # a check of a table as a whole
        return int(evaluation.passed), int(not evaluation.passed)
    failed = len(cast("list[str]", named.value))
    again = evaluation.metadata.get(LOOKED_AT_AGAIN)
    every = cast("int", judged.value) + (cast("int", again.value) if again else 0)
    return every - failed, failed
