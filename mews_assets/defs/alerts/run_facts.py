"""Facts for alerts about runs: the assets and partitions that a failed run did not make, and that they were made since.

Lives here: which assets the failed steps of a run make, and whether these were materialised since. Not here: the other
facts and reading the event log (`facts`).

The UI, schedules and the automation sensor launch the same asset under several jobs, and several assets in one run. So
an incident is of one asset. It is resolved when the partitions that failed, or an asset without partitions, were
materialised since, by whichever run. A failure outside any asset's step is the job's, and resolved by its next success.
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
    FAILED_ASSETS,
    FAILED_PARTITIONS,
    RETRYABLE,
    TABLE_TAG,
    plain_values,
)
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.base.run_history import is_going
from mews_assets.defs.base.run_tags import FIRST_DAY_TAG, LAST_DAY_TAG, NAMES_TAG
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.storage import layout

SENSOR_TAG = "dagster/sensor_name"
PARTITION_TAG = "dagster/partition"
_STEPS = {"pull_": layout.CHANGES, "fold_": layout.CURRENT, "snapshot_": layout.SNAPSHOT}
"""The ops over tables, by the prefix of their names."""
_JOBS = {"current_": layout.CURRENT}
"""The jobs over one table each, by the prefix of their names; those over a table's windows carry a tag."""
_BY_SCOPE = (layout.CURRENT, layout.SNAPSHOT)


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, and the event that says so. Assets and jobs outside the namespace are a host's."""

    instance: dg.DagsterInstance
    run: dg.DagsterRun
    event: int
    at: datetime
    namespace: Namespace

    @property
    def is_own(self) -> bool:
        return _is_own(self.run, self.namespace)


def asset_of_step(step: str) -> str:
    """The asset that a step makes, as messages name it; empty where it makes none. The step has no prefix."""
    for begins, layer in _STEPS.items():
        if step.startswith(begins) and _is_table(name := step.removeprefix(begins)):
            return f"{layer}/{name}"
    layer, _, name = step.partition("__")
    return f"{layer}/{name}" if name else ""


def succeeded(run: dg.DagsterRun, event: int, at: datetime, namespace: Namespace) -> list[Fact]:
    """The facts of a successful run: what failed as a whole passes."""
    if not _is_own(run, namespace):
        return []
    names = dict.fromkeys([_whole(run, namespace), *_assets_of(run, namespace), run.job_name])
    return [Fact(Subject(Kind.RUN, name), event, at, run.run_id, passes=(WHOLE,)) for name in names]


def failed(ended: EndedRun, event: dg.DagsterEvent, keys: PartitionKeys) -> list[Fact]:
    """The facts of a failed run: one for each asset whose step failed."""
    if not ended.is_own:
        return []
    run, namespace = ended.run, ended.namespace
    failures: dict[str, _StepFailures] = {}
    steps = [
        entry.dagster_event
        for entry in ended.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event is not None
    ]
    for step in steps:
        own_step = namespace.own_name(step.step_key or "")
        if own_step is None:
            continue
        causes = _causes_by_asset(step.step_failure_data)
        for asset, cause in causes.items():
            name = namespace.own_asset(dg.AssetKey.from_user_string(asset)) or asset
            failures.setdefault(name, _StepFailures()).add_cause(cause, step.step_failure_data)
        if not causes:
            name = asset_of_step(own_step) or _whole(run, namespace)
            failures.setdefault(name, _StepFailures()).add(step.step_failure_data)
    if not steps:  # a killed run has no failure event
        killed = _StepFailures([str(event.message or "It ended without a message.")])
        failures[_whole(run, namespace)] = killed
    return [_fact(ended, name, failure, keys) for name, failure in failures.items()]


def landed_since(
    instance: dg.DagsterInstance,
    incident: Incident,
    newest: int,
    now: datetime,
    keys: PartitionKeys,
    namespace: Namespace,
) -> Fact | None:
    """The fact that parts of a failed run's incident were materialised since, by whichever run; None if none were."""
    if incident.subject.kind is not Kind.RUN or "/" not in (asset := _asset(incident.subject.asset)):
        return None
    layer, _, name = asset.partition("/")
    parts = {key for key in incident.parts if key != WHOLE}
    if parts:
        layers = (layout.CHANGES, layout.LANDING, layout.CURRENT) if layer == layout.CHANGES else (layer,)
        assets = [namespace.asset(each, name) for each in layers]
        made = {
            key
            for asset_key, each in zip(assets, layers, strict=True)
            for key in _made(
                instance, asset_key, _parts_of(parts, is_by_scope=each in _BY_SCOPE), incident, keys
            )
        }
    else:
        is_made = not _is_table(name) and _is_made_whole(instance, namespace.asset(layer, name), incident)
        made = {WHOLE} if is_made else set()
    if not made:
        return None
    # Read now, so it is newer than every event that was read before.
    return Fact(incident.subject, newest + 1, now, passes=tuple(sorted(made)))


def _parts_of(parts: set[PartKey], *, is_by_scope: bool) -> set[PartKey]:
    """The parts that an asset of a layer can have: incidents of earlier versions name scopes of current tables under
    changes."""
    return {part for part in parts if bool(part.window) != is_by_scope}


def _made(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    parts: set[PartKey],
    incident: Incident,
    keys: PartitionKeys,
) -> Iterator[PartKey]:
    wanted = {keys.join(*part): part for part in parts}
    if not wanted:
        return
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=set(wanted)
    )
    yield from (wanted[text] for text, event in latest.items() if event > incident.parts[wanted[text]].event)


def _is_made_whole(instance: dg.DagsterInstance, asset: dg.AssetKey, incident: Incident) -> bool:
    """Whether an asset without partitions was materialised since, by a run that has ended."""
    found = instance.fetch_materializations(asset, limit=1).records
    return bool(found) and (
        found[0].storage_id > incident.parts[WHOLE].event and not is_going(instance, found[0].run_id)
    )


def _asset(subject: str) -> str:
    """The asset of an incident, also of one that an earlier version opened under its job's name."""
    if subject.startswith("current_") and _is_table(name := subject.removeprefix("current_")):
        return f"{layout.CURRENT}/{name}"
    return subject


@dataclass
class _StepFailures:
    """The failures of the steps of one asset."""

    causes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    retryable: list[bool] = field(default_factory=list)

    def add_cause(self, cause: str, data: Any) -> None:
        """The cause for one asset of a step that makes several."""
        self.causes.append(cause)
        self.retryable.append(bool(plain_values(data.user_failure_data.metadata).get(RETRYABLE, False)))

    def add(self, data: Any) -> None:
        if data is None:
            return
        if data.user_failure_data is not None:
            metadata = plain_values(data.user_failure_data.metadata)
            named = metadata.get(CAUSES)
            self.causes += named if isinstance(named, list) else [data.user_failure_data.description or ""]
            self.keys += metadata.get(FAILED_PARTITIONS, ())
            self.retryable.append(bool(metadata.get(RETRYABLE, False)))
        elif data.error is not None:
            # The text of an exception may hold personal data; Dagster wraps it in an exception of its own.
            error = data.error.cause or data.error
            self.causes.append(f"{error.cls_name or 'an error without a name'}, see the run's log.")
            self.retryable.append(False)


def _causes_by_asset(data: Any) -> dict[str, str]:
    """The causes that a step names for its assets; none if it makes one, or failed as a whole."""
    if data is None or data.user_failure_data is None:
        return {}
    return dict(plain_values(data.user_failure_data.metadata).get(FAILED_ASSETS, {}))


def _fact(ended: EndedRun, name: str, failures: _StepFailures, keys: PartitionKeys) -> Fact:
    run = ended.run
    by_sensor = SENSOR_TAG in run.tags
    # A killed run has no failure event; its sensor launches it again.
    may_pass = by_sensor and all(failures.retryable)
    if may_pass:
        next_step = "Its sensor tries again by itself."
    elif by_sensor:
        next_step = "Again cannot help: mend the cause, then launch a backfill of what is missing."
    else:
        next_step = "Nobody launches it again by itself."
    about = [] if failures.keys else _about(run)
    cause = " ".join([*failures.causes, *about, next_step])
    fact = Fact(Subject(Kind.RUN, name), ended.event, ended.at, run.run_id, cause=cause)
    failed = failures.keys or [_scope_of(run, name)]
    urgency = Urgency.WARNING if may_pass else Urgency.FAILURE
    return replace(fact, urgency=urgency, fails=tuple(Part(PartKey(*keys.split(key))) for key in failed))


def _about(run: dg.DagsterRun) -> list[str]:
    """The hotels or chains and the days of a run that names no partition that failed, such as a killed one."""
    names = [run.tags[tag] for tag in NAMES_TAG.values() if tag in run.tags]
    if not names:
        return []
    first, last = run.tags.get(FIRST_DAY_TAG), run.tags.get(LAST_DAY_TAG)
    days = f", {first}" if first == last else f", {first} to {last}"
    return [f"It was to make {', '.join(names)}{days if first else ''}."]


def _scope_of(run: dg.DagsterRun, name: str) -> str:
    """The hotel of a run over one hotel whose failure names none; empty for a run over all."""
    return run.tags.get(PARTITION_TAG, "") if name.partition("/")[0] in _BY_SCOPE else ""


def _is_own(run: dg.DagsterRun, namespace: Namespace) -> bool:
    """Whether the run is of a job or over assets of the namespace. Without a prefix every run is."""
    return namespace.own_name(run.job_name) is not None or any(
        namespace.own_asset(asset) for asset in run.asset_selection or ()
    )


def _whole(run: dg.DagsterRun, namespace: Namespace) -> str:
    """The name of a run as a whole: its asset, or its job where it has none or several."""
    assets = _assets_of(run, namespace)
    return assets[0] if len(assets) == 1 or (assets and run.job_name.startswith("__")) else run.job_name


def _assets_of(run: dg.DagsterRun, namespace: Namespace) -> list[str]:
    """The assets of a run, from its tags, selection or job. Windows of partner tables count as the first table's."""
    if table := namespace.own_name(run.tags.get(TABLE_TAG, "")):
        return [f"{layout.CHANGES}/{table}"]
    found = set[str]()
    job = namespace.own_name(run.job_name) or ""
    for key in run.asset_selection or ():
        if not (asset := namespace.own_asset(key)):
            continue
        layer, name = asset.partition("/")[0], asset.rpartition("/")[2]
        if layer in (layout.LANDING, layout.CHANGES) and _is_table(name):
            layer, name = layout.CHANGES, partners(catalog.table(name))[0].name
        found.add(f"{layer}/{name}")
    for begins, layer in _JOBS.items():
        if not found and job.startswith(begins) and _is_table(job.removeprefix(begins)):
            found.add(f"{layer}/{job.removeprefix(begins)}")
    if not found and _is_table(job):
        found.add(f"{layout.CHANGES}/{partners(catalog.table(job))[0].name}")
    return sorted(found)


def _is_table(name: str) -> bool:
    return any(table.name == name for table in catalog.TABLES)
