"""Export sensors, one per exported table: they ask for exports of due partitions and launch runs for ready ones.

Lives here: the shell around `ingest.due`, `ingest.plan` and `ingest.pending_exports`. A tick reads, decides, acts and
ends; it never waits for Mews. Pending exports are in the export log and in the sensor's cursor, so a daemon may be
killed between any two lines. Not here: downloading, which the run does.
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
from mews_assets.defs.base.jobs import default_status
from mews_assets.defs.base.metadata_keys import EXPORT_TAG, TABLE_TAG
from mews_assets.defs.base.partitions import visible_scopes
from mews_assets.defs.base.resources import Platform, lake_of, mews_of
from mews_assets.defs.base.run_history import is_going, run_of_export
from mews_assets.defs.base.run_tags import scope_tags, window_tags
from mews_assets.defs.base.standing import STANDING
from mews_assets.defs.namespace import Namespace
from mews_assets.defs.sensors import abandoned_exports, sensor_texts
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
from mews_assets.metrics import count_export_wait
from mews_assets.settings import Settings

AT_ONCE = 16
"""Connections asked side by side, so that a hundred of them stay far below the 60 s a tick may take."""
AssetEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation
_T = TypeVar("_T")
_R = TypeVar("_R")


def export_sensor(table: Table, settings: Settings, job: str) -> dg.SensorDefinition:
    """The sensor of one exported table."""
    namespace = Namespace.of(settings)

    @dg.sensor(
        name=namespace.name(f"export_{table.name}"),
        job_name=namespace.name(job),
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
        minimum_interval_seconds=settings.poll_seconds,
        default_status=default_status(settings),
        description=sensor_texts.description(
            [table],
            settings.grain,
            settings.poll_seconds,
            "It asks Mews for as few exports as cover them, and launches a run when an export is ready.",
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        opened = lake_of(context, namespace).open()
        if (directory := load_directory(opened)) is None:
            return dg.SensorResult(skip_reason=sensor_texts.nothing_discovered(namespace))
        with mews_of(context, namespace).open(directory, patient=False) as platform:
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
    def namespace(self) -> Namespace:
        return Namespace.of(self.settings)

    @property
    def clients(self) -> dict[str, MewsClient]:
        return self.platform.clients

    @property
    def directory(self) -> Directory:
        return self.platform.directory

    def run(self, cursor: str | None) -> dg.SensorResult:
        pending, before = from_state(json.loads(cursor or "{}"))
        # A connection that was removed from the settings cannot be asked; its entries in the log stay.
        pending = self._with_the_log([one for one in pending if one.export.connection in self.clients])
        of_runs = [one for one in pending if self._is_of_a_run(one.export)]
        ours = [one for one in pending if one not in of_runs]
        runs = {one.export.id: run_of_export(self.instance, one.export.id) for one in ours}
        states, notes = self._ask_for_states(ours, runs)
        now = self.platform.now()
        decision = decide(ours, states, runs, before, now)
        for export in decision.drop:
            export_log.remove(self.lake, export)
        for ready in decision.launch:
            # The run finds the export only in the log, and a tick that was killed may not have saved it.
            export_log.save(self.lake, ready.export)
            count_export_wait(self.table.name, (now - ready.export.asked_at).total_seconds())
        asked, failures = self._ask(decision, of_runs, now, notes)
        events: list[AssetEvent] = [self._observation("asked for", export) for export in asked]
        events += [self._observation("ready", ready.export) for ready in decision.launch]
        events += abandoned_exports.observations(self.namespace.landing(self.table), before, failures)
        events += unreported(self.instance, self.lake, [self.table], self.settings, self.directory)
        notes += [_given_up(failure) for failure in failures if failure.given_up]
        pending_now = [*decision.in_progress, *(PendingExport(export) for export in asked)]
        return dg.SensorResult(
            run_requests=[self._request(ready) for ready in decision.launch],
            cursor=json.dumps(to_state(pending_now, failures)),
            asset_events=events,
            skip_reason=None if decision.launch else self._skip_reason(pending_now, of_runs, notes),
        )

    def _with_the_log(self, pending: list[PendingExport]) -> list[PendingExport]:
        """The exports of the cursor, and those only in the export log: of a killed tick, or of a run."""
        known = {one.export.id for one in pending}
        logged = _side_by_side(
            lambda name: export_log.logged_exports(self.lake, name, self.table.name), self.clients
        )
        return [
            *pending,
            *(PendingExport(export) for found in logged for export in found if export.id not in known),
        ]

    def _is_of_a_run(self, export: LoggedExport) -> bool:
        return bool(export.asked_by) and is_going(self.instance, export.asked_by)

    def _ask_for_states(
        self, pending: Iterable[PendingExport], runs: Mapping[str, RunState]
    ) -> tuple[dict[str, Next | None], list[str]]:
        """One call per connection for all its exports, the connections side by side."""
        ids: dict[str, list[str]] = {}
        now = self.platform.now()
        for one in pending:
            run = runs[one.export.id]
            again = run is RunState.FAILED and one.again_at is not None and one.again_at <= now
            if run is RunState.NONE or again:
                ids.setdefault(one.export.connection, []).append(one.export.id)
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
        self, decision: Decision, of_runs: list[PendingExport], now: datetime, notes: list[str]
    ) -> tuple[list[LoggedExport], list[ExportFailure]]:
        """Ask for exports of the due partitions, one per connection that has none of this table at Mews."""
        due_now = self._due(now)
        failures = _concerning(due_now, decision.failures)
        under_way = [one.request for one in (*decision.in_progress, *of_runs)]
        closed = [*under_way, *blocked(failures, now)]
        missing = not_covered(due_now, [(request.scopes, request.window) for request in closed])
        chosen: dict[str, Pull] = {}
        busy = {one.export.connection for one in (*decision.waiting_at_mews, *of_runs)}
        for pull in in_turn(self._plan(missing, due_now, under_way)):
            if pull.connection not in busy and pull.connection in self.clients:
                chosen.setdefault(pull.connection, pull)
        asked: list[LoggedExport] = []
        for pull, answer in zip(
            chosen.values(), _side_by_side(lambda pull: self._add(pull, now), chosen.values()), strict=True
        ):
            key = ExportRequest(pull.connection, pull.scopes, pull.window)
            if isinstance(answer, LoggedExport):
                asked.append(answer)
            elif isinstance(answer, ExportInFlightError):
                notes.append(f"{pull.connection}: another export of {self.table.entity} is in flight")
            elif answer.retryable or not pull.window.is_settled(
                self.platform.now(), by_day=self.table.by_day
            ):
                # Refused as too early, by the clock of the refusal: this machine's clock was set since discovery.
                notes.append(str(answer))
                failures = add_failure(failures, record_pause(failures, key, str(answer), now))
            else:
                refused = record_failure(failures, key, str(answer), now, for_good=True)
                failures = add_failure(failures, refused)
        return asked, failures

    def _plan(
        self, missing: list[Partition], due_now: list[Partition], under_way: list[ExportRequest]
    ) -> list[Pull]:
        """The exports for the missing partitions. Each reaches back over earlier windows, but for those held back."""
        absent = set(not_covered(due_now, [(request.scopes, request.window) for request in under_way]))
        start = self.settings.start

        def standing(near: Sequence[Partition]) -> list[Partition]:
            return [
                partition for partition in near if partition not in absent and partition.window.start >= start
            ]

        lookback, held_back = self.settings.lookback_of(self.table), absent - set(missing)
        back = LookBack(lookback, self.settings.grain, standing, held_back)
        return plan_looking_back(self.table, missing, self._connection_of, back)

    def _due(self, now: datetime) -> list[Partition]:
        """The settled partitions that do not stand in the lake, whatever Dagster's event log holds."""
        scopes = visible_scopes(self.instance, self.directory, self.table.scope, self.namespace)
        listed = STANDING.keys(self.lake, self.table)
        settings, by_day = self.settings, self.table.by_day
        missing = due(scopes, settings.start, now, settings.grain, listed, by_day=by_day)
        return STANDING.missing(self.lake, [self.table], missing)

    def _connection_of(self, scope: str) -> str:
        return self.directory.connection_of(self.table.scope, scope)

    def _add(self, pull: Pull, now: datetime) -> LoggedExport | MewsError:
        """The export, its id saved; or the error."""
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

    def _request(self, one: PendingExport) -> dg.RunRequest:
        export = one.export
        config = {"exports": [export_config(replace(export, asked_by=""))]}
        return dg.RunRequest(
            run_key=f"{export.id}/{one.runs}",
            run_config={"ops": {op_name(self.table, self.namespace): {"config": config}}},
            tags={
                TABLE_TAG: self.namespace.name(self.table.name),
                EXPORT_TAG: export.id,
                **scope_tags(self.directory, self.table.scope, export.scopes),
                **window_tags([export.window]),
            },
        )

    def _observation(self, what: str, export: LoggedExport) -> dg.AssetObservation:
        names = [self.directory.name_of(self.table.scope, scope) for scope in export.scopes[:20]]
        return dg.AssetObservation(
            self.namespace.landing(self.table),
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
        self, pending_now: list[PendingExport], of_runs: list[PendingExport], notes: list[str]
    ) -> str:
        now = self.platform.now()
        waiting = (
            sensor_texts.under_way(self.table, pending_now, now)
            if pending_now
            else sensor_texts.nothing_due(self.table, self.settings.grain, now)
        )
        runs = f"; {len(of_runs)} waited for by runs" if of_runs else ""
        return "; ".join([waiting + runs, *notes])


def _concerning(partitions: list[Partition], failures: list[ExportFailure]) -> list[ExportFailure]:
    """The failures that still hold back a missing partition; the partitions of the others have landed."""
    requests = [(failure.request.scopes, failure.request.window) for failure in failures]
    kept = zip(failures, still_missing(partitions, requests), strict=True)
    return [failure for failure, is_missing in kept if is_missing]


def _given_up(failure: ExportFailure) -> str:
    asked = failure.request
    return (
        f"gave up {asked.connection} {asked.window}, {len(asked.scopes)} scopes, after {failure.failures} tries: "
        f"{failure.reason} Mend its cause, then launch a backfill of these partitions, or reset this sensor's cursor"
    )


def _side_by_side(work: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    waiting = list(items)
    if not waiting:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(waiting))) as threads:
        return list(threads.map(work, waiting))
