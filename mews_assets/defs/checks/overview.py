"""The state of a lake at a glance, for the report: the latest result of every check, and which hotels are late.

Lives here: reading both, as the report's plain values. Not here: judging (`evaluate`, `freshness`), and the results of
single partitions (`latest_results`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from mews_assets.defs.base.partitions import keys_in
from mews_assets.defs.checks.freshness import cadence_of
from mews_assets.defs.checks.latest_results import latest_results
from mews_assets.defs.namespace import Namespace
from mews_assets.html_report.model import CheckLine, FreshnessLine
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.freshness import format_duration, freshness_of
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_key

_TEXT = 400
"""Characters of a result."""


def freshness_lines(
    lake: Lake, settings: Settings, directory: Directory, now: datetime
) -> Iterator[FreshnessLine]:
    """One line for each table and hotel or chain; `now` is Mews' time."""
    for table in settings.tables:
        found = freshness_of(lake, table, directory, cadence_of(table, settings), now)
        late = {scope.scope: format_duration(scope.by(now)) for scope in found.late}
        for scope, window in found.newest.items():
            newest = to_key(window, settings.grain) if window else ""
            name = directory.name_of(table.scope, scope)
            yield FreshnessLine(table.name, scope, name, newest, late.get(scope, ""))


def check_lines(
    instance: dg.DagsterInstance,
    settings: Settings,
    directory: Directory,
    checks: Collection[dg.AssetCheckKey],
) -> list[CheckLine]:
    """The latest result of each of the checks that has one, by asset."""
    keys = keys_in(instance, directory, settings.grain, Namespace.of(settings))
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(checks), PartitionKeyFilter(key=None)
    )
    windows: dict[dg.AssetCheckKey, dict[str, list[str]]] = {}
    for asset in {key.asset_key for key in records}:
        for check, partitions in latest_results(instance, asset, keys).failing.items():
            by_scope = windows.setdefault(dg.AssetCheckKey(asset, check), {})
            for scope, window in map(keys.split, sorted(partitions)):
                by_scope.setdefault(scope, []).append(window or "all")
    found = [_line(key, records[key], windows.get(key, {})) for key in sorted(records)]
    return [line for line in found if line is not None]


def _line(
    key: dg.AssetCheckKey, record: AssetCheckExecutionRecord, failing: dict[str, list[str]]
) -> CheckLine | None:
    if record.status not in (
        AssetCheckExecutionRecordStatus.SUCCEEDED,
        AssetCheckExecutionRecordStatus.FAILED,
    ):
        return None
    event = record.event.dagster_event if record.event else None
    evaluation = event.asset_check_evaluation_data if event else None
    text = (evaluation.description or _figures(evaluation)) if evaluation else ""
    return CheckLine(
        key.asset_key.to_user_string(),
        key.name,
        record.status is AssetCheckExecutionRecordStatus.SUCCEEDED,
        evaluation is None or evaluation.severity is dg.AssetCheckSeverity.ERROR,
        datetime.fromtimestamp(record.create_timestamp, UTC),
        text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…",
        failing,
    )


def _figures(evaluation: dg.AssetCheckEvaluation) -> str:
    """The metadata of a result without a sentence: counts, never rows."""
    return ", ".join(
        f"{name}: {value.value}"
        for name, value in evaluation.metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue | dg.JsonMetadataValue)
    )
