"""Run history: how the runs of a table or an export ended.

Lives here: reading the instance into plain values for the packages without Dagster. The runs carry tags for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from mews_assets.catalog.model import Table
from mews_assets.defs.base.metadata_keys import EXPORT_TAG, FAILED_PULLS, RETRYABLE, TABLE_TAG
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.pending_exports import RunState


def run_of_export(instance: dg.DagsterInstance, export: str) -> RunState:
    """How far the newest run of an export is."""
    runs = instance.get_runs(dg.RunsFilter(tags={EXPORT_TAG: export}), limit=1)
    return state_of(instance, runs[0]) if runs else RunState.NONE


def newest_runs(
    instance: dg.DagsterInstance, table: Table, limit: int, namespace: Namespace
) -> list[dg.DagsterRun]:
    """The newest runs of a table's job, newest first."""
    mine = dg.RunsFilter(tags={TABLE_TAG: namespace.name(table.name)})
    return list(instance.get_runs(mine, limit=limit))


def may_be_writing(instance: dg.DagsterInstance, tables: Iterable[Table], namespace: Namespace) -> bool:
    """Whether a run that has not ended may write partitions of the tables and report them itself."""
    jobs = {namespace.name(table.name) for table in tables}
    unfinished = instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)), limit=500)
    # The UI and the automation sensor launch assets under jobs of Dagster's own, whose names begin so.
    return any(
        run.job_name in jobs or (run.job_name.startswith("__") and _is_of(run, namespace))
        for run in unfinished
    )


def _is_of(run: dg.DagsterRun, namespace: Namespace) -> bool:
    """Whether the run is over assets of the namespace, or over all."""
    chosen = run.asset_selection
    return not chosen or any(namespace.own_asset(asset) for asset in chosen)


def is_going(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has not ended yet."""
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished


def state_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunState:
    """How far a run is; one whose failure says that trying again cannot help has failed for good."""
    if not run.is_finished:
        return RunState.GOING
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return RunState.SUCCEEDED
    for metadata in _failures(instance, run.run_id):
        if metadata.get(RETRYABLE) == dg.MetadataValue.bool(False):
            return RunState.FAILED_FOR_GOOD
    return RunState.FAILED


def failed_pulls(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """The pulls of a run that failed; none where its failure names none."""
    found: list[dict[str, Any]] = []
    for metadata in _failures(instance, run_id):
        pulls = metadata.get(FAILED_PULLS)
        if isinstance(pulls, dg.JsonMetadataValue) and isinstance(pulls.data, list):
            found += [pull for pull in pulls.data if isinstance(pull, dict)]
    return found


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[Mapping[str, Any]]:
    """The metadata of the failures of a run's steps."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        data = event.step_failure_data.user_failure_data if event is not None else None
        if data is not None:
            yield data.metadata
