"""Assets: landing and changes of every table, and the reference of enterprises.

Lives here: one op per operation of Mews, for all assets it fills. The op asks `ingest` to do the work and
tells Dagster what came of it: a materialisation for every partition, and every check's verdict on it.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mews_assets.catalog import partners
from mews_assets.catalog.model import Table
from mews_assets.defs.assets import report
from mews_assets.defs.assets.requested_partitions import (
    PartitionsConfig,
    RequestedPartitions,
    read_requested_partitions,
)
from mews_assets.defs.base.asset_specs import changes_key, landing_key, table_specs
from mews_assets.defs.base.partitions import partitions_of
from mews_assets.defs.base.resources import LakeResource, MewsResource, Platform
from mews_assets.defs.checks import check_specs
from mews_assets.defs.checks.freshness import freshness_policy
from mews_assets.defs.checks.unmerged import captures_merged_spec
from mews_assets.ingest.directory import UnknownScopeError, load_directory
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
from mews_assets.windows import Lookback, to_api

log = logging.getLogger(__name__)


def groups(tables: Iterable[Table]) -> list[tuple[Table, ...]]:
    """Tables that one request fills, together."""
    return list(dict.fromkeys(partners(table) for table in tables))


def group_assets(group: tuple[Table, ...], settings: Settings) -> dg.AssetsDefinition:
    """The op for tables that come with one request, and its assets."""
    first = group[0]
    partitions = partitions_of(first.scope, settings.grain, settings.start)

    @dg.multi_asset(
        name=op_name(first),
        specs=[
            spec
            for table in group
            for spec in table_specs(table, settings.lake, partitions, freshness_policy(table, settings))
        ],
        check_specs=[spec for table in group for spec in (*check_specs(table), captures_merged_spec(table))],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=pool_of(first),
        description=f"Asks Mews for {', '.join(table.name for table in group)}, lands the answer and merges it.",
    )
    def materialise_group(
        context: dg.AssetExecutionContext, config: PartitionsConfig, mews: MewsResource, lake: LakeResource
    ) -> Iterator[Any]:
        with report.raise_as_dagster_failure(first):
            opened = lake.open()
            selected = context.selected_asset_keys
            if not selected:
                raise ValueError(
                    "checks are evaluated where rows are written. Materialise the changes asset alone: it is made "
                    "again from what landed, and nothing is asked of Mews"
                )
            wanted = read_requested_partitions(context, config, sorted(selected)[0], opened.grain)
            if any(landing_key(table) in selected for table in group):
                wanted, result, names = _pull(
                    context, first, wanted, mews, opened, settings.lookback_of(first)
                )
            else:
                chosen = [table for table in group if changes_key(table) in selected]
                result, names = rebuild_changes(opened, chosen, wanted.partitions), {}
        yield from report.report(context, group, result, wanted, opened, names)

    return materialise_group


def _pull(
    context: dg.AssetExecutionContext,
    table: Table,
    wanted: RequestedPartitions,
    mews: MewsResource,
    lake: Lake,
    lookback: Lookback,
) -> tuple[RequestedPartitions, Materialised, dict[str, str]]:
    """What was wanted and can be had by now, its partitions pulled and merged, and the names of their scopes.

    Windows shortly before them that stand are looked at again in the same pulls.
    """
    with mews.open(before=load_directory(lake)) as platform:
        directory = platform.directory
        wanted = _without_unsettled(context, table, wanted, platform.now())
        # A scope that nobody sees any more fails alone. An export that was asked for may still bring its rows.
        seen = (
            directory.scopes(table.scope)
            if wanted.pulls is None
            else {one.scope for one in wanted.partitions}
        )
        request = PartitionRequest(
            [one for one in wanted.partitions if one.scope in seen],
            also=[one for one in wanted.also if one.scope in seen],
            landed_since=_at_mews(wanted, platform),
            pulls=wanted.pulls,
        )
        puller = Puller(lake, platform.now, asked_by=context.run.run_id, lookback=lookback)
        result = materialise(table, request, platform.clients, directory, puller)
        for scope in sorted({one.scope for one in wanted.partitions} - set(seen)):
            try:
                directory.connection_of(table.scope, scope)
            except UnknownScopeError as error:
                result.failed.append(([one for one in wanted.partitions if one.scope == scope], error))
        names = {one.scope: directory.name_of(table.scope, one.scope) for one in wanted.partitions}
        return wanted, result, names


def _without_unsettled(
    context: dg.AssetExecutionContext, table: Table, wanted: RequestedPartitions, now: datetime
) -> RequestedPartitions:
    """The newest days left out of a backfill that reaches up to them, and said. Alone they are an error.

    The UI offers a day of the ledger from midnight in UTC on, when it is not over in every hotel: a backfill of
    all tables, launched in the morning, would else fail with all of its ledger.
    """
    settled = [one for one in wanted.partitions if one.window.is_settled(now, by_day=table.by_day)]
    left_out = len(wanted.partitions) - len(settled)
    if wanted.pulls is not None or not settled or not left_out:
        return wanted
    context.log.warning(
        "%s: %d partitions have not settled and are left out. They stay missing, so the sensor asks for them when "
        "they have: after %s",
        table.name,
        left_out,
        to_api(max(one.window for one in wanted.partitions).settles(by_day=table.by_day)),
    )
    return replace(wanted, partitions=settled)


def _at_mews(wanted: RequestedPartitions, platform: Platform) -> datetime | None:
    if wanted.landed_since is None or not wanted.by_our_clock:
        return wanted.landed_since
    return wanted.landed_since + (platform.now() - datetime.now(UTC))


def op_name(table: Table) -> str:
    """The op that fills the table; run config for it goes under this name."""
    return f"pull_{partners(table)[0].name}"


def pool_of(table: Table) -> str:
    """The pool that bounds the runs of one operation; over one connection they take turns (`materialise`)."""
    return f"mews_{table.fetch.way}_{table.name}"


def rebuild_changes(lake: Lake, tables: Iterable[Table], wanted: list[Partition]) -> Materialised:
    """Changes from what landed, without asking Mews. A partition of which nothing landed has failed.

    All captures that can hold rows of a partition are read, also those that only end where it starts.
    """
    result = Materialised()
    for table in tables:
        every = [
            read_manifest(lake, table.name, capture) for capture in capture_store.captures(lake, table.name)
        ]
        of_wanted = [manifest for manifest in every if _of(manifest, wanted)]
        expired = [manifest for manifest in of_wanted if manifest.expired_at is not None]
        manifests = [
            manifest for manifest in every if manifest.expired_at is None and _near(manifest, wanted)
        ]
        there = [one for one in wanted if any(_of(manifest, [one]) for manifest in manifests)]
        fallen = _fallen(lake, table, wanted, expired)
        _warn_of_edges(lake, table, there, every)
        merged = result.merged[table.name] = rebuild(lake, table, manifests, only=there)
        result.landed[table.name] = manifests
        # A partition that stands keeps the rows of captures that are gone.
        untouched = {one for gone in expired for one in _of(gone, wanted) if one not in merged.partitions}
        merged.partitions.update(measure_existing(lake, table, untouched))
        result.failed += [
            ([one for one in there if _near(manifest, [one])], error)
            for manifest in manifests
            if (error := merged.problem(manifest.capture))
        ]
        result.failed += [(fallen, _gone(table, fallen, expired))] if fallen else []
        if never := [one for one in wanted if not any(_of(manifest, [one]) for manifest in of_wanted)]:
            beside = landing_key(table).to_user_string()
            problem = f"{table.name}: nothing has landed of these; materialise {beside} along with them"
            result.failed.append((never, LakeError(problem)))
    return result


def _fallen(lake: Lake, table: Table, wanted: list[Partition], expired: list[Manifest]) -> list[Partition]:
    """The partitions that do not stand and had rows from captures that are gone."""
    with_lines = [manifest for manifest in expired if manifest.lines]
    return [
        one
        for one in wanted
        if any(_of(manifest, [one]) for manifest in with_lines)
        and not lake.exists(layout.changes_file(table.name, one.scope, one.key(lake.grain)))
    ]


def _warn_of_edges(lake: Lake, table: Table, wanted: list[Partition], every: list[Manifest]) -> None:
    """Rows at a window's start may have come with the capture before it only, and that is gone."""
    gone = [manifest for manifest in every if manifest.expired_at is not None and manifest.lines]
    edges = [
        one
        for one in wanted
        if any(_near(manifest, [one]) and not _of(manifest, [one]) for manifest in gone)
        and not lake.exists(layout.changes_file(table.name, one.scope, one.key(lake.grain)))
    ]
    if edges:
        log.warning(
            "%s: captures that end where %s starts (%d partitions in all) are past MEWS_LANDING_DAYS and removed: rows "
            "stamped exactly there that only they held cannot be made again",
            *(table.name, edges[0], len(edges)),
        )


def _gone(table: Table, fallen: list[Partition], expired: list[Manifest]) -> LakeError:
    last = max(manifest.capture for manifest in expired if _of(manifest, fallen))
    return LakeError(
        f"{table.name}: captures of these, {last} the last, are past MEWS_LANDING_DAYS and removed, and the partitions "
        "do not stand any more: what only those captures held is gone. Materialise "
        f"{landing_key(table).to_user_string()} along with them to ask Mews for what it still has"
    )


def _near(manifest: Manifest, wanted: Iterable[Partition]) -> bool:
    return any(one.scope in manifest.scopes and manifest.reaches(one.window) for one in wanted)


def _of(manifest: Manifest, wanted: Iterable[Partition]) -> list[Partition]:
    return [one for one in wanted if manifest.covers(one.scope, one.window)]
