"""Pages sensors: one per operation fetched by pages; a run for all that is due, when none is going.

Lives here: the shell around `ingest.due`, and the pauses after failures. The run joins windows that touch and
pulls them side by side; nothing is in flight between runs. What a run could not pull is kept in the cursor
with its pause: one hotel that is refused does not stop the others.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.base.asset_specs import changes_key
from mews_assets.defs.base.default_status import default_status
from mews_assets.defs.base.metadata_keys import RETRYABLE, TABLE_TAG
from mews_assets.defs.base.partitions import SCOPE_SETS, scope_and_window
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.defs.base.run_history import failed_pulls, newest_runs, state_of
from mews_assets.defs.sensors import abandoned_exports
from mews_assets.ingest.directory import load_directory
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
from mews_assets.settings import Settings
from mews_assets.windows import Window, from_api

MAX_PARTITIONS = 2000
"""Of one run: a minute or two of events, so that a long history arrives in pieces that people can watch."""
MAX_RUNS = 6
"""Looked back at: after so many failures in a row the pause grows no more."""


def pause_after(states: list[RunState], ended: datetime | None) -> datetime | None:
    """When to try again after the newest runs, newest first; None at once, the last instant never.

    Failures in a row double the pause, up to the longest. After one that said again cannot help, only a run
    that somebody launches, and that succeeds, starts the sensor again.
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
    first = group[0]

    @dg.sensor(
        name=f"pages_{first.name}",
        job_name=job,
        minimum_interval_seconds=settings.poll_seconds,
        default_status=default_status(settings),
        description=f"Pulls the settled windows of {', '.join(one.name for one in group)} that are missing.",
    )
    def sense(context: dg.SensorEvaluationContext, mews: MewsResource, lake: LakeResource) -> dg.SensorResult:
        return tick(group, settings, context.instance, context.cursor, mews, lake)

    return sense


def tick(
    group: tuple[Table, ...],
    settings: Settings,
    instance: dg.DagsterInstance,
    cursor: str | None,
    mews: MewsResource,
    lake: LakeResource,
) -> dg.SensorResult:
    """One look at what is due and at how the last run went."""
    first = group[0]
    directory = load_directory(lake.open())
    if directory is None:
        return dg.SensorResult(skip_reason="nothing discovered yet: turn on the sensor `discovery`")
    runs = newest_runs(instance, first.name, MAX_RUNS)
    states = [state_of(instance, run) for run in runs]
    if RunState.GOING in states:
        return dg.SensorResult(skip_reason="a run is going", cursor=cursor)
    with mews.open(directory, patient=False) as platform:
        now = platform.now()
    seen, before = _read(cursor)
    troubles = before
    # A run that names what it could not pull has pulled the rest: only the rest is paused for a whole.
    refused = failed_pulls(instance, runs[0].run_id) if runs else []
    if runs and runs[0].run_id != seen:
        troubles = _after(refused, troubles, now)
    until = None if refused else pause_after(states, _ended(instance, runs[0].run_id) if runs else None)
    scopes = directory.scopes(first.scope)
    newest = runs[0].run_id if runs else ""
    return _result(instance, group, settings, scopes, now, before, troubles, until, newest)


def _result(
    instance: dg.DagsterInstance,
    group: tuple[Table, ...],
    settings: Settings,
    scopes: list[str],
    now: datetime,
    before: list[ExportFailure],
    troubles: list[ExportFailure],
    until: datetime | None,
    seen: str,
) -> dg.SensorResult:
    missing = _due(instance, group, settings, scopes, now)
    questions = [(one.request.scopes, one.request.window) for one in troubles]
    kept = zip(troubles, still_missing(missing, questions), strict=True)
    troubles = [trouble for trouble, is_missing in kept if is_missing]
    cursor = json.dumps({"seen": seen, **to_state([], troubles)})
    told = abandoned_exports.observations(group[0], before, troubles)
    if until is not None and datetime.now(UTC) < until:
        if until.year == datetime.max.year:
            said = f"gave up after run {seen}: mend its cause, then launch the job by hand"
        else:
            said = f"the newest run failed; trying again at {until:%H:%M} UTC"
        return dg.SensorResult(skip_reason=said, cursor=cursor, asset_events=told)
    closed = blocked(troubles, now)
    chosen = not_covered(missing, [(one.scopes, one.window) for one in closed])[-MAX_PARTITIONS:]
    if not chosen:
        held = [f"{len(missing)} partitions held back", *(_skip_reason(one) for one in troubles)]
        said = "; ".join(held) if missing else "nothing is due"
        return dg.SensorResult(skip_reason=said, cursor=cursor, asset_events=told)
    first = group[0]
    keys = [f"{one.scope}|{one.key(settings.grain)}" for one in chosen]
    request = dg.RunRequest(
        run_config={"ops": {op_name(first): {"config": {"partitions": keys}}}}, tags={TABLE_TAG: first.name}
    )
    return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=told)


def _due(
    instance: dg.DagsterInstance,
    group: tuple[Table, ...],
    settings: Settings,
    scopes: list[str],
    now: datetime,
) -> list[Partition]:
    there = set.intersection(*(instance.get_materialized_partitions(changes_key(one)) for one in group))
    known = set(instance.get_dynamic_partitions(SCOPE_SETS[group[0].scope]))
    wanted = [one for one in scopes if one in known]
    return due(
        wanted, settings.start, now, settings.grain, set(map(scope_and_window, there)), by_day=group[0].by_day
    )


def _after(
    refused: Iterable[dict[str, Any]], troubles: list[ExportFailure], now: datetime
) -> list[ExportFailure]:
    """The troubles after one more run, by what it could not pull."""
    for pull in refused:
        window = Window(from_api(pull["start_utc"]), from_api(pull["end_utc"]))
        question = ExportRequest("", tuple(pull["scopes"]), window)
        for_good = not pull[RETRYABLE]
        trouble = record_failure(troubles, question, pull["cause"], now, for_good=for_good)
        troubles = add_failure(troubles, trouble)
    return troubles


def _skip_reason(trouble: ExportFailure) -> str:
    asked = f"{len(trouble.request.scopes)} scopes, {trouble.request.window}"
    if trouble.given_up:
        return f"gave up {asked}: {trouble.reason} Mend its cause, then launch a backfill of these partitions"
    return f"{asked} again at {trouble.until:%H:%M} UTC: {trouble.reason}"


def _read(cursor: str | None) -> tuple[str, list[ExportFailure]]:
    state = json.loads(cursor or "{}")
    return state.get("seen", ""), from_state(state)[1]


def _ended(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    record = instance.get_run_record_by_id(run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else None
