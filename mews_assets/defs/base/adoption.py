"""Adoption: partitions that stand in the lake and that Dagster does not know are reported as materialised.

Lives here: finding them and their events. After a fresh Dagster home on a full lake, a history that was deleted, or a
run that was killed between a file and its event. Mews is asked for nothing. Not here: storing the events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.base.event_tables import store_materialisations
from mews_assets.defs.base.moving import behind, forget_cursor, move_sets, require_finished, unmoved_scopes
from mews_assets.defs.base.partitions import (
    PartitionKeys,
    keys_in,
    known_scopes,
    register_scopes,
    scopes_in,
)
from mews_assets.defs.base.run_history import may_be_writing
from mews_assets.defs.base.standing import STANDING, Key, list_keys
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory, save_keys
from mews_assets.ingest.scope_keys import NamedScope
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_key, window_at

EVENTS_PER_TICK = 1000
"""Dagster's daemon stores the events of a sensor's tick one by one, in 13 s on SQLite."""
ADOPTED = "adopted"
"""In a materialisation's metadata: true where the partition stood in the lake and no run of this instance wrote it."""


@dataclass(frozen=True)
class Adopted:
    """How much was reported. `by_scope` are current tables and snapshots, `whole` assets without partitions, `moved`
    scopes that the instance knew by their ids."""

    scopes: int
    partitions: int
    by_scope: int
    whole: int
    events: int
    moved: int = 0


def materialisations(
    instance: dg.DagsterInstance,
    lake: Lake,
    table: Table,
    standing: Iterable[Key],
    keys: PartitionKeys,
    namespace: Namespace,
) -> list[dg.AssetMaterialization]:
    """The events of landing and changes for those that stand and that Dagster does not know, oldest window first."""
    wanted = sorted(standing, key=lambda key: (key[1], key[0]))
    events: list[dg.AssetMaterialization] = []
    for asset in (namespace.landing(table), namespace.changes(table)):
        known = instance.get_materialized_partitions(asset)
        for key in wanted:
            if (text := keys.join(*key)) not in known:
                metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True}
                if asset == namespace.changes(table):
                    metadata["dagster/uri"] = lake.uri(layout.changes_file(table.name, *key))
                events.append(dg.AssetMaterialization(asset, partition=text, metadata=metadata))
    return events


def unreported(
    instance: dg.DagsterInstance,
    lake: Lake,
    tables: Collection[Table],
    settings: Settings,
    directory: Directory,
) -> list[dg.AssetMaterialization]:
    """The events for one tick of a sensor: none while a run may report the partitions itself."""
    namespace = Namespace.of(settings)
    if may_be_writing(instance, tables, namespace):
        return []
    first = to_key(window_at(settings.start, lake.grain), lake.grain)
    keys = keys_in(instance, directory, lake.grain, namespace)
    events: list[dg.AssetMaterialization] = []
    for table in tables:
        scopes = set(scopes_in(instance, directory, table.scope, namespace).values())
        standing = [
            (scope, window)
            for scope, window in STANDING.keys(lake, table)
            if scope in scopes and window >= first
        ]
        events += materialisations(instance, lake, table, standing, keys, namespace)
    return events[:EVENTS_PER_TICK]


def adopt(
    instance: dg.DagsterInstance,
    lake: Lake,
    settings: Settings,
    marts: Iterable[str],
    published: Mapping[dg.AssetKey, dg.AssetKey],
) -> Adopted:
    """Report everything that stands in the lake and that Dagster does not know. Done again, it reports nothing.

    Scopes that the instance knows by their ids are moved to their keys: reported, then added, and their ids removed.
    `published` are assets with a partition for each scope that are made of another one outside the lake. Windows before
    the first one of the settings are left out: they are no partitions of the assets.
    """
    namespace, tables = Namespace.of(settings), settings.tables
    first = to_key(
        window_at(settings.start, lake.grain), lake.grain
    )  # keys of one grain sort as their windows do
    standing = {
        table: {(scope, window) for scope, window in list_keys(lake, table) if window >= first}
        for table in tables
    }
    directory = _directory_of_all(lake, standing)
    unmoved = unmoved_scopes(instance, directory, namespace)
    moved = {scope for scopes in unmoved.values() for scope in scopes}
    if unmoved:
        require_finished(instance)
    keys = PartitionKeys(directory.scope_keys, lake.grain)
    partitions = events = 0
    for table in tables:
        found = materialisations(instance, lake, table, standing[table], keys, namespace)
        partitions += len({event.partition for event in found})
        events += store_materialisations(instance, found)
    # After their changes: else they would be shown as outdated.
    of_scopes = [
        event for table in tables for event in _of_scopes(instance, lake, table, moved, keys, namespace)
    ]
    of_scopes += [event for pair in published.items() for event in _published(instance, *pair, moved, keys)]
    events += store_materialisations(instance, of_scopes)
    whole = list(_without_partitions(instance, lake, marts, namespace))
    events += store_materialisations(instance, whole)
    # Partitions last: what is not reported yet, a sensor would ask for.
    move_sets(instance, unmoved, directory, namespace)
    register_scopes(instance, directory, namespace)
    scopes = sum(_register(instance, table.scope, standing[table], keys, namespace) for table in tables)
    if unmoved:
        forget_cursor(instance, namespace)
    return Adopted(scopes, partitions, len(of_scopes), len(whole), events, len(moved))


def _directory_of_all(lake: Lake, standing: Mapping[Table, Collection[Key]]) -> Directory:
    """The directory, in which all scopes that stand in the lake or are partitions by their ids have a key."""
    directory = load_directory(lake)
    if directory is None:
        return Directory({}, {}, {})
    without = {
        NamedScope(scope, table.scope, "")
        for table, keys in standing.items()
        for scope in {scope for scope, _ in keys}
        if scope not in directory.keys
    }
    return (save_keys(lake, without) if without else None) or directory


def _register(
    instance: dg.DagsterInstance,
    kind: ScopeKind,
    standing: Collection[Key],
    keys: PartitionKeys,
    namespace: Namespace,
) -> int:
    """Scopes that stand in the lake and that no connection sees any more are partitions too."""
    known = set(known_scopes(instance, kind, namespace))
    if new := sorted({keys.join(scope) for scope, _ in standing} - known):
        instance.add_dynamic_partitions(namespace.scope_set(kind), new)
    return len(new)


def _of_scopes(
    instance: dg.DagsterInstance,
    lake: Lake,
    table: Table,
    moved: Collection[str],
    keys: PartitionKeys,
    namespace: Namespace,
) -> Iterator[dg.AssetMaterialization]:
    """Snapshots and current tables. In this order: a current table is made of the snapshot."""
    snapshot, current = namespace.snapshot(table), namespace.current(table)
    old = behind(instance, current, (namespace.changes(table), snapshot), moved) if moved else set()
    for asset, folder, left_out in (
        (snapshot, layout.snapshot_folder(table.name), set[str]()),
        (current, layout.current_folder(table.name), old),
    ):
        known = instance.get_materialized_partitions(asset)
        for name in lake.files(folder, recursive=True):
            if not name.endswith(f"/{layout.ROWS_FILE}") or (scope := layout.scope_of(name)) in left_out:
                continue
            if (text := keys.join(scope)) not in known:
                metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True, "dagster/uri": lake.uri(name)}
                yield dg.AssetMaterialization(asset, partition=text, metadata=metadata)


def _published(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    source: dg.AssetKey,
    moved: Collection[str],
    keys: PartitionKeys,
) -> Iterator[dg.AssetMaterialization]:
    """What the instance knows by ids, of an asset outside the lake."""
    if not moved:
        return
    known, old = instance.get_materialized_partitions(asset), behind(instance, asset, (source,), moved)
    for scope in sorted(known & set(moved) - old):
        if (text := keys.join(scope)) not in known:
            yield dg.AssetMaterialization(asset, partition=text, metadata={ADOPTED: True})


def _without_partitions(
    instance: dg.DagsterInstance, lake: Lake, marts: Iterable[str], namespace: Namespace
) -> Iterator[dg.AssetMaterialization]:
    files = {
        namespace.reference(reference): layout.reference_file(reference.name) for reference in REFERENCES
    }
    files |= {
        namespace.series(table.name): name
        for table in SERIES
        for name in lake.files(layout.series_folder(table.name), recursive=True)
        if name.endswith(f"/{layout.ROWS_FILE}")
    }
    files |= {namespace.mart(name): layout.mart_file(name) for name in marts}
    for asset, name in files.items():
        if lake.exists(name) and instance.get_latest_materialization_event(asset) is None:
            metadata: dict[str, dg.RawMetadataValue] = {ADOPTED: True, "dagster/uri": lake.uri(name)}
            yield dg.AssetMaterialization(asset, metadata=metadata)
