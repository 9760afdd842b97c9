"""Many threads on one simulated clock: only one runs at a time, the one that is to wake up first.

Lives here: sleeping, starting and parking threads. Runs and ticks overlap as in a system of ten processes, a simulated
day takes minutes, and the order of events follows from the simulated clock alone.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from mews_assets.sandbox.clock import SECOND_US, Clock


class SharedClock(Clock):
    """The sandbox's clock. A thread that advances it waits until then."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start, running=False)
        self._order = 0
        self._waiting: list[tuple[int, int, threading.Event]] = []
        self._parked: deque[threading.Event] = deque()
        self.problem: BaseException | None = None
        """The error that ended a thread."""

    def advance(self, seconds: float) -> None:
        gate = threading.Event()
        self._queue(self.now_us() + max(0, round(seconds * SECOND_US)), gate)
        self._hand_over()
        gate.wait()
        if self.problem is not None and threading.current_thread() is threading.main_thread():
            raise RuntimeError("a thread of the simulation died") from self.problem

    def start(self, job: Callable[[], None]) -> None:
        """Start a thread, which runs as soon as the caller waits."""
        gate = threading.Event()

        def work() -> None:
            gate.wait()
            try:
                job()
            except BaseException as error:
                self.problem = error
            self._hand_over()

        threading.Thread(target=work, daemon=True).start()
        self._queue(self.now_us(), gate)

    def park(self) -> None:
        """Wait until another thread calls `unpark`."""
        gate = threading.Event()
        self._parked.append(gate)
        self._hand_over()
        gate.wait()

    def unpark(self) -> None:
        """Let one parked thread run, if there is any."""
        if self._parked:
            self._queue(self.now_us(), self._parked.popleft())

    def _queue(self, at_us: int, gate: threading.Event) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (at_us, self._order, gate))

    def _hand_over(self) -> None:
        at_us, _, gate = heapq.heappop(self._waiting)
        if at_us > self.now_us():
            self.set(at_us)
        gate.set()
