"""The assets landing and changes of every table.

Lives here: one op per operation of Mews, for all assets that it fills. The op calls `ingest` and yields the events of
the result (`report`). Not here: which partitions the run was asked for (`requested_partitions`).
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from mews_assets.catalog import partners
from mews_assets.catalog.model import Table
from mews_assets.defs.assets import report, run_failures, run_log
from mews_assets.defs.assets.reference import refresh_outdated
from mews_assets.defs.assets.requested_partitions import (
    PartitionsConfig,
    RequestedPartitions,
    read_requested_partitions,
)
from mews_assets.defs.base.asset_specs import table_specs
from mews_assets.defs.base.event_tables import forget_unjudged_checks
from mews_assets.defs.base.partitions import PartitionLabels, keys_in, partitions_of
from mews_assets.defs.base.resources import MewsResource, Platform, known_directory, lake_of, mews_of
from mews_assets.defs.base.run_tags import scope_tags, tag_run, window_tags
from mews_assets.defs.base.unseen_partitions import scope_finder, unseen_error
from mews_assets.defs.checks import check_specs
from mews_assets.defs.checks.freshness import freshness_policy
from mews_assets.defs.checks.unmerged import captures_merged_spec
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.materialise import Materialised, PartitionRequest, materialise, rebuild
from mews_assets.ingest.pull import Puller
from mews_assets.lake.changes.merge import measure_existing
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_api

log = logging.getLogger(__name__)

_CLOCK_ERROR = timedelta(seconds=2)
"""Mews tells its time in whole seconds: a second may be missing when a capture is stamped, and another one here.
Without it the runs of a backfill ask again for what another of them has just landed."""


def groups(tables: Iterable[Table]) -> list[tuple[Table, ...]]:
    """Tables that one request fills, together."""
    return list(dict.fromkeys(partners(table) for table in tables))


def group_assets(group: tuple[Table, ...], settings: Settings) -> dg.AssetsDefinition:
    """The op for tables that one request brings, and its assets."""
    first = group[0]
    namespace = Namespace.of(settings)
    partitions = partitions_of(first.scope, settings.grain, settings.start, namespace)

    @dg.multi_asset(
        name=op_name(first, namespace),
        specs=[
            spec
            for table in group
            for spec in table_specs(table, settings, partitions, freshness_policy(table, settings))
        ],
        check_specs=[
            spec
            for table in group
            for spec in (*check_specs(table, namespace), captures_merged_spec(table, namespace))
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=namespace.name(pool_of(first)),
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
        description=f"Asks Mews for {', '.join(table.name for table in group)}, lands the answer and merges it.",
    )
    def materialise_group(context: dg.AssetExecutionContext, config: PartitionsConfig) -> Iterator[Any]:
        run_log.without_omitted_outputs(context.log)
        try:
            yield from make_partitions(context, config)
        finally:
            keys = [key for table in group for key in (namespace.landing(table), namespace.changes(table))]
            forget_unjudged_checks(context, keys)

    def make_partitions(context: dg.AssetExecutionContext, config: PartitionsConfig) -> Iterator[Any]:
        mews, lake = mews_of(context, namespace), lake_of(context, namespace)
        with run_failures.raise_as_dagster_failure(first):
            opened = lake.open()
            selected = context.selected_asset_keys
            if not selected:
                raise ValueError(
                    "checks are evaluated where rows are written. Materialise the changes asset alone: it is made "
                    "again from what landed, and nothing is asked of Mews"
                )
            refresh = None
            is_pull = any(namespace.landing(table) in selected for table in group)
            known = known_directory(opened, mews) if is_pull else load_directory(opened)
            directory = known or Directory({}, {}, {})
            keys = keys_in(context.instance, directory, opened.grain, namespace)
            find = scope_finder(context.instance, known, first.scope, namespace)
            requested = read_requested_partitions(context, config, sorted(selected)[0], keys, find)
            tag_run(
                context,
                {
                    **scope_tags(directory, first.scope, (one.scope for one in requested.partitions)),
                    **window_tags(one.window for one in requested.partitions),
                },
            )
            if is_pull:
                requested, result, directory = _pull(context, first, requested, mews, opened, settings)
                refresh = refresh_outdated(context, mews, opened, settings)
            else:
                chosen = [table for table in group if namespace.changes(table) in selected]
                context.log.info(run_log.asked_for(chosen, requested, directory))
                result = rebuild_changes(opened, chosen, requested.partitions, namespace)
        # All of them: a check also names hotels that fail since an earlier run.
        scopes = {*directory.scopes(first.scope), *(partition.scope for partition in requested.partitions)}
        names = {scope: directory.name_of(first.scope, scope) for scope in scopes}
        labels = PartitionLabels(names, keys, namespace)
        yield from report.report(context, group, result, requested, opened, labels, refresh)

    return materialise_group


def _pull(
    context: dg.AssetExecutionContext,
    table: Table,
    requested: RequestedPartitions,
    mews: MewsResource,
    lake: Lake,
    settings: Settings,
) -> tuple[RequestedPartitions, Materialised, Directory]:
    """Pull and merge the partitions. Returns those that have settled, the result, and the directory as it is now.

    The same pulls ask again for windows shortly before them that stand (the look back).
    """
    known, namespace = load_directory(lake), Namespace.of(settings)
    if known is not None and requested.pulls is None:
        unseen = _of_unseen_scopes(table, requested, known, namespace)
        if requested.partitions and len(unseen) == len({one.scope for one in requested.partitions}):
            # Nothing that Mews could be asked for.
            return requested, Materialised(failed=unseen), known
    with mews.open(before=known) as platform:
        directory = platform.directory
        context.log.info(run_log.asked_for(partners(table), requested, directory))
        requested = _without_unsettled(context, table, requested, platform.now())
        # A scope that no connection sees any more fails alone. An export that was asked for may still bring its rows.
        seen = (
            directory.scopes(table.scope)
            if requested.pulls is None
            else {partition.scope for partition in requested.partitions}
        )
        request = PartitionRequest(
            [partition for partition in requested.partitions if partition.scope in seen],
            also=[partition for partition in requested.also if partition.scope in seen],
            landed_since=_at_mews(requested, platform),
            pulls=requested.pulls,
        )
        puller = Puller(lake, platform.now, asked_by=context.run.run_id, lookback=settings.lookback_of(table))
        result = materialise(table, request, platform.clients, directory, puller)
        if requested.pulls is None:
            result.failed += _of_unseen_scopes(table, requested, directory, namespace)
        return requested, result, directory


def _of_unseen_scopes(
    table: Table, requested: RequestedPartitions, directory: Directory, namespace: Namespace
) -> list[tuple[list[Partition], Exception]]:
    """The partitions whose scope no connection sees, by scope, each with the reason."""
    by_scope: dict[str, list[Partition]] = {}
    for partition in requested.partitions:
        by_scope.setdefault(partition.scope, []).append(partition)
    reasons = {scope: unseen_error(directory, table.scope, scope, namespace) for scope in sorted(by_scope)}
    return [(by_scope[scope], reason) for scope, reason in reasons.items() if reason is not None]


def _without_unsettled(
    context: dg.AssetExecutionContext, table: Table, requested: RequestedPartitions, now: datetime
) -> RequestedPartitions:
    """Leave unsettled windows out of a backfill that also has settled ones, with a warning. Alone they are an error.

    The UI offers a day of the ledger from midnight UTC on, when it is not over in every hotel: a backfill of all
    tables, launched in the morning, would otherwise fail for its whole ledger.
    """
    settled = [
        partition
        for partition in requested.partitions
        if partition.window.is_settled(now, by_day=table.by_day)
    ]
    left_out = len(requested.partitions) - len(settled)
    if requested.pulls is not None or not settled or not left_out:
        return requested
    context.log.warning(
        "%s: %d partitions have not settled and are left out. They stay missing, so the sensor asks for them after %s",
        table.name,
        left_out,
        to_api(max(partition.window for partition in requested.partitions).settles(by_day=table.by_day)),
    )
    return replace(requested, partitions=settled)


def _at_mews(requested: RequestedPartitions, platform: Platform) -> datetime | None:
    """The time since when captures count as landed, by Mews' clock, which stamps them."""
    if requested.landed_since is None or not requested.by_our_clock:
        return requested.landed_since
    return requested.landed_since + (platform.now() - datetime.now(UTC)) - _CLOCK_ERROR


def op_name(table: Table, namespace: Namespace) -> str:
    """The op that fills the table; run config for it goes under this name."""
    return namespace.name(f"pull_{partners(table)[0].name}")


def pool_of(table: Table) -> str:
    """The pool that bounds the runs of one operation; over one connection they take turns (`materialise`)."""
    return f"mews_{table.fetch.way}_{table.name}"


def rebuild_changes(
    lake: Lake, tables: Iterable[Table], requested: list[Partition], namespace: Namespace
) -> Materialised:
    """Make changes again from the captures that landed, without asking Mews. A partition without a capture fails.

    All captures that can hold rows of a partition are read, also those that end exactly where it starts.
    """
    result = Materialised()
    for table in tables:
        every = [
            read_manifest(lake, table.name, capture) for capture in capture_store.captures(lake, table.name)
        ]
        of_requested = [manifest for manifest in every if _of(manifest, requested)]
        expired = [manifest for manifest in of_requested if manifest.expired_at is not None]
        manifests = [
            manifest for manifest in every if manifest.expired_at is None and _near(manifest, requested)
        ]
        standing = [
            partition for partition in requested if any(_of(manifest, [partition]) for manifest in manifests)
        ]
        lost = _lost(lake, table, requested, expired)
        _warn_of_edges(lake, table, standing, every)
        merged = result.merged[table.name] = rebuild(lake, table, manifests, only=standing)
        result.landed[table.name] = manifests
        # A partition that stands keeps the rows of captures that have expired.
        kept = {
            partition
            for manifest in expired
            for partition in _of(manifest, requested)
            if partition not in merged.partitions
        }
        merged.partitions.update(measure_existing(lake, table, kept))
        result.failed += [
            ([partition for partition in standing if _near(manifest, [partition])], error)
            for manifest in manifests
            if (error := merged.problem(manifest.capture))
        ]
        result.failed += [(lost, _expired_error(table, lost, expired, namespace))] if lost else []
        if never := [
            partition
            for partition in requested
            if not any(_of(manifest, [partition]) for manifest in of_requested)
        ]:
            beside = namespace.landing(table).to_user_string()
            problem = f"{table.name}: nothing has landed of these; materialise {beside} along with them"
            result.failed.append((never, LakeError(problem)))
    return result


def _lost(lake: Lake, table: Table, requested: list[Partition], expired: list[Manifest]) -> list[Partition]:
    """The partitions that have no file and had rows from captures that have expired."""
    with_lines = [manifest for manifest in expired if manifest.lines]
    return [
        partition
        for partition in requested
        if any(_of(manifest, [partition]) for manifest in with_lines)
        and not lake.exists(layout.changes_file(table.name, partition.scope, partition.key(lake.grain)))
    ]


def _warn_of_edges(lake: Lake, table: Table, requested: list[Partition], every: list[Manifest]) -> None:
    """Warn where rows at a window's start may have come only with the capture before it, which has expired."""
    gone = [manifest for manifest in every if manifest.expired_at is not None and manifest.lines]
    edges = [
        partition
        for partition in requested
        if any(_near(manifest, [partition]) and not _of(manifest, [partition]) for manifest in gone)
        and not lake.exists(layout.changes_file(table.name, partition.scope, partition.key(lake.grain)))
    ]
    if edges:
        log.warning(
            "%s: captures that end where %s starts (%d partitions in all) are past MEWS_LANDING_DAYS and removed: rows "
            "stamped exactly there that only they held cannot be made again",
            *(table.name, edges[0], len(edges)),
        )


def _expired_error(
    table: Table, lost: list[Partition], expired: list[Manifest], namespace: Namespace
) -> LakeError:
    last = max(manifest.capture for manifest in expired if _of(manifest, lost))
    return LakeError(
        f"{table.name}: captures of these, {last} the last, are past MEWS_LANDING_DAYS and removed, and the partitions "
        "do not stand any more: what only those captures held is gone. Materialise "
        f"{namespace.landing(table).to_user_string()} along with them to ask Mews for what it still has"
    )


def _near(manifest: Manifest, requested: Iterable[Partition]) -> bool:
    return any(
        partition.scope in manifest.scopes and manifest.reaches(partition.window) for partition in requested
    )


def _of(manifest: Manifest, requested: Iterable[Partition]) -> list[Partition]:
    return [partition for partition in requested if manifest.covers(partition.scope, partition.window)]
