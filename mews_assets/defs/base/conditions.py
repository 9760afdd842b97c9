"""Automation conditions: when assets that depend on others are materialised again.

Lives here: the conditions, and the sensor that evaluates them. All that changed since its last tick is materialised by
one run for many scopes, not one run per partition. Not here: the sensors that ask Mews (`defs.sensors`).
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from mews_assets.defs.base.default_status import default_status
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

AUTOMATION = "automation"
"""The name of the sensor."""
_LOOK_SECONDS = 30
"""Between two ticks. A run takes 5 s to start, so more often would save no time."""


_BATCHES = "*/15 * * * *"
"""The runs of a night change the tables many times; assets made from whole tables follow once per batch."""


def follows_its_deps() -> dg.AutomationCondition[Any]:
    """Requested when a dependency was updated, and once when the asset is missing as the sensor is first turned on.

    Not `eager()`, which requests only the newest window and waits until no partition is missing, which never happens.
    An update during a run is requested after it: only the next request resets the condition, not the end of the run,
    which may have read before the update.
    """
    on = dg.AutomationCondition
    at_first = on.initial_evaluation() & on.missing() & on.any_deps_match(~on.missing())
    # A request is seen one tick later; an update between the two ticks must not be reset with it.
    answered = on.newly_requested() & ~on.any_deps_updated()
    return (on.any_deps_updated() | at_first).since(answered) & ~on.in_progress()


def follows_in_batches() -> dg.AutomationCondition[Any]:
    """The same, but at most once between two ticks of a cron schedule.

    Dagster 1.13.27 distinguishes two `since` in a condition by the types of their operands: if this one were an `|`
    too, both would share their state, and unchanged assets would be requested.
    """
    on = dg.AutomationCondition
    return follows_its_deps() & on.cron_tick_passed(_BATCHES).since(on.newly_requested())


def waits_for_reference() -> dg.AutomationCondition[Any]:
    """Not while a reference table is missing: in a new lake the first tables land before it."""
    on = dg.AutomationCondition
    return ~on.any_deps_match(on.missing()).allow(dg.AssetSelection.groups(layout.REFERENCE))


def made_when_missing() -> dg.AutomationCondition[Any]:
    """Requested at the first tick if missing, and again with every batch until it is there."""
    on = dg.AutomationCondition
    now = on.initial_evaluation() | on.cron_tick_passed(_BATCHES)
    return on.missing() & now & ~on.in_progress()


def automation_sensor(settings: Settings) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all assets."""
    return dg.AutomationConditionSensorDefinition(
        name=AUTOMATION,
        target=dg.AssetSelection.all(),
        default_status=default_status(settings),
        minimum_interval_seconds=min(_LOOK_SECONDS, settings.poll_seconds),
        description="Materialises assets whose dependencies have changed.",
    )
