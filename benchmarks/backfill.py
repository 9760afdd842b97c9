"""What a backfill from the UI costs: order items of 3 hotels for 180 days, through a real daemon.

Dagster makes one run for each hotel. Mews should see one export, and the other runs find their rows landed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.defs.daemon import home_of, running_daemon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotels", type=int, default=3)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--every", type=int, default=1, help="leave out all but every n-th day, for holes")
    chosen = parser.parse_args()
    start = datetime.now(UTC).date() - timedelta(days=chosen.days + 1)
    with (
        tempfile.TemporaryDirectory(prefix="backfill-") as folder,
        running_sandbox(hotels=chosen.hotels, days=chosen.days + 3, export_seconds=5) as mews,
        home_of(
            mews, Path(folder) / "home", MEWS_START_DATE=start.isoformat(), MEWS_TABLES="order_items"
        ) as home,
    ):
        days = [(start + timedelta(days=day)).isoformat() for day in range(0, chosen.days, chosen.every)]
        keys = [f"{scope}|{day}" for scope in home.discover() for day in days]
        mews.reset()
        with running_daemon(home):
            began = time.monotonic()
            backfill = home.backfill("order_items", keys)
            ended = home.wait_for_backfill(backfill, 3600)
            seconds = time.monotonic() - began
        print(f"{len(keys)} partitions in {seconds:.0f} s: {ended}")
        print(f"requests: {mews.requests()['Counts']}")
        for name in ("landing", "changes"):
            print(
                f"{name}: {len(home.materialised(name, 'order_items') & set(keys))} of {len(keys)} materialised"
            )
        for run in home.runs_of(backfill):
            record = home.instance.get_run_record_by_id(run.run_id)
            if record and record.start_time and record.end_time:
                print(
                    f"run {run.run_id[:8]}: {run.status.value}, {record.end_time - record.start_time:.0f} s"
                )
            if run.status is not dg.DagsterRunStatus.SUCCESS:
                failed = home.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
                print(*(entry.get_dagster_event().step_failure_data.error for entry in failed))


if __name__ == "__main__":
    main()
