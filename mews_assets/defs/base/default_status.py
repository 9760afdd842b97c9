"""Switches: whether sensors and schedules run before anybody has touched them in the UI.

Lives here: the one default for all of them. Whoever turns one on or off in Dagster is obeyed from then on.
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
