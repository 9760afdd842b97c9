"""The default status of sensors and schedules: whether they run before anybody turns them on or off in the UI.

Lives here: the default, from MEWS_AUTOMATION. A status that somebody set in the UI overrides it.
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
