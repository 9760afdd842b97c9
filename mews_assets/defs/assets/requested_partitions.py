"""The partitions that a run was asked for, however it was launched.

Lives here: reading a run's config and tags. A sensor names an export; the launchpad names keys in run config; the UI's
backfill names a range, and then the partitions of its other runs are read too, so that the first run asks Mews for all
of them. Not here: which partitions are due (`ingest.due`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.ingest.plan import Pull
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, Window, from_api, to_api, windows_between

BACKFILL_TAG = "dagster/backfill"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class ExportConfig(dg.Config):
    """An export that a sensor asked for: its connection, scopes, window and when it was asked for."""

    connection: str = Field(description="Set by the sensor: the connection that asked. Example: prague")
    scopes: list[str] = Field(
        description="Set by the sensor: ids of the hotels or chains asked for. "
        'Example: ["52fd68fc-7c59-4b1e-9a0c-2d6f3b1a8e47"]'
    )
    start_utc: str = Field(
        description="Set by the sensor: start of the window. Example: 2026-03-01T00:00:00Z"
    )
    end_utc: str = Field(description="Set by the sensor: end of the window. Example: 2026-03-02T00:00:00Z")
    asked_at: str = Field(description="Set by the sensor: when Mews was asked. Example: 2026-03-02T00:06:10Z")


class PartitionsConfig(dg.Config):
    """Partitions to materialise, where the run's tags do not name them: keys as `<scope>|<window>`.

    A scope is named by its key, its id or a unique part of its name.
    """

    partitions: list[str] = Field(
        default=[],
        description="Partitions to materialise, as hotel|window; the hotel by its key, its id or a unique part of its "
        'name. Leave it empty where you chose partitions above. Example: ["lantern|2026-03-01"]',
    )
    exports: list[ExportConfig] = Field(
        default=[],
        description="Set by the sensor: exports that are ready to be downloaded. Leave it empty when you launch a run "
        "yourself. Example: []",
    )


@dataclass(frozen=True)
class RequestedPartitions:
    """The partitions of a run. `also` are those of the backfill's other runs, which the same pulls bring.

    Captures since `landed_since` are not asked for again. `again` are partitions that are materialised already: they
    get an event only where something new came. `by_our_clock` says that `landed_since` is by this machine's clock,
    while captures are stamped by Mews' clock. `pulls` stand for the plan where a sensor made it.
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
    context: dg.AssetExecutionContext,
    config: PartitionsConfig,
    asset: dg.AssetKey,
    keys: PartitionKeys,
    find: Callable[[str], str],
) -> RequestedPartitions:
    """The partitions that the run names. `find` gives the id of a scope that a person named in run config.

    Raises ValueError when the run names none, UnknownScopeError where its config names a scope that is none.
    """
    if config.exports:
        requested = _of_exports(config.exports, keys.grain)
        materialised = context.instance.get_materialized_partitions(asset)
        again = (one for one in requested.partitions if keys.text(one) in materialised)
        return replace(requested, again=frozenset(again))
    if config.partitions:
        return RequestedPartitions([keys.partition(key, find) for key in config.partitions], [])
    if context.has_partition_key or context.has_partition_key_range:
        partitions = [keys.partition(str(key)) for key in _keys(context, asset)]
        others, since = _of_backfill(context, asset, keys)
        return RequestedPartitions(partitions, others, since, by_our_clock=True)
    raise ValueError(
        "this run names no partitions. Choose some in the launchpad or a backfill, or name them in the run's "
        "config: ops: {<op>: {config: {partitions: ['<scope>|<window>']}}}"
    )


def _keys(context: dg.AssetExecutionContext, asset: dg.AssetKey) -> Sequence[str]:
    """The keys in the run's tags. A backfill from a job's page tags a range and its first key: the range counts."""
    tags: Mapping[str, str] = context.run.tags
    if RANGE_START not in tags or RANGE_END not in tags:
        return [str(key) for key in context.partition_keys]
    definition = context.assets_def.specs_by_key[asset].partitions_def
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    between = dg.PartitionKeyRange(tags[RANGE_START], tags[RANGE_END])
    return definition.get_partition_keys_in_range(between, dynamic_partitions_store=context.instance)


def _of_exports(exports: list[ExportConfig], grain: Grain) -> RequestedPartitions:
    pulls = [
        Pull(
            export.connection,
            tuple(export.scopes),
            Window(from_api(export.start_utc), from_api(export.end_utc)),
        )
        for export in exports
    ]
    partitions = [
        Partition(scope, window)
        for pull in pulls
        for window in windows_between(pull.window.start, pull.window.end, grain)
        for scope in pull.scopes
    ]
    return RequestedPartitions(partitions, [], min(from_api(export.asked_at) for export in exports), pulls)


def _of_backfill(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, keys: PartitionKeys
) -> tuple[list[Partition], datetime | None]:
    """The partitions of the asset in the run's whole backfill, and when that began."""
    tags: Mapping[str, str] = context.run.tags
    backfill = context.instance.get_backfill(tags[BACKFILL_TAG]) if BACKFILL_TAG in tags else None
    if backfill is None or not backfill.is_asset_backfill:
        return [], None
    graph = context.repository_def.asset_graph
    target = backfill.get_asset_backfill_data(graph).target_subset
    wanted = target.get_partitions_subset(asset).get_partition_keys()
    began = datetime.fromtimestamp(backfill.backfill_timestamp, UTC)
    return [keys.partition(key) for key in wanted], began
