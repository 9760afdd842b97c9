"""A simulated day under load: hotels whose records change every hour, hourly windows, and faults all day long.

    python -m benchmarks.load [--hotels 200] [--hours 24] [--tables order_items,... | --tables all]

The real sensors and runs against the sandbox's own application, all in this process on one simulated clock: up to
ten runs at once, as `dagster.yaml` allows, overlapping as they would. Dagster's instance is a small one in memory
(25 ms an event would take hours). Every tenth hotel has an access token of its own, all others share one, as a
portfolio does. Each simulated hour prints what is late: due for 59 minutes or more, and not there. It ends with 1
if memory grows, if what is late grows, or if more requests arrive in any 30 s than Mews allows.

Six tables run unless told otherwise: 13 minutes of processor time. All of them at 200 hotels have not been tried.
Periods of faults come once each, so days shorter than about 16 hours have no calm quarter to be judged by.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import duckdb

from benchmarks.load_records import HOUR_US, START, door_of, faults_of, hotels_of, tables_of, versions_of
from benchmarks.load_system import LoadSystem, Meter, Turns
from benchmarks.virtual import SharedClock
from mews_assets import catalog
from mews_assets.api.pages import Pages
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest import pull
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.clock import SECOND_US, to_micros
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.server.access_control import LIMIT_REQUESTS, RequestLimit
from mews_assets.sandbox.server.application import Application
from mews_assets.sandbox.server.exports import Exports
from mews_assets.sandbox.server.sandbox_parts import Sandbox
from mews_assets.windows import Grain
from mews_assets_tests.chaos import system as chaos_system
from mews_assets_tests.chaos.faults import Faults
from mews_assets_tests.chaos.interception_points import intercept, intercept_sandbox
from mews_assets_tests.chaos.transport import InProcessSandbox

TABLES = ("order_items", "reservations", "availability_adjustments", "customers", "outlet_bills")
"""One table of each kind: rows that name their hotel, a service, or nothing; chains; pages."""
NOT_HOURLY = ("ledger_entries",)
"""Mews filters these by whole days."""
LOOKED_AT_US = 240 * SECOND_US
"""Minutes after the full hour: right before the window that ended then is due."""
MEMORY_MB, MEMORY_SHARE = 16.0, 0.05
"""By how much the memory of a quarter of a day may exceed another's, as it varies by pages."""


@dataclass(frozen=True)
class Hour:
    """The measurements of a simulated hour."""

    late: int
    latest: str
    """The table with the most late partitions."""
    requests: int
    most: int
    token: str
    in_flight: int
    queued: int
    rss_mb: float


@dataclass(frozen=True)
class Finding:
    """One of the goals, and whether it was met."""

    met: bool
    said: str


def findings(hours: Sequence[Hour], hotels: int, limit: int = LIMIT_REQUESTS) -> list[Finding]:
    """The second quarter of the hours against the last."""
    quarter = max(1, len(hours) // 4)
    before, after = hours[quarter : 2 * quarter], hours[-quarter:]
    rss = [max(one.rss_mb for one in part) for part in (before, after)]
    allowed = max(MEMORY_MB, MEMORY_SHARE * rss[0])
    late = [sum(one.late for one in part) / quarter for part in (before, after)]
    most = max(one.most for one in hours)
    return [
        Finding(
            rss[1] <= rss[0] + allowed,
            f"memory flat: {rss[0]:.0f} MB in the second quarter, {rss[1]:.0f} in the last",
        ),
        Finding(
            late[1] <= 1.25 * late[0] + hotels / 4,
            f"backlog bounded: {late[0]:.0f} partitions late in the second quarter, {late[1]:.0f} in the last",
        ),
        Finding(
            most <= limit, f"rate within the limit: at most {most} of {limit} requests in any 30 s and token"
        ),
    ]


def main() -> None:
    chosen = _chosen()
    families = tuple(chosen.tables)
    print(
        f"{chosen.hotels} hotels, {chosen.own_tokens} of them with a token of their own, {chosen.hours} h, "
        f"{chosen.records} records an hour, hotel and table; {', '.join(tables_of(families))}"
    )
    logging.disable(logging.ERROR)  # each of the faults says something
    began = time.process_time()
    with ExitStack() as stack:
        system = _system(chosen, families, stack)
        hours = _watch(system, chosen.hours)
        wrong_rows = _rows_wrong(system, families, chosen)
    wrong = system.observed.wrong
    runs, faults = (
        sum(n for name, n in system.ended.items() if "tick" not in name),
        sum(system.faults.counts.values()),
    )
    print(f"{runs} runs: {dict(system.ended)}; {system.by_hand} launched by hand")
    print(f"{faults} faults: {dict(system.faults.counts.most_common())}")
    print(f"{time.process_time() - began:.0f} s of processor time")
    found = findings(hours, chosen.hotels)
    found.append(
        Finding(not wrong_rows, f"rows as they should be: {wrong_rows or 'none missing, none twice'}")
    )
    found.append(Finding(not wrong, f"nothing asked too early: {len(wrong)} requests {wrong[:1]}"))
    print("; ".join(("" if one.met else "NOT ") + one.said for one in found))
    sys.stdout.flush()
    os._exit(not all(one.met for one in found))  # threads of the simulated system still wait for their moment


def _chosen() -> argparse.Namespace:
    every = [one.name for one in catalog.TABLES if one.name not in (*NOT_HOURLY, "outlet_items")]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hotels", type=int, default=200)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--own-tokens", type=int, help="hotels with a token of their own; every tenth")
    parser.add_argument("--records", type=int, default=2, help="records an hour, hotel and table")
    parser.add_argument("--tables", default=",".join(TABLES), help="names, or `all`")
    parser.add_argument("--poll-seconds", type=float, default=60.0, help="between two ticks of a sensor")
    parser.add_argument("--export-seconds", type=float, default=100.0, help="that Mews works on an export")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chosen.tables = every if chosen.tables == "all" else chosen.tables.split(",")
    if chosen.own_tokens is None:
        chosen.own_tokens = chosen.hotels // 10
    return chosen


def _system(chosen: argparse.Namespace, families: tuple[str, ...], stack: ExitStack) -> LoadSystem:
    """The sandbox with the records of the day, and the system that pulls from it."""
    rng = random.Random(chosen.seed)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
    hotels, clock = hotels_of(chosen.hotels), SharedClock(START)
    stack.enter_context(intercept_sandbox())
    store = stack.enter_context(closing(Store(folder)))
    store.load(versions_of(hotels, families, chosen.hours, chosen.records, rng))
    exports = Exports(store, clock, folder / "exports", seconds=chosen.export_seconds)
    limit = RequestLimit(clock=lambda: clock.now_us() / SECOND_US)
    sandbox = Sandbox(store, clock, door_of(hotels, chosen.own_tokens), exports, limit)
    names = {token: access.name for token, access in sandbox.door.accesses.items()}
    system = LoadSystem(
        open_lake(str(folder / "lake"), Grain.HOURLY),
        InProcessSandbox(Application(sandbox), clock, asyncio.new_event_loop()),
        Faults(faults_of(chosen.hours, rng), rng, clock.now_us),
        Turns(clock),  # type: ignore[arg-type]
        {name: token for token, name in names.items()},
        sandbox.door.client_token,
        families,
        meter=Meter(names),
        poll_seconds=chosen.poll_seconds,
    )
    stack.enter_context(intercept(system, rng))
    for owner, name, value in (
        (pull, "MewsPages", Pages),  # pages of Mews' own size
        (chaos_system, "START", START),
        (chaos_system, "Grain", SimpleNamespace(DAILY=Grain.HOURLY)),
    ):
        stack.enter_context(patch.object(owner, name, value))
    return system


def _watch(system: LoadSystem, hours: int) -> list[Hour]:
    """One measurement per hour. Simulated time advances only while this waits."""
    print(
        "hour   late mostly                    requests most in 30 s            exports  queued  memory   peak"
    )
    system.open_for_business()
    seen = []
    for number in range(1, hours + 1):
        until = to_micros(START) + number * HOUR_US + LOOKED_AT_US
        system.clock.advance((until - system.clock.now_us()) / SECOND_US)
        missing = {name: len(found) for name, found in system.due().items()}
        late, latest = sum(missing.values()), max(missing, key=missing.__getitem__)
        token, most = (system.meter.most.most_common(1) or [("nobody", 0)])[0]
        gc.collect()
        one = Hour(
            late,
            latest if late else "",
            system.meter.total,
            most,
            token,
            system.in_flight(),
            len(system.instance.queue),
            _rss_mb(),
        )
        system.meter.begin()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{number:4} {one.late:6} {one.latest:<24} {one.requests:9} {one.most:4} by {one.token:<15} "
            f"{one.in_flight:7} {one.queued:7} {one.rss_mb:7.0f} {peak:6.0f}",
            flush=True,
        )
        seen.append(one)
    return seen


def _rows_wrong(system: LoadSystem, families: tuple[str, ...], chosen: argparse.Namespace) -> str:
    """Every record has one version and is in one partition: so rows can be counted, of what is said to be there."""
    wrong = []
    there = {
        name: system.instance.materialized.get(Namespace().changes(catalog.table(name)), set())
        for name in tables_of(families)
    }
    chains = {hotel.id: hotel.chain for hotel in hotels_of(chosen.hotels)}
    for name, keys in there.items():
        of_hotels = Counter(chains.values()) if catalog.table(name).scope is ScopeKind.CHAIN else None
        expected = sum(
            chosen.records * (of_hotels[system.keys.split(key)[0]] if of_hotels else 1) for key in keys
        )
        with duckdb.connect() as engine:
            files = f"{system.base.local_root}/{layout.CHANGES}/{name}/*/*/rows.parquet"
            found = engine.execute(
                f"SELECT count(*), count(DISTINCT id) FROM read_parquet('{files}', hive_partitioning = false)"
            ).fetchone()
        if found != (expected, expected):
            wrong.append(f"{name} has {found} rows and ids for {expected}")
    return ", ".join(wrong)


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
