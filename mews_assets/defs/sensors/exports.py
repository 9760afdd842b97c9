"""Export sensors: one per exported table, from what is due to a run when its files are ready.

Lives here: the shell around `ingest.due`, `ingest.plan` and `ingest.flights`. A tick reads, decides, acts and
ends: nothing waits for Mews. What is under way is in the export log and in the sensor's cursor, so a daemon
may die between any two lines.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import dagster as dg

from mews_assets.api import ExportInFlightError, MewsClient, MewsError, add_export, get_exports
from mews_assets.api.exports import Next
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.assets.requested_partitions import export_config
from mews_assets.defs.base.adoption import unreported
from mews_assets.defs.base.asset_specs import landing_key
from mews_assets.defs.base.default_status import default_status
from mews_assets.defs.base.metadata_keys import EXPORT_TAG, TABLE_TAG
from mews_assets.defs.base.partitions import SCOPE_SETS, scope_and_window
from mews_assets.defs.base.resources import LakeResource, MewsResource, Platform
from mews_assets.defs.base.run_history import is_going, run_of_export
from mews_assets.defs.base.standing import STANDING
from mews_assets.defs.sensors import abandoned_exports
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.due import LookBack, due, not_covered, still_missing
from mews_assets.ingest.pending_exports import (
    Decision,
    ExportFailure,
    ExportRequest,
    PendingExport,
    RunState,
    add_failure,
    blocked,
    decide,
    record_failure,
    record_pause,
)
from mews_assets.ingest.plan import Pull, in_turn, plan_looking_back
from mews_assets.ingest.pull import export_arguments
from mews_assets.ingest.sensor_state import from_state, to_state
from mews_assets.lake.landing import export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings

AT_ONCE = 16
"""Connections asked side by side, so that a hundred of them stay far below the 60 s a tick may take."""
AssetEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation
_T = TypeVar("_T")
_R = TypeVar("_R")


def export_sensor(table: Table, settings: Settings, job: str) -> dg.SensorDefinition:
    """The sensor of one exported table."""

    @dg.sensor(
        name=f"export_{table.name}",
        job_name=job,
        minimum_interval_seconds=settings.poll_seconds,
        default_status=default_status(settings),
        description=f"Exports the settled windows of {table.name} that are missing, as few exports as cover them.",
    )
    def sense(context: dg.SensorEvaluationContext, mews: MewsResource, lake: LakeResource) -> dg.SensorResult:
        opened = lake.open()
        if (directory := load_directory(opened)) is None:
            return dg.SensorResult(skip_reason="nothing discovered yet: turn on the sensor `discovery`")
        with mews.open(directory, patient=False) as platform:
            return _Tick(table, settings, context.instance, opened, platform).run(context.cursor)

    return sense


@dataclass
class _Tick:
    table: Table
    settings: Settings
    instance: dg.DagsterInstance
    lake: Lake
    platform: Platform

    @property
    def clients(self) -> dict[str, MewsClient]:
        return self.platform.clients

    @property
    def directory(self) -> Directory:
        return self.platform.directory

    def run(self, cursor: str | None) -> dg.SensorResult:
        flights, before = from_state(json.loads(cursor or "{}"))
        # Of a connection that was taken out of the settings nothing can be asked; its log entries stay.
        flights = self._with_the_log([one for one in flights if one.export.connection in self.clients])
        waited_for = [one for one in flights if self._is_waited_for(one.export)]
        ours = [one for one in flights if one not in waited_for]
        runs = {one.export.id: run_of_export(self.instance, one.export.id) for one in ours}
        states, notes = self._ask_for_states(ours, runs)
        now = self.platform.now()
        decision = decide(ours, states, runs, before, now)
        for export in decision.drop:
            export_log.remove(self.lake, export)
        for flight in decision.launch:
            # A tick that died may have forgotten it, and its run finds it nowhere else.
            export_log.save(self.lake, flight.export)
        asked, troubles = self._ask(decision, waited_for, now, notes)
        events: list[AssetEvent] = [self._observation("asked for", export) for export in asked]
        events += [self._observation("ready", pending.export) for pending in decision.launch]
        events += abandoned_exports.observations(self.table, before, troubles)
        events += unreported(self.instance, self.lake, [self.table], self.settings.start)
        notes += [_given_up(one) for one in troubles if one.given_up]
        flying = [*decision.in_progress, *(PendingExport(one) for one in asked)]
        return dg.SensorResult(
            run_requests=[self._request(flight) for flight in decision.launch],
            cursor=json.dumps(to_state(flying, troubles)),
            asset_events=events,
            skip_reason=None if decision.launch else self._skip_reason(flying, waited_for, notes),
        )

    def _with_the_log(self, flights: list[PendingExport]) -> list[PendingExport]:
        """What the cursor knows, and what only the export log knows: a tick died, or a run asked."""
        known = {flight.export.id for flight in flights}
        logged = _side_by_side(
            lambda name: export_log.logged_exports(self.lake, name, self.table.name), self.clients
        )
        return [*flights, *(PendingExport(one) for found in logged for one in found if one.id not in known)]

    def _is_waited_for(self, export: LoggedExport) -> bool:
        return bool(export.asked_by) and is_going(self.instance, export.asked_by)

    def _ask_for_states(
        self, flights: Iterable[PendingExport], runs: Mapping[str, RunState]
    ) -> tuple[dict[str, Next | None], list[str]]:
        """One call per connection for all its exports, the connections side by side."""
        ids: dict[str, list[str]] = {}
        now = self.platform.now()
        for flight in flights:
            run = runs[flight.export.id]
            again = run is RunState.FAILED and flight.again_at is not None and flight.again_at <= now
            if run is RunState.NONE or again:
                ids.setdefault(flight.export.connection, []).append(flight.export.id)
        states: dict[str, Next | None] = {}
        notes: list[str] = []

        def work(name: str) -> dict[str, Next | None] | str:
            try:
                found = get_exports(self.clients[name], ids[name])
            except MewsError as error:
                return f"{name}: {error}"
            return {one: export.next if export is not None else None for one, export in found.items()}

        for answer in _side_by_side(work, ids):
            notes.append(answer) if isinstance(answer, str) else states.update(answer)
        return states, notes

    def _ask(
        self, decision: Decision, waited_for: list[PendingExport], now: datetime, notes: list[str]
    ) -> tuple[list[LoggedExport], list[ExportFailure]]:
        """New exports for what is due, one per connection that has none of this table at Mews."""
        due_now = self._due(now)
        troubles = _concerning(due_now, decision.failures)
        under_way = [one.request for one in (*decision.in_progress, *waited_for)]
        closed = [*under_way, *blocked(troubles, now)]
        missing = not_covered(due_now, [(one.scopes, one.window) for one in closed])
        chosen: dict[str, Pull] = {}
        busy = {one.export.connection for one in (*decision.waiting_at_mews, *waited_for)}
        for pull in in_turn(self._plan(missing, due_now, under_way)):
            if pull.connection not in busy and pull.connection in self.clients:
                chosen.setdefault(pull.connection, pull)
        asked: list[LoggedExport] = []
        for pull, answer in zip(
            chosen.values(), _side_by_side(lambda one: self._add(one, now), chosen.values()), strict=True
        ):
            key = ExportRequest(pull.connection, pull.scopes, pull.window)
            if isinstance(answer, LoggedExport):
                asked.append(answer)
            elif isinstance(answer, ExportInFlightError):
                notes.append(f"{pull.connection}: another export of {self.table.entity} is in flight")
            elif answer.retryable or not pull.window.is_settled(
                self.platform.now(), by_day=self.table.by_day
            ):
                # Refused, and by the clock that came with the refusal too early: ours was set since discovery.
                notes.append(str(answer))
                troubles = add_failure(troubles, record_pause(troubles, key, str(answer), now))
            else:
                refused = record_failure(troubles, key, str(answer), now, for_good=True)
                troubles = add_failure(troubles, refused)
        return asked, troubles

    def _plan(
        self, missing: list[Partition], due_now: list[Partition], under_way: list[ExportRequest]
    ) -> list[Pull]:
        """The exports for what is missing, each over windows before it as well: but for what is held back."""
        absent = set(not_covered(due_now, [(one.scopes, one.window) for one in under_way]))
        start = self.settings.start

        def standing(near: Sequence[Partition]) -> list[Partition]:
            return [one for one in near if one not in absent and one.window.start >= start]

        lookback, held_back = self.settings.lookback_of(self.table), absent - set(missing)
        back = LookBack(lookback, self.settings.grain, standing, held_back)
        return plan_looking_back(self.table, missing, self._connection_of, back)

    def _due(self, now: datetime) -> list[Partition]:
        """The settled partitions that do not stand in the lake, whatever Dagster's event log holds."""
        known = set(self.instance.get_dynamic_partitions(SCOPE_SETS[self.table.scope]))
        scopes = [scope for scope in self.directory.scopes(self.table.scope) if scope in known]
        listed = set(map(scope_and_window, STANDING.keys(self.lake, self.table)))
        settings, by_day = self.settings, self.table.by_day
        missing = due(scopes, settings.start, now, settings.grain, listed, by_day=by_day)
        return STANDING.missing(self.lake, [self.table], missing)

    def _connection_of(self, scope: str) -> str:
        return self.directory.connection_of(self.table.scope, scope)

    def _add(self, pull: Pull, now: datetime) -> LoggedExport | MewsError:
        """The export, its id saved; or why there is none."""
        fetch = self.table.fetch
        assert isinstance(fetch, Export)
        try:
            export = add_export(
                self.clients[pull.connection], fetch.entity_type, **export_arguments(self.table, fetch, pull)
            )
        except MewsError as error:
            return error
        asked = LoggedExport(export.id, pull.connection, self.table.name, pull.scopes, pull.window, now)
        export_log.save(self.lake, asked)
        return asked

    def _request(self, flight: PendingExport) -> dg.RunRequest:
        export = flight.export
        config = {"exports": [export_config(replace(export, asked_by=""))]}
        return dg.RunRequest(
            run_key=f"{export.id}/{flight.runs}",
            run_config={"ops": {op_name(self.table): {"config": config}}},
            tags={TABLE_TAG: self.table.name, EXPORT_TAG: export.id},
        )

    def _observation(self, what: str, export: LoggedExport) -> dg.AssetObservation:
        names = [self.directory.name_of(self.table.scope, scope) for scope in export.scopes[:20]]
        return dg.AssetObservation(
            landing_key(self.table),
            description=f"export {export.id} {what}",
            metadata={
                "export": export.id,
                "state": what,
                "connection": export.connection,
                "window": str(export.window),
                "scopes": len(export.scopes),
                "hotels": ", ".join(names),
            },
        )

    def _skip_reason(
        self, flying: list[PendingExport], waited_for: list[PendingExport], notes: list[str]
    ) -> str:
        waiting = f"{len(flying)} exports under way" if flying else "nothing is due"
        runs = f"; {len(waited_for)} waited for by runs" if waited_for else ""
        return "; ".join([waiting + runs, *notes])


def _concerning(partitions: list[Partition], troubles: list[ExportFailure]) -> list[ExportFailure]:
    """The troubles that still keep something back: the others are over, whoever landed their partitions."""
    questions = [(one.request.scopes, one.request.window) for one in troubles]
    kept = zip(troubles, still_missing(partitions, questions), strict=True)
    return [trouble for trouble, is_missing in kept if is_missing]


def _given_up(trouble: ExportFailure) -> str:
    asked = trouble.request
    return (
        f"gave up {asked.connection} {asked.window}, {len(asked.scopes)} scopes, after {trouble.failures} tries: "
        f"{trouble.reason} Mend its cause, then launch a backfill of these partitions, or reset this sensor's cursor"
    )


def _side_by_side(work: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    waiting = list(items)
    if not waiting:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(waiting))) as threads:
        return list(threads.map(work, waiting))
