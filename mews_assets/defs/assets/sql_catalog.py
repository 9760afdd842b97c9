"""SQL: the asset `sql/catalog`, a DuckDB file in the lake with a view for every table.

Lives here: the asset. The views read all files that exist, so the file is written again only for new tables and changed
columns: with the marts, in batches. Not here: writing it (`lake.reading.sql_views`).
"""

import dagster as dg

from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.base.conditions import follows_in_batches
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.namespace import SQL, Namespace
from mews_assets.lake.reading.sql_views import write_catalog
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings


def sql_catalog(settings: Settings) -> dg.AssetsDefinition:
    """`sql/catalog`."""
    namespace = Namespace.of(settings)

    @dg.asset(
        key=namespace.sql_catalog,
        deps=[
            *map(namespace.current, settings.tables),
            *map(namespace.reference, settings.references),
            *(namespace.series(table.name) for table in settings.series),
            *(namespace.mart(mart.name) for mart in wanted_marts(settings)),
        ],
        description=f"`{layout.catalog_file()}`: a view for every table, such as `current.payments`. Paths in it are "
        "relative to the lake.",
        group_name=namespace.group(SQL),
        kinds={"duckdb"},
        owners=OWNERS,
        required_resource_keys={namespace.lake_resource},
        metadata={"dagster/uri": f"{settings.lake.rstrip('/')}/{layout.catalog_file()}"},
        automation_condition=follows_in_batches(),
    )
    def catalog(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        made = write_catalog(lake_of(context, namespace).open())
        rows = [f"| {view.schema}.{view.name} | {view.files} |" for view in made]
        return dg.MaterializeResult(
            metadata={
                "views": len(made),
                "tables": dg.MetadataValue.md("\n".join(["| table | files |", "|---|---:|", *rows])),
            }
        )

    return catalog
