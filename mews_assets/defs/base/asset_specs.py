"""Asset specs: key, description, columns, kinds, tags and location of each asset.

Lives here: the keys of all assets over tables, and the specs of landing and changes, from a table's row in the catalog.
Not here: the ops that make them (`defs.assets`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Export, Table
from mews_assets.defs.base.column_schemas import table_columns
from mews_assets.lake.storage import layout

ENTERPRISES_KEY = dg.AssetKey([layout.REFERENCE, "enterprises"])
"""Where the scopes of all partitions come from."""
OWNERS = ["team:data-engineering"]


def landing_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([layout.LANDING, table.name])


def changes_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([layout.CHANGES, table.name])


def snapshot_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([layout.SNAPSHOT, table.name])


def current_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([layout.CURRENT, table.name])


def series_key(name: str) -> dg.AssetKey:
    return dg.AssetKey([layout.SERIES, name])


def sample_query(view: str) -> str:
    """A query over a table, as code in the description of its asset."""
    return f"""```
mews-assets sql "FROM {view} LIMIT 10"
```"""


@dataclass(frozen=True)
class _Layer:
    """What sets one of a table's assets apart from the other."""

    key: dg.AssetKey
    description: str
    folder: str
    kinds: frozenset[str]
    dep: dg.AssetKey
    metadata: Mapping[str, Any] = field(default_factory=dict)
    freshness: dg.FreshnessPolicy | None = None


def table_specs(
    table: Table,
    location: str,
    partitions: dg.PartitionsDefinition[Any],
    freshness: dg.FreshnessPolicy,
) -> list[dg.AssetSpec]:
    """The two assets that one op makes of a table. The policy is that of changes: nobody reads landing alone."""
    landing = _Layer(
        landing_key(table),
        f"What Mews sent for `{table.name}`, byte for byte, one folder per capture.\n\n{table.description}",
        layout.landing_folder(table.name),
        frozenset({"jsonl"}),
        ENTERPRISES_KEY,
    )
    changes = _Layer(
        changes_key(table),
        f"{table.description}\n\nTyped, one row per (id, version), the union of all captures.\n\n"
        + sample_query(f"{layout.CHANGES}.{table.name}"),
        layout.changes_folder(table.name),
        frozenset({"parquet", "duckdb"}),
        landing_key(table),
        {"dagster/column_schema": table_columns(table)},
        freshness,
    )
    return [_spec(layer, table, location, partitions) for layer in (landing, changes)]


def _spec(
    layer: _Layer, table: Table, location: str, partitions: dg.PartitionsDefinition[Any]
) -> dg.AssetSpec:
    fetch = table.fetch
    asked = f"export of {fetch.entity_type}" if isinstance(fetch, Export) else fetch.operation
    # Not a dependency: Dagster looks up the partition of one, and refuses runs that name theirs in run config.
    by = f", by the ids of {' and '.join(table.parent_tables)}" if table.parent_tables else ""
    group = layer.key.path[0]
    return dg.AssetSpec(
        layer.key,
        deps=[layer.dep],
        description=layer.description,
        group_name=group,
        kinds=set(layer.kinds),
        owners=OWNERS,
        tags={"mews/entity": table.entity, "mews/scope": table.scope.value},
        metadata={
            "dagster/table_name": f"{group}.{table.name}",
            "dagster/uri": f"{location.rstrip('/')}/{layer.folder}",
            "mews/asked": asked + by,
            "mews/window_column": table.window_column or "none: each window is asked for alone",
            **layer.metadata,
        },
        partitions_def=partitions,
        skippable=True,
        freshness_policy=layer.freshness,
    )
