"""The real daemon over a real sandbox: from an empty lake to a fresh one, then what a new day and a kill bring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog import table as table_of
from mews_assets.defs.base.partitions import join_key
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import Simulated, running_sandbox
from mews_assets.windows import Grain
from mews_assets_tests.defs.daemon import Home, home_of, running_daemon
from mews_assets_tests.defs.keys import directory_of, scopes_of

pytestmark = pytest.mark.xdist_group("daemon")
DAYS = 3
TABLES = ("payments", "outlet_items")


def rows(home: Home, table: str, scope: str, day: str) -> list[str]:
    lake = open_lake(home.environment["MEWS_LAKE"], Grain.DAILY)
    path = lake.path(layout.changes_file(table_of(table).name, scope, day))
    return pq.read_table(path, columns=["id"], partitioning=None).column("id").to_pylist()


def current_ids(home: Home, scope: str) -> list[str]:
    lake = open_lake(home.environment["MEWS_LAKE"], Grain.DAILY)
    path = lake.path(layout.current_file("payments", scope))
    return pq.read_table(path, columns=["id"], partitioning=None).column("id").to_pylist()


@pytest.mark.slow
def test_from_empty_to_fresh_and_a_record_of_a_new_day_arrives_by_itself(tmp_path: Path) -> None:
    # The sandbox lives a day behind: Dagster, by its own clock, knows no windows of days to come.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    start = today - timedelta(days=DAYS)
    now = today + timedelta(hours=12)
    with (
        running_sandbox(Simulated(hotels=2, days=DAYS + 2), now=now, export_seconds=2) as mews,
        home_of(
            mews,
            tmp_path,
            MEWS_START_DATE=f"{start:%Y-%m-%d}",
            MEWS_TABLES=",".join(TABLES),
            MEWS_AUTOMATION="on",
            MEWS_POLL_SECONDS="5",
        ) as home,
    ):
        directory = directory_of(mews)
        scopes, hotel = scopes_of(directory), next(iter(directory.enterprises))
        days = [f"{start + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS + 1)]

        def fresh(upto: int) -> str | None:
            wanted = {join_key(scope, day) for scope in scopes for day in days[:upto]}
            there = [home.materialised("changes", table) >= wanted for table in TABLES]
            return "fresh" if all(there) else None

        def followed(wanted: list[str], record: str | None = None) -> str | None:
            there = home.materialised("current", "payments") >= set(wanted)
            return "there" if there and (record is None or record in current_ids(home, hotel)) else None

        with running_daemon(home):
            home.wait(lambda: fresh(DAYS), 180, "every table to be fresh")
            assert mews.requests()["Counts"]["exports/add"] == 1

            home.wait(lambda: followed(scopes), 180, "the current table to follow")

            late = (today + timedelta(hours=11)).strftime("%Y-%m-%dT%H:%M:%SZ")
            payment = {"Id": "00000000-0000-4000-8000-00000000000a", "EnterpriseId": hotel}
            mews.put_record("Payment", payment, stamp_utc=late)
            mews.set_clock(today + timedelta(days=1, minutes=10))
            # The sensors learn Mews' time at discovery, every ten minutes; here at once.
            home.discover()
            home.wait(lambda: fresh(DAYS + 1), 180, "the new day to arrive")
            home.wait(lambda: followed(scopes[:1], payment["Id"]), 180, "the current table to follow again")
        assert payment["Id"] in rows(home, "payments", hotel, days[DAYS])
        assert mews.requests()["Counts"]["exports/add"] == 2
        failed = home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        assert failed == []
