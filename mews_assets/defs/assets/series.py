"""Series: figures per day or time unit, whose past may change, read once a day.

Lives here: one op for all series, an asset each, with its check. An asset has no partitions: one event a day says what
was read, and the lake's files say which months of which hotel are there; those that are missing are asked for with the
next run. Not here: asking Mews (`ingest.series`), the files (`lake.landing.series_tables`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from mews_assets.catalog.series_model import SeriesTable
from mews_assets.defs.assets import run_failures
from mews_assets.defs.assets.reference import SOUND, sound_result
from mews_assets.defs.base.asset_specs import OWNERS, sample_query
from mews_assets.defs.base.column_schemas import column_schema
from mews_assets.defs.base.conditions import made_when_missing, waits_for_reference
from mews_assets.defs.base.jobs import asset_job, utc_schedule
from mews_assets.defs.base.resources import Platform, known_directory, lake_of, mews_of
from mews_assets.defs.checks.reconciliation.run import without_reconciliations
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.series.ask import SeriesRead, read_series
from mews_assets.lake.landing.series_rows import series_schema
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_api

OP = "read_series"
JOB = "series"
_SOUND = (
    "No two figures of one answer share a key, every column that Mews requires is filled, every hotel's figures could "
    "be read, and those that stand were sent again. ERROR: the contract is broken, or a right was taken from a token. "
    "Every connection answered. WARN: the figures of the others are fresh; the next run asks again."
)


class SeriesConfig(dg.Config):
    """The days to read."""

    since: str = Field(
        default="",
        description="Read all days since this day again. Left empty, the days around today are read, and the months "
        "that the lake does not have. Example: 2026-01-01",
    )


def series_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`series/<name>`, for every series that the settings choose, made by one op."""
    chosen, namespace = settings.series, Namespace.of(settings)
    if not chosen:
        return []

    @dg.multi_asset(
        name=namespace.name(OP),
        specs=[_spec(table, settings) for table in chosen],
        check_specs=[
            dg.AssetCheckSpec(SOUND, asset=namespace.series(table.name), description=_SOUND)
            for table in chosen
        ],
        can_subset=True,
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
    )
    def refresh(context: dg.AssetExecutionContext, config: SeriesConfig) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        mews, lake = mews_of(context, namespace), lake_of(context, namespace)
        wanted = [one for one in chosen if namespace.series(one.name) in context.selected_asset_keys]
        failures: dict[str, dg.Failure] = {}
        opened = lake.open()
        with run_failures.raise_as_dagster_failure(wanted[0]):
            since = datetime.fromisoformat(config.since).replace(tzinfo=UTC) if config.since else None
            clients = mews.open(known_directory(opened, mews))
        with run_failures.raise_as_dagster_failure(wanted[0]), clients as platform:
            for table in wanted:
                try:
                    with run_failures.raise_as_dagster_failure(table):
                        read = read_series(
                            *(table, platform.clients, platform.directory, opened, platform.now()),
                            since or settings.start,
                            again=bool(since),
                        )
                except dg.Failure as failure:
                    failures[namespace.series(table.name).to_user_string()] = failure
                else:
                    yield _result(table, read, platform, opened, namespace.series(table.name))
        if failures:
            raise run_failures.failure_of_assets(failures)

    return [refresh]


def series_jobs(settings: Settings) -> list[Any]:
    keys = [Namespace.of(settings).series(table.name) for table in settings.series]
    if not keys:
        return []
    return [
        asset_job(
            settings,
            JOB,
            without_reconciliations(dg.AssetSelection.assets(*keys), settings),
            "Reads the figures of the days around today, and of months that are missing.",
        )
    ]


def series_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    if not settings.series:
        return []
    return [
        utc_schedule(
            settings,
            "series_daily",
            "45 4 * * *",
            "Reads the figures of the days around today once a day, after the reference data.",
            job=JOB,
        )
    ]


def _result(
    table: SeriesTable, read: SeriesRead, platform: Platform, lake: Lake, asset: dg.AssetKey
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(
        asset,
        metadata={
            "dagster/uri": lake.uri(layout.series_folder(table.name)),
            "asked_at": to_api(platform.now()),
            "hotels": len(read.read),
            "figures_sent": read.measures.sent,
            "figures_new": read.measures.new,
            "figures_changed": read.measures.changed,
            "figures_gone": read.measures.gone,
        },
        check_results=[judged(read, platform, asset)],
    )


def judged(read: SeriesRead, platform: Platform, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """The verdict on what was read, with the numbers behind it and the hotels at fault by their keys."""
    key_of = platform.directory.scope_keys.key_of
    faults: dict[str, Any] = {
        "duplicate_keys": read.measures.duplicate_keys,
        "missing": read.measures.missing,
        "vanished": {key_of(scope): count for scope, count in read.vanished.items()},
        "not_read": {key_of(scope): cause for scope, cause in read.faults.items()},
    }
    return sound_result(asset, {"figures": read.measures.sent}, faults, read.silent)


def _spec(table: SeriesTable, settings: Settings) -> dg.AssetSpec:
    namespace = Namespace.of(settings)
    return dg.AssetSpec(
        namespace.series(table.name),
        deps=[namespace.enterprises, *map(namespace.reference, table.parents)],
        description=f"{table.description}\n\nThe newest of each figure:\n\n"
        + sample_query(f"{layout.CURRENT}.{table.name}"),
        group_name=namespace.group(layout.SERIES),
        kinds={"parquet"},
        owners=OWNERS,
        tags={"mews/entity": table.entity},
        metadata={
            "dagster/table_name": f"{layout.SERIES}.{table.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layout.series_folder(table.name)}",
            "dagster/column_schema": column_schema(series_schema(table)),
            "mews/asked": table.fetch.operation,
        },
        automation_condition=(made_when_missing() & waits_for_reference(settings)).with_label(
            "is made when missing, once there are reference tables"
        ),
        skippable=True,
    )
