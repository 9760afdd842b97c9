"""Partitions: scope x window, as Dagster counts them.

Lives here: the two dynamic sets of scopes, the windows, and turning partition keys into the lake's partitions
and back. Not here: which partitions are due.
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


def to_partition(key: str, grain: Grain) -> Partition:
    """The lake's partition of a Dagster key. Raises ValueError on anything but `<scope>|<window>`."""
    scope, separator, window = key.partition("|")
    if not separator or not scope:
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
