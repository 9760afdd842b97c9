"""Current: the assets `current/<table>`, one partition per scope, materialised when their changes are updated.

Lives here: one op per table around `lake.current.update`, and the checks of its result.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.assets import run_log
from mews_assets.defs.base.asset_specs import OWNERS, sample_query
from mews_assets.defs.base.column_schemas import table_columns
from mews_assets.defs.base.conditions import follows_its_deps
from mews_assets.defs.base.event_tables import forget_unjudged_checks
from mews_assets.defs.base.jobs import asset_job
from mews_assets.defs.base.metadata_keys import FAILED_PARTITIONS, size_text
from mews_assets.defs.base.partitions import PartitionKeys, keys_in, scopes_of
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.base.run_tags import scope_tags, tag_run
from mews_assets.defs.base.unseen_partitions import unseen_error
from mews_assets.defs.checks.per_scope import (
    ScopeCheck,
    require_assets,
    scope_check_events,
    scope_check_specs,
)
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.lake.current.update import CurrentResult, update_current
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings

CURRENT_CHECKS = (
    ScopeCheck[CurrentResult](
        "key_unique",
        "No two rows share an id. ERROR: sums over the table would count money twice.",
        dg.AssetCheckSeverity.ERROR,
        lambda result: (
            not result.repeated_ids,
            {"rows": result.rows, "distinct_ids": result.rows - result.repeated_ids},
        ),
    ),
    ScopeCheck[CurrentResult](
        "none_lost",
        "Every record of before is still there. ERROR: Mews deletes no record, so a missing one was lost here: files "
        "of changes were removed.",
        dg.AssetCheckSeverity.ERROR,
        lambda result: (
            result.rows >= result.rows_before,
            {
                "rows": result.rows,
                "rows_before": result.rows_before,
                "rebuilt_because": result.rebuilt or "not rebuilt",
            },
        ),
    ),
)


def current_job(table: Table) -> str:
    """The name, without the prefix, of the job that brings a table up to date."""
    return f"current_{table.name}"


def current_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`current/<table>`, for every table."""
    return [_asset(table, settings) for table in settings.tables]


def current_jobs(settings: Settings) -> list[Any]:
    return [
        asset_job(
            settings,
            current_job(table),
            dg.AssetSelection.assets(Namespace.of(settings).current(table)),
            description=f"Brings the current table of {table.name} up to its changes.",
        )
        for table in settings.tables
    ]


def _asset(table: Table, settings: Settings) -> dg.AssetsDefinition:
    namespace = Namespace.of(settings)
    key = namespace.current(table)
    partitions = scopes_of(table.scope, namespace)
    with warnings.catch_warnings():
        # In beta in Dagster 1.13; the constraints file holds the version this was seen with.
        warnings.simplefilter("ignore", dg.BetaWarning)
        by_scope = dg.MultiToSingleDimensionPartitionMapping(table.scope.value)
    spec = dg.AssetSpec(
        key,
        deps=[
            dg.AssetDep(namespace.changes(table), partition_mapping=by_scope),
            *([namespace.snapshot(table)] if table.has_snapshot else []),
        ],
        description=f"The newest version of each record of `{table.name}`, one row per id, sorted by it.\n\n"
        + sample_query(f"{layout.CURRENT}.{table.name}"),
        group_name=namespace.group(layout.CURRENT),
        kinds={"parquet"},
        owners=OWNERS,
        tags={"mews/entity": table.entity, "mews/scope": table.scope.value},
        metadata={
            "dagster/table_name": f"{layout.CURRENT}.{table.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layout.current_folder(table.name)}",
            "dagster/column_schema": table_columns(table),
        },
        partitions_def=partitions,
        automation_condition=follows_its_deps(),
        skippable=True,
    )

    @dg.multi_asset(
        name=namespace.name(f"fold_{table.name}"),
        specs=[spec],
        check_specs=scope_check_specs(CURRENT_CHECKS, key),
        can_subset=True,  # makes the checks' results optional: a run that judged nothing stores none
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=namespace.name(f"mews_{current_job(table)}"),
        required_resource_keys={namespace.lake_resource},
        description=f"Updates current/{table.name}, the newest version of each record, from its changes.",
    )
    def fold_scopes(context: dg.AssetExecutionContext) -> Iterator[Any]:
        require_assets(context)
        run_log.without_omitted_outputs(context.log)
        opened = lake_of(context, namespace).open()
        directory = load_directory(opened) or Directory({}, {}, {})
        keys = keys_in(context.instance, directory, opened.grain, namespace)
        scopes = [keys.scopes.scope_of(str(key)) for key in context.partition_keys]
        names = {
            scope: directory.name_of(table.scope, scope)
            for scope in (*scopes, *directory.scopes(table.scope))
        }
        tag_run(context, scope_tags(directory, table.scope, scopes))
        done: list[CurrentResult] = []
        failed: dict[str, str] = {}
        for scope in scopes:
            try:
                result = update_current(opened, table, scope)
            except LakeError as error:
                failed[keys.join(scope)] = str(
                    unseen_error(directory, table.scope, scope, namespace) or error
                )
                continue
            done.append(result)
            yield _materialization(table, result, opened, names[scope], keys, key)
        yield from scope_check_events(context, key, CURRENT_CHECKS, done, names, keys)
        forget_unjudged_checks(context, [key])
        if failed:
            raise dg.Failure(
                f"{table.name}: {len(failed)} scopes failed, the others are in place. {' '.join(failed.values())}",
                metadata={FAILED_PARTITIONS: dg.MetadataValue.json(sorted(failed))},
                allow_retries=False,
            )

    return fold_scopes


def _materialization(
    table: Table, result: CurrentResult, lake: Lake, name: str, keys: PartitionKeys, asset: dg.AssetKey
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset,
        partition=keys.join(result.scope),
        metadata={
            table.scope.value: name,
            "dagster/partition_row_count": result.rows,
            "dagster/uri": lake.uri(result.name),
            "size_bytes": result.size_bytes,
            "size": size_text(result.size_bytes),
            "records_new": result.rows - result.rows_before,
            "records_changed": result.replaced,
            # Of the files, result may be the snapshot's: it is of no window.
            "windows": result.files - result.has_snapshot,
            "files_read": result.files_read,
            "has_snapshot": result.has_snapshot,
            "versions_read": result.versions_read,
            **({"rebuilt_because": result.rebuilt} if result.rebuilt else {}),
        },
    )
