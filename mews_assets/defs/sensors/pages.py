"""Pages sensors, one per operation fetched by pages: they launch a run for all due partitions when none is going.

Lives here: the shell around `ingest.due`, and the pauses after failures. Between runs nothing is pending at Mews. Pulls
that failed are kept in the cursor, each with its pause: a hotel that Mews refuses does not stop the others. Not here:
pulling, which the run does.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mews_assets.catalog import table
from mews_assets.catalog.model import Table
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.base.adoption import unreported
from mews_assets.defs.base.jobs import default_status
from mews_assets.defs.base.metadata_keys import RETRYABLE, TABLE_TAG
from mews_assets.defs.base.partitions import keys_in, visible_scopes
from mews_assets.defs.base.resources import MewsResource, lake_of, mews_of
from mews_assets.defs.base.run_history import failed_pulls, newest_runs, state_of
from mews_assets.defs.base.run_tags import scope_tags, window_tags
from mews_assets.defs.base.standing import STANDING
from mews_assets.defs.namespace import Namespace
from mews_assets.defs.sensors import abandoned_exports, sensor_texts
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.due import due, not_covered, still_missing
from mews_assets.ingest.pending_exports import (
    ExportFailure,
    ExportRequest,
    RunState,
    add_failure,
    blocked,
    record_failure,
    wait_after,
)
from mews_assets.ingest.sensor_state import from_state, to_state
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import Window, from_api

MAX_PARTITIONS = 2000
"""Of one run, so that a long history arrives in pieces that people can watch."""
MAX_RUNS = 6
"""The newest runs that are read: after so many failures in a row the pause grows no more."""


def pause_after(states: list[RunState], ended: datetime | None) -> datetime | None:
    """When to launch again, from the states of the newest runs, newest first. None: at once; the last instant: never.

    Failures in a row double the pause, up to the longest. After a failure that a retry cannot mend, only a run that a
    person launches, and that succeeds, starts the sensor again.
    """
    failures = 0
    for state in states:
        if state not in (RunState.FAILED, RunState.FAILED_FOR_GOOD):
            break
        failures += 1
    if not failures or ended is None:
        return None
    if states[0] is RunState.FAILED_FOR_GOOD:
        return datetime.max.replace(tzinfo=UTC)
    return ended + wait_after(failures)


def pages_sensor(group: tuple[Table, ...], settings: Settings, job: str) -> dg.SensorDefinition:
    """The sensor of tables that one operation brings by pages."""
    first, namespace = group[0], Namespace.of(settings)

    @dg.sensor(
        name=namespace.name(f"pages_{first.name}"),
        job_name=namespace.name(job),
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
        minimum_interval_seconds=settings.poll_seconds,
        default_status=default_status(settings),
        description=sensor_texts.description(
            *(group, settings.grain, settings.poll_seconds),
            f"It launches a run that reads them page by page{_waits_for(first)}.",
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        mews, lake = mews_of(context, namespace), lake_of(context, namespace).open()
        return Tick(group, settings, context.instance, mews, lake).run(context.cursor)

    return sense


def _waits_for(table: Table) -> str:
    return (
        f", once the window has landed in {' and '.join(table.parent_tables)}" if table.parent_tables else ""
    )


@dataclass
class Tick:
    """One tick of the sensor of tables that one operation brings by pages."""

    group: tuple[Table, ...]
    settings: Settings
    instance: dg.DagsterInstance
    mews: MewsResource
    lake: Lake

    @property
    def namespace(self) -> Namespace:
        return Namespace.of(self.settings)

    @property
    def first(self) -> Table:
        return self.group[0]

    def run(self, cursor: str | None) -> dg.SensorResult:
        """A run for all that is due and not held back, unless one is going."""
        directory = load_directory(self.lake)
        if directory is None:
            return dg.SensorResult(skip_reason=sensor_texts.nothing_discovered(self.namespace))
        runs = newest_runs(self.instance, self.first, MAX_RUNS, self.namespace)
        states = [state_of(self.instance, run) for run in runs]
        if RunState.GOING in states:
            return dg.SensorResult(
                skip_reason=f"run {runs[states.index(RunState.GOING)].run_id} is going", cursor=cursor
            )
        with self.mews.open(directory, patient=False) as platform:
            now = platform.now()
        newest = runs[0].run_id if runs else ""
        seen, before = _read(cursor)
        # A run that names the pulls that failed has pulled the rest: only these pulls pause, not the whole sensor.
        refused = failed_pulls(self.instance, newest) if runs else []
        failures = _after(refused, before, now) if runs and newest != seen else before
        ended = _ended(self.instance, newest) if runs and not refused else None
        until = pause_after(states, ended)
        scopes = visible_scopes(self.instance, directory, self.first.scope, self.namespace)
        missing = self._due(scopes, now)
        requests = [(failure.request.scopes, failure.request.window) for failure in failures]
        still = zip(failures, still_missing(missing, requests), strict=True)
        failures = [failure for failure, is_missing in still if is_missing]
        chosen, reason = self._choose(missing, failures, until, newest, now)
        events = abandoned_exports.observations(self.namespace.landing(self.first), before, failures)
        return dg.SensorResult(
            run_requests=[self._request(chosen, directory)] if chosen else [],
            skip_reason=None if chosen else reason,
            cursor=json.dumps({"seen": newest, **to_state([], failures)}),
            asset_events=[
                *events,
                *unreported(self.instance, self.lake, self.group, self.settings, directory),
            ],
        )

    def _choose(
        self,
        missing: list[Partition],
        failures: list[ExportFailure],
        until: datetime | None,
        newest: str,
        now: datetime,
    ) -> tuple[list[Partition], str]:
        """The partitions of the next run; where there are none, why."""
        if until is not None and datetime.now(UTC) < until:
            if until.year == datetime.max.year:
                return [], f"gave up after run {newest}: mend its cause, then launch the job by hand"
            return [], f"the newest run failed; trying again at {until:%H:%M} UTC"
        closed = blocked(failures, now)
        chosen = not_covered(missing, [(request.scopes, request.window) for request in closed])
        if chosen or not missing:
            return chosen[-MAX_PARTITIONS:], sensor_texts.nothing_due(self.first, self.settings.grain, now)
        reasons = [f"{len(missing)} partitions held back", *(_skip_reason(failure) for failure in failures)]
        return [], "; ".join(reasons)

    def _request(self, chosen: list[Partition], directory: Directory) -> dg.RunRequest:
        keys = keys_in(self.instance, directory, self.settings.grain, self.namespace)
        op = op_name(self.first, self.namespace)
        config = {"ops": {op: {"config": {"partitions": list(map(keys.text, chosen))}}}}
        tags = {
            TABLE_TAG: self.namespace.name(self.first.name),
            **scope_tags(directory, self.first.scope, (partition.scope for partition in chosen)),
            **window_tags(partition.window for partition in chosen),
        }
        return dg.RunRequest(run_config=config, tags=tags)

    def _due(self, scopes: list[str], now: datetime) -> list[Partition]:
        """The settled partitions that do not stand in the lake in every table of the group."""
        listed = set.intersection(*(STANDING.keys(self.lake, table) for table in self.group))
        settings, by_day = self.settings, self.first.by_day
        missing = due(scopes, settings.start, now, settings.grain, listed, by_day=by_day)
        if parents := [table(name) for name in self.first.parent_tables]:
            waiting = set(STANDING.missing(self.lake, parents, missing))
            missing = [one for one in missing if one not in waiting]
        return STANDING.missing(self.lake, self.group, missing)


def _after(
    refused: Iterable[dict[str, Any]], failures: list[ExportFailure], now: datetime
) -> list[ExportFailure]:
    """The failures after one more run, from the pulls that failed in it."""
    for pull in refused:
        window = Window(from_api(pull["start_utc"]), from_api(pull["end_utc"]))
        request = ExportRequest("", tuple(pull["scopes"]), window)
        for_good = not pull[RETRYABLE]
        failure = record_failure(failures, request, pull["cause"], now, for_good=for_good)
        failures = add_failure(failures, failure)
    return failures


def _skip_reason(failure: ExportFailure) -> str:
    asked = f"{len(failure.request.scopes)} scopes, {failure.request.window}"
    if failure.given_up:
        return f"gave up {asked}: {failure.reason} Mend its cause, then launch a backfill of these partitions"
    return f"{asked} again at {failure.until:%H:%M} UTC: {failure.reason}"


def _read(cursor: str | None) -> tuple[str, list[ExportFailure]]:
    state = json.loads(cursor or "{}")
    return state.get("seen", ""), from_state(state)[1]


def _ended(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    record = instance.get_run_record_by_id(run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else None
