"""One pull: an export's id is never lost, a heavy window is halved, and nothing half lands."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import zstandard

from mews_assets.api import (
    ExportExpiredError,
    ExportFailedError,
    ExportInFlightError,
    ExportTimeoutError,
    Pages,
    TooLargeError,
    add_export,
)
from mews_assets.catalog import table as table_of
from mews_assets.ingest.pull import Landed
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.landing import capture_states, capture_store, export_log
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Window
from mews_assets_tests.ingest.made import (
    BOTH,
    ITEMS,
    OUTLET_ITEMS,
    WEEK,
    StandingClock,
    at_the_end,
    client_to,
    pull_of,
    puller,
    under_both_rules,
)
from mews_assets_tests.lake.made import is_reconciled

ADD = "exports/add"


def asked(lake: Lake) -> list[export_log.LoggedExport]:
    return export_log.logged_exports(lake, "portfolio", "order_items")


def pulled(lake, sandbox, client, table=ITEMS, /, window: Window = WEEK, **more) -> Landed:
    with lake.workspace() as workspace:
        return puller(lake, sandbox, **more).pull(table, pull_of(window=window), client, workspace)


def landed_records(lake: Lake, landed: Landed, table: str) -> list[dict[str, object]]:
    manifest = landed.manifests[table]
    with lake.workspace() as workspace:
        files = capture_store.landed_files(lake, manifest, workspace)
        raw = b"".join(zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read() for path in files)
    return [json.loads(line) for line in raw.splitlines()]


def adds(sandbox) -> int:
    return sandbox.requests()["Counts"].get(ADD, 0)


@under_both_rules
def test_an_export_lands_with_its_id_and_all_its_files(lake, sandbox, client, intervals):
    landed = pulled(lake, sandbox, client)
    manifest = landed.manifests["order_items"]
    assert manifest.lines == 24 * 7 + at_the_end(intervals)
    assert len(manifest.files) > 2
    assert manifest.source["entity_type"] == "OrderItem"
    assert manifest.source["export_id"]
    assert (manifest.scopes, manifest.window, manifest.connection) == (BOTH, WEEK, "portfolio")
    assert capture_states.pending(lake, "order_items") == [manifest]
    assert asked(lake) == []
    merged = merge(lake, ITEMS, threads=1)
    assert is_reconciled(merged.captures[manifest.capture])
    assert merged.captures[manifest.capture].edge_rows == at_the_end(intervals)
    assert sum(one.measures.rows for one in merged.partitions.values()) == 24 * 7


def test_a_pull_that_ran_out_of_time_goes_on_with_its_export(lake, sandbox, client):
    with pytest.raises(ExportTimeoutError):
        pulled(lake, sandbox, client, deadline_seconds=30)
    (kept,) = asked(lake)
    assert (kept.scopes, kept.window, kept.table) == (BOTH, WEEK, "order_items")
    assert capture_store.captures(lake, "order_items") == []
    landed = pulled(lake, sandbox, client)
    assert landed.manifests["order_items"].source["export_id"] == kept.id
    assert landed.manifests["order_items"].captured_at == kept.asked_at
    assert adds(sandbox) == 1
    assert asked(lake) == []


_ASK_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from mews_assets.api import Credentials, MewsClient
from mews_assets.ingest import pull
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import ITEMS, pull_of

location, address, client_token, access_token = sys.argv[1:]
pull.wait_for_export = lambda *arguments, **more: os.kill(os.getpid(), signal.SIGKILL)
lake = open_lake(location, Grain.DAILY)
client = MewsClient(address, Credentials(client_token, access_token, "tests 1"), connection="portfolio")
with lake.workspace() as workspace:
    pull.Puller(lake, lambda: datetime(2024, 6, 15, 12, tzinfo=UTC)).pull(ITEMS, pull_of(), client, workspace)
"""


@pytest.mark.slow
def test_a_process_killed_while_it_waits_leaves_the_export_to_the_next(lake, sandbox, client):
    facts = [lake.root, sandbox.address, sandbox.client_token, sandbox.access_token]
    died = subprocess.run(
        [sys.executable, "-c", _ASK_AND_DIE, *facts], capture_output=True, text=True, timeout=60
    )
    assert died.returncode == -9, died.stderr
    (kept,) = asked(lake)
    landed = pulled(lake, sandbox, client)
    assert landed.manifests["order_items"].source["export_id"] == kept.id
    assert adds(sandbox) == 1


def test_the_id_is_on_disk_before_mews_is_asked_anything_else(lake, sandbox, client):
    sandbox.plan_fault("exports/getAll", status=401)
    with pytest.raises(Exception, match="401"):
        pulled(lake, sandbox, client)
    assert len(asked(lake)) == 1


def test_another_question_does_not_take_the_export_of_this_one(lake, sandbox, client):
    with pytest.raises(ExportTimeoutError):
        pulled(lake, sandbox, client, deadline_seconds=1)
    (kept,) = asked(lake)
    landed = pulled(lake, sandbox, client, window=WEEK.halves()[0])  # waits until the other has left Mews
    assert landed.manifests["order_items"].source["export_id"] != kept.id
    assert asked(lake) == [kept]


def test_an_export_that_somebody_else_has_under_way_is_waited_out(lake, sandbox, client):
    add_export(client, "OrderItem", enterprise_ids=BOTH, updated=WEEK)
    clock = StandingClock(sandbox)
    landed = pulled(lake, sandbox, client, clock=clock, sleep=clock.sleep)
    assert landed.manifests["order_items"].lines == 24 * 7
    assert clock.slept >= 1200  # theirs, and then ours
    assert adds(sandbox) > 2


def test_waiting_for_somebody_elses_export_ends_at_the_deadline(lake, sandbox, client):
    add_export(client, "OrderItem", enterprise_ids=BOTH, updated=WEEK)
    with pytest.raises(ExportInFlightError):
        pulled(lake, sandbox, client, deadline_seconds=60)
    assert asked(lake) == []


def test_an_export_that_failed_is_forgotten_and_asked_for_anew(lake, sandbox, client):
    exports = sandbox.sandbox.exports
    folder, exports._folder = exports._folder, Path(lake.root) / "nowhere"
    with pytest.raises(ExportFailedError):
        pulled(lake, sandbox, client)
    assert asked(lake) == []
    assert capture_store.captures(lake, "order_items") == []
    exports._folder = folder
    assert pulled(lake, sandbox, client).manifests["order_items"].lines == 24 * 7
    assert adds(sandbox) == 2


def test_an_export_that_expired_in_the_meantime_is_asked_for_anew(lake, sandbox, client):
    with pytest.raises(ExportTimeoutError):
        pulled(lake, sandbox, client, deadline_seconds=1)
    (kept,) = asked(lake)
    sandbox.advance(9 * 86_400)
    landed = pulled(lake, sandbox, client)
    assert landed.manifests["order_items"].source["export_id"] != kept.id
    assert asked(lake) == []


def test_an_export_that_expires_while_it_is_waited_for_is_forgotten(lake, sandbox, client):
    def oversleep(seconds: float) -> None:
        sandbox.advance(9 * 86_400)

    with pytest.raises(ExportExpiredError):
        pulled(lake, sandbox, client, sleep=oversleep)
    assert asked(lake) == []


def test_a_download_that_breaks_keeps_the_export_and_lands_nothing(lake, sandbox, client):
    sandbox.plan_fault("download", status=403, times=1000)
    with pytest.raises(Exception, match="403"):
        pulled(lake, sandbox, client)
    assert len(asked(lake)) == 1
    assert capture_store.captures(lake, "order_items") == []
    sandbox.reset()
    assert pulled(lake, sandbox, client).manifests["order_items"].lines == 24 * 7
    assert adds(sandbox) == 0  # since the reset


@under_both_rules
def test_pages_land_items_and_bills_under_one_capture(lake, sandbox, client, intervals):
    landed = pulled(lake, sandbox, client, OUTLET_ITEMS)
    items, bills = landed.manifests["outlet_items"], landed.manifests["outlet_bills"]
    assert items.capture == bills.capture
    assert items.lines == 2 * (24 * 7 + at_the_end(intervals))
    assert bills.lines >= 24 * 7 + at_the_end(intervals)
    assert all(items.source["request_ids"])


@under_both_rules
def test_a_window_that_is_too_heavy_is_asked_for_in_halves_and_nothing_is_doubled(
    lake, sandbox, client, intervals
):
    sandbox.plan_fault("outletItems/getAll", status=408, times=8)  # until the smallest page of the whole week
    landed = pulled(lake, sandbox, client, OUTLET_ITEMS)
    assert sandbox.requests()["Counts"]["outletItems/getAll"] == 8 + 2 * 2
    capture = landed.manifests["outlet_items"].capture
    for table in (table_of("outlet_bills"), OUTLET_ITEMS):
        merged = merge(lake, table, threads=1)
        assert is_reconciled(merged.captures[capture])
        rows = sum(one.measures.rows for one in merged.partitions.values())
        assert rows == (24 * 7) * (2 if table is OUTLET_ITEMS else 1)
        assert not any(one.measures.duplicate_keys for one in merged.partitions.values())
    found = {record["Id"] for record in landed_records(lake, landed, "outlet_items")}
    assert len(found) == 2 * (24 * 7 + at_the_end(intervals))


@under_both_rules
def test_what_a_heavy_window_had_brought_is_dropped_before_its_halves_are_asked_for(
    lake, sandbox, client, monkeypatch, intervals
):
    plain = landed_records(lake, pulled(lake, sandbox, client, OUTLET_ITEMS), "outlet_items")
    monkeypatch.setattr("mews_assets.ingest.pull.MewsPages", partial(Pages, count=100))
    ask, calls = client.ask, []

    def heavy_after_two_pages(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 3:
            sandbox.plan_fault("outletItems/getAll", status=408, times=5)  # 100, 50, 25, 12, 10 records
        return ask(*arguments, **more)

    monkeypatch.setattr(client, "ask", heavy_after_two_pages)
    heavy = landed_records(lake, pulled(lake, sandbox, client, OUTLET_ITEMS), "outlet_items")
    assert {record["Id"] for record in heavy} == {record["Id"] for record in plain}
    # Only what stands exactly at the middle comes twice, where both halves include it.
    assert len(heavy) == len(plain) + 2 * at_the_end(intervals)


def test_a_window_that_stays_too_heavy_lands_nothing(lake, sandbox, client):
    sandbox.plan_fault("outletItems/getAll", status=408, times=100_000)
    short = Window(WEEK.start, WEEK.start.replace(second=3))
    with pytest.raises(TooLargeError):
        pulled(lake, sandbox, client, OUTLET_ITEMS, window=short)
    assert capture_store.captures(lake, "outlet_items") == capture_store.captures(lake, "outlet_bills") == []


def test_pages_that_break_off_land_nothing(lake, sandbox, client):
    sandbox.plan_fault("outletItems/getAll", status=401)
    with pytest.raises(Exception, match="401"):
        pulled(lake, sandbox, client, OUTLET_ITEMS)
    assert capture_store.captures(lake, "outlet_items") == capture_store.captures(lake, "outlet_bills") == []


def test_an_empty_window_lands_empty_files(lake, sandbox, client):
    before = Window(WEEK.start.replace(year=2023), WEEK.end.replace(year=2023))
    assert pulled(lake, sandbox, client, window=before).manifests["order_items"].lines == 0
    assert pulled(lake, sandbox, client, OUTLET_ITEMS, window=before).manifests["outlet_items"].lines == 0
    merged = merge(lake, ITEMS, threads=1)
    assert {one.measures.rows for one in merged.partitions.values()} == {0}
    assert len(merged.partitions) == 14


def test_the_token_never_reaches_the_lake(lake, sandbox, client):
    pulled(lake, sandbox, client)
    pulled(lake, sandbox, client_to(sandbox, sandbox.access_token), OUTLET_ITEMS)
    for path in Path(lake.root).rglob("*.json"):
        text = path.read_text()
        assert sandbox.access_token not in text
        assert sandbox.client_token not in text
