"""Pacing shared by all processes of all machines that use one access token on one lake.

Lives here: the machine's state in a file of the local disk, the book of shares in the lake, and a thread that looks at
the book. Not here: the decisions (`machine`, `shares`).

No request waits for the object store: it waits for the state of its own machine, which the thread changes. Where the
lake cannot be reached the share runs out, and the machine goes on with its own few requests.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from mews_assets.api.transport.pacing import SlidingWindow
from mews_assets.lake.errors import LakeError, LostRaceError
from mews_assets.lake.storage import layout, local_store
from mews_assets.lake.storage.lake import open_place
from mews_assets.lake.storage.store import ABSENT, Store
from mews_assets.pacing import machine as machines
from mews_assets.pacing.machine import Machine
from mews_assets.pacing.shares import Book, Budget, Look, left, note_seen, written

log = logging.getLogger(__name__)
Found = TypeVar("Found")

_POLL_SECONDS = 0.1
_TRIES = 5
"""Writes of the book, where other machines write it too; after that the next look tries again."""
_COMPLAIN_EVERY_SECONDS = 300.0
WITHOUT_A_DISK = 9
"""Requests per window and process where the machine's own disk cannot be written."""


@dataclass(frozen=True)
class _Decision:
    """Whether the book is to be written, and how; the share that the machine then has, and when that was decided."""

    is_due: bool
    after: Book
    target: int
    clock: float


@dataclass(frozen=True)
class Desk:
    """Where a machine counts its requests, and where all machines divide the budget. `clock` gives seconds that all
    processes of the machine share; it is read while the state is locked, so that starts are counted in order."""

    file: Path
    store: Store
    name: str
    budget: Budget = Budget()  # noqa: RUF009 - a frozen value
    clock: Callable[[], float] = time.monotonic

    def start(self) -> float:
        """Start a request, or give the seconds until it may be tried again."""

        def begin(machine: Machine, clock: float) -> tuple[Machine, float]:
            return machines.start(machine, clock, os.getpid(), self.budget)

        return self._change(begin)

    def pause(self, seconds: float) -> None:
        self._change(lambda machine, clock: (machines.pause(machine, clock + seconds), None))

    def step(self, now: datetime) -> None:
        """Look at the book if that is due, and give the share back if nobody uses it. One process at a time."""
        machine, clock = self._read(), self.clock()
        if machines.is_idle(machine, clock, self.budget):
            self.leave(now)
        elif machines.is_look_due(machine, clock, self.budget):
            self._look(now)

    def leave(self, now: datetime) -> None:
        """Give the share back. What was started counts until it has left the window."""
        for _ in range(_TRIES):
            book, version = self._book()

            def give_up(machine: Machine, clock: float) -> tuple[Machine, Look]:
                # The next process to ask looks at once: it would wait for its first request until the next look.
                given = replace(machine, target=0, valid_until=0.0, looked_at=machines.NEVER)
                return given, self._as_seen(given, 0, clock, now)

            try:
                self.store.write(self.name, left(book, self._change(give_up)).to_json(), version)
                return
            except LostRaceError:
                continue

    def is_used_by_others(self) -> bool:
        """Whether another process of the machine waited just now."""
        machine = self._read()
        is_recent = self.clock() - machine.denied_at <= 1.0
        return is_recent and machine.denied_process != os.getpid()

    def _look(self, now: datetime) -> None:
        for _ in range(_TRIES):
            book, version = self._book()

            def decide(machine: Machine, clock: float, book: Book = book) -> tuple[Machine, _Decision]:
                seen = note_seen(book, machine.seen, clock)
                look = self._as_seen(machine, machines.wants(machine, clock, self.budget), clock, now)
                after, target = written(book, seen, look, self.budget)
                before, mine = book.entries.get(machine.name), after.entries[machine.name]
                is_due = machines.is_write_due(before, mine, machine, clock, self.budget)
                looked = replace(machines.lowered(machine, target), seen=seen, looked_at=clock)
                return looked, _Decision(is_due, after, target, clock)

            decision = self._change(decide)
            if not decision.is_due:
                return
            try:
                self.store.write(self.name, decision.after.to_json(), version)
            except LostRaceError:
                continue
            self._grant(decision)
            return

    def _grant(self, decision: _Decision) -> None:
        """The share is valid from when the request to write it was about to be sent."""
        self._change(
            lambda machine, _: (
                machines.granted(machine, decision.target, decision.clock, self.budget),
                None,
            )
        )

    def _as_seen(self, machine: Machine, wants: int, clock: float, now: datetime) -> Look:
        return Look(machine.name, machines.used(machine, clock, self.budget), wants, clock, now)

    def _book(self) -> tuple[Book, str]:
        try:
            found = self.store.read(self.name)
        except FileNotFoundError:
            return Book(), ABSENT
        try:
            return Book.from_json(found.data), found.version
        except ValueError as error:
            raise LakeError(f"{self.store.uri(self.name)}: {error}. Remove it") from None

    def _read(self) -> Machine:
        try:
            return Machine.from_json(self.file.read_bytes())
        except (FileNotFoundError, ValueError):  # being written just now, or not there yet
            return Machine()

    def _change(self, change: Callable[[Machine, float], tuple[Machine, Found]]) -> Found:
        with local_store.hold_briefly(self.file.with_suffix(".lock")):
            before = self._read()
            after, found = change(before, self.clock())
            if after != before:
                self.file.write_bytes(after.to_json())
            return found


class SharedPacing:
    """The pacing of one access token. Clients of one token in one process may share it, or have one each."""

    def __init__(self, desk: Desk, sleep: Callable[[float], object] = time.sleep) -> None:
        self._desk, self._sleep = desk, sleep
        self._alone = SlidingWindow(WITHOUT_A_DISK, desk.budget.seconds, desk.clock, sleep)
        self._looking: threading.Thread | None = None
        self._wake, self._is_over, self._beginning = threading.Event(), threading.Event(), threading.Lock()
        self._complained_at = float("-inf")

    def acquire(self) -> None:
        """Return when a request may start; it then counts as started."""
        while True:
            try:
                wait = self._desk.start()
            except OSError as error:
                self._complain("requests are counted for this process alone", error)
                self._alone.acquire()
                return
            if not wait:
                return
            self._begin_to_look()
            self._sleep(min(wait, _POLL_SECONDS * min(1.0, self._desk.budget.pace)))

    def pause(self, seconds: float) -> None:
        """Let no request of this machine start for this long."""
        self._alone.pause(seconds)
        try:
            self._desk.pause(seconds)
        except OSError as error:
            self._complain("only this process pauses", error)

    def close(self) -> None:
        """Give the share back unless other processes of the machine use it. Waits a second at most."""
        with self._beginning:
            looking, self._looking = self._looking, None
        if looking is not None:
            self._is_over.set()
            self._wake.set()
            looking.join(1.0)

    def _begin_to_look(self) -> None:
        with self._beginning:
            self._wake.set()
            if self._looking is None:
                self._is_over.clear()
                self._looking = threading.Thread(target=self._look_on, name="pacing", daemon=True)
                self._looking.start()

    def _look_on(self) -> None:
        pace = self._desk.budget.pace
        while not self._is_over.is_set():
            self._wake.clear()
            self._try(self._desk.step)
            self._wake.wait(pace)
            self._is_over.wait(0.02 * min(1.0, pace))  # several that wait wake it once
        self._try(self._leave)

    def _leave(self, now: datetime) -> None:
        if not self._desk.is_used_by_others():
            self._desk.leave(now)

    def _try(self, step: Callable[[datetime], None]) -> None:
        """One process of the machine at a time; a killed one lets go of the lock."""
        try:
            lock = self._desk.file.with_suffix(".look")
            lock.touch()
            with local_store.try_hold(lock) as is_free:
                if is_free:
                    step(datetime.now(UTC))
        except (OSError, LakeError) as error:
            self._complain("this machine goes on with its own few requests", error)

    def _complain(self, what: str, error: Exception) -> None:
        if self._desk.clock() - self._complained_at >= _COMPLAIN_EVERY_SECONDS:
            self._complained_at = self._desk.clock()
            log.warning("%s: the budget of requests is not shared: %s. %s", self._desk.name, error, what)


def shared_pacing(lake: str, platform_address: str, access_token: str) -> SharedPacing:
    """The pacing of an access token for all processes that use this lake."""
    place = open_place(lake, is_brief=True)
    # The token is not to be read from a file's name, and is long enough not to be guessed from its hash.
    token = hashlib.sha256(f"{platform_address} {access_token}".encode()).hexdigest()[:24]
    file = place.locks_folder() / f"pacing-{token}-{_boot()}.json"
    return SharedPacing(Desk(file, place.store, layout.pacing_file(token)))


def _boot() -> str:
    """The machine since it was started: for so long its processes, those in containers too, have one monotonic clock.
    Folders may be mounted by several machines."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        name = platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:12]
