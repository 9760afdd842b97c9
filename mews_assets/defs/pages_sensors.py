"""Pages sensors: one per operation fetched by pages; a run for all that is due, when none is going.

Lives here: the shell around `ingest.due`, and the pause after failures. The run joins windows that touch and
pulls them side by side; nothing is in flight between runs, so there is no state but the runs themselves.
"""

from datetime import UTC, datetime

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.assets import op_name
from mews_assets.defs.partitions import SCOPE_SETS
from mews_assets.defs.resources import LakeResource, MewsResource
from mews_assets.defs.run_history import TABLE_TAG, newest_runs, state_of
from mews_assets.defs.specs import changes_key
from mews_assets.defs.switches import default_status
from mews_assets.ingest.directory import load_directory
from mews_assets.ingest.due import due
from mews_assets.ingest.flights import FIRST_BACKOFF, MAX_TRIES, RunState
from mews_assets.settings import Settings

MAX_PARTITIONS = 2000
"""Of one run: about a minute of events, so that a long history arrives in pieces that people can watch."""


def pause_after(states: list[RunState], ended: datetime | None) -> datetime | None:
    """When to try again after the newest runs, newest first; None at once, the last instant never.

    Failures in a row double the pause. After the last try, or one that said again cannot help, only a run that
    somebody launches, and that succeeds, starts the sensor again.
    """
    failures = 0
    for state in states:
        if state not in (RunState.FAILED, RunState.FAILED_FOR_GOOD):
            break
        failures += 1
    if not failures or ended is None:
        return None
    if states[0] is RunState.FAILED_FOR_GOOD or failures >= MAX_TRIES:
        return datetime.max.replace(tzinfo=UTC)
    return ended + FIRST_BACKOFF * (1 << (failures - 1))


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
    def sense(
        context: dg.SensorEvaluationContext, mews: MewsResource, lake: LakeResource
    ) -> dg.RunRequest | dg.SkipReason:
        directory = load_directory(lake.open())
        if directory is None:
            return dg.SkipReason("nothing discovered yet: turn on the sensor `discovery`")
        instance = context.instance
        runs = newest_runs(instance, first.name, MAX_TRIES)
        states = [state_of(instance, run) for run in runs]
        if RunState.GOING in states:
            return dg.SkipReason("a run is going")
        with mews.open(directory) as platform:
            now = platform.now()
        ended = _ended(instance, runs[0].run_id) if runs else None
        until = pause_after(states, ended)
        if until is not None and datetime.now(UTC) < until:
            if until.year == datetime.max.year:
                return dg.SkipReason(
                    f"gave up after run {runs[0].run_id}: mend its cause, then run {job} by hand"
                )
            return dg.SkipReason(f"the newest run failed; trying again at {until:%H:%M} UTC")
        return _request(instance, group, settings, directory.scopes(first.scope), now)

    return sense


def _request(
    instance: dg.DagsterInstance,
    group: tuple[Table, ...],
    settings: Settings,
    scopes: list[str],
    now: datetime,
) -> dg.RunRequest | dg.SkipReason:
    first = group[0]
    there = set.intersection(*(instance.get_materialized_partitions(changes_key(one)) for one in group))
    known = set(instance.get_dynamic_partitions(SCOPE_SETS[first.scope]))
    missing = due([one for one in scopes if one in known], settings.start, now, settings.grain, there)
    if not missing:
        return dg.SkipReason("nothing is due")
    newest = missing[-MAX_PARTITIONS:]
    keys = [f"{one.scope}|{one.key(settings.grain)}" for one in newest]
    return dg.RunRequest(
        run_config={"ops": {op_name(first): {"config": {"partitions": keys}}}}, tags={TABLE_TAG: first.name}
    )


def _ended(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    record = instance.get_run_record_by_id(run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else None
