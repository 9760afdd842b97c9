"""Freshness in Dagster: a check per table that names the hotels that are behind, and a policy per asset.

Lives here: the shell around `ingest.freshness`. The check reads the lake, so it also names a hotel for which nothing
ever ran. It has its own job and schedule and is in no table's job. A backfill launched from an asset's page plans it,
as Dagster selects all checks of the assets, and does not judge it: its last result stays (`event_tables`). The
policy only says that nothing at all was written lately.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.base.jobs import asset_job, default_schedule_status, how_to_find_hotels
from mews_assets.defs.base.metadata_keys import LATE_HOURS, LATE_SCOPES
from mews_assets.defs.base.partitions import scopes_in
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.freshness import Cadence, Freshness, format_duration, freshness_of
from mews_assets.settings import Settings
from mews_assets.windows import over_after, to_api, to_key

CHECK = "fresh_per_scope"
JOB = "freshness"
CRON = "*/15 * * * *"
_SHOWN = 50
"""Hotels named in an evaluation. One cause may affect hundreds; their number is stored too."""


def cadence_of(table: Table, settings: Settings) -> Cadence:
    """When windows of the table must have landed, by the settings."""
    return Cadence(settings.start, settings.grain, settings.allowed_lag, table.by_day)


def freshness_policy(table: Table, settings: Settings) -> dg.FreshnessPolicy:
    """Of a changes asset as a whole: Dagster compares the clock with its newest materialisation of any hotel."""
    return dg.FreshnessPolicy.time_window(fail_window=cadence_of(table, settings).longest_silence)


def check_key(table: Table, namespace: Namespace) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(namespace.changes(table), CHECK)


def freshness_checks(settings: Settings) -> dg.AssetChecksDefinition:
    """The check of every table, in one op and one run."""
    namespace = Namespace.of(settings)

    @dg.multi_asset_check(
        name=namespace.name(CHECK),
        specs=[_spec(table, settings) for table in settings.tables],
        can_subset=True,
        required_resource_keys={namespace.lake_resource},
    )
    def fresh_per_scope(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        opened = lake_of(context, namespace).open()
        directory = load_directory(opened)
        wanted = context.op_execution_context.selected_asset_check_keys
        for table in settings.tables:
            if check_key(table, namespace) not in wanted:
                continue
            if directory is None:
                yield _nothing_known(table, namespace)
                continue
            # Mews' clock says what has settled, so it says what is late.
            now = datetime.now(UTC) + timedelta(seconds=directory.clock_skew_seconds)
            found = freshness_of(opened, table, directory, cadence_of(table, settings), now)
            seen, known = (
                set(directory.scopes(table.scope)),
                scopes_in(context.instance, directory, table.scope, namespace),
            )
            gone = sorted(key for key, scope in known.items() if scope not in seen)
            yield _FreshnessReport(table, directory, settings, now).result(found, gone)

    return fresh_per_scope


def freshness_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    namespace = Namespace.of(settings)
    return asset_job(
        settings,
        JOB,
        dg.AssetSelection.checks(*(check_key(table, namespace) for table in settings.tables)),
        description="Checks every table for hotels that are behind. Reads file names only; sends Mews no request.",
        # Ahead of the queue: a long backfill must not delay the check.
        tags={"dagster/priority": "10"},
    )


def freshness_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every quarter of an hour, whatever else runs."""
    job = Namespace.of(settings).name(JOB)

    @dg.schedule(
        name=job,
        job_name=job,
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=default_schedule_status(settings),
        description="Names the hotels that are behind, also when nothing runs.",
    )
    def look(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # Recent runs only: a killed run may never end, and must not stop the checks for ever.
        lately = dg.RunsFilter(
            job_name=job,
            statuses=list(NOT_FINISHED_STATUSES),
            created_after=datetime.now(UTC) - timedelta(hours=1),
        )
        waiting = context.instance.get_runs(lately, limit=1)
        return dg.SkipReason(f"run {waiting[0].run_id} has not ended") if waiting else dg.RunRequest()

    return look


def without_freshness(
    selection: dg.AssetSelection, tables: Iterable[Table], namespace: Namespace
) -> dg.AssetSelection:
    """A selection of assets and checks, without this check."""
    return selection - dg.AssetSelection.checks(*(check_key(table, namespace) for table in tables))


def _spec(table: Table, settings: Settings) -> dg.AssetCheckSpec:
    allowed = settings.allowed_lag + over_after(by_day=table.by_day)
    return dg.AssetCheckSpec(
        CHECK,
        asset=Namespace.of(settings).changes(table),
        description=f"Every {table.scope.value} holds its newest window that ended more than "
        f"{format_duration(allowed)} ago. ERROR: sums over the table lack the newest days of a hotel that is behind, "
        "and look complete.",
    )


def _nothing_known(table: Table, namespace: Namespace) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        check_name=CHECK,
        asset_key=namespace.changes(table),
        # No hotel is behind: this is the state of every new installation in its first minutes.
        severity=dg.AssetCheckSeverity.WARN,
        description=f"No hotel is known yet: {how_to_find_hotels(namespace)}.",
    )


@dataclass(frozen=True)
class _FreshnessReport:
    table: Table
    directory: Directory
    settings: Settings
    now: datetime

    def result(self, found: Freshness, gone: list[str]) -> dg.AssetCheckResult:
        newest = max((window for window in found.newest.values() if window), default=None)
        return dg.AssetCheckResult(
            passed=not found.late,
            check_name=CHECK,
            asset_key=Namespace.of(self.settings).changes(self.table),
            severity=dg.AssetCheckSeverity.ERROR,
            description=self._sentence(found),
            metadata={
                "scopes": len(found.newest),
                "late": len(found.late),
                LATE_SCOPES: dg.MetadataValue.json(self._rows(found)),
                "late_table": dg.MetadataValue.md(self._markdown(found)),
                "newest_window": to_key(newest, self.settings.grain) if newest else "none",
                "allowed_lag_hours": self.settings.allowed_lag.total_seconds() / 3600,
                "as_of_utc": to_api(self.now.replace(microsecond=0)),
                "no_longer_visible": dg.MetadataValue.json(gone[:_SHOWN]),
            },
        )

    def _sentence(self, found: Freshness) -> str:
        kind = f"{self.table.scope.value}s"
        if not found.late:
            return f"All {len(found.newest)} {kind} are fresh."
        worst = [
            f"{self._name(late.scope)} by {format_duration(late.by(self.now))}" for late in found.late[:5]
        ]
        more = f" and {len(found.late) - 5} more" if len(found.late) > 5 else ""
        return f"{len(found.late)} of {len(found.newest)} {kind} are late: {', '.join(worst)}{more}."

    def _rows(self, found: Freshness) -> list[dict[str, str | float | None]]:
        grain = self.settings.grain
        return [
            {
                "scope": late.scope,
                "name": self._name(late.scope),
                "newest_window": to_key(late.newest, grain) if late.newest else None,
                "first_missing_window": to_key(late.missing, grain),
                "due_utc": to_api(late.due.replace(microsecond=0)),
                LATE_HOURS: round(late.by(self.now).total_seconds() / 3600, 1),
            }
            for late in found.late[:_SHOWN]
        ]

    def _markdown(self, found: Freshness) -> str:
        if not found.late:
            return "No hotel is behind."
        hotel = "hotel" if self.table.scope is ScopeKind.ENTERPRISE else "chain"
        lines = [
            f"| {hotel} | late by | newest window | first missing | partition |",
            "|---|---|---|---|---|",
        ]
        for late in found.late[:_SHOWN]:
            newest = to_key(late.newest, self.settings.grain) if late.newest else "nothing ever landed"
            missing = to_key(late.missing, self.settings.grain)
            name = self._name(late.scope).replace("|", "\\|")
            key = self.directory.scope_keys.key_of(late.scope)
            lines.append(
                f"| {name} | {format_duration(late.by(self.now))} | {newest} | {missing} | `{key}` |"
            )
        return "\n".join(lines)

    def _name(self, scope: str) -> str:
        return self.directory.name_of(self.table.scope, scope)
