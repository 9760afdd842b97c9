"""A running sandbox: parts put together, served over real HTTP from a thread on 127.0.0.1.

Lives here: `running_sandbox`, for tests and for the command, what it serves (`Simulated`) and allows (`ServerLimits`),
and `RunningSandbox`, its handle. All files stand in a temporary folder that is deleted when the context ends.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from mews_assets.sandbox.clock import Clock, read_micros, to_micros
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.records.user_files import read_data
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.server import control
from mews_assets.sandbox.server.access_control import (
    LIMIT_REQUESTS,
    LIMIT_SECONDS,
    NO_EXPORTS_TOKEN,
    Authenticator,
    RequestLimit,
    token_table,
)
from mews_assets.sandbox.server.application import Application
from mews_assets.sandbox.server.exports import FILE_BYTES, Exports
from mews_assets.sandbox.server.operation import Operation
from mews_assets.sandbox.server.operations import LEDGER_PAGES, OPERATIONS
from mews_assets.sandbox.server.sandbox_parts import PAGE_RECORDS, Sandbox

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class RunningSandbox:
    """Where a sandbox listens, its tokens, and methods that control it."""

    address: str
    client_token: str
    access_token: str
    hotel_tokens: tuple[str, ...]
    no_exports_token: str | None
    sandbox: Sandbox = field(repr=False)

    @property
    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def set_clock(self, now: datetime | str, *, running: bool | None = None) -> None:
        """Put the clock to an instant; `running=False` stops it there."""
        self.sandbox.clock.set(read_micros(now) if isinstance(now, str) else to_micros(now), running=running)

    def advance(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def read_intervals(self, intervals: Intervals | str) -> None:
        """Read the intervals of filters half-open (the default), or with both ends included."""
        self.sandbox.store.intervals = Intervals(intervals)

    def requests(self) -> dict[str, Any]:
        """`Counts` by operation, and `Requests`, the newest last."""
        return self.sandbox.log.show()

    def reset(self) -> None:
        """Clear counts, log, planned faults and the request limit."""
        control.answer(self.sandbox, "POST", "reset", b"")

    def plan_fault(self, operation: str, kind: str = "status", **more: Any) -> None:
        """Plan a fault; `more` are status, times, retry_after, seconds."""
        names = {"status": "Status", "times": "Times", "retry_after": "RetryAfter", "seconds": "Seconds"}
        body = {names[name]: value for name, value in more.items()}
        self.sandbox.faults.plan({"Operation": operation, "Kind": kind, **body})

    def put_record(
        self, entity: str, record: dict[str, Any], *, scope: str | None = None, stamp_utc: str | None = None
    ) -> str:
        """Make the record the newest version of itself; returns its stamp."""
        return control.put_record(self.sandbox, entity, record, scope, stamp_utc)


@dataclass(frozen=True)
class Simulated:
    """Simulated hotels instead of given records: how many, with how many days of history. Same seed, same records."""

    hotels: int = 3
    days: int = 60
    seed: int = 1


@dataclass(frozen=True)
class ServerLimits:
    """What the sandbox allows: `requests` per token in `seconds`, records in a page, bytes in a file of an export.

    With `ledger_pages` it serves the undocumented `ledgerEntries/getAll`.
    """

    requests: int = LIMIT_REQUESTS
    seconds: float = LIMIT_SECONDS
    page_records: int = PAGE_RECORDS
    file_bytes: int = FILE_BYTES
    ledger_pages: bool = False

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {**OPERATIONS, LEDGER_PAGES.address: LEDGER_PAGES} if self.ledger_pages else OPERATIONS


DEFAULT_LIMITS = ServerLimits()


@contextmanager
def running_sandbox(
    records: Iterable[Version] | Path | Simulated,
    *,
    now: datetime | None = None,
    export_seconds: float = 0,
    limits: ServerLimits = DEFAULT_LIMITS,
    no_export_token: bool = False,
    port: int = 0,
) -> Iterator[RunningSandbox]:
    """A sandbox that serves these versions, the records of a folder, or simulated hotels.

    Its clock starts at `now`, by default the real time at which it begins to listen. Raises DataError for a folder that
    cannot be read, OSError for a port in use.
    """
    versions = versions_of(records, now or datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="mews-sandbox-") as name, _listening(port) as listener:
        folder = Path(name)
        with closing(Store(folder)) as store:
            store.load(versions)
            clock = Clock(now)
            exports = Exports(
                store, clock, folder / "exports", seconds=export_seconds, file_bytes=limits.file_bytes
            )
            door = Authenticator(token_table(store.enterprises().items(), no_export_token=no_export_token))
            request_limit = RequestLimit(limits.requests, limits.seconds)
            sandbox = Sandbox(
                *(store, clock, door, exports, request_limit),
                page_records=limits.page_records,
                operations=limits.operations,
            )
            with closing(exports), _served(Application(sandbox), listener):
                yield _handle(sandbox, listener)


def versions_of(records: Iterable[Version] | Path | Simulated, now: datetime) -> Iterable[Version]:
    """The versions given, of a folder of records, or of simulated hotels up to an instant."""
    if isinstance(records, Path):
        return read_data(records)
    if not isinstance(records, Simulated):
        return records
    from mews_assets.sandbox.simulation import simulate  # a sandbox of given records needs no simulation

    return simulate(hotels=records.hotels, days=records.days, seed=records.seed, now=now)


def _handle(sandbox: Sandbox, listener: socket.socket) -> RunningSandbox:
    tokens = {access.name: token for token, access in sandbox.door.accesses.items()}
    return RunningSandbox(
        address=f"http://{HOST}:{listener.getsockname()[1]}",
        client_token=sandbox.door.client_token,
        access_token=tokens["portfolio"],
        hotel_tokens=tuple(token for name, token in tokens.items() if name.startswith("hotel-")),
        no_exports_token=NO_EXPORTS_TOKEN if "no-exports" in tokens else None,
        sandbox=sandbox,
    )


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A bound socket. Bound before the records are loaded, so that a port in use fails at once."""
    # asyncio sends without delay only on a socket that is expressly TCP; on others each answer takes 40 ms
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise OSError(f"cannot listen on {HOST}:{port}: {error}; choose another --port, or 0") from error
        yield listener


@contextmanager
def _served(application: Application, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(
        application,
        log_config=None,
        log_level="critical",
        lifespan="off",
        date_header=False,
        server_header=False,
        loop="asyncio",
        http="h11",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    application.connections = lambda: server.server_state.connections
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError(
                f"the sandbox did not start on {listener.getsockname()} within {START_SECONDS} s"
            )
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
