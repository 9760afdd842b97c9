"""Two machines on one object store, with random faults: no row is lost or doubled, and nobody forgotten comes back.

Lives here: the scenario of one seed. At each request of a machine to the store the other machine may go on first, a PUT
may be lost, or its answer, or arrive late, a list may be of a while ago, and the machine may sleep past its lease or be
killed. Machines' clocks are ten minutes apart; time is simulated.

    python -m mews_assets_tests.chaos.two_machines [--seeds 300] [--first 0] [--mutants]

Not here: Mews, sensors and Dagster (`scenario`), and machines as processes (`services`).
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
from obstore.store import MemoryStore

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.erasure import pending_searches
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_states
from mews_assets.lake.storage import leases
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.object_store import ObjectStore
from mews_assets.lake.storage.store import Content, Pinned
from mews_assets.windows import Grain
from mews_assets_tests.chaos.mutant_registry import patched
from mews_assets_tests.lake.made import days, json_line, land, stamp
from mews_assets_tests.lake.planted import CUSTOMERS, NOW, customer, unpacked

NAMES = ("first", "second")
CLOCKS = {"first": timedelta(minutes=-5), "second": timedelta(minutes=5)}
DAYS = (2, 3)
SECRET = "Zoraya"
FAULTS = ("lost put", "lost answer", "late put", "stale list", "sleep", "kill")


class Killed(BaseException):
    """The machine's process was killed: it does nothing more, not even what `finally` says."""


@dataclass
class World:
    """What both machines share: the bucket, the time, and who goes on."""

    rng: random.Random
    folder: Path
    client: MemoryStore = field(default_factory=MemoryStore)
    clock: float = 1e6
    turn: str = ""
    awake_at: dict[str, float] = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    is_calm: bool = False
    late: list[Callable[[], object]] = field(default_factory=list)
    held: dict[str, list[leases.Held]] = field(default_factory=dict)
    tried: dict[int, float] = field(default_factory=dict)
    """When each lease was last tried to be renewed."""
    newest: dict[str, int] = field(default_factory=dict)
    """The highest fencing number of each lease that was given out."""
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def strikes(self, fault: str, chance: float) -> bool:
        if self.is_calm or self.rng.random() >= chance:
            return False
        self.counts[fault] += 1
        return True

    def step(self, machine: str, name: str) -> None:
        """A request for a file is about to be sent: time goes by, and perhaps the other machine goes on first."""
        if machine in self.dead:
            raise Killed
        self.clock += self.rng.expovariate(1 / 0.5)
        if self.late and self.rng.random() < 0.2:
            self.late.pop(self.rng.randrange(len(self.late)))()
        if self.strikes("kill", 0.006):
            self.dead.add(machine)
            raise Killed
        if self.strikes("sleep", 0.01):
            self.awake_at[machine] = self.clock + self.rng.uniform(30, 200)
        if not name.startswith("state/leases"):
            self.renew(machine)
        self.hand_over(machine)

    def renew(self, machine: str) -> None:
        """What a thread of the machine does every 15 seconds while it is awake."""
        for lease in self.held.get(machine, []):
            tried = max(lease._renewed_at, self.tried.get(id(lease), 0.0))
            if self.clock - tried > leases.RENEWED_EVERY.total_seconds() and self.is_awake(machine):
                self.tried[id(lease)] = self.clock
                with suppress(OSError, LakeError):
                    lease.renew(self.now(machine))

    def is_awake(self, machine: str) -> bool:
        return self.awake_at.get(machine, 0.0) <= self.clock

    def now(self, machine: str) -> datetime:
        return NOW + CLOCKS[machine] + timedelta(seconds=self.clock - 1e6)

    def hand_over(self, machine: str) -> None:
        with self._changed:
            while True:
                ready = [name for name in sorted(self.working) if self.is_awake(name)]
                if ready:
                    break
                self.clock = min(self.awake_at[name] for name in self.working)
            self.turn = self.rng.choice(ready)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.turn == machine)

    def sleep(self, machine: str, seconds: float) -> None:
        self.awake_at[machine] = self.clock + seconds
        self.hand_over(machine)

    def begin(self, machine: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.turn == machine)

    def end(self, machine: str) -> None:
        with self._changed:
            self.working.discard(machine)
            self.awake_at.pop(machine, None)
            self.held.pop(machine, None)
            others = sorted(self.working)
            self.turn = self.rng.choice(others) if others else ""
            self._changed.notify_all()


class Bucket(ObjectStore):
    """The bucket as one machine reaches it."""

    world: World
    machine: str

    def __init__(self, world: World, machine: str) -> None:
        super().__init__(world.client, "memory://bucket", "lake")
        object.__setattr__(self, "world", world)
        object.__setattr__(self, "machine", machine)
        object.__setattr__(self, "earlier", {})

    earlier: dict[str, Any]

    def version(self, name: str) -> str:
        self.world.step(self.machine, name)
        return super().version(name)

    def existing(self, names: Sequence[str]) -> set[str]:
        return {name for name in names if self.exists(name)}

    def read(self, name: str) -> Content:
        self.world.step(self.machine, name)
        return super().read(name)

    def pin(self, name: str, folder: Path) -> Pinned:
        self.world.step(self.machine, name)
        return super().pin(name, folder)

    def tail(self, name: str, size: int) -> tuple[bytes, Mapping[str, Any]]:
        self.world.step(self.machine, name)
        return super().tail(name, size)

    def delete(self, name: str) -> None:
        self.world.step(self.machine, name)
        super().delete(name)

    def _put(self, name: str, content: Any, over: str | None) -> str:
        self.world.step(self.machine, name)
        content = bytes(content)  # the store keeps what it is given, a mapped file too

        def do() -> str:
            return super(Bucket, self)._put(name, content, over)

        if self.world.strikes("lost put", 0.01):
            raise OSError(f"{name}: the request was lost")
        if self.world.strikes("late put", 0.01):
            self.world.late.append(lambda: _quietly(do))
            raise OSError(f"{name}: no answer yet")
        version = do()
        if self.world.strikes("lost answer", 0.01):
            raise OSError(f"{name}: the answer was lost")
        return version

    def _objects(self, folder: str) -> Iterator[Mapping[str, Any]]:
        self.world.step(self.machine, folder)
        return iter(list(super()._objects(folder)))

    def _level(self, folder: str) -> Any:
        self.world.step(self.machine, folder)
        found = super()._level(folder)
        before = self.earlier.get(folder, found)
        self.earlier[folder] = found
        # Real stores list what stands now; some that imitate them, and caches before them, do not.
        is_stale = folder.startswith("state/pending") and self.world.strikes("stale list", 0.1)
        return before if is_stale else found


def _quietly(do: Callable[[], object]) -> None:
    with suppress(Exception):
        do()


class MachineLake(Lake):
    """A lake whose locks are in the folder of its machine."""

    def locks_folder(self) -> Path:
        store = self.store
        assert isinstance(store, Bucket)
        folder = store.world.folder / store.machine / str(id(threading.current_thread()))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "machine").write_text(store.machine)
        return folder


@contextmanager
def simulated_leases(world: World) -> Iterator[None]:
    """Leases on the world's clock. Which machine asks is known by its thread."""

    def machine() -> str:
        return threading.current_thread().name

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return world.clock

        @staticmethod
        def sleep(seconds: float) -> None:
            world.sleep(machine(), seconds)

    class Wall(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return world.now(machine()) if machine() in NAMES else NOW

    acquire, confirm = leases._acquire, leases.Held.confirm

    def acquired(store: Any, name: str, holder: leases.Holder) -> leases.Held:
        held = acquire(store, name, holder)
        world.held.setdefault(store.machine, []).append(held)
        world.newest[name] = max(world.newest.get(name, 0), held.lease.fencing)
        return held

    def confirmed(self: leases.Held) -> None:
        confirm(self)
        if self.lease.fencing < world.newest[self._name]:
            world.wrong.append(
                f"{self._name}: fencing {self.lease.fencing} still writes after {world.newest[self._name]}"
            )

    with (
        patch.object(leases, "time", Clock),
        patch.object(leases, "datetime", Wall),
        patch.object(leases, "_acquire", acquired),
        patch.object(leases.Held, "confirm", confirmed),
    ):
        yield


@dataclass
class Scenario:
    """One seed: what machines are to do, and what must stand at the end."""

    seed: int
    world: World
    landed: dict[str, str] = field(default_factory=dict)
    """Customers whose capture is in the lake: id and what was landed last."""
    forgotten: set[str] = field(default_factory=set)
    """Customers whose erasure said that it was done."""
    to_forget: set[str] = field(default_factory=set)
    number: int = 0

    def lake(self, machine: str) -> Lake:
        return MachineLake(Bucket(self.world, machine), Grain.DAILY)

    def work(self, machine: str) -> Callable[[], None]:
        """One piece of work, drawn."""
        lake, rng = self.lake(machine), self.world.rng
        kind = rng.choice(("land", "land", "land", "merge", "merge", "forget"))
        if kind == "forget" and self.landed:
            return lambda: self._forget(lake, rng.choice(sorted(self.landed)))
        if kind == "merge":
            return lambda: self._merge(lake)
        ids = [self._identity() for _ in range(rng.randint(1, 3))]
        again = [rng.choice(sorted(self.landed))] if self.landed and rng.random() < 0.5 else []
        return lambda: self._land(lake, [*ids, *again], rng.choice(DAYS), f"capture-{self.number:04}")

    def _identity(self) -> str:
        self.number += 1
        return f"c0ffee-1111-4222-8333-{self.number:012}"

    def _land(self, lake: Lake, ids: list[str], day: int, capture: str) -> None:
        self.number += 1
        minute = timedelta(minutes=self.number)
        records = [customer(one, day, UpdatedUtc=stamp(days(day, day + 1).start + minute)) for one in ids]
        land(lake, CUSTOMERS, b"".join(map(json_line, records)), days(day, day + 1), capture=capture)
        self.landed.update(dict.fromkeys(ids, capture))
        self._merge(lake)

    def _merge(self, lake: Lake) -> None:
        merge(lake, CUSTOMERS, threads=1)

    def _forget(self, lake: Lake, person: str) -> None:
        self.to_forget.add(person)
        if erase_customer(lake, [CUSTOMERS], person, NOW).is_done:
            self.forgotten.add(person)

    def run(self, rounds: int = 5) -> None:
        for _ in range(rounds):
            self._side_by_side({name: self.work(name) for name in NAMES})
        self.world.is_calm = True
        for late in self.world.late:
            late()
        self.world.late.clear()
        self.world.awake_at.clear()
        for name in NAMES:
            self._side_by_side({name: lambda name=name: self._settle(self.lake(name))})
        self._judge(self.lake("first"))

    def _settle(self, lake: Lake) -> None:
        for person in {*self.to_forget, *pending_searches.pending(lake)}:
            self._forget(lake, person)
        while capture_states.pending(lake, CUSTOMERS.name):
            self._merge(lake)

    def _side_by_side(self, works: Mapping[str, Callable[[], None]]) -> None:
        world = self.world
        world.working, world.turn = set(works), ""
        threads = [
            threading.Thread(target=self._guarded, args=(name, work), name=name)
            for name, work in works.items()
        ]
        for thread in threads:
            thread.start()
        with world._changed:
            world.turn = world.rng.choice(sorted(works))
            world._changed.notify_all()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a machine hangs"

    def _guarded(self, machine: str, work: Callable[[], None]) -> None:
        world = self.world
        world.begin(machine)
        try:
            work()
        except Killed:
            pass
        except (LakeError, OSError) as error:
            world.counts[f"ended by {type(error).__name__}"] += 1
            if world.is_calm:
                world.wrong.append(f"without any fault {machine} failed: {error!r}")
        except Exception as error:
            world.wrong.append(f"{machine}: {error!r}")
        finally:
            world.dead.discard(machine)
            world.end(machine)

    def _judge(self, lake: Lake) -> None:
        world, found = self.world, Counter[str]()
        world.working, world.turn = {"first"}, "first"
        with tempfile.TemporaryDirectory() as folder:
            threading.current_thread().name, before = "first", threading.current_thread().name
            try:
                for name in lake.files("changes", recursive=True):
                    rows = pq.read_table(lake.local_copy(name, Path(folder)), partitioning=None)
                    found.update(zip_keys(rows.select(["id", "updated_utc"]).to_pylist()))
                    for row in rows.to_pylist():
                        if row["id"] in self.to_forget and row["first_name"]:
                            world.wrong.append(f"{row['id']} is back in {name}")
                lost = set(self.landed) - {key.split("|")[0] for key in found}
                world.wrong += [f"{one} is lost, of {self.landed[one]}" for one in sorted(lost)]
                world.wrong += [f"{key} is there {count} times" for key, count in found.items() if count > 1]
                world.wrong += [
                    f"{one} is still in the landing" for one in self._landed_again(lake, Path(folder))
                ]
            finally:
                threading.current_thread().name = before

    def _landed_again(self, lake: Lake, folder: Path) -> Iterator[str]:
        """Forgotten customers, and the files of whose landings hold their data; those of killed landings too."""
        for name in lake.files("landing", recursive=True):
            if name.endswith(".zst"):
                for line in unpacked(lake.local_copy(name, folder)).splitlines():
                    person = json.loads(line)["Id"]
                    if SECRET.encode() in line and person in self.to_forget:
                        yield f"{person} ({name})"


def zip_keys(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['id']}|{row['updated_utc']}" for row in rows]


def run_seed(seed: int, rounds: int = 5) -> World:
    """The world after one seed. `wrong` says what is."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(random.Random(seed), Path(folder))
        with simulated_leases(world):
            Scenario(seed, world).run(rounds)
    return world


def unconditional_put() -> ExitStack:
    """Every PUT replaces what stands there."""
    real = ObjectStore._put
    return patched((ObjectStore, "_put", lambda self, name, content, over: real(self, name, content, None)))


def lease_without_fencing() -> ExitStack:
    """A machine that lost its lease goes on as if it held it."""
    return patched((leases.Held, "confirm", lambda self: None))


MUTANTS = {"unconditional PUT": unconditional_put, "lease without fencing": lease_without_fencing}


def caught_by(name: str, seeds: Sequence[int]) -> tuple[int, str] | None:
    """The first seed that catches a mutant, and what it found wrong."""
    with MUTANTS[name]():
        for seed in seeds:
            if wrong := run_seed(seed).wrong:
                return seed, wrong[0]
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description="Two machines on one object store, under random faults.")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--mutants", action="store_true")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.mutants:
        found = {name: caught_by(name, seeds) for name in MUTANTS}
        for name, caught in found.items():
            print(f"{name}: {f'seed {caught[0]}: {caught[1]}' if caught else 'not caught'}")
        return int(None in found.values())
    began, counts, failed = time.monotonic(), Counter[str](), 0
    for seed in seeds:
        world = run_seed(seed)
        counts += world.counts
        if world.wrong:
            failed += 1
            print(f"seed {seed}: {world.wrong[:3]}", flush=True)
    print(
        f"{len(seeds)} seeds, {failed} wrong, {time.monotonic() - began:.0f} s; {dict(counts.most_common())}"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
