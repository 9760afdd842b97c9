"""The ledger of simulated hotels, fetched day by day as it happens: what is posted late is there in the end."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mews_assets import catalog
from mews_assets.ingest.directory import discover
from mews_assets.ingest.due import due
from mews_assets.ingest.materialise import PartitionRequest, materialise
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.clock import to_micros
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox, ServerLimits
from mews_assets.sandbox.simulation import simulate
from mews_assets.windows import Grain, Lookback
from mews_assets_tests.ingest.made import client_to, puller, standing_sandbox
from mews_assets_tests.lake.made import ids

LEDGER = catalog.table("ledger_entries")
START = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 9


@pytest.fixture(scope="module")
def versions() -> list[Version]:
    """Of three hotels, one of them in New York."""
    return list(simulate(hotels=3, days=3, seed=2, now=START + timedelta(hours=12), rooms=24))


@pytest.fixture
def sandbox(versions: list[Version]) -> Iterator[RunningSandbox]:
    with standing_sandbox(versions, START, export_seconds=0, limits=ServerLimits(requests=10_000)) as running:
        yield running


@pytest.mark.slow
def test_what_is_posted_late_is_there_in_the_end_at_an_export_a_day(
    lake: Lake, sandbox: RunningSandbox, versions: list[Version]
) -> None:
    """Night audits post to the day that is over, rebates to the day of the stay: some after its first export."""
    clients = {"portfolio": client_to(sandbox)}
    directory = discover(clients)
    scopes = list(directory.enterprises)
    there: set[tuple[str, str]] = set()
    first_asked: dict[str, int] = {}
    for day in range(1, DAYS + 1):
        sandbox.set_clock(START + timedelta(days=day, hours=12, minutes=6), running=False)
        missing = due(scopes, START, sandbox.now, Grain.DAILY, there, by_day=LEDGER.by_day)
        sandbox.reset()
        done = materialise(
            LEDGER,
            PartitionRequest(missing),
            clients,
            directory,
            puller(lake, sandbox, lookback=Lookback().at_least(LEDGER.lookback)),
            threads=1,
        )
        assert not done.failed
        assert sandbox.requests()["Counts"]["exports/add"] == 1
        for one in missing:
            there.add((one.scope, one.key(Grain.DAILY)))
            first_asked[one.key(Grain.DAILY)] = to_micros(sandbox.now)

    posted: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for version in versions:
        if version.entity == "LedgerEntry" and version.stamp_us <= to_micros(sandbox.now):
            key = json.loads(version.record)["PostingDate"]
            posted[version.scope, key][version.id] = version.stamp_us
    late = 0
    for day in range(DAYS - 3):
        key = f"{START + timedelta(days=day):%Y-%m-%d}"
        for scope in scopes:
            expected = posted[scope, key]
            assert sorted(ids(lake, LEDGER, scope, key)) == sorted(expected)
            late += sum(stamp > first_asked[key] for stamp in expected.values())
    assert late, "none of these hotels posted anything late: this proves nothing"
