"""Assets: landing and changes of every table, and the reference of enterprises.

Lives here: one op per operation of Mews, for all assets it fills. The op asks `ingest` to do the work and
tells Dagster what came of it: a materialisation for every partition, and every check's verdict on it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from mews_assets.catalog import partners
from mews_assets.catalog.model import Export, Table
from mews_assets.defs import events
from mews_assets.defs.checks import check_specs
from mews_assets.defs.partitions import partitions_of, to_partition
from mews_assets.defs.resources import LakeResource, MewsResource
from mews_assets.defs.specs import changes_key, landing_key, table_specs
from mews_assets.ingest.materialise import Materialised, materialise, rebuild
from mews_assets.lake import landing
from mews_assets.lake.dealing import Partition
from mews_assets.lake.store import Lake
from mews_assets.settings import Settings


class Wanted(dg.Config):
    """Partitions to materialise, where the run's tags do not name them: keys as `<scope>|<window>`."""

    partitions: list[str] = []


def groups(tables: Iterable[Table]) -> list[tuple[Table, ...]]:
    """Tables that one request fills, together."""
    return list(dict.fromkeys(partners(table) for table in tables))


def group_assets(group: tuple[Table, ...], settings: Settings) -> dg.AssetsDefinition:
    """The op for tables that come with one request, and its assets."""
    first = group[0]
    partitions = partitions_of(first.scope, settings.grain, settings.start)

    @dg.multi_asset(
        name=op_name(first),
        specs=[spec for table in group for spec in table_specs(table, settings.lake, partitions)],
        check_specs=[spec for table in group for spec in check_specs(table, partitions)],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=pool_of(first),
        description=f"Asks Mews for {', '.join(table.name for table in group)}, lands the answer and merges it.",
    )
    def materialise_group(
        context: dg.AssetExecutionContext, config: Wanted, mews: MewsResource, lake: LakeResource
    ) -> Iterator[Any]:
        opened = lake.open()
        wanted = [to_partition(key, opened.grain) for key in _keys(context, config)]
        selected = context.selected_asset_keys
        if any(landing_key(table) in selected for table in group):
            with mews.open() as platform:
                result = materialise(
                    opened, first, wanted, platform.clients, platform.directory, platform.now
                )
                names = {one.scope: platform.directory.name_of(first.scope, one.scope) for one in wanted}
        else:
            chosen = [table for table in group if changes_key(table) in selected]
            result, names = rebuild_changes(opened, chosen, wanted), {}
        yield from events.report(context, group, result, wanted, opened, names)

    return materialise_group


def op_name(table: Table) -> str:
    """The op that fills the table; run config for it goes under this name."""
    return f"pull_{partners(table)[0].name}"


def pool_of(table: Table) -> str:
    """The pool that keeps runs of one operation apart: Mews takes one export per entity type at a time."""
    kind = "export" if isinstance(table.fetch, Export) else "pages"
    return f"mews_{kind}_{table.name}"


def rebuild_changes(lake: Lake, tables: Iterable[Table], wanted: list[Partition]) -> Materialised:
    """Changes from what landed, without asking Mews."""
    result = Materialised()
    for table in tables:
        manifests = [
            manifest
            for capture in landing.captures(lake, table.name)
            if any(
                (manifest := landing.read_manifest(lake, table.name, capture)).covers(one.scope, one.window)
                for one in wanted
            )
        ]
        result.landed[table.name] = manifests
        result.merged[table.name] = rebuild(lake, table, manifests)
    return result


def _keys(context: dg.AssetExecutionContext, config: Wanted) -> list[str]:
    if config.partitions:
        return config.partitions
    if context.has_partition_key or context.has_partition_key_range:
        return [str(key) for key in context.partition_keys]
    raise dg.Failure(
        "This run names no partitions. Choose some in the launchpad or a backfill, or name them in the run's "
        "config: ops: {<op>: {config: {partitions: ['<scope>|<window>']}}}",
        allow_retries=False,
    )
