"""The names that are patched so that a seed gives the same scenario every time: ids, threads, clocks, transport.

Lives here: what replaces them while a scenario runs. Not here: any fault.
"""

from __future__ import annotations

import fcntl
import random
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import duckdb

from mews_assets.api import Runtime, download
from mews_assets.defs.assets import landing_and_changes
from mews_assets.defs.sensors import exports, pages
from mews_assets.ingest import directory, materialise, pull
from mews_assets.lake.changes import merge, merge_pass
from mews_assets.lake.conversion import convert
from mews_assets.lake.landing import capture_store, convert_capture, manifests
from mews_assets.lake.storage import duckdb_session, local_store
from mews_assets.sandbox.server import application
from mews_assets.sandbox.server import exports as sandbox_exports
from mews_assets_tests.chaos.process import InlineExecutor
from mews_assets_tests.chaos.system import System

_KEPT_OPEN = ExitStack()
LOCKS = {name: getattr(fcntl, name) for name in ("LOCK_EX", "LOCK_NB")}
_POOLS = (directory, materialise, capture_store, download, exports)


def intercept_sandbox() -> AbstractContextManager[Any]:
    """Patch the sandbox before it is made: its exports are written in the calling thread."""
    return patch.object(sandbox_exports, "ThreadPoolExecutor", InlineExecutor)


@contextmanager
def intercept(system: System, rng: random.Random) -> Iterator[None]:
    """Patch the system: ids from the seed, no threads, simulated time, small pages, one DuckDB thread."""
    count = rng.randint(2, 14)
    ids = SimpleNamespace(uuid4=lambda: uuid.UUID(int=rng.getrandbits(128), version=4))
    tokens = SimpleNamespace(token_hex=lambda n: f"{rng.getrandbits(8 * n):0{2 * n}x}")

    async def inline(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    def bare_http(platform: Any, timeouts: Any, transport: Any, refuse: Any) -> Any:
        return real_http(
            platform, timeouts, transport or system.transport_of(system.current_process()), refuse
        )

    def fetch(client: Any, export_id: str, folder: Path, **more: Any) -> Any:
        runtime = Runtime(sleep=system.sleep, random=rng.random, now=system.now)
        return real_fetch(client, export_id, folder, runtime=runtime, **more)

    def puller(lake: Any, now: Any, **more: Any) -> pull.Puller:
        return pull.Puller(lake, now, clock=system.monotonic, sleep=system.sleep, **more)

    def converted(*arguments: Any, **more: Any) -> Any:
        system.current_process().before_write("the workspace")
        return real_convert(*arguments, **more)

    class LocalClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return system.now()

    real_http, real_fetch = download.bare_http, download.download_files
    real_convert = convert.convert
    paged = lambda *arguments: pull_pages(*arguments, count=count)  # noqa: E731
    pull_pages = pull.MewsPages
    with ExitStack() as stack:
        for owner, name, value in (
            (sandbox_exports, "uuid", ids),
            (application, "run_in_threadpool", inline),
            (application, "uuid", ids),
            (manifests, "secrets", tokens),
            (download, "bare_http", bare_http),
            (download, "as_completed", list),
            (pull, "download_files", fetch),
            (pull, "MewsPages", paged),
            (landing_and_changes, "Puller", puller),
            (merge, "open_duckdb", shared_engine),
            (merge_pass, "open_duckdb", shared_engine),
            (convert, "open_duckdb", shared_engine),
            (convert_capture, "convert", converted),
            (pages, "datetime", LocalClock),
            (local_store, "fcntl", SimpleNamespace(**LOCKS, flock=system.turns.flock)),
            *((module, "ThreadPoolExecutor", InlineExecutor) for module in _POOLS),
        ):
            stack.enter_context(patch.object(owner, name, value))
        yield


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all seeds of a test process: opening one takes as long as a small merge."""
    return _KEPT_OPEN.enter_context(duckdb_session.open_duckdb(Path(tempfile.gettempdir()), threads=1))


@contextmanager
def shared_engine(*_: Any, **__: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new connection to the DuckDB of the process: temporary tables belong to their connection."""
    with closing(_engine().cursor()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
