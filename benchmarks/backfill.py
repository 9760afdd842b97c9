"""What a backfill from the UI costs: hotels x days of export tables, through a real webserver and daemon.

    python -m benchmarks.backfill [--hotels 3] [--days 180] [--tables order_items,...]

Launched by the request that the UI's button sends: one backfill for the tables by enterprise, one for those by
chain. Dagster makes a run for each hotel or chain. Mews should see one export per table, or one per hotel where
rows do not name theirs, and the other runs find their rows landed.

At the end the total is compared with its floor, measured in the same process on the same files: converting and merging
every capture once, in a lake beside it, and two events per partition at the cost of an event that an op yields.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.history import LOCAL_EVENT_LOG, bytes_of_history, events_by_type, measure
from mews_assets import catalog
from mews_assets.catalog.model import Export, ScopeKind
from mews_assets.defs.base.partitions import join_key
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.landing import capture_store
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import Simulated, running_sandbox
from mews_assets.settings import read_settings
from mews_assets_tests.defs.daemon import Home, home_of, running_daemon, running_webserver

EXPORTED = [table.name for table in catalog.TABLES if isinstance(table.fetch, Export)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotels", type=int, default=3)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--every", type=int, default=1, help="leave out all but every n-th day, for holes")
    parser.add_argument("--tables", type=lambda text: text.split(","), default=EXPORTED)
    chosen = parser.parse_args()
    start = datetime.now(UTC).date() - timedelta(days=chosen.days + 1)
    days = [(start + timedelta(days=day)).isoformat() for day in range(0, chosen.days, chosen.every)]
    settings = {"MEWS_START_DATE": start.isoformat(), "MEWS_TABLES": ",".join(chosen.tables)}
    with (
        tempfile.TemporaryDirectory(prefix="backfill-") as folder,
        running_sandbox(Simulated(hotels=chosen.hotels, days=chosen.days + 3), export_seconds=5) as mews,
        home_of(mews, Path(folder) / "home", MEWS_AUTOMATION="off", **settings) as home,
    ):
        home.discover()
        scopes = {
            kind: home.instance.get_dynamic_partitions(Namespace().scope_set(kind)) for kind in ScopeKind
        }
        mews.reset()
        with running_webserver(home) as address, running_daemon(home):
            began = time.monotonic()
            launched = {}
            for kind in ScopeKind:
                tables = [name for name in chosen.tables if catalog.table(name).scope is kind]
                keys = [join_key(scope, day) for scope in scopes[kind] for day in days]
                if tables:
                    launched[home.launch_backfill(address, tables, keys)] = (tables, keys)
            ends = {one: home.wait_for_backfill(one, 7200) for one in launched}
            seconds = time.monotonic() - began
        for backfill, (tables, keys) in launched.items():
            _tell(home, backfill, tables, keys, ends[backfill])
        one_by_one = [name for name in chosen.tables if catalog.table(name).scope_column is None]
        least = len(chosen.tables) + len(one_by_one) * (chosen.hotels - 1)
        print(f"{seconds:.0f} s; exports asked for at the least: {least}")
        print(f"requests: {mews.requests()['Counts']}")
        partitions = sum(len(tables) * len(keys) for tables, keys in launched.values())
        _compare(home, seconds, partitions, chosen.tables, launched)


def _compare(
    home: Home, seconds: float, partitions: int, tables: list[str], backfills: Iterable[str]
) -> None:
    """The total against its floor, and the history that it left."""
    dagster_home = Path(home.environment["DAGSTER_HOME"])
    size, events = bytes_of_history(dagster_home), events_by_type(home.instance)
    for kind, count in events.items():
        print(f"  {kind}: {count:,}, {count / partitions:.2f} per partition")
    spent = sum(_seconds(home, run) for backfill in backfills for run in home.runs_of(backfill))
    print(
        f"  the runs took {spent:.0f} s together; the rest is the daemon, which plans every partition of a range"
    )
    print(f"  history: {size / 1e6:.1f} MB, {size / partitions:,.0f} bytes per partition")
    merging = _bare_merge(home, tables)
    for name, storage in (("Dagster's own event log", None), ("our event log", LOCAL_EVENT_LOG)):
        event = measure(200, together=False, storage=storage).seconds
        floor = merging + 2 * partitions * event
        print(
            f"floor: {merging:.0f} s to convert and merge the same captures + 2 x {partitions:,} events at "
            f"{1000 * event:.1f} ms in {name} = {floor:.0f} s; the backfill took {seconds / floor:.2f} times as long "
            "(aim: at most 1.25)"
        )


def _bare_merge(home: Home, tables: list[str]) -> float:
    """Seconds to convert and merge every capture of the backfill once more, in a lake of its own."""
    settings = read_settings(home.environment)
    lake = open_lake(settings.lake, settings.grain)
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        beside = open_lake(folder, settings.grain)
        for name in (layout.LANDING, "state"):
            shutil.copytree(Path(lake.path(name)), Path(beside.path(name)))
        began = time.perf_counter()
        for name in tables:
            captures = capture_store.captures(beside, name)
            manifests = [capture_store.read_manifest(beside, name, capture) for capture in captures]
            merge(beside, catalog.table(name), manifests)
        return time.perf_counter() - began


def _seconds(home: Home, run: dg.DagsterRun) -> float:
    record = home.instance.get_run_record_by_id(run.run_id)
    return record.end_time - record.start_time if record and record.start_time and record.end_time else 0.0


def _tell(home: Home, backfill: str, tables: list[str], keys: list[str], ended: str) -> None:
    print(f"{len(tables)} tables x {len(keys)} partitions, two layers: {ended}")
    for name in tables:
        there = [len(home.materialised(layer, name) & set(keys)) for layer in ("landing", "changes")]
        print(f"  {name}: {there[0]} landed and {there[1]} merged of {len(keys)}")
    for run in home.runs_of(backfill):
        print(f"  run {run.run_id[:8]}: {run.status.value}, {_seconds(home, run):.0f} s")
        if run.status is not dg.DagsterRunStatus.SUCCESS:
            failed = home.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            print(*(entry.get_dagster_event().step_failure_data.error for entry in failed))


if __name__ == "__main__":
    main()
