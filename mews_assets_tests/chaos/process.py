"""Processes that can be killed at any checkpoint, take turns, and share one disk.

Lives here: `Process`, `ChaosLake` (the real lake with checkpoints before and after each operation), the turns of two
runs at once, and an executor that works in the calling thread, so that a seed gives the same scenario every time.
"""

from __future__ import annotations

import errno
import fcntl
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.local_store import LocalStore


class Killed(BaseException):
    """The process was killed."""


@dataclass(frozen=True)
class Pause:
    """A pause of some simulated seconds at the first checkpoint whose name contains `at`; the other process goes on."""

    at: str
    seconds: float


KillPoint = int | str | Pause | None


class Turns:
    """Runs two threads one at a time; they switch only at checkpoints, as the seed draws."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._gates: dict[int, threading.Event] = {}
        self._paused: set[int] = set()

    def pause(self) -> None:
        """Run the other thread until it ends or waits for this one."""
        me = threading.get_ident()
        if len(self._gates) > 1 and me in self._gates:
            self._paused.add(me)
            self._hand_over(me)
            self._paused.discard(me)

    def switch(self) -> None:
        """Perhaps run the other thread."""
        me = threading.get_ident()
        is_alone = len(self._gates) < 2 or me not in self._gates or bool(self._paused)
        if not is_alone and self._rng.random() < 0.5:
            self._hand_over(me)

    def wait(self) -> None:
        """Run the other thread, since this one cannot go on."""
        me = threading.get_ident()
        if me not in self._gates or len(self._gates) < 2:
            raise RuntimeError("a lock is held, and no other thread is there to release it")
        self._hand_over(me)

    def _hand_over(self, me: int) -> None:
        self._gates[me].clear()
        next(gate for name, gate in self._gates.items() if name != me).set()
        self._gates[me].wait()

    def run(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run two jobs at once; each handles its own errors."""
        ready, started = threading.Barrier(2), threading.Event()

        def work(job: Callable[[], None], is_first: bool) -> None:
            me = threading.get_ident()
            gate = self._gates[me] = threading.Event()
            ready.wait()
            if is_first:
                gate.set()
                started.set()
            gate.wait()
            try:
                job()
            finally:
                del self._gates[me]
                for other in self._gates.values():
                    other.set()

        threads = [
            threading.Thread(target=work, args=(job, number == 0), daemon=True)
            for number, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def flock(self, handle: Any, operation: int) -> None:
        """Take the real lock; while it is held, run the other thread."""
        if operation & fcntl.LOCK_NB:
            fcntl.flock(handle, operation)
            return
        while True:
            try:
                fcntl.flock(handle, operation | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                self.wait()


@dataclass
class Process:
    """One run or tick. It is killed at the checkpoint of this number, or the first whose name contains `kill_at`.

    With a `Pause` it is paused there once instead.
    """

    name: str
    turns: Turns
    occurs: Callable[[str], bool]
    """Whether a fault of the disk occurs now: `disk full`, `read-only lake`."""
    sleep: Callable[[float], None]
    """Advances the simulated clock."""
    kill_at: KillPoint = None
    checkpoints: int = 0
    is_alive: bool = True
    killed_at: str = ""
    export_known_at: dict[str, int] = field(default_factory=dict)
    """By id of an export: the checkpoint at which this process received the id."""
    faults: list[str] = field(default_factory=list)
    """The faults that it met."""
    answers: int = 0
    """Answers that it received: from the first on it knows the time at Mews."""
    disk_failed_at: list[int] = field(default_factory=list)

    def yield_turn(self) -> None:
        """Give the other process a turn, as each read of the lake does."""
        if not self.is_alive:
            raise Killed(self.name)
        self.turns.switch()

    def checkpoint(self, where: str) -> None:
        """A point at which the process may be killed or paused."""
        self.yield_turn()
        self.checkpoints += 1
        if isinstance(self.kill_at, Pause):
            self._pause_at(where, self.kill_at)
        elif self.checkpoints == self.kill_at or (isinstance(self.kill_at, str) and self.kill_at in where):
            self.is_alive, self.killed_at = False, where
            raise Killed(f"{self.name}, {where}")

    def _pause_at(self, where: str, pause: Pause) -> None:
        if pause.at in where:
            self.kill_at = None
            self.faults.append("process paused")
            self.sleep(pause.seconds)
            self.turns.pause()

    def before_write(self, name: str) -> None:
        """The checkpoint before a write to the lake, where the disk may fail."""
        self.checkpoint(f"before {name}")
        for kind, number in (("disk full", errno.ENOSPC), ("read-only lake", errno.EROFS)):
            if self.occurs(kind):
                self.faults.append(kind)
                self.disk_failed_at.append(self.checkpoints)
                raise OSError(number, kind, name)


@dataclass(frozen=True)
class ChaosStore(LocalStore):
    """The folder of the lake as one process uses it."""

    process: Process = field(compare=False, repr=False, kw_only=True)

    def _rename(self, local: Path, name: str) -> None:
        self.process.checkpoint(f"before renaming {name}")
        super()._rename(local, name)
        self.process.checkpoint(f"after renaming {name}")


@dataclass(frozen=True)
class ChaosLake(Lake):
    """The lake as one process uses it."""

    process: Process = field(compare=False, repr=False, kw_only=True)

    def exists(self, name: str) -> bool:
        found = super().exists(name)
        self.process.yield_turn()
        return found

    def read(self, name: str) -> bytes:
        self.process.yield_turn()
        return super().read(name)

    def files(self, folder: str, *, recursive: bool = False) -> list[str]:
        found = super().files(folder, recursive=recursive)
        self.process.yield_turn()
        return found

    def folders(self, folder: str) -> list[str]:
        found = super().folders(folder)
        self.process.yield_turn()
        return found

    def _write(self, name: str, content: bytes, over: str | None) -> None:
        self.process.before_write(name)
        super()._write(name, content, over)

    def put(self, local: Path, name: str, *, over: str | None = None) -> str:
        self.process.before_write(name)
        return super().put(local, name, over=over)

    def delete(self, name: str) -> None:
        self.process.before_write(name)
        super().delete(name)
        self.process.checkpoint(f"after deleting {name}")

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        self.process.before_write("a workspace")
        with super().workspace() as folder:
            yield folder


class InlineExecutor:
    """A thread pool without threads: `submit` runs the job at once."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> InlineExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, job: Callable[..., Any], *arguments: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(job(*arguments, **more))
        except BaseException as error:
            future.set_exception(error)
        return future

    def map(self, job: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        futures = [self.submit(job, *one) for one in zip(*items, strict=False)]
        return (future.result() for future in futures)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass
