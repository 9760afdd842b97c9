"""SQL: the asset `sql/catalog`, a DuckDB file in the lake with a view for every table.

Lives here: the asset. The views read all files that exist, so the file is written again only for new tables and changed
columns: with the marts, in batches. Not here: writing it (`lake.reading.sql_views`).
"""

import dagster as dg

from mews_assets.defs.assets.marts import mart_key, wanted_marts
from mews_assets.defs.assets.reference import reference_key
from mews_assets.defs.base.asset_specs import OWNERS, current_key, series_key
from mews_assets.defs.base.conditions import follows_in_batches
from mews_assets.defs.base.resources import LakeResource
from mews_assets.lake.reading.sql_views import write_catalog
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

CATALOG_KEY = dg.AssetKey(["sql", "catalog"])


def sql_catalog(settings: Settings) -> dg.AssetsDefinition:
    """`sql/catalog`."""

    @dg.asset(
        key=CATALOG_KEY,
        deps=[
            *map(current_key, settings.tables),
            *map(reference_key, settings.references),
            *(series_key(table.name) for table in settings.series),
            *map(mart_key, wanted_marts(settings)),
        ],
        description=f"`{layout.catalog_file()}`: a view for every table, such as `current.payments`. Paths in it are "
        "relative to the lake.",
        group_name="sql",
        kinds={"duckdb"},
        owners=OWNERS,
        metadata={"dagster/uri": f"{settings.lake.rstrip('/')}/{layout.catalog_file()}"},
        automation_condition=follows_in_batches(),
    )
    def catalog(lake: LakeResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        made = write_catalog(lake.open())
        rows = [f"| {view.schema}.{view.name} | {view.files} |" for view in made]
        return dg.MaterializeResult(
            metadata={
                "views": len(made),
                "tables": dg.MetadataValue.md("\n".join(["| table | files |", "|---|---:|", *rows])),
            }
        )

    return catalog
