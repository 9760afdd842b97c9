"""The system of the load run: sensors, runs and a person who looks in every hour, all at once on a simulated clock.

Lives here: what starts when, and how it is measured. The code that runs is that of `defs`, `ingest`, `api` and `lake`,
as in the chaos suite, whose `System` this extends. What the chaos suite records for its verdict is dropped here: over
a day it would look like a memory leak.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg
import httpx

from benchmarks.load_records import START
from benchmarks.virtual import SharedClock
from mews_assets.catalog.model import Table
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.due import due, not_covered
from mews_assets.ingest.sensor_state import from_state
from mews_assets.lake.partition import Partition
from mews_assets.sandbox.clock import SECOND_US
from mews_assets.windows import Grain
from mews_assets_tests.chaos.runs import InMemoryInstance, Run
from mews_assets_tests.chaos.system import System
from mews_assets_tests.chaos.transport import FaultyTransport, Observations

RUNS_AT_ONCE = 10
POOL = 4
"""Runs at once, in all and of one operation, as in dagster.yaml."""
RUN_SECONDS = 25.0
"""Seconds of a run besides its requests: ten at once, each with 5 s of CPU, on two cores."""
FOUND_DEAD_SECONDS = 120.0
"""Until run monitoring notices that the process of a run has ended."""
KILLED = 0.01
REMEMBERED = timedelta(hours=6)
WINDOW_US = 30 * SECOND_US


class Forgetful(dict[str, Any]):
    """A list that keeps nothing."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


@dataclass
class Meter:
    """Requests by access token, as they arrive at Mews."""

    names: dict[str, str]
    """Of the tokens."""
    recent: dict[str, deque[int]] = field(default_factory=dict)
    total: int = 0
    most: Counter[str] = field(default_factory=Counter)
    """In any 30 s, by name; until `begin`."""

    def note(self, token: str, now_us: int) -> None:
        name = self.names[token]
        times = self.recent.setdefault(name, deque())
        times.append(now_us)
        while times[0] <= now_us - WINDOW_US:
            times.popleft()
        self.total += 1
        self.most[name] = max(self.most[name], len(times))

    def begin(self) -> None:
        self.total = 0
        self.most.clear()


@dataclass
class MeteredTransport(FaultyTransport):
    """The transport to the sandbox, which counts requests by access token."""

    meter: Meter = field(kw_only=True)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.meter.note(json.loads(request.read())["AccessToken"], self.server.clock.now_us())
        return super().handle_request(request)


@dataclass
class Turns:
    """Locks between processes: a thread that finds one held tries again a second later."""

    clock: SharedClock

    def switch(self) -> None:
        """The only place where other threads run while this one waits."""

    def flock(self, handle: Any, operation: int) -> None:
        while True:
            try:
                fcntl.flock(handle, operation | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if operation & fcntl.LOCK_NB:
                    raise
                self.clock.advance(1.0)


@dataclass
class QueuedInstance(InMemoryInstance):
    """Runs wait in a queue; those that ended long ago are forgotten."""

    wake: Callable[[], None] = lambda: None
    queue: list[Run] = field(default_factory=list)
    made: int = 0
    keys: set[str] = field(default_factory=set)

    def request(self, job: str, request: dg.RunRequest) -> Run | None:
        if request.run_key and request.run_key in self.keys:
            return None
        self.keys.add(request.run_key or "")
        self.made += 1
        run = Run(f"run-{self.made}", job, request.tags, request.run_config, request.run_key or "")
        self.runs.append(run)
        self.queue.append(run)
        self.wake()
        return run

    def forget(self, before: Any) -> None:
        newest = {id(run) for job in {one.job for one in self.runs} for run in self._of(job)[-10:]}
        self.runs = [run for run in self.runs if run.ended is None or run.ended > before or id(run) in newest]

    def _of(self, job: str) -> list[Run]:
        return [run for run in self.runs if run.job == job]


@dataclass
class LoadSystem(System):
    """The system, with its sensors and runs at once."""

    meter: Meter = field(kw_only=True)
    poll_seconds: float = field(kw_only=True)
    busy: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    by_hand: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        assert isinstance(self.clock, SharedClock)
        self.instance: QueuedInstance = QueuedInstance(wake=self.clock.unpark)
        # Records for the verdicts of the chaos suite would grow all day.
        self.log = deque(maxlen=400)  # type: ignore[assignment]
        self.reasons = deque(maxlen=1)  # type: ignore[assignment]
        self.observed = Observations(Forgetful(), Forgetful(), Forgetful())

    @property
    def clock(self) -> SharedClock:
        clock = self.server.clock
        assert isinstance(clock, SharedClock)
        return clock

    def transport_of(self, process: Any) -> FaultyTransport:
        return MeteredTransport(self.server, process, self.faults, self.observed, self.log, meter=self.meter)

    def open_for_business(self) -> None:
        """Start all threads; they run whenever the caller waits."""
        self.discover()
        for group in self.groups:
            self.clock.start(lambda group=group: self._sense(group))  # type: ignore[misc]
        for _ in range(RUNS_AT_ONCE):
            self.clock.start(self._work_on_runs)
        self.clock.start(self._look_in)

    def due(self) -> dict[str, list[Partition]]:
        """By table, the settled partitions that are missing."""
        missing = {}
        for group in self.groups:
            for table in group:
                names = self.instance.get_dynamic_partitions(Namespace().scope_set(table.scope))
                scopes = list(map(self.keys.scopes.scope_of, names))
                there = set(
                    map(self.keys.split, self.instance.materialized.get(Namespace().changes(table), set()))
                )
                missing[table.name] = due(
                    scopes, START, self.clock.now(), Grain.HOURLY, there, by_day=table.by_day
                )
        return missing

    def _sense(self, group: tuple[Table, ...]) -> None:
        """The daemon: a tick, and the next one after the interval."""
        self.clock.advance(self.faults.rng.uniform(0, self.poll_seconds))
        while True:
            began = self.clock.now_us()
            outcome = self.tick(group)
            if outcome.error is not None:
                self.ended[f"tick: {type(outcome.error).__name__}"] += 1
            self.clock.advance(max(1.0, self.poll_seconds - (self.clock.now_us() - began) / SECOND_US))

    def _work_on_runs(self) -> None:
        """A slot for runs."""
        while True:
            run = next((one for one in self.instance.queue if self.busy[one.job] < POOL), None)
            if run is None:
                self.clock.park()
                continue
            self.instance.queue.remove(run)
            self.busy[run.job] += 1
            self.clock.advance(RUN_SECONDS)
            rng = self.faults.rng
            outcome = self.execute(run, rng.randint(1, 60) if rng.random() < KILLED else None)
            self.ended[
                type(outcome.error).__name__ if outcome.error else "killed" if outcome.was_killed else "well"
            ] += 1
            if outcome.was_killed:
                self.clock.advance(FOUND_DEAD_SECONDS)
                run.status, run.ended, run.problem = dg.DagsterRunStatus.FAILURE, self.now(), "killed"
            run.config = {}
            self.busy[run.job] -= 1

    def _look_in(self) -> None:
        """Every hour: hotels are discovered, and a person launches what a sensor says that it gave up."""
        launched: dict[str, Run] = {}
        while True:
            self.clock.advance(3600)
            self.discover()
            missing = self.due()
            for first in (group[0] for group in self.groups):
                chosen = self._for_a_person(first, missing[first.name])
                if chosen and (first.name not in launched or launched[first.name].ended):
                    keys = list(map(self.keys.text, chosen))
                    launched[first.name] = self.launch(first, keys)
                    self.by_hand += 1
            self._tidy()

    def _for_a_person(self, table: Table, missing: list[Partition]) -> list[Partition]:
        """The partitions that a sensor has given up; all missing ones where it gave up after a run."""
        troubles = [
            one for one in from_state(json.loads(self.cursors.get(table.name) or "{}"))[1] if one.given_up
        ]
        if not troubles:
            return missing if self.given_up(table) else []
        questions = [(one.request.scopes, one.request.window) for one in troubles]
        others = set(not_covered(missing, questions))
        return [one for one in missing if one not in others]

    def _tidy(self) -> None:
        """Forget records that Dagster keeps in its database, or Mews on its side: they are not our memory."""
        self.instance.forget(self.now() - REMEMBERED)
        exports: Any = self.server.application.sandbox.exports
        before = self.clock.now_us() - round(REMEMBERED.total_seconds()) * SECOND_US
        for name, export in list(exports._exports.items()):
            if export.made_us < before and not export.is_in_flight(self.clock.now_us()):
                for path in export.paths:
                    path.unlink(missing_ok=True)
                del exports._exports[name]

    def in_flight(self) -> int:
        """Exports that Mews is working on."""
        exports: Any = self.server.application.sandbox.exports
        return sum(one.is_in_flight(self.clock.now_us()) for one in exports._exports.values())
