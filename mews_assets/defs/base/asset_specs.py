"""What each asset says of itself: key, description, columns, kinds, tags, where it stands.

Lives here: the asset specs of a table, all from its row in the catalog.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
import pyarrow as pa

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Export, Table
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


def table_specs(
    table: Table,
    location: str,
    partitions: dg.PartitionsDefinition[Any],
    freshness: dg.FreshnessPolicy,
) -> list[dg.AssetSpec]:
    """The two assets one op makes of a table. The policy is that of changes: landing alone feeds no reader."""
    return [
        _spec(
            landing_key(table),
            f"What Mews sent for `{table.name}`, byte for byte, one folder per capture.\n\n{table.description}",
            kinds={"jsonl"},
            folder=layout.landing_folder(table.name),
            location=location,
            table=table,
            partitions=partitions,
            deps=[ENTERPRISES_KEY],
        ),
        _spec(
            changes_key(table),
            f"{table.description}\n\nTyped, one row per (id, version), the union of all captures.",
            kinds={"parquet", "duckdb"},
            folder=layout.changes_folder(table.name),
            location=location,
            table=table,
            partitions=partitions,
            deps=[landing_key(table)],
            more={"dagster/column_schema": column_schema(arrow_schema(table))},
            freshness=freshness,
        ),
    ]


def _spec(
    key: dg.AssetKey,
    description: str,
    *,
    kinds: set[str],
    folder: str,
    location: str,
    table: Table,
    partitions: dg.PartitionsDefinition[Any],
    deps: list[dg.AssetKey] | None = None,
    more: dict[str, Any] | None = None,
    freshness: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    fetch = table.fetch
    asked = f"export of {fetch.entity_type}" if isinstance(fetch, Export) else fetch.operation
    return dg.AssetSpec(
        key,
        deps=deps or [],
        description=description,
        group_name=key.path[0],
        kinds=kinds,
        owners=OWNERS,
        tags={"mews/entity": table.entity, "mews/scope": table.scope.value},
        metadata={
            "dagster/table_name": f"{key.path[0]}.{table.name}",
            "dagster/uri": f"{location.rstrip('/')}/{folder}",
            "mews/asked": asked,
            "mews/window_column": table.window_column,
            **(more or {}),
        },
        partitions_def=partitions,
        skippable=True,
        freshness_policy=freshness,
    )


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """An Arrow schema as the UI shows it."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=_type_text(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )


def _type_text(kind: pa.DataType) -> str:
    """Short enough to read: nested types name their kind, not all of their fields."""
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(field.name for field in kind)}>"
    if pa.types.is_list(kind):
        return f"list<{_type_text(kind.value_type)}>"
    return str(kind)
