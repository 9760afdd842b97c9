"""Partitions: scope x window, as Dagster's partitions definitions and keys.

Lives here: the two dynamic sets of scopes, the windows, and converting partition keys into the lake's partitions and
back; the only module that knows how a key is spelled. Not here: the part of it that names the scope
(`ingest.scope_keys`), and which partitions are due (`ingest.due`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import dagster as dg

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.scope_keys import ScopeKeys
from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, from_key, key_format

WINDOW = "window"
"""The dimension of windows. Dagster joins the values of a key in the order of the dimensions' names, so this name must
sort after those of the scopes: keys then read `<scope key>|<window>`."""
_SEPARATOR = "|"
"""Dagster's own, between the values of a key."""

_WINDOWS: dict[Grain, type[dg.TimeWindowPartitionsDefinition]] = {
    Grain.HOURLY: dg.HourlyPartitionsDefinition,
    Grain.DAILY: dg.DailyPartitionsDefinition,
    Grain.WEEKLY: dg.WeeklyPartitionsDefinition,
    Grain.MONTHLY: dg.MonthlyPartitionsDefinition,
}


def partitions_of(
    kind: ScopeKind, grain: Grain, start: datetime, namespace: Namespace
) -> dg.MultiPartitionsDefinition:
    """All windows since `start`, for every scope of the kind. Keys read `<scope key>|<window>`."""
    windows = _WINDOWS[grain](start_date=start, fmt=key_format(grain))  # type: ignore[call-arg]
    return dg.MultiPartitionsDefinition({kind.value: scopes_of(kind, namespace), WINDOW: windows})


def scopes_of(kind: ScopeKind, namespace: Namespace) -> dg.DynamicPartitionsDefinition:
    """Every scope of the kind. Keys are those of `ingest.scope_keys`."""
    return dg.DynamicPartitionsDefinition(name=namespace.scope_set(kind))


def join_key(scope_key: str, window_key: str) -> str:
    """The text of a partition key: `<scope key>|<window>`; of a scope alone where the window is empty."""
    return f"{scope_key}{_SEPARATOR}{window_key}" if window_key else scope_key


def split_key(key: str) -> tuple[str, str]:
    """The scope's part of a partition key and the key of its window, which is empty in a key of a scope alone."""
    scope_key, _, window = key.partition(_SEPARATOR)
    return scope_key, window


@dataclass(frozen=True)
class PartitionKeys:
    """Partition keys to the lake's partitions and back, with the scopes spelled as an instance knows them."""

    scopes: ScopeKeys
    grain: Grain

    def text(self, partition: Partition) -> str:
        """The text of the key of a lake's partition."""
        return self.join(partition.scope, partition.key(self.grain))

    def join(self, scope: str, window_key: str = "") -> str:
        """The text of the key of a scope and the key of a window, or of the scope alone."""
        return join_key(self.scopes.key_of(scope), window_key)

    def split(self, key: str) -> tuple[str, str]:
        """The id of the scope of a partition key and the key of its window; empty in a key of a scope alone."""
        scope_key, window = split_key(key)
        return self.scopes.scope_of(scope_key), window

    def respelled(self, key: str) -> str:
        """The key with its scope as this instance spells it now; in an earlier record it may be the id."""
        return self.join(*self.split(key))

    def partition(self, key: str, find: Callable[[str], str] | None = None) -> Partition:
        """The lake's partition of a key; `find` gives the id of a scope where a person wrote it.

        Raises ValueError on anything but `<scope key>|<window>`.
        """
        scope_key, window = split_key(key)
        if not scope_key or not window:
            raise ValueError(f"{key!r} is no partition key; one reads <enterprise or chain>|<window>")
        scope = find(scope_key) if find is not None else self.scopes.scope_of(scope_key)
        return Partition(scope, from_key(window, self.grain))

    def dagster_key(self, kind: ScopeKind, partition: Partition) -> dg.MultiPartitionKey:
        """The Dagster key of a lake's partition."""
        scope_key = self.scopes.key_of(partition.scope)
        return dg.MultiPartitionKey({kind.value: scope_key, WINDOW: partition.key(self.grain)})


@dataclass(frozen=True)
class PartitionLabels:
    """How messages and events name assets and partitions: the hotels' or chains' names by scope, and the keys."""

    names: Mapping[str, str]
    keys: PartitionKeys
    namespace: Namespace


def keys_in(
    instance: dg.DagsterInstance, directory: Directory | None, grain: Grain, namespace: Namespace
) -> PartitionKeys:
    """The keys that the instance uses. Scopes that it knows by their ids go by them until they are moved (`adoption`):
    under another key all their partitions would be missing."""
    scopes = directory.scope_keys if directory is not None else ScopeKeys({})
    known = {key for kind in ScopeKind for key in known_scopes(instance, kind, namespace)}
    by_id = frozenset(scope for scope, key in scopes.keys.items() if scope in known and key not in known)
    return PartitionKeys(replace(scopes, by_id=by_id), grain)


def known_scopes(instance: dg.DagsterInstance, kind: ScopeKind, namespace: Namespace) -> list[str]:
    """The partitions of the set of scopes, by their keys."""
    return list(instance.get_dynamic_partitions(namespace.scope_set(kind)))


def scopes_in(
    instance: dg.DagsterInstance, directory: Directory, kind: ScopeKind, namespace: Namespace
) -> dict[str, str]:
    """The partitions of the set of scopes, with the id of each; of a text that is no key, the text itself."""
    scope_of = directory.scope_keys.scope_of
    return {key: scope_of(key) for key in known_scopes(instance, kind, namespace)}


def visible_scopes(
    instance: dg.DagsterInstance, directory: Directory, kind: ScopeKind, namespace: Namespace
) -> list[str]:
    """The ids of the scopes that a connection sees and that are partitions."""
    known = set(scopes_in(instance, directory, kind, namespace).values())
    return [scope for scope in directory.scopes(kind) if scope in known]


def register_scopes(
    instance: dg.DagsterInstance, directory: Directory, namespace: Namespace
) -> tuple[list[str], list[str]]:
    """Add what is new to the partition sets. Returns the ids of new scopes and the keys of those no longer visible."""
    added: list[str] = []
    gone: list[str] = []
    for kind in ScopeKind:
        known = scopes_in(instance, directory, kind, namespace)
        seen = dict.fromkeys(directory.scopes(kind))
        gone += sorted(key for key, scope in known.items() if scope not in seen)
        if new := [scope for scope in seen if scope not in known.values()]:
            keys = [directory.scope_keys.key_of(scope) for scope in new]
            instance.add_dynamic_partitions(namespace.scope_set(kind), keys)
            added += new
    return added, gone
