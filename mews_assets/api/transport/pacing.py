"""Pacing: staying under Mews' request limit, so that 429 is the exception.

Lives here: a sliding window over the starts of requests, and a pause for all requests that share it.
Not here: what to do after a refusal (`retry`), and a window that processes and machines share (package `pacing`).

Mews allows 200 requests per access token in a sliding window of 30 seconds. That may change without notice.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

LIMIT = 150
"""Requests per window. Three quarters of Mews' 200: requests arrive with other gaps than they start with, and another
program may use the same token."""

SECONDS = 30.0
"""The length of Mews' sliding window."""


class Pacing(Protocol):
    """Decides when the next request may start."""

    def acquire(self) -> None: ...

    def pause(self, seconds: float) -> None: ...

    def close(self) -> None: ...


class SlidingWindow:
    """Lets at most `limit` requests start in any `seconds`. All clients of one token in one process share one."""

    def __init__(
        self,
        limit: int = LIMIT,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if limit < 1 or seconds <= 0:
            raise ValueError(
                f"pacing needs a limit of at least 1 and a positive window, got {limit} in {seconds} s"
            )
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._starts: deque[float] = deque(maxlen=limit)
        self._not_before = float("-inf")
        self._turn = threading.Lock()
        self._pausing = threading.Lock()

    def acquire(self) -> None:
        """Return when a request may start; it then counts as started."""
        # The lock is held while sleeping: no later thread could start earlier, and the recorded start is exact.
        with self._turn:
            while (now := self._clock()) < (start := self._earliest()):
                self._sleep(start - now)
            self._starts.append(now)

    def pause(self, seconds: float) -> None:
        """Let no request start for this long; for a 429, which concerns the token and not one request."""
        with self._pausing:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def close(self) -> None:
        """Nothing is held."""

    def _earliest(self) -> float:
        if len(self._starts) < self.limit:
            return self._not_before
        return max(self._not_before, self._starts[0] + self.seconds)
