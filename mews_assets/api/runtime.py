"""Runtime: what requests need of the machine they run on.

Lives here: the network, the clocks, sleeping, chance and name resolution, as one value with the real ones as defaults.
Tests pass their own. Not here: limits (`limits`), sending (`transport.send`).
"""

from __future__ import annotations

import random as random_numbers
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from mews_assets.api.transport.retry import utc_now
from mews_assets.api.transport.ssrf_guard import Resolve
from mews_assets.api.transport.ssrf_guard import resolve as resolve_host


def _nobody_counts(operation: str, status: int, seconds: float) -> None:
    """Requests are counted where a caller wants to know."""


@dataclass(frozen=True)
class Runtime:
    """The machine as requests see it. `clock` is monotonic seconds, `now` the wall clock in UTC.

    `transport` None connects through the network, or the environment's proxy. `sleep` None is `time.sleep`; a
    download, whose waits another file's error must end, then waits on its own event.
    """

    transport: httpx.BaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    random: Callable[[], float] = random_numbers.random
    now: Callable[[], datetime] = utc_now
    resolve: Resolve = resolve_host
    count: Callable[[str, int, float], None] = _nobody_counts
    """Called after each request with its operation, the status of its answer (0 without any), and its seconds."""

    def wait(self, seconds: float) -> None:
        (self.sleep or time.sleep)(seconds)
