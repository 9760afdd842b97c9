"""Automation: what is made again by itself when what it is made of has changed.

Lives here: the condition for assets that follow others, and the one sensor that looks at all conditions.
Whatever has changed since the last look is made in one go: a run for many scopes, not one for each partition.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from mews_assets.defs.base.default_status import default_status
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

_LOOK_SECONDS = 30
"""Between two looks: a run costs 5 s to start, so that more often would save nobody any time."""


_BATCHES = "*/15 * * * *"
"""A night's runs change the tables again and again. What is made of whole tables is made once for all of a batch."""


def follows_its_deps() -> dg.AutomationCondition[Any]:
    """Made when anything it depends on was, and once what is missing when the sensor is first turned on.

    Not `eager()`, which leaves out all but the newest window and waits until no partition is missing: one
    always is. What changes while a run is going is not forgotten: only asking again wipes it out, not the
    end of the run, which may have read too early to see it.
    """
    on = dg.AutomationCondition
    at_first = on.initial_evaluation() & on.missing() & on.any_deps_match(~on.missing())
    # That something was asked for is seen one look later. What changed between the two is not wiped out with it.
    answered = on.newly_requested() & ~on.any_deps_updated()
    return (on.any_deps_updated() | at_first).since(answered) & ~on.in_progress()


def follows_in_batches() -> dg.AutomationCondition[Any]:
    """The same, but at most once between two ticks of a clock.

    Two `since` of one condition are told apart by the kinds of what they wait for: were this one an `|` too, it
    would share its memory with the other, and ask for what has not changed (seen in Dagster 1.13.27).
    """
    on = dg.AutomationCondition
    return follows_its_deps() & on.cron_tick_passed(_BATCHES).since(on.newly_requested())


def waits_for_reference() -> dg.AutomationCondition[Any]:
    """Not before what the ids mean is there: in a new lake the first tables come before the first reference."""
    on = dg.AutomationCondition
    return ~on.any_deps_match(on.missing()).allow(dg.AssetSelection.groups(layout.REFERENCE))


def made_when_missing() -> dg.AutomationCondition[Any]:
    """Made at the first look where it is not there yet, and asked for again in the batches' time until it is."""
    on = dg.AutomationCondition
    now = on.initial_evaluation() | on.cron_tick_passed(_BATCHES)
    return on.missing() & now & ~on.in_progress()


def automation_sensor(settings: Settings) -> dg.AutomationConditionSensorDefinition:
    """The sensor behind every asset that follows others."""
    return dg.AutomationConditionSensorDefinition(
        name="automation",
        target=dg.AssetSelection.all(),
        default_status=default_status(settings),
        minimum_interval_seconds=min(_LOOK_SECONDS, settings.poll_seconds),
        description="Makes again what depends on something that has changed.",
    )
