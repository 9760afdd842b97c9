"""The parts of one running sandbox, held together, and its log of requests.

Lives here: plain holders. Not here: what the parts do, and HTTP (`application`, `control`).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mews_assets.sandbox.clock import Clock
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.server.access_control import Authenticator, RequestLimit
from mews_assets.sandbox.server.exports import Exports
from mews_assets.sandbox.server.faults import FaultPlan
from mews_assets.sandbox.server.operation import Operation
from mews_assets.sandbox.server.operations import OPERATIONS

LOG_REQUESTS = 10_000
PAGE_RECORDS = 1000
"""The most that Limitation.Count may ask for, and that a page holds unless the sandbox is told to send fewer."""


@dataclass
class RequestLog:
    """Counts by operation, and the newest requests."""

    counts: Counter[str] = field(default_factory=Counter)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOG_REQUESTS))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: dict[str, Any]) -> None:
        with self.lock:
            self.counts[entry["Operation"]] += 1
            self.requests.append(entry)

    def show(self) -> dict[str, Any]:
        with self.lock:
            return {"Counts": dict(self.counts), "Requests": list(self.requests)}

    def clear(self) -> None:
        with self.lock:
            self.counts.clear()
            self.requests.clear()


@dataclass
class Sandbox:
    """All parts of one sandbox."""

    store: Store
    clock: Clock
    door: Authenticator
    exports: Exports
    limit: RequestLimit
    faults: FaultPlan = field(default_factory=FaultPlan)
    log: RequestLog = field(default_factory=RequestLog)
    page_records: int = PAGE_RECORDS
    """The most records a page holds, however many were asked for."""
    operations: Mapping[str, Operation] = field(default_factory=lambda: OPERATIONS)
    """The paginated operations that it serves, by address."""
