"""One seed's story: a few days of bad weather, then it clears up, then the verdict.

Lives here: what happens when, all from one seed. `tell(seed)` gives the outcome.
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
from mews_assets.defs.assets import landing_and_changes
from mews_assets.defs.base.partitions import to_partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.clock import SECOND_US, Clock, to_micros
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.server.application import Application
from mews_assets.sandbox.server.request_rules import Refusal
from mews_assets.windows import Grain, from_key, settled_windows, to_key
from mews_assets_tests.chaos import carriers, fates
from mews_assets_tests.chaos.house import EXPECTED, Came, House
from mews_assets_tests.chaos.process import Death, Turns
from mews_assets_tests.chaos.seams import sandbox_seams, seams
from mews_assets_tests.chaos.verdict import Verdict
from mews_assets_tests.chaos.weather import ABSORBED, Weather, apart, spells_of
from mews_assets_tests.chaos.wire import Sandboxed
from mews_assets_tests.chaos.world import (
    DAY_US,
    FAMILIES,
    START,
    Truth,
    build_sandbox,
    connections_of,
    restate,
    truth_of,
    versions_of,
    with_late_ones,
)

RECOVERY_MINUTES = 12 * 60
"""By then all that is due must be green. The longest pause is an hour, and runs are tried three times."""

FATE_WORDS = (
    "failed at Mews",
    "has expired",
    "not know export",
    "was not ready",
    "no export of",
    "has not settled",
)
"""What a run says of an export that can bring nothing, or not yet."""


@dataclass
class Outcome:
    """What became of one seed."""

    seed: int
    wrong: list[str]
    struck: Counter[str]
    story: list[str]
    recovery_minutes: float = 0.0
    runs: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    def said(self) -> str:
        faults = ", ".join(f"{count} x {kind}" for kind, count in sorted(self.struck.items()))
        wrong = "\n".join(f"  - {one}" for one in self.wrong[:20])
        return (
            f"seed {self.seed}:\n{wrong}\nfaults: {faults}\n"
            f"replay with: python -m mews_assets_tests.chaos --seed {self.seed}"
        )


def tell(seed: int) -> Outcome:
    """Everything that happens under one seed, and whether it may."""
    with staged(seed) as story:
        return story.tell()


@contextmanager
def staged(seed: int, *, families: tuple[str, ...] = ()) -> Iterator[Story]:
    """The story of one seed before its first step. `families` stand for those that the seed draws."""
    rng = random.Random(seed)
    days = rng.choice((2, 2, 3))
    families = families or tuple(rng.sample(FAMILIES, rng.choice((1, 1, 1, 1, 1, 2))))
    versions = [one for family in families for one in versions_of(family, days, rng)]
    # Drawn apart: what was drawn for a seed before there were these stays the same.
    versions = with_late_ones(versions, random.Random(f"late {seed}"))
    intervals = random.Random(f"intervals {seed}").choice(list(Intervals))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        clock = Clock(START + timedelta(minutes=rng.randint(0, 600)), running=False)
        stack.enter_context(sandbox_seams())
        sandbox, opened = build_sandbox(folder, versions, clock, seconds=rng.choice((0, 60, 900, 5400)))
        stack.enter_context(closing(opened))
        opened.intervals = intervals
        tokens = {access.name: token for token, access in sandbox.door.accesses.items()}
        end_us = clock.now_us() + days * DAY_US
        house = House(
            open_lake(str(carriers.lake_folder(folder, seed)), Grain.DAILY),
            Sandboxed(Application(sandbox), clock, loop),
            Weather(spells_of(clock.now_us(), end_us, rng), rng, clock.now_us),
            Turns(rng),
            {name: tokens[token] for name, token in connections_of(rng).items()},
            sandbox.door.client_token,
            families,
        )
        stack.callback(loop.run_until_complete, loop.shutdown_default_executor())
        stack.enter_context(seams(house, rng))
        if carriers.name_of(seed):
            house.weather.note("folders named like patterns and columns")
        house.weather.note(f"intervals are {intervals} (no fault)")
        yield Story(seed, house, Verdict(house, truth_of(versions), sandbox), rng, end_us)


class Story:
    """What the driver does, step by step."""

    def __init__(self, seed: int, house: House, verdict: Verdict, rng: random.Random, end_us: int) -> None:
        self.seed, self.house, self.verdict, self.rng, self.end_us = seed, house, verdict, rng, end_us
        self.own = apart(rng)
        self.restates = self.own.random() < 0.5
        self.clock = house.sandboxed.clock
        self.sandbox = verdict.sandbox
        self.ended: Counter[str] = Counter()
        self.carrier = random.Random(f"{seed} carrier")
        """Of what happens to the lake's files by other hands; apart, so that all else of a seed stays as it was."""
        self.losses = random.Random(f"losses {seed}")

    @property
    def truth(self) -> Truth:
        return self.verdict.truth

    def tell(self) -> Outcome:
        while self.clock.now_us() < self.end_us:
            self._time_goes_on()
            self._outside()
            self._step()
        recovery = self._clear_up()
        self._lose_and_rebuild()
        if self.rng.random() < 0.2:
            self._rebuild_changes_nothing()
        for group in self.house.groups:
            self._came(self.house.rebuild(group, []))  # as the next day's merge takes along what was left
        self.verdict.at_the_end()
        self.verdict.wrong += self.house.notes.wrong
        house = self.house
        return Outcome(
            self.seed,
            self.verdict.wrong,
            house.weather.struck,
            house.story,
            recovery,
            len(house.book.runs),
            self.ended,
        )

    def _time_goes_on(self) -> None:
        """Some minutes to hours, and often to about the moment at which a window settles."""
        if self.rng.random() < 0.2:
            left_us = DAY_US - self.clock.now_us() % DAY_US
            self.clock.advance(left_us / SECOND_US + self.rng.uniform(0, 900))
        else:
            self.clock.advance(self.rng.choice((300, 3600, 2 * 3600, 4 * 3600, 8 * 3600)))

    def _outside(self) -> None:
        """What happens without us: our clock is set, another client takes the slot."""
        if self.rng.random() < 0.1:
            self.house.skew_seconds = self.rng.uniform(-600, 600)
            self.house.weather.note("clock skew")
            self.house.story.append(f"  our clock is {self.house.skew_seconds:.0f} s ahead")
        if self.rng.random() < 0.1:
            for group in self.house.groups:
                self._take_slot(group[0])
        if self.carrier.random() < 0.06:
            carriers.copy(self.house, self.carrier)
            self.verdict.lake_was_copied()
        if self.losses.random() < 0.08:
            self._lose_and_rebuild()
        if self.restates and self.own.random() < 0.4:
            for _ in range(self.own.randint(1, 4)):
                self._restate()

    def _restate(self) -> None:
        """Mews changes a record that it shows, and leaves its stamp as it was."""
        now = self.clock.now_us()
        entities = sorted({table.entity for table in self.verdict.tables})
        shown = [
            one
            for entity in entities
            for one in self.truth.versions.get(entity, ())
            if one.stamp_us <= now < one.until_us
        ]
        if not shown:
            return
        one = self.own.choice(shown)
        tag = restate(self.sandbox.store, one)
        self.truth.restated.setdefault((one.entity, *one.key), set()).add(tag)
        self.house.weather.note("restated")
        self.house.story.append(f"  restated: {one.entity} {tag}")

    def _lose_and_rebuild(self) -> None:
        """A file of changes is gone from the disk; somebody has it made again, in a run that may die."""
        lake = self.house.base
        for group in self.house.groups:
            for table in group:
                if not (names := self._files_to_lose(table)):
                    continue
                name = self.losses.choice(names)
                scope, key = layout.partition_of(name)
                lost = [to_partition(f"{scope}|{key}", Grain.DAILY)]
                lake.delete(name)
                self.verdict.lost.add(name)
                self.house.weather.note("file of changes lost")
                dies_at = self.losses.choice((None, None, "before changes/", "state/boundary", 5))
                self._came(self.house.rebuild((table,), lost, dies_at))
                if not lake.exists(name):  # the process died first
                    self._came(self.house.rebuild((table,), lost))
                if not lake.exists(name):
                    self.verdict.wrong.append(f"{name} was lost, and its rebuild did not make it again")

    def _files_to_lose(self, table: Table) -> list[str]:
        """Those with a row right at their start, which another window's capture may have brought; or else any."""
        names = sorted(name for name in self.verdict.rows if name.startswith(f"changes/{table.name}/"))
        starts = {
            name: to_micros(from_key(layout.partition_of(name)[1], Grain.DAILY).start) for name in names
        }
        edges = [name for name in names if any(stamp == starts[name] for _, stamp in self.verdict.rows[name])]
        return edges if edges and self.losses.random() < 0.8 else names

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
        self.house.weather.note("slot taken by another")

    def _step(self) -> None:
        action = self.rng.random()
        if not self.house.book.scopes or action < 0.05:
            self._came(self.house.discover(self._death()))
            return
        if action < 0.75:
            self._tick_and_run()
        elif action < 0.83:
            # A sensor's ticks never overlap; a run may overlap with anything.
            self._at_once([self._any_job(), self._any_job(may_tick=False)])
        else:
            self._any_job()()
        if self.rng.random() < 0.5:
            self.house.find_dead()

    def _tick_and_run(self) -> None:
        for group in self.house.groups:
            forgets = self.rng.random() < 0.05
            self._came(self.house.tick(group, self._death(), forgets=forgets))
        for run in self.house.book.runs:
            if run.status is dg.DagsterRunStatus.QUEUED and self.rng.random() < 0.8:
                self._came(self.house.execute(run, self._death()))

    def _any_job(self, *, may_tick: bool = True) -> Callable[[], None]:
        """A backfill by hand, a rebuild, or a tick; drawn now, done later."""
        house, group = self.house, self.rng.choice(self.house.groups)
        keys = self._some_keys(group[0])
        death = self._death()
        kind = self.rng.random()
        if may_tick and (kind < 0.3 or not keys):
            return lambda: self._came(house.tick(group, death))
        if kind < 0.5 or not keys:
            partitions = [to_partition(key, Grain.DAILY) for key in keys]
            return lambda: self._came(house.rebuild(group, partitions, death))
        return lambda: self._came(house.execute(house.launch(group[0], keys), death))

    def _some_keys(self, table: Table) -> list[str]:
        now = self.clock.now() - timedelta(minutes=12)
        windows = list(settled_windows(START, now, Grain.DAILY, by_day=table.by_day))
        scopes = self.house.book.get_dynamic_partitions("enterprises")
        keys = [f"{scope}|{to_key(window, Grain.DAILY)}" for window in windows for scope in scopes]
        return self.rng.sample(keys, self.rng.randint(1, len(keys))) if keys else []

    def _at_once(self, jobs: list[Callable[[], None]]) -> None:
        self.house.story.append("  two at once:")
        self.house.weather.note("two at once")
        self.house.turns.run(jobs)

    def _death(self) -> Death:
        """Where the next process is killed, if it is: at a point's number, or by what it is about to do."""
        if self.house.weather.is_over or self.rng.random() > 0.25:
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

    def _came(self, came: Came) -> None:
        kind = type(came.error).__name__ if came.error else "killed" if came.was_killed else "well"
        self.ended[kind] += 1
        self._explain(came)
        self.verdict.after(came)

    def _explain(self, came: Came) -> None:
        """Nothing may fail for no reason: a crash of ours, or a failure when the weather is fine."""
        error, process, wrong = came.error, came.process, self.verdict.wrong
        if error is None or (isinstance(error, OSError) and process.disk_failed_at):
            return
        if not isinstance(error, EXPECTED) or isinstance(error, OSError):
            wrong.append(f"{process.name} crashed: {came.problem}")
        elif not isinstance(error, dg.Failure):
            if not process.broke:
                wrong.append(f"{process.name} failed for no reason: {came.problem}")
        elif _is_survivable(came):
            wrong.append(f"{process.name} failed though only {process.broke} struck: {came.problem}")

    def _clear_up(self) -> float:
        """The weather is over. Gives the simulated minutes until all that was due is there."""
        house = self.house
        house.weather.is_over, house.skew_seconds = True, 0.0
        house.find_dead()
        fates.release(self.sandbox.exports, self.clock.now_us())
        house.story.append("the weather clears up")
        start = self.clock.now_us()
        self._came(house.discover())
        while self._is_waiting() and self.clock.now_us() - start < RECOVERY_MINUTES * 60 * SECOND_US:
            self._tick_and_run()
            house.find_dead()
            self._mend_by_hand()
            self.clock.advance(300)
        return (self.clock.now_us() - start) / SECOND_US / 60

    def _is_waiting(self) -> bool:
        queued = any(run.status is dg.DagsterRunStatus.QUEUED for run in self.house.book.runs)
        return bool(self.verdict.missing_partitions()) or queued

    def _mend_by_hand(self) -> None:
        """Where a sensor says that it gave up, a person does as it says: launches what is missing."""
        missing = self.verdict.missing_partitions()
        for group in self.house.groups:
            said = self.house.given_up(group[0])
            if said and (keys := missing.get(group[0].name)):
                self.house.story.append(f"  a person launches {len(set(keys))} partitions of {group[0].name}")
                self.house.weather.note("mended by hand (no fault)")
                self._came(self.house.execute(self.house.launch(group[0], sorted(set(keys)))))

    def _rebuild_changes_nothing(self) -> None:
        """From landing alone come the same rows in the same order."""
        before = dict(self.verdict.rows)
        scopes = self.house.book.get_dynamic_partitions("enterprises")
        for group in self.house.groups:
            for table in group:
                there = self.house.book.get_materialized_partitions(landing_and_changes.changes_key(table))
                keys = [to_partition(key, Grain.DAILY) for key in sorted(there)]
                if keys and scopes:
                    self._came(self.house.rebuild((table,), keys))
        for name, rows in before.items():
            if list(self.verdict.rows[name].items()) != list(rows.items()):
                self.verdict.wrong.append(f"{name}: rebuilt from landing it is not the same")


def without_story(outcome: Outcome) -> Outcome:
    """The same without its story: for a thousand of them."""
    return replace(outcome, story=[])


def _is_survivable(came: Came) -> bool:
    """Whether what struck a run was so little that it must not have failed."""
    broke = came.process.broke
    if "new links were dead too" in came.problem:  # no fault makes a new link dead
        return True
    is_fate = any(words in came.problem for words in FATE_WORDS)
    return len(broke) <= 2 and ABSORBED.issuperset(broke) and not is_fate
