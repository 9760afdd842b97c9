"""Snapshots: the assets `snapshot/<table>`, one partition per scope, materialised on request only.

Lives here: one op per table around `ingest.snapshot`, and the checks of its result. No sensor requests a snapshot: it
is all of a hotel's history in one export. Records last updated before MEWS_START_DATE come only this way.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from mews_assets.catalog.model import Table
from mews_assets.defs.assets import run_failures, run_log
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.base.column_schemas import table_columns
from mews_assets.defs.base.event_tables import forget_unjudged_checks
from mews_assets.defs.base.metadata_keys import CAUSES, FAILED_PARTITIONS, RETRYABLE, size_text
from mews_assets.defs.base.partitions import PartitionKeys, keys_in, scopes_of
from mews_assets.defs.base.resources import MewsResource, known_directory, lake_of, mews_of
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
from mews_assets.ingest.pull import Puller
from mews_assets.ingest.snapshot import take_snapshots
from mews_assets.lake.current.snapshot import Snapshot, merge_snapshots
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_api


class SnapshotConfig(dg.Config):
    """Where a snapshot's records come from."""

    from_landing: bool = Field(
        default=False,
        description="Make the files again from the snapshots that landed, and ask Mews for nothing. Example: true",
    )


SNAPSHOT_CHECKS = (
    ScopeCheck[Snapshot](
        "of_this_scope",
        "Every record that came belongs to the scope that was asked about. ERROR: Mews answered another question; the "
        "others' records are left out here, and in the landing.",
        dg.AssetCheckSeverity.ERROR,
        lambda snapshot: (not snapshot.foreign, {"lines": snapshot.lines, "foreign": snapshot.foreign}),
    ),
    ScopeCheck[Snapshot](
        "none_missing",
        "No fewer records came than earlier snapshots had shown. WARN: Mews deletes no record, so this snapshot is "
        "incomplete; the records of the others stay.",
        dg.AssetCheckSeverity.WARN,
        lambda snapshot: (
            not snapshot.captures or snapshot.lines >= snapshot.rows_before,
            {"lines": snapshot.lines, "rows_before": snapshot.rows_before},
        ),
    ),
)


def snapshot_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`snapshot/<table>`, for every table that an export without a window brings all of."""
    return [_asset(table, settings) for table in settings.tables if table.has_snapshot]


def op_name(table: Table, namespace: Namespace) -> str:
    """The op that takes a table's snapshots; run config for it goes under this name."""
    return namespace.name(f"snapshot_{table.name}")


def _asset(table: Table, settings: Settings) -> dg.AssetsDefinition:
    namespace = Namespace.of(settings)
    key = namespace.snapshot(table)
    partitions = scopes_of(table.scope, namespace)
    spec = dg.AssetSpec(
        key,
        deps=[namespace.enterprises],
        description=f"All there is of `{table.name}`, asked for without a window when somebody wants it: what was last "
        f"updated before the first window comes by no other way. The newest version of each record that any snapshot "
        f"showed; `current/{table.name}` takes it in.\n\n{table.description}",
        group_name=namespace.group(layout.SNAPSHOT),
        kinds={"parquet"},
        owners=OWNERS,
        tags={"mews/entity": table.entity, "mews/scope": table.scope.value},
        metadata={
            "dagster/table_name": f"{layout.SNAPSHOT}.{table.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layout.snapshot_folder(table.name)}",
            "dagster/column_schema": table_columns(table),
        },
        partitions_def=partitions,
        skippable=True,
    )

    @dg.multi_asset(
        name=op_name(table, namespace),
        specs=[spec],
        check_specs=scope_check_specs(SNAPSHOT_CHECKS, key),
        can_subset=True,  # makes the checks' results optional: a run that judged nothing stores none
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Not that of the windows: what is ready there need not wait for hours of this.
        pool=namespace.name(f"mews_snapshot_{table.name}"),
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
        description=f"Asks Mews for all there is of {table.name}, lands it and takes it in.",
    )
    def snapshot_scopes(context: dg.AssetExecutionContext, config: SnapshotConfig) -> Iterator[Any]:
        mews, lake = mews_of(context, namespace), lake_of(context, namespace)
        require_assets(context)
        run_log.without_omitted_outputs(context.log)
        with run_failures.raise_as_dagster_failure(table):
            opened = lake.open()
            if config.from_landing:
                directory = load_directory(opened) or Directory({}, {}, {})
            else:
                directory = known_directory(opened, mews)
            keys = keys_in(context.instance, directory, opened.grain, namespace)
            done: list[Snapshot] = []
            failed: list[tuple[str, Exception]] = []
            scopes = [keys.scopes.scope_of(str(key)) for key in context.partition_keys]
            tag_run(context, scope_tags(directory, table.scope, scopes))
            if config.from_landing:
                results = _from_landing(opened, table, scopes)
            else:
                unseen = {
                    scope: reason
                    for scope in scopes
                    if (reason := unseen_error(directory, table.scope, scope, namespace)) is not None
                }
                failed += unseen.items()
                seen = [scope for scope in scopes if scope not in unseen]
                results = _asked(opened, table, seen, mews, context.run.run_id) if seen else iter(())
            names = {
                scope: directory.name_of(table.scope, scope)
                for scope in (*scopes, *directory.scopes(table.scope))
            }
            for scope, snapshot in results:
                if isinstance(snapshot, Exception):
                    failed.append((scope, snapshot))
                    continue
                done.append(snapshot)
                yield _materialization(table, snapshot, opened, names[scope], keys, key)
        yield from scope_check_events(context, key, SNAPSHOT_CHECKS, done, names, keys)
        forget_unjudged_checks(context, [key])
        if failed:
            raise _failure(table, [(keys.join(scope), error) for scope, error in failed])

    return snapshot_scopes


def _asked(
    lake: Lake, table: Table, scopes: list[str], mews: MewsResource, run: str
) -> Iterator[tuple[str, Snapshot | Exception]]:
    with mews.open(before=load_directory(lake)) as platform:
        puller = Puller(lake, platform.now, asked_by=run)
        yield from take_snapshots(table, scopes, platform.clients, platform.directory, puller)


def _from_landing(lake: Lake, table: Table, scopes: list[str]) -> Iterator[tuple[str, Snapshot | Exception]]:
    for scope in scopes:
        try:
            yield scope, merge_snapshots(lake, table, scope, from_landing=True)
        except LakeError as error:
            yield scope, error


def _failure(table: Table, failed: list[tuple[str, Exception]]) -> dg.Failure:
    causes = [f"{scope}: {error}" for scope, error in failed]
    retryable = all(getattr(error, "retryable", False) for _, error in failed)
    return dg.Failure(
        f"{table.name}: {len(failed)} snapshots failed, the others are in place, and nothing that stood before has "
        f"changed. {' '.join(causes)}",
        metadata={
            FAILED_PARTITIONS: dg.MetadataValue.json(sorted(scope for scope, _ in failed)),
            CAUSES: dg.MetadataValue.json(causes),
            RETRYABLE: retryable,
        },
        allow_retries=retryable,
    )


def _materialization(
    table: Table, snapshot: Snapshot, lake: Lake, name: str, keys: PartitionKeys, asset: dg.AssetKey
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset,
        partition=keys.join(snapshot.scope),
        metadata={
            table.scope.value: name,
            "dagster/partition_row_count": snapshot.rows,
            "dagster/uri": lake.uri(snapshot.name),
            "size_bytes": snapshot.size_bytes,
            "size": size_text(snapshot.size_bytes),
            "records_new": snapshot.rows - snapshot.rows_before,
            "lines": snapshot.lines,
            "captured_at": to_api(snapshot.captured_at) if snapshot.captured_at else "before",
            "captures": dg.MetadataValue.json(
                [
                    {
                        "uri": lake.uri(layout.capture_folder(capture.table, capture.capture)),
                        "lines": capture.lines,
                        "bytes": capture.size_bytes,
                        "connection": capture.connection,
                        **capture.source,
                    }
                    for capture in snapshot.captures
                ]
            ),
            "unknown_fields": dg.MetadataValue.json(dict(snapshot.unknown)),
        },
    )
