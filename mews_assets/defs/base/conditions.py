"""Automation conditions: when assets that depend on others are materialised again.

Lives here: the conditions, and the sensor that evaluates them. All that changed since its last tick is materialised by
one run for many scopes, not one run per partition. Not here: the sensors that ask Mews (`defs.sensors`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

import dagster as dg
from dagster._core.asset_graph_view.entity_subset import EntitySubset
from dagster._core.definitions.events import AssetKeyPartitionKey

from mews_assets.defs.base.jobs import default_status
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

AUTOMATION = "automation"
"""The name of the sensor."""
_LOOK_SECONDS = 30
"""Between two ticks. A run takes 5 s to start, so more often would save no time."""


_BATCHES = "*/15 * * * *"
"""The runs of a night change the tables many times; assets made from whole tables follow once per batch."""


class OlderThanDeps(dg.AutomationCondition[dg.AssetKey]):
    """True for partitions that were materialised before a dependency of theirs was.

    Dagster has no such condition: its own see updates since the last tick only, and before the first tick none. It
    reads the newest materialisation of every partition, so it belongs after a condition that is seldom true.
    """

    @property
    def name(self) -> str:
        return "is older than a dependency"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        older = context.get_empty_subset()
        if not context.candidate_subset.is_empty:
            made = _newest(context, context.key)
            for dep in sorted(context.asset_graph.get(context.key).parent_keys) if made else ():
                older = older.compute_union(_older_than(context, made, dep))
        return dg.AutomationResult(context, older.compute_intersection(context.candidate_subset))


def _older_than(
    context: dg.AutomationContext[dg.AssetKey], made: Mapping[str | None, int], dep: dg.AssetKey
) -> EntitySubset[dg.AssetKey]:
    """The partitions of an asset with an older materialisation than one of the partitions of `dep` they are made from.

    The asset's partitions are compared newest first, so that each partition of `dep` is mapped at most once.
    """
    later = _newest(context, dep, after=min(made.values()))
    newest_first = sorted(later.items(), key=lambda item: -item[1])
    updated, older = context.get_empty_subset(), context.get_empty_subset()
    for partition, event in sorted(made.items(), key=lambda item: -item[1]):
        newer = list(takewhile(lambda item, event=event: item[1] > event, newest_first))  # type: ignore[misc]
        if newer:
            del newest_first[: len(newer)]
            of_dep = _subset(context, dep, [name for name, _ in newer])
            updated = updated.compute_union(of_dep.compute_child_subset(context.key))
        one = _subset(context, context.key, [partition])
        older = older.compute_union(one.compute_intersection(updated))
    return older


def _newest(
    context: dg.AutomationContext[dg.AssetKey], asset: dg.AssetKey, after: int = 0
) -> dict[str | None, int]:
    """The storage id of the newest materialisation of each partition that is still defined, where it is greater than
    `after`; None stands for an asset without partitions."""
    instance, full = context.asset_graph_view.instance, context.asset_graph_view.get_full_subset(key=asset)
    if not full.is_partitioned:
        newest = instance.fetch_materializations(asset, limit=1).records
        return {None: newest[0].storage_id} if newest and newest[0].storage_id > after else {}
    events = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, after_cursor=after
    )
    defined = full.expensively_compute_partition_keys() if events else ()
    return {partition: event for partition, event in events.items() if partition in defined}


def _subset(
    context: dg.AutomationContext[dg.AssetKey], asset: dg.AssetKey, partitions: Iterable[str | None]
) -> EntitySubset[dg.AssetKey]:
    return context.asset_graph_view.get_asset_subset_from_asset_partitions(
        asset, {AssetKeyPartitionKey(asset, partition) for partition in partitions}
    )


def _updated_dep() -> dg.AutomationCondition[Any]:
    """Dagster's `any_deps_updated`, with a label for each part of it."""
    on = dg.AutomationCondition
    together = on.executed_with_root_target().with_label("by a run that makes this asset too")
    updated = on.newly_updated().with_label("was updated since the last tick")
    alone = updated & (~together).with_label("not by a run that makes this asset too")
    requested = on.will_be_requested().with_label("is requested by this tick, in the same run")
    either = (alone.with_label("was updated by another run") | requested).with_label("was or will be updated")
    return on.any_deps_match(either).with_label("a dependency was updated")


def _run_in_progress() -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.run_in_progress().with_label("a run is making it")


def _idle() -> dg.AutomationCondition[Any]:
    backfill = dg.AutomationCondition.backfill_in_progress().with_label("a backfill will make it")
    return (~(_run_in_progress() | backfill).with_label("is being made")).with_label("is not being made")


def _first_tick() -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.initial_evaluation().with_label("automation looks at it for the first time")


def _missing() -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.missing().with_label("is missing")


def _batch_began() -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.cron_tick_passed(_BATCHES).with_label("a quarter of an hour began")


def follows_its_deps() -> dg.AutomationCondition[Any]:
    """Requested when a dependency was updated; by the first tick, when it is missing or older than a dependency.

    Not `eager()`, which requests only the newest window and waits until no partition is missing, which never happens.
    A run that has more to update of what the asset is made from is awaited, so that it is followed once.
    """
    on = dg.AutomationCondition
    settled = (
        ~on.any_deps_match(_run_in_progress()).with_label("a run is updating a dependency")
    ).with_label("no run is updating a dependency")
    return (_unanswered() & settled & _idle()).with_label("follows its dependencies")


def follows_in_batches() -> dg.AutomationCondition[Any]:
    """The same, but at most once between two ticks of a cron schedule, and without waiting: of many dependencies there
    is nearly always a run that updates some.

    Dagster 1.13.27 distinguishes two `since` in a condition by the types of their operands: if this one were an `|`
    too, both would share their state, and unchanged assets would be requested.
    """
    requested = dg.AutomationCondition.newly_requested().with_label("was requested by the last tick")
    batch = (
        _batch_began().since(requested).with_label("a quarter of an hour began since it was last requested")
    )
    return (_unanswered() & batch & _idle()).with_label(
        "follows its dependencies, once per quarter of an hour"
    )


def _unanswered() -> dg.AutomationCondition[Any]:
    """An update during a run is requested after it: only the next request resets the condition, not the end of the
    run, which may have read before the update."""
    on = dg.AutomationCondition
    present = on.any_deps_match((~_missing()).with_label("is there")).with_label("a dependency is there")
    could_be_made = (_missing() & present).with_label("is missing, but could be made")
    behind = _first_tick() & (could_be_made | OlderThanDeps()).with_label("is behind its dependencies")
    due = _updated_dep() | behind.with_label("is behind its dependencies when automation first looks")
    # A request is seen one tick later; an update between the two ticks must not be reset with it.
    quiet = (~_updated_dep()).with_label("no dependency was updated since")
    answered = on.newly_requested().with_label("was requested by the last tick") & quiet
    return (
        due.with_label("there is something to follow")
        .since(answered.with_label("it was requested"))
        .with_label("there has been something to follow since it was last requested")
    )


def waits_for_reference(settings: Settings) -> dg.AutomationCondition[Any]:
    """Not while a reference table is missing: in a new lake the first tables land before it."""
    selection = dg.AssetSelection.groups(Namespace.of(settings).group(layout.REFERENCE))
    missing = dg.AutomationCondition.any_deps_match(_missing()).allow(selection)
    return (~missing.with_label("a reference table is missing")).with_label("no reference table is missing")


def made_when_missing() -> dg.AutomationCondition[Any]:
    """Requested at the first tick if missing, and again with every batch until it is there."""
    now = (_first_tick() | _batch_began()).with_label("it is time to look")
    return (_missing() & now & _idle()).with_label("is made when missing")


def automation_sensor(
    settings: Settings, assets: Iterable[dg.AssetKey]
) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of the assets, in the process of this code: `OlderThanDeps` is ours."""
    with warnings.catch_warnings():
        # In beta in Dagster 1.13; the constraints file holds the version this was seen with.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.AutomationConditionSensorDefinition(
            name=Namespace.of(settings).name(AUTOMATION),
            # Not all: a host has assets and sensors of its own.
            target=dg.AssetSelection.assets(*assets),
            default_status=default_status(settings),
            minimum_interval_seconds=min(_LOOK_SECONDS, settings.poll_seconds),
            description=(
                "Keeps current tables, marts and the SQL catalog up to date: materialises them when the tables "
                "they are made from have changed, marts at most every 15 minutes. An asset's page *Automation* "
                "says in sentences why it was requested or not."
            ),
            use_user_code_server=True,
        )
