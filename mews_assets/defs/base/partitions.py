"""Partitions: scope x window, as Dagster's partitions definitions and keys.

Lives here: the two dynamic sets of scopes, the windows, and converting partition keys into the lake's partitions and
back; the only module that knows how a key is spelled. Not here: which partitions are due (`ingest.due`).
"""

from __future__ import annotations

from datetime import datetime

import dagster as dg

from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.directory import Directory
from mews_assets.lake.partition import Partition
from mews_assets.windows import Grain, from_key, key_format

SCOPE_SETS = {ScopeKind.ENTERPRISE: "enterprises", ScopeKind.CHAIN: "chains"}
"""The names of the dynamic partition sets, filled from enterprises/getAll."""
WINDOW = "window"
"""The dimension of windows. Dagster joins the values of a key in the order of the dimensions' names, so this name must
sort after those of the scopes: keys then read `<scope>|<window>`."""
_SEPARATOR = "|"
"""Dagster's own, between the values of a key."""

_WINDOWS: dict[Grain, type[dg.TimeWindowPartitionsDefinition]] = {
    Grain.HOURLY: dg.HourlyPartitionsDefinition,
    Grain.DAILY: dg.DailyPartitionsDefinition,
    Grain.WEEKLY: dg.WeeklyPartitionsDefinition,
    Grain.MONTHLY: dg.MonthlyPartitionsDefinition,
}


def partitions_of(kind: ScopeKind, grain: Grain, start: datetime) -> dg.MultiPartitionsDefinition:
    """All windows since `start`, for every scope of the kind. Keys read `<scope>|<window>`."""
    windows = _WINDOWS[grain](start_date=start, fmt=key_format(grain))  # type: ignore[call-arg]
    return dg.MultiPartitionsDefinition({kind.value: scopes_of(kind), WINDOW: windows})


def scopes_of(kind: ScopeKind) -> dg.DynamicPartitionsDefinition:
    """Every scope of the kind. Keys are the ids."""
    return dg.DynamicPartitionsDefinition(name=SCOPE_SETS[kind])


def key_of(scope: str, window_key: str) -> str:
    """The text of a partition key: `<scope>|<window>`."""
    return f"{scope}{_SEPARATOR}{window_key}"


def scope_and_window(key: str) -> tuple[str, str]:
    """The scope of a partition key and the key of its window; the window is empty in a key of a scope alone."""
    scope, _, window = key.partition(_SEPARATOR)
    return scope, window


def has_window(key: str) -> bool:
    """Whether a key names a scope and a window, and not a scope alone."""
    return _SEPARATOR in key


def to_key_text(partition: Partition, grain: Grain) -> str:
    """The text of the Dagster key of a lake's partition."""
    return key_of(partition.scope, partition.key(grain))


def to_partition(key: str, grain: Grain) -> Partition:
    """The lake's partition of a Dagster key. Raises ValueError on anything but `<scope>|<window>`."""
    scope, window = scope_and_window(key)
    if not has_window(key) or not scope:
        raise ValueError(f"{key!r} is no partition key; one reads <enterprise or chain id>|<window>")
    return Partition(scope, from_key(window, grain))


def to_dagster_key(kind: ScopeKind, partition: Partition, grain: Grain) -> dg.MultiPartitionKey:
    """The Dagster key of a lake's partition."""
    return dg.MultiPartitionKey({kind.value: partition.scope, WINDOW: partition.key(grain)})


def register_scopes(instance: dg.DagsterInstance, directory: Directory) -> tuple[list[str], list[str]]:
    """Add what is new to the partition sets. Returns the new scopes and those no longer visible."""
    added: list[str] = []
    gone: list[str] = []
    for kind in ScopeKind:
        known = set(instance.get_dynamic_partitions(SCOPE_SETS[kind]))
        seen = directory.scopes(kind)
        gone += sorted(known - set(seen))
        if new := [scope for scope in seen if scope not in known]:
            instance.add_dynamic_partitions(SCOPE_SETS[kind], new)
            added += new
    return added, gone
