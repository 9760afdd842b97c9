"""Retention of runs: once a day, runs that ended more than MEWS_RUN_DAYS days ago are deleted from Dagster's storage.

Lives here: the job and its schedule; neither exists where runs are kept for good. Partition status and the latest check
results stay. Not here: the deletion itself (`base.event_tables`), and the retention of ticks, which dagster.yaml sets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from mews_assets.defs.base.event_tables import delete_events_without_run, delete_runs
from mews_assets.defs.base.jobs import op_job, utc_schedule
from mews_assets.defs.namespace import Namespace
from mews_assets.settings import Settings

JOB = "run_retention"
ASSET_JOB = "__ASSET_JOB"
"""Dagster's own job, under which the UI and the automation sensor launch assets."""
_AT_ONCE = 500


def run_retention_jobs(
    settings: Settings, jobs: Iterable[str], assets: Iterable[dg.AssetKey]
) -> list[dg.JobDefinition]:
    """The job, if there is a limit. `jobs` and `assets` are all of this code location."""
    if settings.run_days is None:
        return []
    own = frozenset([*jobs, Namespace.of(settings).name(JOB)])
    return [_job(settings, settings.run_days, own, frozenset(assets))]


def run_retention_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Every night, if there is a limit."""
    if settings.run_days is None:
        return []
    return [utc_schedule(settings, JOB, "10 3 * * *", f"Deletes runs older than {settings.run_days} days.")]


@dataclass(frozen=True)
class CodeLocation:
    """The runs and assets that are ours: an instance, and a code location, may hold others, which are not touched."""

    name: str | None
    jobs: frozenset[str]
    assets: frozenset[dg.AssetKey]

    def owns(self, run: dg.DagsterRun) -> bool:
        """Whether the run is of one of the jobs, or of Dagster's own job over our assets alone."""
        is_chosen = bool(run.asset_selection) and (run.asset_selection or set()) <= self.assets
        is_ours = run.job_name in self.jobs or (run.job_name == ASSET_JOB and is_chosen)
        return is_ours and _location_of(run) in (None, self.name)


def delete_old(instance: dg.DagsterInstance, ours: CodeLocation, before: datetime) -> int:
    """Delete our runs that were created before an instant and have ended, and old events of no run.

    Returns how many runs.
    """
    old = dg.RunsFilter(statuses=list(FINISHED_STATUSES), created_before=before)
    chosen: list[str] = []
    cursor: str | None = None
    while runs := instance.get_runs(old, cursor=cursor, limit=_AT_ONCE):
        chosen += [run.run_id for run in runs if ours.owns(run)]
        cursor = runs[-1].run_id
    delete_runs(instance, chosen)
    delete_events_without_run(instance, ours.assets, before)
    return len(chosen)


def _location_of(run: dg.DagsterRun) -> str | None:
    origin = run.remote_job_origin
    return origin.repository_origin.code_location_origin.location_name if origin else None


def _job(
    settings: Settings, days: int, jobs: frozenset[str], assets: frozenset[dg.AssetKey]
) -> dg.JobDefinition:
    @dg.op(
        name=Namespace.of(settings).name("delete_old_runs"),
        description=f"Deletes runs that ended and are older than {days} days.",
    )
    def delete_old_runs(context: dg.OpExecutionContext) -> None:
        ours = CodeLocation(_location_of(context.run), jobs, assets)
        deleted = delete_old(context.instance, ours, datetime.now(UTC) - timedelta(days=days))
        context.log.info("%d runs older than %d days deleted", deleted, days)

    return op_job(
        settings, JOB, delete_old_runs, f"Bounds how long runs and their events are kept: {days} days."
    )
