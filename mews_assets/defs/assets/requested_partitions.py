"""What a run wants: its partitions, however it was launched.

Lives here: reading a run's config and tags. A sensor names an export; the launchpad names keys in run config;
the UI's backfill names a range, and there the other runs of the same backfill are looked up too, so that the
first one asks Mews for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mews_assets.defs.base.partitions import to_partition
from mews_assets.ingest.plan import Pull
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, Window, from_api, to_api, windows_between

BACKFILL_TAG = "dagster/backfill"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class ExportConfig(dg.Config):
    """An export that a sensor asked for, and what it covers."""

    connection: str
    scopes: list[str]
    start_utc: str
    end_utc: str
    asked_at: str


class PartitionsConfig(dg.Config):
    """Partitions to materialise, where the run's tags do not name them: keys as `<scope>|<window>`."""

    partitions: list[str] = []
    exports: list[ExportConfig] = []


@dataclass(frozen=True)
class RequestedPartitions:
    """`also` comes along in the same pulls; captures since `landed_since` are not asked for again. Of the partitions,
    those `again` are there already: they are told of only where something new came for them.

    `by_our_clock` says that this instant is the instance's, while captures are stamped by Mews' clock.
    """

    partitions: list[Partition]
    also: list[Partition]
    landed_since: datetime | None = None
    pulls: list[Pull] | None = None
    by_our_clock: bool = False
    again: frozenset[Partition] = frozenset()


def export_config(export: LoggedExport) -> dict[str, Any]:
    """The run config entry of an export, under `exports`."""
    return {
        "connection": export.connection,
        "scopes": list(export.scopes),
        "start_utc": to_api(export.window.start),
        "end_utc": to_api(export.window.end),
        "asked_at": to_api(export.asked_at),
    }


def read_requested_partitions(
    context: dg.AssetExecutionContext, config: PartitionsConfig, asset: dg.AssetKey, grain: Grain
) -> RequestedPartitions:
    """What the run wants. Raises ValueError when it names nothing."""
    if config.exports:
        wanted = _of_exports(config.exports, grain)
        there = context.instance.get_materialized_partitions(asset)
        again = (one for one in wanted.partitions if f"{one.scope}|{one.key(grain)}" in there)
        return replace(wanted, again=frozenset(again))
    if config.partitions:
        return RequestedPartitions([to_partition(key, grain) for key in config.partitions], [])
    if context.has_partition_key or context.has_partition_key_range:
        partitions = [to_partition(str(key), grain) for key in _keys(context, asset)]
        others, since = _of_backfill(context, asset, grain)
        return RequestedPartitions(partitions, others, since, by_our_clock=True)
    raise ValueError(
        "this run names no partitions. Choose some in the launchpad or a backfill, or name them in the run's "
        "config: ops: {<op>: {config: {partitions: ['<scope>|<window>']}}}"
    )


def _keys(context: dg.AssetExecutionContext, asset: dg.AssetKey) -> Sequence[str]:
    """The keys of the run's tags. A backfill from a job's page tags a range and its first key: the range counts."""
    tags: Mapping[str, str] = context.run.tags
    if RANGE_START not in tags or RANGE_END not in tags:
        return [str(key) for key in context.partition_keys]
    definition = context.assets_def.specs_by_key[asset].partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    between = dg.PartitionKeyRange(tags[RANGE_START], tags[RANGE_END])
    return definition.get_partition_keys_in_range(between, dynamic_partitions_store=context.instance)


def _of_exports(exports: list[ExportConfig], grain: Grain) -> RequestedPartitions:
    pulls = [
        Pull(one.connection, tuple(one.scopes), Window(from_api(one.start_utc), from_api(one.end_utc)))
        for one in exports
    ]
    partitions = [
        Partition(scope, window)
        for pull in pulls
        for window in windows_between(pull.window.start, pull.window.end, grain)
        for scope in pull.scopes
    ]
    return RequestedPartitions(partitions, [], min(from_api(one.asked_at) for one in exports), pulls)


def _of_backfill(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, grain: Grain
) -> tuple[list[Partition], datetime | None]:
    """All that the run's backfill wants of the asset, and when it began."""
    tags: Mapping[str, str] = context.run.tags
    backfill = context.instance.get_backfill(tags[BACKFILL_TAG]) if BACKFILL_TAG in tags else None
    if backfill is None or not backfill.is_asset_backfill:
        return [], None
    graph = context.repository_def.asset_graph
    target = backfill.get_asset_backfill_data(graph).target_subset
    keys = target.get_partitions_subset(asset).get_partition_keys()
    return [to_partition(key, grain) for key in keys], datetime.fromtimestamp(
        backfill.backfill_timestamp, UTC
    )
