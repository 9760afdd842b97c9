"""Marts: the assets `marts/<name>`, each with its plot.

Lives here: one asset per row of `MARTS`, with its checks, job and schedule. Not here: the marts' queries
(`mews_assets.marts`).
"""

import base64
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from mews_assets.defs.base.asset_specs import OWNERS, sample_query
from mews_assets.defs.base.column_schemas import column_schema
from mews_assets.defs.base.conditions import follows_in_batches, waits_for_reference
from mews_assets.defs.base.jobs import asset_job, utc_schedule
from mews_assets.defs.base.metadata_keys import size_text
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.storage import layout
from mews_assets.marts import MARTS
from mews_assets.marts.make import NONE_LEFT_OUT, Made, checks_of, make
from mews_assets.marts.model import Mart
from mews_assets.marts.preview import markdown
from mews_assets.settings import Settings
from mews_assets.windows import from_api, to_api, window_start

MARTS_JOB = "marts"
POOL = "marts"


class MartConfig(dg.Config):
    """The instant as of which a mart is made."""

    as_of: str = Field(
        default="",
        description="The instant as of which the mart is made. Left empty, it is the start of the current window: what "
        "came later is not in the lake yet. Example: 2026-03-01T00:00:00Z",
    )


def wanted_marts(settings: Settings) -> tuple[Mart, ...]:
    """The marts whose tables this deployment fetches."""
    return tuple(mart for mart in MARTS if all(_is_fetched(name, settings) for name in mart.inputs))


def mart_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`marts/<name>`, for every mart that can be made."""
    return [_asset(mart, settings) for mart in wanted_marts(settings)]


def mart_jobs(settings: Settings) -> list[Any]:
    keys = [Namespace.of(settings).mart(mart.name) for mart in wanted_marts(settings)]
    if not keys:
        return []
    return [
        asset_job(
            settings,
            MARTS_JOB,
            dg.AssetSelection.assets(*keys),
            description="Materialises all marts, with their plots.",
        )
    ]


def mart_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    if not wanted_marts(settings):
        return []
    return [
        utc_schedule(
            settings,
            "marts_daily",
            "30 5 * * *",
            "Materialises all marts once a day: a new day is complete, whether or not a table was updated.",
            job=MARTS_JOB,
        )
    ]


def _asset(mart: Mart, settings: Settings) -> dg.AssetsDefinition:
    checks, namespace = checks_of(mart), Namespace.of(settings)
    key = namespace.mart(mart.name)

    @dg.asset(
        key=key,
        deps=[namespace.asset(*name.split("/")) for name in mart.all_inputs if _is_fetched(name, settings)],
        description=f"{mart.description}\n\n{sample_query(f'{layout.MARTS}.{mart.name}')}",
        group_name=namespace.group(layout.MARTS),
        kinds={"duckdb", "parquet"},
        owners=OWNERS,
        pool=namespace.name(POOL),
        required_resource_keys={namespace.lake_resource},
        metadata={
            "dagster/table_name": f"{layout.MARTS}.{mart.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layout.mart_file(mart.name)}",
            "dagster/column_schema": column_schema(mart.schema),
        },
        automation_condition=(follows_in_batches() & waits_for_reference(settings)).with_label(
            "follows its dependencies once there are reference tables"
        ),
        check_specs=[
            dg.AssetCheckSpec(check.name, asset=key, description=check.description, blocking=check.is_grave)
            for check in checks
        ],
    )
    def make_mart(context: dg.AssetExecutionContext, config: MartConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
        opened = lake_of(context, namespace).open()
        as_of = from_api(config.as_of) if config.as_of else window_start(datetime.now(UTC), opened.grain)
        made = make(opened, mart, as_of, settings.start)
        return dg.MaterializeResult(
            metadata={
                "plot": dg.MetadataValue.md(f"![{mart.name}](data:image/png;base64,{_text(made)})"),
                "preview": dg.MetadataValue.md(markdown(mart.preview(made.rows))),
                "dagster/row_count": made.rows.num_rows,
                "size": size_text(made.size_bytes),
                "dagster/uri": opened.uri(layout.mart_file(mart.name)),
                "plot_file": opened.uri(layout.mart_plot(mart.name)),
                "as_of": to_api(as_of),
                **made.verdicts[NONE_LEFT_OUT.name].metadata,
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=made.verdicts[check.name].passed,
                    check_name=check.name,
                    severity=dg.AssetCheckSeverity.ERROR if check.is_grave else dg.AssetCheckSeverity.WARN,
                    metadata=made.verdicts[check.name].metadata,
                )
                for check in checks
            ],
        )

    return make_mart


def _text(made: Made) -> str:
    return base64.b64encode(made.png).decode()


def _is_fetched(name: str, settings: Settings) -> bool:
    """Whether an input of a mart is there: reference tables always are."""
    layer, _, table = name.partition("/")
    return layer == layout.REFERENCE or table in {one.name for one in settings.tables}
