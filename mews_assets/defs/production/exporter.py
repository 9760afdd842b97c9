"""What stands in the lake and in Dagster, as metrics for Prometheus.

Lives here: reading it, one gauge per table, and serving it with the counters of this machine's processes. Not here: the
counters themselves (`metrics`). Needs `pip install 'mews_assets[metrics]'`.

No Parquet file is opened: a table's newest windows are found by the names of files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from mews_assets import metrics
from mews_assets.catalog.model import Table
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.freshness import Cadence, freshness_of
from mews_assets.lake.landing import capture_states
from mews_assets.lake.landing.export_log import logged_exports
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings

LAG = "mews_table_lag_seconds"
LATE = "mews_late_hotels"
PENDING = "mews_captures_pending"
EXPORTS = "mews_exports_under_way"
EXPORT_AGE = "mews_oldest_export_seconds"
RUNS = "mews_runs"
READ_AT = "mews_read_at_seconds"


@dataclass(frozen=True)
class Standing:
    """The figures of one moment. Those by table are left out where a table has no partition."""

    at: datetime
    lag: dict[str, float] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    exports: dict[str, list[float]] = field(default_factory=dict)
    """The seconds since each export was asked for."""
    runs: dict[str, int] = field(default_factory=dict)


def read_standing(
    lake: Lake, settings: Settings, instance: dg.DagsterInstance | None, now: datetime
) -> Standing:
    """The figures as they are now, by the clock of Mews. Nothing is asked of Mews."""
    standing = Standing(now)
    if (directory := load_directory(lake)) is not None:
        now += timedelta(seconds=directory.clock_skew_seconds)
        for table in settings.tables:
            _read_table(standing, lake, table, settings, directory, now)
    if instance is not None:
        for status in dg.DagsterRunStatus:
            standing.runs[status.value.lower()] = instance.get_runs_count(dg.RunsFilter(statuses=[status]))
    return standing


def _read_table(
    standing: Standing, lake: Lake, table: Table, settings: Settings, directory: Directory, now: datetime
) -> None:
    cadence = Cadence(settings.start, settings.grain, settings.allowed_lag, table.by_day)
    fresh = freshness_of(lake, table, directory, cadence, now)
    ends = [window.end for window in fresh.newest.values() if window is not None]
    if ends:
        standing.lag[table.name] = (now - min(ends)).total_seconds()
    standing.late[table.name] = len(fresh.late)
    standing.pending[table.name] = len(capture_states.pending(lake, table.name))
    standing.exports[table.name] = [
        (now - export.asked_at).total_seconds()
        for connection in settings.connections
        for export in logged_exports(lake, connection.name, table.name)
    ]


class StandingCollector:
    """Gives Prometheus the figures, read when it asks."""

    def __init__(self, read: Callable[[], Standing]) -> None:
        self._read = read

    def collect(self) -> Iterator[Any]:
        standing = self._read()
        ages = {table: max(ages, default=0.0) for table, ages in standing.exports.items()}
        exports = {table: len(ages) for table, ages in standing.exports.items()}
        for name, text, label, values in (
            (
                LAG,
                "Seconds since the end of the newest window, of the hotel that has the oldest.",
                "table",
                standing.lag,
            ),
            (LATE, "Hotels or chains whose newest window is late.", "table", standing.late),
            (PENDING, "Captures that landed and are not in changes.", "table", standing.pending),
            (EXPORTS, "Exports that were asked for and have not landed.", "table", exports),
            (EXPORT_AGE, "Seconds since the oldest of them was asked for.", "table", ages),
            (RUNS, "Runs that Dagster knows, by their status.", "status", standing.runs),
        ):
            gauge = GaugeMetricFamily(name, text, labels=[label])
            for key, value in sorted(values.items()):
                gauge.add_metric([key], value)
            yield gauge
        yield GaugeMetricFamily(READ_AT, "When these figures were read.", value=standing.at.timestamp())


def registry_of(read: Callable[[], Standing]) -> CollectorRegistry:
    """All metrics of this machine."""
    registry = CollectorRegistry()
    if os.environ.get(metrics.FOLDER, "").strip():
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(StandingCollector(read))
    return registry
