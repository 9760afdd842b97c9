"""What a backfill from the UI costs: hotels x days of export tables, through a real webserver and daemon.

    python -m benchmarks.backfill [--hotels 3] [--days 180] [--tables order_items,...]

Launched by the request that the UI's button sends: one backfill for the tables by enterprise, one for those by
chain. Dagster makes a run for each hotel or chain. Mews should see one export per table, or one per hotel where
rows do not name theirs, and the other runs find their rows landed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from mews_assets import catalog
from mews_assets.catalog.model import Export, ScopeKind
from mews_assets.defs.base.partitions import SCOPE_SETS
from mews_assets.sandbox.running import Simulated, running_sandbox
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
        scopes = {kind: home.instance.get_dynamic_partitions(SCOPE_SETS[kind]) for kind in ScopeKind}
        mews.reset()
        with running_webserver(home) as address, running_daemon(home):
            began = time.monotonic()
            launched = {}
            for kind in ScopeKind:
                tables = [name for name in chosen.tables if catalog.table(name).scope is kind]
                keys = [f"{scope}|{day}" for scope in scopes[kind] for day in days]
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


def _tell(home: Home, backfill: str, tables: list[str], keys: list[str], ended: str) -> None:
    print(f"{len(tables)} tables x {len(keys)} partitions, two layers: {ended}")
    for name in tables:
        there = [len(home.materialised(layer, name) & set(keys)) for layer in ("landing", "changes")]
        print(f"  {name}: {there[0]} landed and {there[1]} merged of {len(keys)}")
    for run in home.runs_of(backfill):
        record = home.instance.get_run_record_by_id(run.run_id)
        if record and record.start_time and record.end_time:
            seconds = record.end_time - record.start_time
            print(f"  run {run.run_id[:8]}: {run.status.value}, {seconds:.0f} s")
        if run.status is not dg.DagsterRunStatus.SUCCESS:
            failed = home.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            print(*(entry.get_dagster_event().step_failure_data.error for entry in failed))


if __name__ == "__main__":
    main()
