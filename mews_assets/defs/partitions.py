"""Partitions: scope x window, as Dagster counts them.

Lives here: the two dynamic sets of scopes, the windows, and turning partition keys into the lake's partitions
and back. Not here: which partitions are due.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.lake.dealing import Partition
from mews_assets.windows import LAST_ZONE, Grain, from_key, key_format

SCOPE_SETS = {ScopeKind.ENTERPRISE: "enterprises", ScopeKind.CHAIN: "chains"}
"""The names of the dynamic partition sets, filled from enterprises/getAll."""
WINDOW = "window"

_WINDOWS: dict[Grain, type[dg.TimeWindowPartitionsDefinition]] = {
    Grain.HOURLY: dg.HourlyPartitionsDefinition,
    Grain.DAILY: dg.DailyPartitionsDefinition,
    Grain.WEEKLY: dg.WeeklyPartitionsDefinition,
    Grain.MONTHLY: dg.MonthlyPartitionsDefinition,
}


def partitions_of(table: Table, grain: Grain, start: datetime) -> dg.MultiPartitionsDefinition:
    """All windows since `start`, for every scope of the table's kind. Keys read `<scope>|<window>`.

    A window is there to be chosen once it is over. Days are cut in the zone in which they end last, so that
    nobody is offered a day that goes on in some hotel; their keys are the same.
    """
    zone = LAST_ZONE if table.by_day else "UTC"
    first = start.replace(tzinfo=ZoneInfo(zone))
    windows = _WINDOWS[grain](start_date=first, timezone=zone, fmt=key_format(grain))  # type: ignore[call-arg]
    return dg.MultiPartitionsDefinition({table.scope.value: scopes_of(table.scope), WINDOW: windows})


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
