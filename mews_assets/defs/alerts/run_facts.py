"""Facts for alerts about runs: what a failed run could not do, and that it has been done since.

Lives here: which assets a run's failed steps were about, and looking whether these are there by now. Not here: the
other facts and reading the event log (`alert_facts`).

A run is about assets, whatever its job is called: the UI, schedules and the automation sensor launch the same asset
under several jobs, and several assets in one run. So an incident is of one asset, and it is over by a good run of that
asset: for partitions when they have been materialised since, whoever did it; for an asset without partitions when it
has been materialised since. What no asset's step failed on is the job's, and over with its next good run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import dagster as dg

from mews_assets import catalog
from mews_assets.alerts.incidents import WHOLE, Fact, Incident, Kind, Part, PartKey, Subject, Urgency
from mews_assets.catalog import partners
from mews_assets.defs.base.metadata_keys import (
    CAUSES,
    FAILED_PARTITIONS,
    RETRYABLE,
    TABLE_TAG,
    plain_values,
)
from mews_assets.defs.base.partitions import key_of, scope_and_window
from mews_assets.defs.base.run_history import is_going
from mews_assets.lake.storage import layout

SENSOR_TAG = "dagster/sensor_name"
PARTITION_TAG = "dagster/partition"
_STEPS = {"pull_": layout.CHANGES, "fold_": layout.CURRENT, "snapshot_": layout.SNAPSHOT}
"""The ops over tables, by what their names begin with."""
_JOBS = {"current_": layout.CURRENT}
"""The jobs over one table each, by what their names begin with; those of a table's windows carry a tag."""
_BY_SCOPE = (layout.CURRENT, layout.SNAPSHOT)


def asset_of_step(step: str) -> str:
    """The asset that a step makes, as Dagster spells it; empty where it makes none."""
    for begins, layer in _STEPS.items():
        if step.startswith(begins) and _is_table(name := step.removeprefix(begins)):
            return f"{layer}/{name}"
    layer, _, name = step.partition("__")
    return f"{layer}/{name}" if name else ""


def succeeded(run: dg.DagsterRun, event: int, at: datetime) -> list[Fact]:
    """What is over with a good run, whatever partitions it was about."""
    told = dict.fromkeys([_whole(run), *_assets_of(run), run.job_name])
    return [Fact(Subject(Kind.RUN, name), event, at, run.run_id, passes=(WHOLE,)) for name in told]


def failed(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    ended: dg.DagsterEvent,
    event: int,
    at: datetime,
) -> list[Fact]:
    """What a failed run could not do: one fact for each asset whose step failed."""
    told: dict[str, _Told] = {}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if entry.dagster_event is not None:
            name = asset_of_step(entry.dagster_event.step_key or "") or _whole(run)
            told.setdefault(name, _Told()).take(entry.dagster_event.step_failure_data)
    if not told:  # a killed run could say nothing
        told[_whole(run)] = _Told([str(ended.message or "It ended without a word.")])
    return [_fact(run, name, one, event, at) for name, one in told.items()]


def landed_since(instance: dg.DagsterInstance, incident: Incident, newest: int, now: datetime) -> Fact | None:
    """What has been made by now of what a run had failed on, whichever run made it."""
    if incident.subject.kind is not Kind.RUN or "/" not in (asset := _asset(incident.subject.asset)):
        return None
    layer, _, name = asset.partition("/")
    keys = {key for key in incident.parts if key != WHOLE}
    if keys:
        layers = (layout.CHANGES, layout.LANDING, layout.CURRENT) if layer == layout.CHANGES else (layer,)
        there = {key for one in layers for key in _made(instance, one, name, keys, incident)}
    else:
        there = {WHOLE} if _is_made_whole(instance, layer, name, incident) else set()
    if not there:
        return None
    # Looked up now: it is not older than anything that was read before.
    return Fact(incident.subject, newest + 1, now, passes=tuple(sorted(there)))


def _made(
    instance: dg.DagsterInstance, layer: str, name: str, keys: set[PartKey], incident: Incident
) -> Iterator[PartKey]:
    # Incidents that were opened before every layer had its own know scopes of current tables under changes.
    wanted = {
        key_of(*key) if key.window else key.scope: key
        for key in keys
        if bool(key.window) != (layer in _BY_SCOPE)
    }
    if not wanted:
        return
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        dg.AssetKey([layer, name]), dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=set(wanted)
    )
    yield from (wanted[text] for text, event in latest.items() if event > incident.parts[wanted[text]].event)


def _is_made_whole(instance: dg.DagsterInstance, layer: str, name: str, incident: Incident) -> bool:
    """Whether an asset without partitions has been made since, by a run that is over."""
    if _is_table(name):
        return False  # any partition's materialisation would do, and so it says nothing
    found = instance.fetch_materializations(dg.AssetKey([layer, name]), limit=1).records
    return bool(found) and (
        found[0].storage_id > incident.parts[WHOLE].event and not is_going(instance, found[0].run_id)
    )


def _asset(told: str) -> str:
    """The asset of an incident, also of one that an earlier version opened under its job's name."""
    if told.startswith("current_") and _is_table(name := told.removeprefix("current_")):
        return f"{layout.CURRENT}/{name}"
    return told


@dataclass
class _Told:
    """What the failed steps of one asset said of themselves."""

    causes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)

    def take(self, data: Any) -> None:
        if data is None:
            return
        if data.user_failure_data is not None:
            metadata = plain_values(data.user_failure_data.metadata)
            named = metadata.get(CAUSES)
            self.causes += named if isinstance(named, list) else [data.user_failure_data.description or ""]
            self.keys += metadata.get(FAILED_PARTITIONS, ())
            self.again.append(bool(metadata.get(RETRYABLE, False)))
        elif data.error is not None:
            # The text of an exception may hold anything; around it stands one of Dagster's own.
            error = data.error.cause or data.error
            self.causes.append(f"{error.cls_name or 'an error without a name'}, see the run's log.")
            self.again.append(False)


def _fact(run: dg.DagsterRun, name: str, told: _Told, event: int, at: datetime) -> Fact:
    by_sensor = SENSOR_TAG in run.tags
    # A killed run could say nothing; its sensor launches it again.
    may_pass = by_sensor and all(told.again)
    if may_pass:
        next_step = "Its sensor tries again by itself."
    elif by_sensor:
        next_step = "Again cannot help: mend the cause, then launch a backfill of what is missing."
    else:
        next_step = "Nobody launches it again by itself."
    fact = Fact(Subject(Kind.RUN, name), event, at, run.run_id, cause=" ".join([*told.causes, next_step]))
    keys = told.keys or [_scope_of(run, name)]
    urgency = Urgency.WARNING if may_pass else Urgency.FAILURE
    return replace(fact, urgency=urgency, fails=tuple(Part(PartKey(*scope_and_window(key))) for key in keys))


def _scope_of(run: dg.DagsterRun, name: str) -> str:
    """The one hotel that a run over hotels was about, where it said nothing itself; empty for the whole."""
    return run.tags.get(PARTITION_TAG, "") if name.partition("/")[0] in _BY_SCOPE else ""


def _whole(run: dg.DagsterRun) -> str:
    """What a run is about as a whole: its asset, or its job where it is about none or several."""
    assets = _assets_of(run)
    return assets[0] if len(assets) == 1 or (assets and run.job_name.startswith("__")) else run.job_name


def _assets_of(run: dg.DagsterRun) -> list[str]:
    """The assets a run is about, as its launch tells them. A table's windows are those of the table asked for first."""
    if table := run.tags.get(TABLE_TAG):
        return [f"{layout.CHANGES}/{table}"]
    found = set[str]()
    for key in run.asset_selection or ():
        layer, name = key.path[0], key.path[-1]
        if layer in (layout.LANDING, layout.CHANGES) and _is_table(name):
            layer, name = layout.CHANGES, partners(catalog.table(name))[0].name
        found.add(f"{layer}/{name}")
    for begins, layer in _JOBS.items():
        if not found and run.job_name.startswith(begins) and _is_table(run.job_name.removeprefix(begins)):
            found.add(f"{layer}/{run.job_name.removeprefix(begins)}")
    if not found and _is_table(run.job_name):
        found.add(f"{layout.CHANGES}/{partners(catalog.table(run.job_name))[0].name}")
    return sorted(found)


def _is_table(name: str) -> bool:
    return any(one.name == name for one in catalog.TABLES)
