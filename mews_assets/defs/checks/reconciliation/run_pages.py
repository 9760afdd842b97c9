"""Rows by export against rows by pages in Dagster, where MEWS_RECONCILE=on: specs, verdicts, job and schedule.

Lives here: one op for all tables that come both ways; a night looks at one hotel and window of each. A table that Mews
does not answer for is a warning, and the others are looked at. Not here: the comparison (`export_and_pages`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from mews_assets.api import MewsError
from mews_assets.catalog.model import Table
from mews_assets.defs.base.jobs import asset_job, utc_schedule
from mews_assets.defs.base.resources import Platform, known_directory, lake_of, mews_of
from mews_assets.defs.checks.model import markdown
from mews_assets.defs.checks.reconciliation.export_and_pages import (
    BY_EXPORT,
    BY_PAGES,
    comes_both_ways,
    read_and_compare,
)
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.sampling.choose import choose
from mews_assets.lake.errors import LakeError
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import from_key, to_text

JOB = "reconcile_pages"
OP = "compare_with_pages"
CHECK = "export_agrees_with_pages"
RECENT = timedelta(days=30)
"""Windows that ended longer ago are not looked at: most of their records have changed since."""
_SHOWN = 20
_DESCRIPTION = (
    "Of one hotel and window a night, Mews sends by pages the versions that the lake has by export, apart from records "
    "that have changed since. ERROR: rows are missing by one of the two ways; the other fetch method brings them "
    "(MEWS_FETCH). WARN: Mews did not answer."
)


def pages_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The check of every table that comes both ways, in one op; none unless MEWS_RECONCILE=on."""
    chosen, namespace = _chosen(settings), Namespace.of(settings)
    if not chosen:
        return []

    @dg.multi_asset_check(
        name=namespace.name(OP),
        specs=[
            dg.AssetCheckSpec(CHECK, asset=namespace.changes(one), description=_DESCRIPTION) for one in chosen
        ],
        can_subset=True,
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
    )
    def compare(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        mews, opened = mews_of(context, namespace), lake_of(context, namespace).open()
        wanted = context.op_execution_context.selected_asset_check_keys
        with mews.open(known_directory(opened, mews)) as platform:
            for table in chosen:
                if (key := _key(table, namespace)) in wanted:
                    yield _result(table, opened, platform, key.asset_key)

    return [compare]


def pages_jobs(settings: Settings) -> list[Any]:
    keys = _keys(settings, _chosen(settings))
    if not keys:
        return []
    text = "Asks for one hotel and window of each table by pages, and compares it with the lake."
    return [asset_job(settings, JOB, dg.AssetSelection.checks(*keys), text)]


def pages_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    if not _chosen(settings):
        return []
    text = "Compares rows by export with rows by pages, of one hotel and window of each table."
    return [utc_schedule(settings, "reconcile_pages_daily", "45 6 * * *", text, job=JOB)]


def without_pages_checks(
    selection: dg.AssetSelection, tables: Iterable[Table], settings: Settings
) -> dg.AssetSelection:
    """A selection of assets and checks, without this check."""
    keys = _keys(settings, (table for table in tables if table in _chosen(settings)))
    return selection - dg.AssetSelection.checks(*keys) if keys else selection


def _chosen(settings: Settings) -> list[Table]:
    return [table for table in settings.tables if comes_both_ways(table)] if settings.reconcile else []


def _key(table: Table, namespace: Namespace) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(namespace.changes(table), CHECK)


def _keys(settings: Settings, tables: Iterable[Table]) -> list[dg.AssetCheckKey]:
    return [_key(table, Namespace.of(settings)) for table in tables]


def _result(table: Table, lake: Lake, platform: Platform, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """The verdict on the partition of this night."""
    now = platform.now()
    scopes = platform.directory.scopes(table.scope)
    partition = choose(table.name, now.date(), _recent(lake, table, scopes, now))
    if partition is None:
        return _verdict(asset, True, {}, "No window has landed yet.")
    hotel = platform.directory.scope_keys.key_of(partition.scope)
    sample = {"hotel": hotel, "window": to_text(partition.window)}
    client = platform.clients[platform.directory.connection_of(table.scope, partition.scope)]
    try:
        found = read_and_compare(lake, table, partition, client, now)
    except (MewsError, LakeError) as error:
        return _verdict(asset, False, sample, str(error), dg.AssetCheckSeverity.WARN)
    counts = {
        what: sum(difference.what == what for difference in found.differ) for what in (BY_EXPORT, BY_PAGES)
    }
    shown = [{"id": one.where.id, "what": one.what} for one in found.differ[:_SHOWN]]
    numbers = {
        "differences": len(found.differ),
        **{what.replace(" ", "_"): count for what, count in counts.items() if count},
        "agree": found.agree,
        "changed_since": found.not_yet,
        **({"such_as": markdown(shown)} if shown else {}),
    }
    return _verdict(asset, not found.differ, {**sample, **numbers})


def _recent(lake: Lake, table: Table, scopes: Iterable[str], now: datetime) -> list[Partition]:
    """The partitions that have landed and ended lately."""
    found = []
    for scope in scopes:
        for folder in lake.folders(layout.scope_folder(table.name, scope)):
            window = from_key(layout.window_of(folder), lake.grain)
            if now - RECENT <= window.end <= now:
                found.append(Partition(scope, window))
    return found


def _verdict(
    asset: dg.AssetKey,
    passed: bool,
    metadata: dict[str, Any],
    description: str | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset,
        check_name=CHECK,
        severity=severity,
        description=description,
        metadata=metadata,
    )
