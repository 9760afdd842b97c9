"""Retention: once a day, the bytes of captures that are older than MEWS_LANDING_DAYS are removed.

Lives here: the job and its schedule; neither exists where captures are kept for good. Not here: which captures may be
removed (`lake.maintenance.expire_captures`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from mews_assets import catalog
from mews_assets.defs.base.jobs import op_job, utc_schedule
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.settings import Settings

JOB = "landing_retention"


def retention_jobs(settings: Settings) -> list[dg.JobDefinition]:
    """The job, if there is a limit."""
    return [] if settings.landing_days is None else [_job(settings, settings.landing_days)]


def retention_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Every night, if there is a limit."""
    if settings.landing_days is None:
        return []
    return [
        utc_schedule(
            settings,
            JOB,
            "40 3 * * *",
            f"Removes the bytes of captures older than {settings.landing_days} days.",
        )
    ]


def _job(settings: Settings, days: int) -> dg.JobDefinition:
    namespace = Namespace.of(settings)

    @dg.op(
        name=namespace.name("expire_landing"),
        required_resource_keys={namespace.lake_resource},
        description=f"Removes the bytes of captures older than {days} days whose rows are in changes.",
    )
    def expire_landing(context: dg.OpExecutionContext) -> None:
        opened, now = lake_of(context, namespace).open(), datetime.now(UTC)
        for table in catalog.TABLES:
            done = expire(opened, table, catalog.TABLES, now - timedelta(days=days), now)
            if done.captures:
                context.log.info(
                    "%s: %d captures, %d bytes removed", table.name, done.captures, done.stored_bytes
                )
            if done.kept:
                context.log.warning(
                    "%s: %d captures older than %d days are not in changes and stay: %s",
                    *(table.name, len(done.kept), days, ", ".join(done.kept[:10])),
                )

    return op_job(settings, JOB, expire_landing, f"Bounds how long raw guest data is kept: {days} days.")
