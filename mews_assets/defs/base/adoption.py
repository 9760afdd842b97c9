"""Adoption: partitions that stand in the lake and that Dagster does not know are reported as materialised.

Lives here: finding them and their events. After a fresh Dagster home on a full lake, a history that was deleted, or a
run that was killed between a file and its event. Mews is asked for nothing. Not here: storing the events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.base.asset_specs import changes_key, current_key, landing_key, snapshot_key
from mews_assets.defs.base.event_tables import store_materialisations
from mews_assets.defs.base.partitions import SCOPE_SETS, key_of, register_scopes
from mews_assets.defs.base.run_history import may_be_writing
from mews_assets.defs.base.standing import STANDING, Key, list_keys
from mews_assets.ingest.directory import load_directory
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import to_key, window_at

EVENTS_PER_TICK = 1000
"""Dagster's daemon stores the events of a sensor's tick one by one, in 13 s on SQLite."""
ADOPTED = "adopted"
"""In a materialisation's metadata: true where the partition stood in the lake and no run of this instance wrote it."""


@dataclass(frozen=True)
class Adopted:
    """How much was reported. `by_scope` are current tables and snapshots, `whole` assets without partitions."""

    scopes: int
    partitions: int
    by_scope: int
    whole: int
    events: int


def materialisations(
    instance: dg.DagsterInstance, lake: Lake, table: Table, keys: Iterable[Key]
) -> list[dg.AssetMaterialization]:
    """The events of landing and changes for those of the keys that Dagster does not know, oldest window first."""
    wanted = sorted(keys, key=lambda key: (key[1], key[0]))
    events: list[dg.AssetMaterialization] = []
    for asset in (landing_key(table), changes_key(table)):
        known = instance.get_materialized_partitions(asset)
        for key in wanted:
            if (text := key_of(*key)) not in known:
                metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True}
                if asset.path[0] == layout.CHANGES:
                    metadata["dagster/uri"] = lake.uri(layout.changes_file(table.name, *key))
                events.append(dg.AssetMaterialization(asset, partition=text, metadata=metadata))
    return events


def unreported(
    instance: dg.DagsterInstance, lake: Lake, tables: Collection[Table], start: datetime
) -> list[dg.AssetMaterialization]:
    """The events for one tick of a sensor: none while a run may report the partitions itself."""
    if may_be_writing(instance, tables):
        return []
    first = to_key(window_at(start, lake.grain), lake.grain)
    events: list[dg.AssetMaterialization] = []
    for table in tables:
        scopes = set(instance.get_dynamic_partitions(SCOPE_SETS[table.scope]))
        keys = [
            (scope, window)
            for scope, window in STANDING.keys(lake, table)
            if scope in scopes and window >= first
        ]
        events += materialisations(instance, lake, table, keys)
    return events[:EVENTS_PER_TICK]


def adopt(
    instance: dg.DagsterInstance, lake: Lake, tables: Collection[Table], start: datetime, marts: Iterable[str]
) -> Adopted:
    """Report everything that stands in the lake and that Dagster does not know. Done again, it reports nothing.

    Windows before the first one of the settings are left out: they are no partitions of the assets.
    """
    first = to_key(window_at(start, lake.grain), lake.grain)  # keys of one grain sort as their windows do
    directory = load_directory(lake)
    if directory is not None:
        register_scopes(instance, directory)
    scopes = partitions = events = by_scope = 0
    for table in tables:
        keys = {(scope, window) for scope, window in list_keys(lake, table) if window >= first}
        scopes += _register(instance, table.scope, {scope for scope, _ in keys})
        found = materialisations(instance, lake, table, keys)
        partitions += len({event.partition for event in found})
        events += store_materialisations(instance, found)
    for table in tables:
        # After their changes: else they would be shown as outdated.
        found = list(_of_scopes(instance, lake, table))
        by_scope += len(found)
        events += store_materialisations(instance, found)
    whole = list(_without_partitions(instance, lake, marts))
    events += store_materialisations(instance, whole)
    return Adopted(scopes, partitions, by_scope, len(whole), events)


def _register(instance: dg.DagsterInstance, kind: ScopeKind, scopes: set[str]) -> int:
    """Scopes that stand in the lake and that no connection sees any more are partitions too."""
    known = set(instance.get_dynamic_partitions(SCOPE_SETS[kind]))
    if new := sorted(scopes - known):
        instance.add_dynamic_partitions(SCOPE_SETS[kind], new)
    return len(new)


def _of_scopes(instance: dg.DagsterInstance, lake: Lake, table: Table) -> Iterator[dg.AssetMaterialization]:
    """Snapshots and current tables. In this order: a current table is made of the snapshot."""
    for asset, folder in (
        (snapshot_key(table), layout.snapshot_folder(table.name)),
        (current_key(table), layout.current_folder(table.name)),
    ):
        known = instance.get_materialized_partitions(asset)
        for name in lake.files(folder, recursive=True):
            if name.endswith(f"/{layout.ROWS_FILE}") and (scope := layout.scope_of(name)) not in known:
                metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True, "dagster/uri": lake.uri(name)}
                yield dg.AssetMaterialization(asset, partition=scope, metadata=metadata)


def _without_partitions(
    instance: dg.DagsterInstance, lake: Lake, marts: Iterable[str]
) -> Iterator[dg.AssetMaterialization]:
    files = {
        dg.AssetKey([layout.REFERENCE, reference.name]): layout.reference_file(reference.name)
        for reference in REFERENCES
    }
    files |= {dg.AssetKey([layout.MARTS, name]): layout.mart_file(name) for name in marts}
    for asset, name in files.items():
        if lake.exists(name) and instance.get_latest_materialization_event(asset) is None:
            metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True, "dagster/uri": lake.uri(name)}
            yield dg.AssetMaterialization(asset, metadata=metadata)
