"""The default status of sensors and schedules: whether they run before anybody turns them on or off in the UI.

Lives here: the default, from MEWS_AUTOMATION, and schedules with it. A status that somebody set in the UI overrides it.
"""

from __future__ import annotations

import dagster as dg

from mews_assets.settings import Settings


def default_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Of sensors, on a fresh instance."""
    return dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED


def default_schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Of schedules, on a fresh instance."""
    return dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED


def utc_schedule(
    settings: Settings, name: str, cron: str, description: str, *, job: str = ""
) -> dg.ScheduleDefinition:
    """A schedule by UTC that launches the job, by default the job of its own name."""
    return dg.ScheduleDefinition(
        name=name,
        job_name=job or name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=default_schedule_status(settings),
        description=description,
    )
