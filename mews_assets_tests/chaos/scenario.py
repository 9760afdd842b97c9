"""The scenario of one seed: a few days with faults, then the recovery without faults, then the verdict.

Lives here: which event happens when, all drawn from one seed; `run_scenario(seed)` returns its outcome. Not here: what
a fault does (`transport`, `process`, `export_outcomes`), and what must hold (`verdict`).
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.base.partitions import join_key
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.clock import SECOND_US, Clock, to_micros
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.server.application import Application
from mews_assets.sandbox.server.request_rules import Refusal
from mews_assets.windows import Grain, from_key, settled_windows, to_key
from mews_assets_tests.chaos import export_outcomes, lake_folders
from mews_assets_tests.chaos.faults import ABSORBED, Faults, derived_rng, fault_periods
from mews_assets_tests.chaos.history import (
    DAY_US,
    FAMILIES,
    START,
    History,
    build_sandbox,
    connections_of,
    history_of,
    restate,
    versions_of,
    with_late_versions,
)
from mews_assets_tests.chaos.interception_points import intercept, intercept_sandbox
from mews_assets_tests.chaos.process import KillPoint, Turns
from mews_assets_tests.chaos.system import EXPECTED, ProcessOutcome, System
from mews_assets_tests.chaos.transport import InProcessSandbox
from mews_assets_tests.chaos.verdict import Verdict
from mews_assets_tests.defs.keys import PLAIN

RECOVERY_MINUTES = 12 * 60
"""Within this time all due partitions must be green. The longest backoff is an hour; runs are tried three times."""

OUTCOME_MESSAGES = (
    "failed at Mews",
    "has expired",
    "not know export",
    "was not ready",
    "no export of",
    "has not settled",
)
"""Messages of runs whose export has failed, is gone or is not ready."""


@dataclass
class Outcome:
    """The result of one seed: violations (`wrong`), the faults counted, and the log."""

    seed: int
    wrong: list[str]
    counts: Counter[str]
    log: list[str]
    recovery_minutes: float = 0.0
    runs: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    def report(self) -> str:
        faults = ", ".join(f"{count} x {kind}" for kind, count in sorted(self.counts.items()))
        wrong = "\n".join(f"  - {one}" for one in self.wrong[:20])
        return (
            f"seed {self.seed}:\n{wrong}\nfaults: {faults}\n"
            f"replay with: python -m mews_assets_tests.chaos --seed {self.seed}"
        )


def run_scenario(seed: int, *, stops_early: bool = False) -> Outcome:
    """Run the scenario of one seed and judge it. `stops_early`: no further steps after the first violation."""
    with prepared(seed) as scenario:
        scenario.stops_early = stops_early
        return scenario.run()


@contextmanager
def prepared(seed: int, *, families: tuple[str, ...] = ()) -> Iterator[Scenario]:
    """The scenario of one seed before its first step. `families` replaces the tables that the seed draws."""
    rng = random.Random(seed)
    days = rng.choice((2, 2, 3))
    families = families or tuple(rng.sample(FAMILIES, rng.choice((1, 1, 1, 1, 1, 2))))
    versions = [one for family in families for one in versions_of(family, days, rng)]
    # Drawn from a generator of its own, so that the seeds that were known before draw the same as ever.
    versions = with_late_versions(versions, random.Random(f"late {seed}"))
    intervals = random.Random(f"intervals {seed}").choice(list(Intervals))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        clock = Clock(START + timedelta(minutes=rng.randint(0, 600)), running=False)
        stack.enter_context(intercept_sandbox())
        sandbox, opened = build_sandbox(folder, versions, clock, seconds=rng.choice((0, 60, 900, 5400)))
        stack.enter_context(closing(opened))
        opened.intervals = intervals
        tokens = {access.name: token for token, access in sandbox.door.accesses.items()}
        end_us = clock.now_us() + days * DAY_US
        system = System(
            open_lake(str(lake_folders.lake_folder(folder, seed)), Grain.DAILY),
            InProcessSandbox(Application(sandbox), clock, loop),
            Faults(fault_periods(clock.now_us(), end_us, rng), rng, clock.now_us),
            Turns(rng),
            {name: tokens[token] for name, token in connections_of(rng).items()},
            sandbox.door.client_token,
            families,
        )
        stack.callback(loop.run_until_complete, loop.shutdown_default_executor())
        stack.enter_context(intercept(system, rng))
        if lake_folders.folder_name(seed):
            system.faults.count("folders named like patterns and columns")
        system.faults.count(f"intervals are {intervals} (no fault)")
        yield Scenario(seed, system, Verdict(system, history_of(versions), sandbox), rng, end_us)


class Scenario:
    """Drives the system step by step."""

    def __init__(self, seed: int, system: System, verdict: Verdict, rng: random.Random, end_us: int) -> None:
        self.seed, self.system, self.verdict, self.rng, self.end_us = seed, system, verdict, rng, end_us
        self.restate_rng = derived_rng(rng)
        self.restates = self.restate_rng.random() < 0.5
        self.clock = system.server.clock
        self.sandbox = verdict.sandbox
        self.ended: Counter[str] = Counter()
        self.copy_rng = random.Random(f"{seed} carrier")
        """Draws when the lake is copied; a generator of its own, so that nothing else of a seed changes."""
        self.loss_rng = random.Random(f"losses {seed}")
        self.stops_early = False

    @property
    def history(self) -> History:
        return self.verdict.history

    def run(self) -> Outcome:
        while self.clock.now_us() < self.end_us and not self._may_stop():
            self._advance_clock()
            self._external_events()
            self._step()
        recovery = self._recover()
        self._lose_and_rebuild()
        if self.rng.random() < 0.2:
            self._rebuild_changes_nothing()
        for group in self.system.groups:
            self._check(self.system.rebuild(group, []))  # the next day's merge also merges pending captures
        self.verdict.at_the_end()
        self.verdict.wrong += self.system.observed.wrong
        system = self.system
        return Outcome(
            self.seed,
            self.verdict.wrong,
            system.faults.counts,
            system.log,
            recovery,
            len(system.instance.runs),
            self.ended,
        )

    def _advance_clock(self) -> None:
        """By some minutes or hours, often to about the moment at which a window settles."""
        if self.rng.random() < 0.2:
            left_us = DAY_US - self.clock.now_us() % DAY_US
            self.clock.advance(left_us / SECOND_US + self.rng.uniform(0, 900))
        else:
            self.clock.advance(self.rng.choice((300, 3600, 2 * 3600, 4 * 3600, 8 * 3600)))

    def _external_events(self) -> None:
        """Events from outside: the clock is set, another client takes the export slot, files are lost."""
        if self.rng.random() < 0.1:
            self.system.skew_seconds = self.rng.uniform(-600, 600)
            self.system.faults.count("clock skew")
            self.system.log.append(f"  our clock is {self.system.skew_seconds:.0f} s ahead")
        if self.rng.random() < 0.1:
            for group in self.system.groups:
                self._take_slot(group[0])
        if self.copy_rng.random() < 0.06:
            lake_folders.copy_lake(self.system, self.copy_rng)
            self.verdict.lake_was_copied()
        if self.loss_rng.random() < 0.08:
            self._lose_and_rebuild()
        if self.restates and self.restate_rng.random() < 0.4:
            for _ in range(self.restate_rng.randint(1, 4)):
                self._restate()

    def _restate(self) -> None:
        """Mews changes a visible record without changing its UpdatedUtc."""
        now = self.clock.now_us()
        entities = sorted({table.entity for table in self.verdict.tables})
        shown = [
            one
            for entity in entities
            for one in self.history.versions.get(entity, ())
            if one.stamp_us <= now < one.until_us
        ]
        if not shown:
            return
        one = self.restate_rng.choice(shown)
        tag = restate(self.sandbox.store, one)
        self.history.restated.setdefault((one.entity, *one.key), set()).add(tag)
        self.system.faults.count("restated")
        self.system.log.append(f"  restated: {one.entity} {tag}")

    def _lose_and_rebuild(self) -> None:
        """Delete a file of changes and rebuild it, in a process that may be killed."""
        lake = self.system.base
        for group in self.system.groups:
            for table in group:
                if not (names := self._files_to_lose(table)):
                    continue
                name = self.loss_rng.choice(names)
                scope, key = layout.partition_of(name)
                lost = [Partition(scope, from_key(key, Grain.DAILY))]
                lake.delete(name)
                self.verdict.lost.add(name)
                self.system.faults.count("file of changes lost")
                kill_at = self.loss_rng.choice((None, None, "before changes/", "state/boundary", 5))
                self._check(self.system.rebuild((table,), lost, kill_at))
                if not lake.exists(name):  # the process was killed first
                    self._check(self.system.rebuild((table,), lost))
                if not lake.exists(name):  # the disk failed meanwhile
                    self._rebuild_without_faults(table, lost)
                if not lake.exists(name):
                    self.verdict.wrong.append(f"{name} was lost, and its rebuild did not make it again")

    def _rebuild_without_faults(self, table: Table, lost: list[Partition]) -> None:
        faults = self.system.faults
        before, faults.is_over = faults.is_over, True
        try:
            self._check(self.system.rebuild((table,), lost))
        finally:
            faults.is_over = before

    def _files_to_lose(self, table: Table) -> list[str]:
        """Files with a row stamped exactly at their window's start, which an earlier capture may hold; or any."""
        names = sorted(name for name in self.verdict.rows if name.startswith(f"changes/{table.name}/"))
        starts = {
            name: to_micros(from_key(layout.partition_of(name)[1], Grain.DAILY).start) for name in names
        }
        edges = [name for name in names if any(stamp == starts[name] for _, stamp in self.verdict.rows[name])]
        return edges if edges and self.loss_rng.random() < 0.8 else names

    def _take_slot(self, table: Table) -> None:
        access = next(iter(self.sandbox.door.accesses.values()))
        body: dict[str, Any] = {"EntityType": table.entity}
        if table.entity == "LedgerEntry":
            body["Filters"] = {
                "LedgerEntryFilters": {"Posting": {"Start": "2024-06-01", "End": "2024-06-02"}}
            }
        try:
            self.sandbox.exports.add(access, body)
        except Refusal:
            return
        self.system.faults.count("slot taken by another")

    def _step(self) -> None:
        action = self.rng.random()
        if not self.system.instance.scopes or action < 0.05:
            self._check(self.system.discover(self._kill_point()))
            return
        if action < 0.75:
            self._tick_and_run()
        elif action < 0.83:
            # A sensor's ticks never overlap; a run may overlap with anything.
            self._run_at_once([self._any_job(), self._any_job(may_tick=False)])
        else:
            self._any_job()()
        if self.rng.random() < 0.5:
            self.system.find_dead()

    def _tick_and_run(self) -> None:
        for group in self.system.groups:
            forgets = self.rng.random() < 0.05
            self._check(self.system.tick(group, self._kill_point(), forgets=forgets))
        for run in self.system.instance.runs:
            if run.status is dg.DagsterRunStatus.QUEUED and self.rng.random() < 0.8:
                self._check(self.system.execute(run, self._kill_point()))

    def _any_job(self, *, may_tick: bool = True) -> Callable[[], None]:
        """A backfill, a rebuild or a tick; drawn now, executed later."""
        system, group = self.system, self.rng.choice(self.system.groups)
        keys = self._some_keys(group[0])
        kill_at = self._kill_point()
        kind = self.rng.random()
        if may_tick and (kind < 0.3 or not keys):
            return lambda: self._check(system.tick(group, kill_at))
        if kind < 0.5 or not keys:
            partitions = [self.system.keys.partition(key) for key in keys]
            return lambda: self._check(system.rebuild(group, partitions, kill_at))
        return lambda: self._check(system.execute(system.launch(group[0], keys), kill_at))

    def _some_keys(self, table: Table) -> list[str]:
        now = self.clock.now() - timedelta(minutes=12)
        windows = list(settled_windows(START, now, Grain.DAILY, by_day=table.by_day))
        scopes = self.system.instance.get_dynamic_partitions("enterprises")
        keys = [join_key(scope, to_key(window, Grain.DAILY)) for window in windows for scope in scopes]
        return self.rng.sample(keys, self.rng.randint(1, len(keys))) if keys else []

    def _run_at_once(self, jobs: list[Callable[[], None]]) -> None:
        self.system.log.append("  two at once:")
        self.system.faults.count("two at once")
        self.system.turns.run(jobs)

    def _kill_point(self) -> KillPoint:
        """Where the next process is killed, if at all: the number of a checkpoint, or a part of its name."""
        if self.system.faults.is_over or self.rng.random() > 0.25:
            return None
        places = (
            "before the workspace",
            "before changes/",
            "before renaming changes/",
            "after renaming changes/",
        )
        marks = (
            "before state/pending",
            "deleting state/pending",
            "manifest.json",
            "state/boundary",
            "part-0000",
        )
        by_number = (self.rng.randint(1, 12), self.rng.randint(1, 12), self.rng.randint(1, 60))
        return self.rng.choice(by_number if self.rng.random() < 0.5 else places + marks)

    def _check(self, outcome: ProcessOutcome) -> None:
        kind = type(outcome.error).__name__ if outcome.error else "killed" if outcome.was_killed else "well"
        self.ended[kind] += 1
        self._check_failure(outcome)
        self.verdict.after(outcome)

    def _check_failure(self, outcome: ProcessOutcome) -> None:
        """A process may fail only because of a fault; anything else is a violation."""
        error, process, wrong = outcome.error, outcome.process, self.verdict.wrong
        if error is None or (isinstance(error, OSError) and process.disk_failed_at):
            return
        if not isinstance(error, EXPECTED) or isinstance(error, OSError):
            wrong.append(f"{process.name} crashed: {outcome.problem}")
        elif not isinstance(error, dg.Failure):
            if not process.faults:
                wrong.append(f"{process.name} failed for no reason: {outcome.problem}")
        elif _is_survivable(outcome):
            wrong.append(f"{process.name} failed though only {process.faults} struck: {outcome.problem}")

    def _recover(self) -> float:
        """End all faults. Returns the simulated minutes until all due partitions are there."""
        system = self.system
        system.faults.is_over, system.skew_seconds = True, 0.0
        system.find_dead()
        export_outcomes.finish_stuck(self.sandbox.exports, self.clock.now_us())
        system.log.append("no faults from here on")
        start = self.clock.now_us()
        self._check(system.discover())
        while self._is_waiting() and self.clock.now_us() - start < RECOVERY_MINUTES * 60 * SECOND_US:
            self._tick_and_run()
            system.find_dead()
            self._launch_by_hand()
            self.clock.advance(300)
        return (self.clock.now_us() - start) / SECOND_US / 60

    def _may_stop(self) -> bool:
        return self.stops_early and bool(self.verdict.wrong or self.system.observed.wrong)

    def _is_waiting(self) -> bool:
        if self._may_stop():
            return False
        queued = any(run.status is dg.DagsterRunStatus.QUEUED for run in self.system.instance.runs)
        return bool(self.verdict.missing_partitions()) or queued

    def _launch_by_hand(self) -> None:
        """Where a sensor has given up, launch the missing partitions, as its message asks a person to do."""
        missing = self.verdict.missing_partitions()
        for group in self.system.groups:
            if self.system.given_up(group[0]) and (keys := missing.get(group[0].name)):
                self.system.log.append(f"  a person launches {len(set(keys))} partitions of {group[0].name}")
                self.system.faults.count("launched by hand (no fault)")
                self._check(self.system.execute(self.system.launch(group[0], sorted(set(keys)))))

    def _rebuild_changes_nothing(self) -> None:
        """A rebuild from landing alone gives the same rows in the same order."""
        before = dict(self.verdict.rows)
        scopes = self.system.instance.get_dynamic_partitions("enterprises")
        for group in self.system.groups:
            for table in group:
                key = PLAIN.changes(table)
                found = sorted(self.system.instance.get_materialized_partitions(key))
                keys = [self.system.keys.partition(key) for key in found]
                if keys and scopes:
                    self._check(self.system.rebuild((table,), keys))
        for name, rows in before.items():
            if list(self.verdict.rows[name].items()) != list(rows.items()):
                self.verdict.wrong.append(f"{name}: rebuilt from landing it is not the same")


def without_log(outcome: Outcome) -> Outcome:
    """The outcome without its log, for runs of a thousand seeds."""
    return replace(outcome, log=[])


def _is_survivable(outcome: ProcessOutcome) -> bool:
    """Whether a run must have survived the few faults that it met."""
    faults = outcome.process.faults
    if "new links were dead too" in outcome.problem:  # no fault makes a fresh link dead
        return True
    is_export_outcome = any(words in outcome.problem for words in OUTCOME_MESSAGES)
    return len(faults) <= 2 and ABSORBED.issuperset(faults) and not is_export_outcome
