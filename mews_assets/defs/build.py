"""The definitions, built from settings.

Lives here: `build_definitions`, which tests call with settings of their own. Importing it reads no network, lake or
token. Not here: the assets, checks and sensors themselves.
"""

from __future__ import annotations

from functools import lru_cache

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mews_assets.catalog import partners
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.alerts.sensor import alerts_sensor
from mews_assets.defs.assets.current import current_assets, current_jobs
from mews_assets.defs.assets.delta import delta_assets, delta_jobs, delta_schedules
from mews_assets.defs.assets.html_report import report_assets, report_jobs, report_schedules
from mews_assets.defs.assets.landing_and_changes import group_assets, groups
from mews_assets.defs.assets.marts import mart_assets, mart_jobs, mart_schedules
from mews_assets.defs.assets.reference import reference_assets
from mews_assets.defs.assets.retention import retention_jobs, retention_schedules
from mews_assets.defs.assets.run_retention import run_retention_jobs, run_retention_schedules
from mews_assets.defs.assets.series import series_assets, series_jobs, series_schedules
from mews_assets.defs.assets.snapshot import snapshot_assets
from mews_assets.defs.assets.sql_catalog import sql_catalog
from mews_assets.defs.assets.start_here import start_here
from mews_assets.defs.base.conditions import automation_sensor
from mews_assets.defs.base.jobs import ENTERPRISES_JOB, asset_job, utc_schedule
from mews_assets.defs.base.metadata_keys import TABLE_TAG
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.defs.checks.freshness import (
    freshness_checks,
    freshness_job,
    freshness_schedule,
    without_freshness,
)
from mews_assets.defs.checks.reconciliation.run import (
    reconciliation_checks,
    reconciliation_jobs,
    reconciliation_schedules,
)
from mews_assets.defs.checks.reconciliation.run_pages import (
    pages_checks,
    pages_jobs,
    pages_schedules,
    without_pages_checks,
)
from mews_assets.defs.namespace import Namespace
from mews_assets.defs.sensors.discovery import discovery_sensor
from mews_assets.defs.sensors.exports import export_sensor
from mews_assets.defs.sensors.pages import pages_sensor
from mews_assets.settings import Settings

REFERENCE_JOB = "reference"


@lru_cache(maxsize=4)
def build_definitions(
    settings: Settings, executor: dg.ExecutorDefinition | None = dg.in_process_executor
) -> dg.Definitions:
    """All assets, checks, jobs, sensors and resources. Built once for the same settings.

    `executor` is that of assets which the UI materialises: pass None where a host has one of its own. Jobs run in the
    process of their run.
    """
    namespace = Namespace.of(settings)
    assets = [group_assets(group, settings) for group in groups(settings.tables)]
    reference = reference_assets(settings)
    assets += [
        reference,
        *series_assets(settings),
        *snapshot_assets(settings),
        *current_assets(settings),
        *mart_assets(settings),
        sql_catalog(settings),
        *delta_assets(settings),
    ]
    asset_checks = [
        freshness_checks(settings),
        *reconciliation_checks(settings),
        *pages_checks(settings),
    ]
    assets += report_assets(settings, [key for one in (*assets, *asset_checks) for key in one.check_keys])
    jobs = [
        *(_table_job(table, settings) for table in settings.tables),
        *current_jobs(settings),
        asset_job(settings, ENTERPRISES_JOB, dg.AssetSelection.assets(namespace.enterprises)),
        asset_job(settings, REFERENCE_JOB, dg.AssetSelection.assets(reference)),
        *series_jobs(settings),
        freshness_job(settings),
        *reconciliation_jobs(settings),
        *pages_jobs(settings),
        *mart_jobs(settings),
        *report_jobs(settings),
        *retention_jobs(settings),
        *delta_jobs(settings),
    ]
    keys = [key for asset in assets for key in asset.keys]
    return dg.Definitions(
        assets=[start_here(settings), *assets],
        asset_checks=asset_checks,
        jobs=[*jobs, *run_retention_jobs(settings, (job.name for job in jobs), keys)],
        sensors=[
            discovery_sensor(settings),
            alerts_sensor(settings),
            automation_sensor(settings, keys),
            *(_sensor(group, settings) for group in groups(settings.tables)),
        ],
        schedules=[
            utc_schedule(
                settings,
                "reference_daily",
                "30 4 * * *",
                "Refreshes the reference data once a day.",
                job=REFERENCE_JOB,
            ),
            *series_schedules(settings),
            freshness_schedule(settings),
            *reconciliation_schedules(settings),
            *pages_schedules(settings),
            *mart_schedules(settings),
            *report_schedules(settings),
            *retention_schedules(settings),
            *delta_schedules(settings),
            *run_retention_schedules(settings),
        ],
        resources={
            namespace.mews_resource: MewsResource.of(settings),
            namespace.lake_resource: LakeResource.of(settings),
        },
        executor=executor,
    )


def _table_job(table: Table, settings: Settings) -> UnresolvedAssetJobDefinition:
    """The job of a table, with the tables that the same request brings: they cost nothing more."""
    namespace, together = Namespace.of(settings), partners(table)
    keys = [key for one in together for key in (namespace.landing(one), namespace.changes(one))]
    return asset_job(
        settings,
        table.name,
        without_pages_checks(
            without_freshness(dg.AssetSelection.assets(*keys), together, namespace), together, settings
        ),
        f"Lands and merges partitions of {', '.join(one.name for one in together)}.",
        tags={TABLE_TAG: namespace.name(together[0].name)},
    )


def _sensor(group: tuple[Table, ...], settings: Settings) -> dg.SensorDefinition:
    """The sensor of the tables of one request."""
    first = group[0]
    if isinstance(first.fetch, Export):
        return export_sensor(first, settings, job=first.name)
    return pages_sensor(group, settings, job=first.name)
