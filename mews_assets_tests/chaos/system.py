"""The system under test: the real sensors, runs and merges, each in a process that may be killed.

Lives here: starting ticks and runs as Dagster does, and the outcome of each. The code that runs is that of `defs`,
`ingest`, `api` and `lake`; only the Dagster instance is in memory (`runs`), and time is simulated.
"""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg

from mews_assets.api import (
    BRIEF_TIMEOUTS,
    Credentials,
    MewsClient,
    MewsError,
    RequestLimits,
    Runtime,
    SlidingWindow,
)
from mews_assets.catalog import partners
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.assets import landing_and_changes, report, run_failures
from mews_assets.defs.assets.requested_partitions import PartitionsConfig, read_requested_partitions
from mews_assets.defs.base.metadata_keys import TABLE_TAG
from mews_assets.defs.base.partitions import PartitionKeys, PartitionLabels, register_scopes
from mews_assets.defs.base.resources import Platform
from mews_assets.defs.base.run_history import state_of
from mews_assets.defs.sensors import exports, pages
from mews_assets.ingest.directory import Directory, discover, load_directory, save_directory, time_at_mews
from mews_assets.ingest.pending_exports import RunState
from mews_assets.ingest.scope_keys import ScopeKeys
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.clock import SECOND_US
from mews_assets.windows import Grain, Lookback
from mews_assets_tests.chaos.faults import Faults
from mews_assets_tests.chaos.history import START
from mews_assets_tests.chaos.process import ChaosLake, ChaosStore, Killed, KillPoint, Process, Turns
from mews_assets_tests.chaos.runs import InMemoryInstance, Run
from mews_assets_tests.chaos.transport import FaultyTransport, InProcessSandbox, Observations
from mews_assets_tests.defs.keys import PLAIN

PLATFORM = "https://mews.test"
LOOKBACK = Lookback(windows=2)
"""As by default."""
EXPECTED = (MewsError, LakeError, OSError, dg.Failure, ValueError)
"""Exceptions that a tick or a run may raise under faults; an OSError only after a fault of the disk."""


@dataclass
class ProcessOutcome:
    """How one process ended, and which partitions it reported green."""

    process: Process
    problem: str = ""
    error: BaseException | None = None
    green: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The missing partitions that the run was launched for, of every table of `group`."""
    group: tuple[Table, ...] = ()

    @property
    def was_killed(self) -> bool:
        return not self.process.is_alive


@dataclass(frozen=True)
class SimulatedPlatform(Platform):
    """The platform, on the simulated clock."""

    local_now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        return time_at_mews(self.clients, self.local_now(), self.directory.clock_skew_seconds)


def lookback_of(table: Table) -> Lookback:
    return LOOKBACK.at_least(table.lookback)


def settings_of() -> Any:
    """The settings that sensors and runs read."""
    return SimpleNamespace(
        start=START, grain=Grain.DAILY, lookback_of=lookback_of, key_prefix=(), group_prefix=""
    )


@dataclass
class System:
    """The system under test: its lake, its connections, its Dagster instance, and the sandbox it asks."""

    base: Lake
    server: InProcessSandbox
    faults: Faults
    turns: Turns
    connections: Mapping[str, str]
    """Connection names and their access tokens."""
    client_token: str
    families: tuple[str, ...]
    log: list[str] = field(default_factory=list)
    observed: Observations = field(default_factory=Observations)
    instance: InMemoryInstance = field(default_factory=InMemoryInstance)
    cursors: dict[str, str | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """Every cursor that a sensor returned: they hold why it gave exports up."""
    held_back: set[str] = field(default_factory=set)
    """Tables whose sensor ever held a request back."""
    skew_seconds: float = 0.0
    """How far the machine's clock is ahead of the simulated one."""
    process_by_thread: dict[int, Process] = field(default_factory=dict)
    """The process that runs in a thread, by the thread's id; code deep in the merge finds its process by it."""

    def __post_init__(self) -> None:
        self.keys = PartitionKeys(ScopeKeys({}), self.base.grain)
        """Partition keys as the last discovery saved them."""

    def current_process(self) -> Process:
        return self.process_by_thread[threading.get_ident()]

    def given_up(self, table: Table) -> bool:
        """Whether the sensor of a table has given up, so that a person must act."""
        cursor = json.loads(self.cursors.get(table.name) or "{}")
        if any(trouble["given_up"] for trouble in cursor.get("troubles", ())):
            return True
        if isinstance(table.fetch, Export):
            return False
        runs = self.instance.get_runs(dg.RunsFilter(tags={TABLE_TAG: table.name}), limit=1)
        return any(state_of(self.instance, run) is RunState.FAILED_FOR_GOOD for run in runs)  # type: ignore[arg-type]

    def has_held_back(self, table: Table) -> bool:
        """Whether the table's sensor ever held a request back, or gave one up."""
        return partners(table)[0].name in self.held_back

    def monotonic(self) -> float:
        return self.server.clock.now_us() / SECOND_US

    def now(self) -> datetime:
        return self.server.clock.now() + timedelta(seconds=self.skew_seconds)

    def sleep(self, seconds: float) -> None:
        self.server.clock.advance(max(1e-6, seconds))  # the sandbox counts whole microseconds
        self.turns.switch()

    @property
    def groups(self) -> list[tuple[Table, ...]]:
        return [partners(table_of(name)) for name in self.families]

    def start(self, name: str, kill_at: KillPoint = None) -> Process:
        process = Process(name, self.turns, self.faults.occurs, self.server.clock.advance, kill_at)
        self.log.append(f"{self.now():%d %H:%M} {name}" + (f", dies at {kill_at}" if kill_at else ""))
        return process

    def lake_of(self, process: Process) -> ChaosLake:
        base = self.base
        return ChaosLake(ChaosStore(base.root, process=process), base.grain, process=process)

    def transport_of(self, process: Process) -> FaultyTransport:
        return FaultyTransport(self.server, process, self.faults, self.observed, self.log)

    def mews_resource(self, process: Process) -> Any:
        """Stands for `MewsResource`: clients that use the transport of this process."""

        @contextmanager
        def opened(
            directory: Directory | None = None, *, before: Directory | None = None, patient: bool = True
        ) -> Iterator[SimulatedPlatform]:
            with ExitStack() as stack:
                clients = {
                    name: stack.enter_context(self._client(name, token, process, patient))
                    for name, token in self.connections.items()
                }
                seen = directory or discover(clients, None, before)
                yield SimulatedPlatform(clients, seen, self.now)

        return SimpleNamespace(open=opened)

    def _client(self, name: str, token: str, process: Process, patient: bool) -> MewsClient:
        return MewsClient(
            PLATFORM,
            Credentials(self.client_token, token, "chaos 1"),
            connection=name,
            pacing=SlidingWindow(clock=self.monotonic, sleep=self.sleep),
            limits=RequestLimits() if patient else RequestLimits(1, BRIEF_TIMEOUTS),
            runtime=Runtime(
                transport=self.transport_of(process),
                clock=self.monotonic,
                sleep=self.sleep,
                random=self.faults.rng.random,
                now=self.now,
            ),
        )

    @contextmanager
    def _process(self, process: Process) -> Iterator[ProcessOutcome]:
        """Run code as a process: an exception is recorded, a kill ends it."""
        outcome = ProcessOutcome(process)
        self.process_by_thread[threading.get_ident()] = process
        try:
            yield outcome
        except Killed:
            outcome.problem = f"killed {process.killed_at}"
            self.faults.count("killed")
        except Exception as error:
            outcome.problem, outcome.error = f"{type(error).__name__}: {error}", error
            if not isinstance(error, EXPECTED):
                outcome.problem += "".join(traceback.format_exception(error)[-6:])
        finally:
            del self.process_by_thread[threading.get_ident()]
        if outcome.problem:
            self.log.append(f"  {process.name}: {outcome.problem[:600]}")

    def discover(self, kill_at: KillPoint = None) -> ProcessOutcome:
        process = self.start("discovery", kill_at)
        with self._process(process) as outcome:
            lake = self.lake_of(process)
            before = load_directory(lake) or Directory({}, {}, {})
            with self.mews_resource(process).open(before=before, patient=False) as platform:
                directory, now = platform.directory, platform.now()
            directory = save_directory(lake, directory, now)
            self.keys = PartitionKeys(directory.scope_keys, self.base.grain)
            register_scopes(self.instance, directory, PLAIN)  # type: ignore[arg-type]
        return outcome

    def tick(
        self, group: tuple[Table, ...], kill_at: KillPoint = None, *, forgets: bool = False
    ) -> ProcessOutcome:
        """One tick of the group's sensor. `forgets`: the daemon dies between launching runs and saving the cursor."""
        first = group[0]
        process = self.start(f"tick of {first.name}", kill_at)
        with self._process(process) as outcome:
            lake, mews = self.lake_of(process), self.mews_resource(process)
            result = self._sensed(group, lake, mews)
            for request in result.run_requests or ():
                self.instance.request(first.name, request)
            for event in result.asset_events or ():
                if isinstance(event, dg.AssetMaterialization):
                    self._record_materialized(group, event, outcome)
            if result.skip_reason and result.skip_reason.skip_message:
                self.log.append(f"  {result.skip_reason.skip_message[:400]}")
            if result.cursor:
                self.reasons.append(result.cursor)
                if json.loads(result.cursor).get("troubles"):
                    self.held_back.add(first.name)
            if not forgets:
                self.cursors[first.name] = result.cursor
        return outcome

    def _sensed(self, group: tuple[Table, ...], lake: ChaosLake, mews: Any) -> dg.SensorResult:
        settings = settings_of()
        cursor, instance = self.cursors.get(group[0].name), self.instance
        if not isinstance(group[0].fetch, Export):
            return pages.Tick(group, settings, instance, mews, lake).run(cursor)  # type: ignore[arg-type]
        if (directory := load_directory(lake)) is None:
            return dg.SensorResult(skip_reason="nothing discovered yet")
        with mews.open(directory, patient=False) as platform:
            tick = exports._Tick(group[0], settings, instance, lake, platform)  # type: ignore[arg-type]
            return tick.run(cursor)

    def launch(self, table: Table, keys: list[str]) -> Run:
        """Launch a run as a person does, with its partitions in run config."""
        config = {"ops": {landing_and_changes.op_name(table, PLAIN): {"config": {"partitions": keys}}}}
        run = self.instance.request(
            table.name, dg.RunRequest(run_config=config, tags={TABLE_TAG: table.name})
        )
        assert run is not None
        return run

    def execute(self, run: Run, kill_at: KillPoint = None) -> ProcessOutcome:
        """Execute a run. One that is killed stays STARTED until `find_dead`."""
        group = partners(table_of(run.job))
        run.status = dg.DagsterRunStatus.STARTED
        process = self.start(
            f"{run.run_id} of {run.job} {run.tags.get('mews/export', 'by hand or by pages')}", kill_at
        )
        with self._process(process) as outcome:
            outcome.group = group
            self._work(run, group, process, outcome)
        if outcome.was_killed:
            return outcome
        run.status = dg.DagsterRunStatus.FAILURE if outcome.error else dg.DagsterRunStatus.SUCCESS
        run.ended, run.problem = self.now(), outcome.problem
        if isinstance(outcome.error, dg.Failure):
            run.failure = outcome.error.metadata
        return outcome

    def _work(self, run: Run, group: tuple[Table, ...], process: Process, outcome: ProcessOutcome) -> None:
        first = group[0]
        lake = self.lake_of(process)
        config = PartitionsConfig(**run.config["ops"][landing_and_changes.op_name(first, PLAIN)]["config"])
        both = {key(one) for one in group for key in (PLAIN.landing, PLAIN.changes)}
        context: Any = SimpleNamespace(
            run=run,
            instance=self.instance,
            selected_asset_keys=both,
            selected_asset_check_keys=set(),
            log=logging.getLogger(__name__),
        )
        with run_failures.raise_as_dagster_failure(first):
            wanted = read_requested_partitions(context, config, PLAIN.changes(first), self.keys, self._find)
            missing = [one for one in wanted.partitions if one not in wanted.again]
            outcome.asked = [self.keys.text(one) for one in missing]
            mews = self.mews_resource(process)
            wanted, result, directory = landing_and_changes._pull(
                context, first, wanted, mews, lake, settings_of()
            )
        names = {
            partition.scope: directory.name_of(first.scope, partition.scope)
            for partition in wanted.partitions
        }
        for event in report.report(
            context, group, result, wanted, lake, PartitionLabels(names, self.keys, PLAIN)
        ):
            if isinstance(event, dg.AssetMaterialization):
                self._record_materialized(group, event, outcome)

    def _find(self, key: str) -> str:
        return self.keys.scopes.scope_of(key)

    def _record_materialized(
        self, group: tuple[Table, ...], event: dg.AssetMaterialization, outcome: ProcessOutcome
    ) -> None:
        self.instance.materialized.setdefault(event.asset_key, set()).add(str(event.partition))
        if event.asset_key in map(PLAIN.changes, group):
            outcome.green.setdefault(event.asset_key.path[1], []).append(str(event.partition))

    def rebuild(self, group: tuple[Table, ...], keys: list[Any], kill_at: KillPoint = None) -> ProcessOutcome:
        process = self.start(f"rebuild of {group[0].name}", kill_at)
        with self._process(process) as outcome:
            result = landing_and_changes.rebuild_changes(self.lake_of(process), group, keys, PLAIN)
            for concerned, error in result.failed:
                self.log.append(f"  not rebuilt: {len(concerned)} partitions: {error}")
        return outcome

    def find_dead(self) -> None:
        """Run monitoring: mark runs whose process is gone as failed."""
        for run in self.instance.runs:
            if run.status is dg.DagsterRunStatus.STARTED:
                run.status, run.ended, run.problem = dg.DagsterRunStatus.FAILURE, self.now(), "killed"
