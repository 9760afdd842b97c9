"""Two hand-made hotels in a sandbox whose clock stands, and what it takes to pull from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from mews_assets.api import Credentials, MewsClient, Runtime
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.ingest.plan import Pull
from mews_assets.ingest.pull import Puller
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox, running_sandbox
from mews_assets.windows import Grain, Window, windows_between
from mews_assets_tests.lake.made import everything
from mews_assets_tests.sandbox.made import NORTH, SOUTH, hotels, item, made_id, version

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
ITEMS, OUTLET_ITEMS = table_of("order_items"), table_of("outlet_items")
WEEK = Window(datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 6, 10, tzinfo=UTC))
DAYS = list(windows_between(WEEK.start, WEEK.end, Grain.DAILY))
BOTH = tuple(sorted((NORTH, SOUTH)))
under_both_rules = pytest.mark.parametrize("intervals", list(Intervals), indirect=True)
"""A test that must hold whether Mews reads intervals half-open, as today, or with both ends, as before."""


def at_the_end(intervals: Intervals) -> int:
    """How often a record stamped exactly at an interval's end comes with it."""
    return int(intervals is Intervals.INCLUSIVE)


def made_records() -> Iterator[Version]:
    """An order item and an outlet bill of two items for each hour of a week, both hotels in turn."""
    yield from hotels()
    for hour in range(24 * 7 + 1):
        at = datetime(2024, 6, 3 + hour // 24, hour % 24, tzinfo=UTC)
        stamp, scope = at.isoformat().replace("+00:00", "Z"), BOTH[hour % 2]
        yield item(f"item {hour}", stamp, scope, Name=f"{hour}")
        bill = {"EnterpriseId": scope, "OutletId": made_id("outlet"), "ClosedUtc": stamp}
        yield version("OutletBill", f"bill {hour}", stamp, scope, **bill)
        for number in range(2):
            sold = {"EnterpriseId": scope, "BillId": made_id(f"bill {hour}"), "ConsumedUtc": stamp}
            yield version("OutletItem", f"sold {hour} {number}", "2024-06-01T00:00:00Z", scope, **sold)


def client_to(sandbox: RunningSandbox, token: str = "", connection: str = "portfolio") -> MewsClient:
    credentials = Credentials(sandbox.client_token, token or sandbox.access_token, "tests 1")
    return MewsClient(
        sandbox.address, credentials, connection=connection, runtime=Runtime(random=lambda: 0.0)
    )


def week_of(*scopes: str) -> list[Partition]:
    """The daily partitions of the week."""
    return [Partition(scope, window) for scope in scopes for window in DAYS]


def contents(lake: Lake, table: Table) -> dict[str, list[str]]:
    """The ids in each partition of a table, by the file's name."""
    return {name: found.column("id").to_pylist() for name, found in everything(lake, table).items()}


@contextmanager
def standing_sandbox(versions: Iterable[Version], now: datetime, **more: Any) -> Iterator[RunningSandbox]:
    """A sandbox whose clock only the tests move. `more` goes to `running_sandbox`."""
    with running_sandbox(versions, now=now, **more) as running:
        running.set_clock(now, running=False)
        yield running


class StandingClock:
    """A clock that only sleeping moves, the sandbox's with it."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox, self.slept = sandbox, 0.0

    def __call__(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.sandbox.advance(seconds)
        time.sleep(0.001)


def puller(lake: Lake, sandbox: RunningSandbox, **more: Any) -> Puller:
    clock = StandingClock(sandbox)
    return Puller(lake, lambda: sandbox.now, **({"clock": clock, "sleep": clock.sleep} | more))


def pull_of(scopes: tuple[str, ...] = BOTH, window: Window = WEEK) -> Pull:
    return Pull("portfolio", scopes, window)
