"""Export sensors: one per exported table, from what is due to a run when its files are ready.

Lives here: the shell around `ingest.due`, `ingest.plan` and `ingest.flights`. A tick reads, decides, acts and
ends: nothing waits for Mews. What is under way is in the export log and in the sensor's cursor, so a daemon
may die between any two lines.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dagster as dg

from mews_assets.api import ExportInFlightError, MewsClient, MewsError, add_export, get_exports
from mews_assets.api.exports import Next
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.assets import op_name
from mews_assets.defs.partitions import SCOPE_SETS
from mews_assets.defs.resources import LakeResource, MewsResource, Platform
from mews_assets.defs.run_history import EXPORT_TAG, TABLE_TAG, is_going, run_of_export
from mews_assets.defs.specs import changes_key, landing_key
from mews_assets.defs.switches import default_status
from mews_assets.defs.wanted import export_config
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.ingest.due import due, not_covered
from mews_assets.ingest.flights import (
    Decision,
    Flight,
    Question,
    RunState,
    Trouble,
    blocked,
    decide,
    from_state,
    to_state,
    troubled,
)
from mews_assets.ingest.plan import Pull, plan
from mews_assets.ingest.pull import question
from mews_assets.lake import export_log
from mews_assets.lake.export_log import AskedExport
from mews_assets.lake.store import Lake
from mews_assets.settings import Settings


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
        with mews.open(directory) as platform:
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
        flights, troubles = from_state(json.loads(cursor or "{}"))
        flights = self._with_the_log(flights)
        waited_for = [one for one in flights if self._is_waited_for(one.export)]
        ours = [one for one in flights if one not in waited_for]
        runs = {one.export.id: run_of_export(self.instance, one.export.id) for one in ours}
        states, notes = self._ask_for_states(ours, runs)
        now = self.platform.now()
        decision = decide(ours, states, runs, troubles, now)
        for export in decision.forget:
            export_log.forget(self.lake, export)
        asked, troubles = self._ask(decision, waited_for, now, notes)
        told = [self._observation("asked for", one) for one in asked]
        told += [self._observation("ready", one.export) for one in decision.launch]
        notes += [f"gave up {one.reason}" for one in troubles if one.given_up]
        flying = [*decision.going_on, *(Flight(one) for one in asked)]
        return dg.SensorResult(
            run_requests=[self._request(flight) for flight in decision.launch],
            cursor=json.dumps(to_state(flying, troubles)),
            asset_events=told,
            skip_reason=None if decision.launch else self._said(flying, waited_for, notes),
        )

    def _with_the_log(self, flights: list[Flight]) -> list[Flight]:
        """What the cursor knows, and what only the export log knows: a tick died, or a run asked."""
        known = {flight.export.id for flight in flights}
        logged = [one for name in self.clients for one in export_log.asked(self.lake, name, self.table.name)]
        return [*flights, *(Flight(one) for one in logged if one.id not in known)]

    def _is_waited_for(self, export: AskedExport) -> bool:
        return bool(export.asked_by) and is_going(self.instance, export.asked_by)

    def _ask_for_states(
        self, flights: Iterable[Flight], runs: Mapping[str, RunState]
    ) -> tuple[dict[str, Next | None], list[str]]:
        """One call per connection for all its exports, the connections side by side."""
        ids: dict[str, list[str]] = {}
        for flight in flights:
            if runs[flight.export.id] in (RunState.NONE, RunState.FAILED):
                ids.setdefault(flight.export.connection, []).append(flight.export.id)
        states: dict[str, Next | None] = {}
        notes: list[str] = []

        def work(name: str) -> dict[str, Next | None] | str:
            try:
                found = get_exports(self.clients[name], ids[name])
            except MewsError as error:
                return f"{name}: {error}"
            return {one: export.next if export is not None else None for one, export in found.items()}

        if ids:
            with ThreadPoolExecutor(min(16, len(ids))) as side_by_side:
                for answer in side_by_side.map(work, ids):
                    notes.append(answer) if isinstance(answer, str) else states.update(answer)
        return states, notes

    def _ask(
        self, decision: Decision, waited_for: list[Flight], now: datetime, notes: list[str]
    ) -> tuple[list[AskedExport], list[Trouble]]:
        """New exports for what is due, one per connection that has none of this table at Mews."""
        busy = {one.export.connection for one in (*decision.waiting_at_mews, *waited_for)}
        troubles = {one.question: one for one in decision.troubles}
        under_way = [one.question for one in (*decision.going_on, *waited_for)]
        closed = [*under_way, *blocked(troubles.values(), now)]
        missing = not_covered(self._due(now), [(one.scopes, one.window) for one in closed])
        pulls = plan(self.table, missing, self._connection_of)
        asked: list[AskedExport] = []
        for pull in reversed(pulls):  # the newest first: people look at yesterday before last year
            if pull.connection in busy or pull.connection not in self.clients:
                continue
            busy.add(pull.connection)
            key = Question(pull.connection, pull.scopes, pull.window)
            try:
                asked.append(self._add(pull, now))
            except ExportInFlightError:
                notes.append(f"{pull.connection}: another export of {self.table.entity} is in flight")
            except MewsError as error:
                troubles[key] = troubled(
                    troubles.get(key), key, str(error), now, for_good=not error.is_transient
                )
        return asked, list(troubles.values())

    def _due(self, now: datetime) -> list[Any]:
        there = self.instance.get_materialized_partitions(changes_key(self.table))
        known = set(self.instance.get_dynamic_partitions(SCOPE_SETS[self.table.scope]))
        scopes = [scope for scope in self.directory.scopes(self.table.scope) if scope in known]
        return due(scopes, self.settings.start, now, self.settings.grain, there)

    def _connection_of(self, scope: str) -> str:
        return self.directory.connection_of(self.table.scope, scope)

    def _add(self, pull: Pull, now: datetime) -> AskedExport:
        fetch = self.table.fetch
        assert isinstance(fetch, Export)
        export = add_export(
            self.clients[pull.connection], fetch.entity_type, **question(self.table, fetch, pull)
        )
        asked = AskedExport(export.id, pull.connection, self.table.name, pull.scopes, pull.window, now)
        export_log.save(self.lake, asked)
        return asked

    def _request(self, flight: Flight) -> dg.RunRequest:
        export = flight.export
        config = {"exports": [export_config(replace(export, asked_by=""))]}
        return dg.RunRequest(
            run_key=f"{export.id}/{flight.runs}",
            run_config={"ops": {op_name(self.table): {"config": config}}},
            tags={TABLE_TAG: self.table.name, EXPORT_TAG: export.id},
        )

    def _observation(self, what: str, export: AskedExport) -> dg.AssetObservation:
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

    def _said(self, flying: list[Flight], waited_for: list[Flight], notes: list[str]) -> str:
        waiting = f"{len(flying)} exports under way" if flying else "nothing is due"
        runs = f"; {len(waited_for)} waited for by runs" if waited_for else ""
        return "; ".join([waiting + runs, *notes])
