"""Asset specs: key, description, columns, kinds, tags and location of each asset.

Lives here: the specs of landing and changes, from a table's row in the catalog. Not here: how keys are spelled
(`defs.namespace`) and the ops that make the assets (`defs.assets`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Export, Table
from mews_assets.defs.base.column_schemas import table_columns
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

OWNERS = ["team:data-engineering"]


def sample_query(view: str) -> str:
    """A query over a table, as code in the description of its asset."""
    return f"""```
mews-assets sql "FROM {view} LIMIT 10"
```"""


@dataclass(frozen=True)
class _Layer:
    """What sets one of a table's assets apart from the other."""

    layer: str
    key: dg.AssetKey
    description: str
    folder: str
    kinds: frozenset[str]
    dep: dg.AssetKey
    metadata: Mapping[str, Any] = field(default_factory=dict)
    freshness: dg.FreshnessPolicy | None = None


def table_specs(
    table: Table, settings: Settings, partitions: dg.PartitionsDefinition[Any], freshness: dg.FreshnessPolicy
) -> list[dg.AssetSpec]:
    """The two assets that one op makes of a table. The policy is that of changes: nobody reads landing alone."""
    namespace = Namespace.of(settings)
    landing = _Layer(
        layout.LANDING,
        namespace.landing(table),
        f"What Mews sent for `{table.name}`, byte for byte, one folder per capture.\n\n{table.description}",
        layout.landing_folder(table.name),
        frozenset({"jsonl"}),
        namespace.enterprises,
    )
    changes = _Layer(
        layout.CHANGES,
        namespace.changes(table),
        f"{table.description}\n\nTyped, one row per (id, version), the union of all captures.\n\n"
        + sample_query(f"{layout.CHANGES}.{table.name}"),
        layout.changes_folder(table.name),
        frozenset({"parquet", "duckdb"}),
        namespace.landing(table),
        {"dagster/column_schema": table_columns(table)},
        freshness,
    )
    return [_spec(layer, table, settings, partitions) for layer in (landing, changes)]


def _spec(
    layer: _Layer, table: Table, settings: Settings, partitions: dg.PartitionsDefinition[Any]
) -> dg.AssetSpec:
    fetch = table.fetch
    asked = f"export of {fetch.entity_type}" if isinstance(fetch, Export) else fetch.operation
    note = (
        "" if fetch.is_documented else f"\n\nMews does not document {asked} and may refuse it (MEWS_FETCH)."
    )
    # Not a dependency: Dagster looks up the partition of one, and refuses runs that name theirs in run config.
    by = f", by the ids of {' and '.join(table.parent_tables)}" if table.parent_tables else ""
    return dg.AssetSpec(
        layer.key,
        deps=[layer.dep],
        description=layer.description + note,
        group_name=Namespace.of(settings).group(layer.layer),
        kinds=set(layer.kinds),
        owners=OWNERS,
        tags={"mews/entity": table.entity, "mews/scope": table.scope.value},
        metadata={
            "dagster/table_name": f"{layer.layer}.{table.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layer.folder}",
            "mews/asked": asked + by,
            "mews/window_column": table.window_column or "none: each window is asked for alone",
            **layer.metadata,
        },
        partitions_def=partitions,
        skippable=True,
        freshness_policy=layer.freshness,
    )
