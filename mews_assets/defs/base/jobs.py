"""Jobs and schedules, and whether sensors and schedules run before anybody turns them on or off in the UI.

Lives here: how each is made. Jobs run in their run's process: each step process would cost 4 to 5 s of imports, and
parallelism comes from several runs. The default status comes from MEWS_AUTOMATION; one set in the UI overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mews_assets.defs.namespace import Namespace
from mews_assets.settings import Settings

ENTERPRISES_JOB = "enterprises"
"""The job that fills the partition sets."""
DISCOVERY = "discovery"
"""The sensor that fills the partition sets."""


def how_to_find_hotels(namespace: Namespace) -> str:
    """What somebody is to do where no hotel is known."""
    return f"turn on the sensor `{namespace.name(DISCOVERY)}`, or run the job `{namespace.name(ENTERPRISES_JOB)}`"


def asset_job(
    settings: Settings,
    name: str,
    selection: dg.AssetSelection,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> UnresolvedAssetJobDefinition:
    """A job over assets or checks; its name is given without the prefix."""
    return dg.define_asset_job(
        Namespace.of(settings).name(name),
        selection=selection,
        description=description,
        tags=tags,
        executor_def=dg.in_process_executor,
    )


def op_job(settings: Settings, name: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    """A job of one op; its name is given without the prefix."""

    @dg.job(
        name=Namespace.of(settings).name(name), description=description, executor_def=dg.in_process_executor
    )
    def job_of_op() -> None:
        op()

    return job_of_op


def default_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Of sensors, on a fresh instance."""
    return dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED


def default_schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Of schedules, on a fresh instance."""
    return dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED


def utc_schedule(
    settings: Settings, name: str, cron: str, description: str, *, job: str = ""
) -> dg.ScheduleDefinition:
    """A schedule by UTC that launches the job, by default the job of its own name. Names are without the prefix."""
    names = Namespace.of(settings)
    return dg.ScheduleDefinition(
        name=names.name(name),
        job_name=names.name(job or name),
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=default_schedule_status(settings),
        description=description,
    )
