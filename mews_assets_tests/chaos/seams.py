"""The seams that make a seed the same story every time: ids, threads, clocks, and the way to the sandbox.

Lives here: what is put in place of names in the code while a story is told. Not here: any fault.
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
from mews_assets.lake.storage import duckdb_session
from mews_assets.lake.storage import lake as store
from mews_assets.sandbox.server import application
from mews_assets.sandbox.server import exports as sandbox_exports
from mews_assets_tests.chaos.house import House
from mews_assets_tests.chaos.process import InlineExecutor

_KEPT_OPEN = ExitStack()
LOCKS = {name: getattr(fcntl, name) for name in ("LOCK_EX", "LOCK_NB")}
_POOLS = (directory, materialise, capture_store, download, exports)


def sandbox_seams() -> AbstractContextManager[Any]:
    """What must be so before the sandbox is made."""
    return patch.object(sandbox_exports, "ThreadPoolExecutor", InlineExecutor)


@contextmanager
def seams(house: House, rng: random.Random) -> Iterator[None]:
    """Ids from the seed, no threads, simulated time, small pages, one thread for the engine."""
    count = rng.randint(2, 14)
    ids = SimpleNamespace(uuid4=lambda: uuid.UUID(int=rng.getrandbits(128), version=4))
    tokens = SimpleNamespace(token_hex=lambda n: f"{rng.getrandbits(8 * n):0{2 * n}x}")

    async def inline(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    def bare_http(platform: Any, timeouts: Any, transport: Any, refuse: Any) -> Any:
        return real_http(platform, timeouts, transport or house.wire_of(house.here_now()), refuse)

    def fetch(client: Any, export_id: str, folder: Path, **more: Any) -> Any:
        runtime = Runtime(sleep=house.sleep, random=rng.random, now=house.now)
        return real_fetch(client, export_id, folder, runtime=runtime, **more)

    def puller(lake: Any, now: Any, **more: Any) -> pull.Puller:
        return pull.Puller(lake, now, clock=house.monotonic, sleep=house.sleep, **more)

    def converted(*arguments: Any, **more: Any) -> Any:
        house.here_now().touch("the workspace")
        return real_convert(*arguments, **more)

    class LocalClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return house.now()

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
            (store, "fcntl", SimpleNamespace(**LOCKS, flock=house.turns.flock)),
            *((room, "ThreadPoolExecutor", InlineExecutor) for room in _POOLS),
        ):
            stack.enter_context(patch.object(owner, name, value))
        yield


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One for all seeds of a test process: opening takes as long as a small merge."""
    return _KEPT_OPEN.enter_context(duckdb_session.open_duckdb(Path(tempfile.gettempdir()), threads=1))


@contextmanager
def shared_engine(*_: Any, **__: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to the engine of the process: temporary tables are each connection's own."""
    with closing(_engine().cursor()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
