"""The house under the weather: the real sensors, runs and merges, each in a process that may die.

Lives here: starting ticks and runs as the orchestrator does, and what came of each. The code driven is that
of `defs`, `ingest`, `api` and `lake`; only Dagster's own memory is small (`runs`), and time is simulated.
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
from mews_assets.defs.assets import landing_and_changes, report
from mews_assets.defs.assets.requested_partitions import PartitionsConfig, read_requested_partitions
from mews_assets.defs.base.asset_specs import changes_key, landing_key
from mews_assets.defs.base.metadata_keys import TABLE_TAG
from mews_assets.defs.base.partitions import register_scopes
from mews_assets.defs.base.resources import Platform
from mews_assets.defs.base.run_history import state_of
from mews_assets.defs.sensors import exports, pages
from mews_assets.ingest.directory import Directory, discover, load_directory, save_directory, time_at_mews
from mews_assets.ingest.pending_exports import RunState
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.clock import SECOND_US
from mews_assets.windows import Grain, Lookback
from mews_assets_tests.chaos.process import ChaosLake, Death, Killed, Process, Turns
from mews_assets_tests.chaos.runs import Run, RunBook
from mews_assets_tests.chaos.weather import Weather
from mews_assets_tests.chaos.wire import Notes, Sandboxed, Wire
from mews_assets_tests.chaos.world import START

PLATFORM = "https://mews.test"
LOOKBACK = Lookback(windows=2)
"""As by default."""
EXPECTED = (MewsError, LakeError, OSError, dg.Failure, ValueError)
"""What may come out of a tick or a run in bad weather; an OSError only if the weather broke the disk."""


@dataclass
class Came:
    """What came of one process: how it ended, and what it reported green."""

    process: Process
    problem: str = ""
    error: BaseException | None = None
    green: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The partitions that a run was to bring, of every table of `group`."""
    group: tuple[Table, ...] = ()

    @property
    def was_killed(self) -> bool:
        return not self.process.is_alive


@dataclass(frozen=True)
class SimulatedPlatform(Platform):
    """The platform, on the story's clock."""

    local_now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        return time_at_mews(self.clients, self.local_now(), self.directory.clock_skew_seconds)


def lookback_of(table: Table) -> Lookback:
    return LOOKBACK.at_least(table.lookback)


@dataclass
class House:
    """Everything of ours, and how it reaches the sandbox."""

    base: Lake
    sandboxed: Sandboxed
    weather: Weather
    turns: Turns
    connections: Mapping[str, str]
    """Connection names and their access tokens."""
    client_token: str
    families: tuple[str, ...]
    story: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    book: RunBook = field(default_factory=RunBook)
    cursors: dict[str, str | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """Why sensors gave exports up, ever."""
    held_back: set[str] = field(default_factory=set)
    """Tables whose sensor held a question back, ever."""
    skew_seconds: float = 0.0
    """How far our own clock is ahead."""
    here_by_thread: dict[int, Process] = field(default_factory=dict)
    """The process of the code that runs in a thread; for faults deep in the merge."""

    def here_now(self) -> Process:
        return self.here_by_thread[threading.get_ident()]

    def given_up(self, table: Table) -> bool:
        """Whether the sensor of a table says that it waits for a person."""
        cursor = json.loads(self.cursors.get(table.name) or "{}")
        if any(trouble["given_up"] for trouble in cursor.get("troubles", ())):
            return True
        if isinstance(table.fetch, Export):
            return False
        runs = self.book.get_runs(dg.RunsFilter(tags={TABLE_TAG: table.name}), limit=1)
        return any(state_of(self.book, run) is RunState.FAILED_FOR_GOOD for run in runs)  # type: ignore[arg-type]

    def has_held_back(self, table: Table) -> bool:
        """Whether its sensor ever waited with a question, or gave one up."""
        return partners(table)[0].name in self.held_back

    def monotonic(self) -> float:
        return self.sandboxed.clock.now_us() / SECOND_US

    def now(self) -> datetime:
        return self.sandboxed.clock.now() + timedelta(seconds=self.skew_seconds)

    def sleep(self, seconds: float) -> None:
        self.sandboxed.clock.advance(max(1e-6, seconds))  # the sandbox counts whole microseconds
        self.turns.switch()

    @property
    def groups(self) -> list[tuple[Table, ...]]:
        return [partners(table_of(name)) for name in self.families]

    def start(self, name: str, dies_at: Death = None) -> Process:
        process = Process(name, self.turns, self.weather.strikes, self.sandboxed.clock.advance, dies_at)
        self.story.append(f"{self.now():%d %H:%M} {name}" + (f", dies at {dies_at}" if dies_at else ""))
        return process

    def lake_of(self, process: Process) -> ChaosLake:
        base = self.base
        return ChaosLake(base.filesystem, base.root, base.grain, process=process)

    def wire_of(self, process: Process) -> Wire:
        return Wire(self.sandboxed, process, self.weather, self.notes, self.story)

    def mews_of(self, process: Process) -> Any:
        """What `MewsResource` is to the code, on this process's wire."""

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
                transport=self.wire_of(process),
                clock=self.monotonic,
                sleep=self.sleep,
                random=self.weather.rng.random,
                now=self.now,
            ),
        )

    @contextmanager
    def _process(self, process: Process) -> Iterator[Came]:
        """Run code as a process: what it raises is noted, a kill ends it."""
        came = Came(process)
        self.here_by_thread[threading.get_ident()] = process
        try:
            yield came
        except Killed:
            came.problem = f"killed {process.killed_at}"
            self.weather.note("killed")
        except Exception as error:
            came.problem, came.error = f"{type(error).__name__}: {error}", error
            if not isinstance(error, EXPECTED):
                came.problem += "".join(traceback.format_exception(error)[-6:])
        finally:
            del self.here_by_thread[threading.get_ident()]
        if came.problem:
            self.story.append(f"  {process.name}: {came.problem[:600]}")

    def discover(self, dies_at: Death = None) -> Came:
        process = self.start("discovery", dies_at)
        with self._process(process) as came:
            lake = self.lake_of(process)
            before = load_directory(lake) or Directory({}, {}, {})
            with self.mews_of(process).open(before=before, patient=False) as platform:
                directory, now = platform.directory, platform.now()
            save_directory(lake, directory, now)
            register_scopes(self.book, directory)  # type: ignore[arg-type]
        return came

    def tick(self, group: tuple[Table, ...], dies_at: Death = None, *, forgets: bool = False) -> Came:
        """One tick of the group's sensor. `forgets`: the daemon dies between launching and remembering."""
        first = group[0]
        process = self.start(f"tick of {first.name}", dies_at)
        with self._process(process) as came:
            lake, mews = self.lake_of(process), self.mews_of(process)
            result = self._sensed(group, lake, mews)
            for request in result.run_requests or ():
                self.book.request(first.name, request)
            for event in result.asset_events or ():
                if isinstance(event, dg.AssetMaterialization):
                    self._note_materialised(group, event, came)
            if result.skip_reason and result.skip_reason.skip_message:
                self.story.append(f"  {result.skip_reason.skip_message[:400]}")
            if result.cursor:
                self.reasons.append(result.cursor)
                if json.loads(result.cursor).get("troubles"):
                    self.held_back.add(first.name)
            if not forgets:
                self.cursors[first.name] = result.cursor
        return came

    def _sensed(self, group: tuple[Table, ...], lake: ChaosLake, mews: Any) -> dg.SensorResult:
        settings: Any = SimpleNamespace(start=START, grain=Grain.DAILY, lookback_of=lookback_of)
        cursor, book = self.cursors.get(group[0].name), self.book
        if not isinstance(group[0].fetch, Export):
            return pages.Tick(group, settings, book, mews, lake).run(cursor)  # type: ignore[arg-type]
        if (directory := load_directory(lake)) is None:
            return dg.SensorResult(skip_reason="nothing discovered yet")
        with mews.open(directory, patient=False) as platform:
            tick = exports._Tick(group[0], settings, book, lake, platform)  # type: ignore[arg-type]
            return tick.run(cursor)

    def launch(self, table: Table, keys: list[str]) -> Run:
        """A run that a person launches."""
        config = {"ops": {landing_and_changes.op_name(table): {"config": {"partitions": keys}}}}
        run = self.book.request(table.name, dg.RunRequest(run_config=config, tags={TABLE_TAG: table.name}))
        assert run is not None
        return run

    def execute(self, run: Run, dies_at: Death = None) -> Came:
        """A run's whole life. One that is killed seems to go on until `find_dead`."""
        group = partners(table_of(run.job))
        run.status = dg.DagsterRunStatus.STARTED
        process = self.start(
            f"{run.run_id} of {run.job} {run.tags.get('mews/export', 'by hand or by pages')}", dies_at
        )
        with self._process(process) as came:
            came.group = group
            self._work(run, group, process, came)
        if came.was_killed:
            return came
        run.status = dg.DagsterRunStatus.FAILURE if came.error else dg.DagsterRunStatus.SUCCESS
        run.ended, run.problem = self.now(), came.problem
        if isinstance(came.error, dg.Failure):
            run.failure = came.error.metadata
        return came

    def _work(self, run: Run, group: tuple[Table, ...], process: Process, came: Came) -> None:
        first = group[0]
        lake = self.lake_of(process)
        config = PartitionsConfig(**run.config["ops"][landing_and_changes.op_name(first)]["config"])
        both = {key(one) for one in group for key in (landing_key, changes_key)}
        context: Any = SimpleNamespace(
            run=run,
            instance=self.book,
            selected_asset_keys=both,
            selected_asset_check_keys=set(),
            log=logging.getLogger(__name__),
        )
        with report.raise_as_dagster_failure(first):
            wanted = read_requested_partitions(context, config, changes_key(first), Grain.DAILY)
            missing = [one for one in wanted.partitions if one not in wanted.again]
            came.asked = [f"{one.scope}|{one.key(Grain.DAILY)}" for one in missing]
            mews = self.mews_of(process)
            wanted, result, names = landing_and_changes._pull(
                context, first, wanted, mews, lake, lookback_of(first)
            )
        for event in report.report(context, group, result, wanted, lake, names):
            if isinstance(event, dg.AssetMaterialization):
                self._note_materialised(group, event, came)

    def _note_materialised(
        self, group: tuple[Table, ...], event: dg.AssetMaterialization, came: Came
    ) -> None:
        self.book.there.setdefault(event.asset_key, set()).add(str(event.partition))
        if event.asset_key in map(changes_key, group):
            came.green.setdefault(event.asset_key.path[1], []).append(str(event.partition))

    def rebuild(self, group: tuple[Table, ...], keys: list[Any], dies_at: Death = None) -> Came:
        process = self.start(f"rebuild of {group[0].name}", dies_at)
        with self._process(process) as came:
            result = landing_and_changes.rebuild_changes(self.lake_of(process), group, keys)
            for concerned, error in result.failed:
                self.story.append(f"  not rebuilt: {len(concerned)} partitions: {error}")
        return came

    def find_dead(self) -> None:
        """Run monitoring: runs whose process is gone have failed."""
        for run in self.book.runs:
            if run.status is dg.DagsterRunStatus.STARTED:
                run.status, run.ended, run.problem = dg.DagsterRunStatus.FAILURE, self.now(), "killed"
