"""Processes that can be killed at any point, take turns, and share one disk.

Lives here: `Process`, `ChaosLake` (the real lake with a point before and after everything it does), turns
between two runs at once, and an executor that works in the calling thread: so a seed is one story, told the
same way every time.
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


class Killed(BaseException):
    """The process was killed."""


@dataclass(frozen=True)
class Freeze:
    """Stopped for a while at what it is about to do, as on a machine that sleeps; the other one goes on."""

    at: str
    seconds: float


Death = int | str | Freeze | None


class Turns:
    """Lets two threads go on one at a time, changing over only at points, as the seed says."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._gates: dict[int, threading.Event] = {}
        self._frozen: set[int] = set()

    def freeze(self) -> None:
        """Let the other one go on until it ends or cannot go on without us."""
        me = threading.get_ident()
        if len(self._gates) > 1 and me in self._gates:
            self._frozen.add(me)
            self._hand_over(me)
            self._frozen.discard(me)

    def switch(self) -> None:
        """Maybe let the other one go on."""
        me = threading.get_ident()
        is_alone = len(self._gates) < 2 or me not in self._gates or bool(self._frozen)
        if not is_alone and self._rng.random() < 0.5:
            self._hand_over(me)

    def wait(self) -> None:
        """Let the other one go on, for we cannot."""
        me = threading.get_ident()
        if me not in self._gates or len(self._gates) < 2:
            raise RuntimeError("a lock is held although nobody else is there to let it go")
        self._hand_over(me)

    def _hand_over(self, me: int) -> None:
        self._gates[me].clear()
        next(gate for name, gate in self._gates.items() if name != me).set()
        self._gates[me].wait()

    def run(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run jobs at once; each must deal with its own errors."""
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
        """The real lock, waited for by letting the other one go on."""
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
    """One run or tick. `dies_at` is the number of the point at which it is killed, or what the point is about.

    Or what it is frozen at, once.
    """

    name: str
    turns: Turns
    strikes: Callable[[str], bool]
    """Whether the weather strikes here: `disk full`, `read-only lake`."""
    sleep: Callable[[float], None]
    """Lets time go by."""
    dies_at: Death = None
    points: int = 0
    is_alive: bool = True
    killed_at: str = ""
    since_answer: dict[str, int] = field(default_factory=dict)
    """By export whose id this process was told: at which of its points."""
    broke: list[str] = field(default_factory=list)
    """What the weather did to it."""
    answers: int = 0
    """That reached it: from the first on it knows what time it is at Mews."""
    disk_failed_at: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Reading: others may act meanwhile."""
        if not self.is_alive:
            raise Killed(self.name)
        self.turns.switch()

    def point(self, where: str) -> None:
        """A point at which the process may be killed."""
        self.look()
        self.points += 1
        if isinstance(self.dies_at, Freeze):
            self._freeze_at(where, self.dies_at)
        elif self.points == self.dies_at or (isinstance(self.dies_at, str) and self.dies_at in where):
            self.is_alive, self.killed_at = False, where
            raise Killed(f"{self.name}, {where}")

    def _freeze_at(self, where: str, freeze: Freeze) -> None:
        if freeze.at in where:
            self.dies_at = None
            self.broke.append("process frozen")
            self.sleep(freeze.seconds)
            self.turns.freeze()

    def touch(self, name: str) -> None:
        """About to change something on the lake's disk."""
        self.point(f"before {name}")
        for kind, number in (("disk full", errno.ENOSPC), ("read-only lake", errno.EROFS)):
            if self.strikes(kind):
                self.broke.append(kind)
                self.disk_failed_at.append(self.points)
                raise OSError(number, kind, name)


@dataclass(frozen=True)
class ChaosLake(Lake):
    """The lake as one process sees it."""

    process: Process = field(compare=False, repr=False, kw_only=True)

    def exists(self, name: str) -> bool:
        found = super().exists(name)
        self.process.look()
        return found

    def read(self, name: str) -> bytes:
        self.process.look()
        return super().read(name)

    def files(self, folder: str, *, recursive: bool = False) -> list[str]:
        found = super().files(folder, recursive=recursive)
        self.process.look()
        return found

    def folders(self, folder: str) -> list[str]:
        found = super().folders(folder)
        self.process.look()
        return found

    def write(self, name: str, content: bytes) -> None:
        self.process.touch(name)
        super().write(name, content)

    def put(self, local: Path, name: str) -> None:
        self.process.touch(name)
        super().put(local, name)

    def delete(self, name: str) -> None:
        self.process.touch(name)
        super().delete(name)
        self.process.point(f"after deleting {name}")

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        self.process.touch("a workspace")
        with super().workspace() as folder:
            yield folder

    def _rename(self, local: Path, name: str) -> None:
        self.process.point(f"before renaming {name}")
        super()._rename(local, name)
        self.process.point(f"after renaming {name}")


class InlineExecutor:
    """A thread pool of no threads: each job is done when it is handed in."""

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
