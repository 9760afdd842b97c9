"""Delta: the assets `delta/<table>`, Delta tables of what is current, of the reference and of the marts.

Lives here: one asset per table, published when its source was made, and the job that compacts the Delta tables and
removes old versions. None of it exists unless MEWS_PUBLISH is `delta`. Not here: writing them
(`publish.delta_tables`, which needs the package deltalake).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.entities.reference import Reference
from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.base.column_schemas import column_schema
from mews_assets.defs.base.conditions import follows_its_deps
from mews_assets.defs.base.jobs import op_job, utc_schedule
from mews_assets.defs.base.partitions import keys_in, scopes_of
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.base.run_tags import scope_tags, tag_run
from mews_assets.defs.namespace import DELTA, Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.lake.landing.reference_rows import reference_schema
from mews_assets.lake.storage import layout
from mews_assets.marts.model import Mart
from mews_assets.settings import Settings

if TYPE_CHECKING:
    from mews_assets.publish.delta_tables import DeltaSource

MAINTENANCE_JOB = "delta_maintenance"


@dataclass(frozen=True)
class Published:
    """A table of the lake that is published: its columns, the asset it is made from, and its file.

    `scopes` is the kind of scope that has a file each; without one the table is one file.
    """

    name: str
    description: str
    schema: pa.Schema
    key: dg.AssetKey
    source: dg.AssetKey
    file: Callable[[str], str]
    scopes: ScopeKind | None = None

    def delta(self, base: str) -> "DeltaSource":
        """The same for the writer, which only who publishes has installed."""
        from mews_assets.publish.delta_tables import DeltaSource

        return DeltaSource(base, self.name, self.description, self.schema)


def published(settings: Settings) -> list[Published]:
    """What is published; nothing unless MEWS_PUBLISH says so."""
    if not settings.delta:
        return []
    namespace = Namespace.of(settings)
    return [
        *(_of_current(table, namespace) for table in settings.tables),
        *(_of_reference(reference, namespace) for reference in settings.references),
        *(_of_mart(mart, namespace) for mart in wanted_marts(settings)),
    ]


def _of_current(table: Table, namespace: Namespace) -> Published:
    return Published(
        table.name,
        f"The newest version of each record of `{table.name}`.",
        arrow_schema(table),
        namespace.delta(table.name),
        namespace.current(table),
        lambda scope: layout.current_file(table.name, scope),
        table.scope,
    )


def _of_reference(reference: Reference, namespace: Namespace) -> Published:
    return Published(
        reference.name,
        reference.description,
        reference_schema(reference),
        namespace.delta(reference.name),
        namespace.reference(reference),
        lambda _: layout.reference_file(reference.name),
    )


def _of_mart(mart: Mart, namespace: Namespace) -> Published:
    return Published(
        mart.name,
        mart.summary,
        mart.schema,
        namespace.delta(mart.name),
        namespace.mart(mart.name),
        lambda _: layout.mart_file(mart.name),
    )


def delta_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`delta/<table>`, for every table that is published."""
    return [_asset(one, settings) for one in published(settings)]


def delta_jobs(settings: Settings) -> list[dg.JobDefinition]:
    return [_maintenance(published(settings), settings)] if settings.delta else []


def delta_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Maintenance once a week."""
    if not settings.delta:
        return []
    return [
        utc_schedule(
            settings,
            MAINTENANCE_JOB,
            "10 3 * * 0",
            "Compacts the Delta tables and removes the files of versions older than 7 days.",
        )
    ]


def _asset(one: Published, settings: Settings) -> dg.AssetsDefinition:
    base, namespace = settings.delta, Namespace.of(settings)

    @dg.asset(
        key=one.key,
        deps=[one.source],
        partitions_def=scopes_of(one.scopes, namespace) if one.scopes else None,
        backfill_policy=dg.BackfillPolicy.single_run() if one.scopes else None,
        automation_condition=follows_its_deps(),
        description=f"{one.description} As a Delta table, replaced scope by scope in one transaction a run."
        if one.scopes
        else f"{one.description} As a Delta table.",
        group_name=namespace.group(DELTA),
        kinds={"deltalake"},
        owners=OWNERS,
        pool=namespace.name(f"mews_{DELTA}_{one.name}"),
        required_resource_keys={namespace.lake_resource},
        metadata={
            "dagster/table_name": f"{DELTA}.{one.name}",
            "dagster/uri": f"{base.rstrip('/')}/{one.name}",
            "dagster/column_schema": column_schema(one.schema),
        },
    )
    def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from mews_assets.publish.delta_tables import publish_scopes, publish_table

        opened, source = lake_of(context, namespace).open(), one.delta(base)
        if one.scopes:
            directory = load_directory(opened) or Directory({}, {}, {})
            keys = keys_in(context.instance, directory, opened.grain, namespace)
            scopes = [keys.scopes.scope_of(str(key)) for key in context.partition_keys]
            tag_run(context, scope_tags(directory, one.scopes, scopes))
            files = {scope: one.file(scope) for scope in scopes}
            made = publish_scopes(opened, source, files)
        else:
            made = publish_table(opened, source, one.file(""))
        metadata: Mapping[str, Any] = {
            "dagster/row_count": made.rows,
            "delta_version": made.version,
            "delta_files": made.files,
            "size_bytes": made.size_bytes,
        }
        return dg.MaterializeResult(metadata=metadata)

    return publish


def _maintenance(tables: list[Published], settings: Settings) -> dg.JobDefinition:
    @dg.op(
        name=Namespace.of(settings).name("maintain_delta"),
        description="Compacts every Delta table and removes the files of old versions.",
    )
    def maintain_delta(context: dg.OpExecutionContext) -> None:
        from mews_assets.publish.delta_tables import maintain

        for one in tables:
            removed = maintain(one.delta(settings.delta))
            if removed is not None:
                context.log.info("%s: %d files of old versions removed", one.name, removed)

    return op_job(
        settings,
        MAINTENANCE_JOB,
        maintain_delta,
        "Keeps the Delta tables fast to read and old versions few.",
    )
