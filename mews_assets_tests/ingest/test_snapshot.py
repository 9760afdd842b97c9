"""Snapshots over a running sandbox: all there is of a scope, asked once, and never lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from mews_assets.api import ExportFailedError, add_export, get_exports
from mews_assets.catalog import TABLES
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.ingest.directory import discover
from mews_assets.ingest.find_scope import UnknownScopeError
from mews_assets.ingest.plan import Pull
from mews_assets.ingest.snapshot import NoSnapshotError, take_snapshots
from mews_assets.lake.current import snapshot
from mews_assets.lake.current.snapshot import Snapshot
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing import capture_store, export_log
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.windows import ALL_TIME, Grain, from_api
from mews_assets_tests.ingest.made import BOTH, ITEMS, client_to, puller
from mews_assets_tests.lake.current.things import read
from mews_assets_tests.sandbox.made import NORTH, SOUTH

NAME = layout.snapshot_landing("order_items")


def taken(lake: Lake, sandbox: RunningSandbox, *scopes: str, table: Table = ITEMS) -> dict[str, Any]:
    clients = {"portfolio": client_to(sandbox)}
    asking = puller(lake, sandbox)
    return dict(take_snapshots(table, scopes, clients, discover(clients), asking, threads=1))


def adds(sandbox: RunningSandbox) -> int:
    return int(sandbox.requests()["Counts"].get("exports/add", 0))


def truth(sandbox: RunningSandbox, entity: str, scope: str) -> dict[str, Any]:
    """Every record of a scope as the sandbox has it now."""
    question = RecordQuery(entity, sandbox.sandbox.clock.now_us(), {scope})
    records = map(json.loads, sandbox.sandbox.store.records(question))
    return {one["Id"]: one for one in records}


def shown(lake: Lake, scope: str, table: Table = ITEMS) -> dict[str, Any]:
    rows = read(lake, layout.snapshot_file(table.name, scope))
    return {row["id"]: row for row in rows}


@pytest.mark.slow_after_first
@pytest.mark.parametrize("table", [one for one in TABLES if one.has_snapshot], ids=lambda table: table.name)
def test_every_exported_table_has_all_that_the_sandbox_has(
    table: Table, tmp_path: Any, mews: RunningSandbox
) -> None:
    lake = open_lake(str(tmp_path), Grain.DAILY)
    clients = {"portfolio": client_to(mews)}
    directory = discover(clients)
    scopes = directory.scopes(table.scope)
    done = dict(take_snapshots(table, scopes, clients, directory, puller(lake, mews), threads=1))
    assert set(done) == set(scopes)
    for scope, one in done.items():
        assert isinstance(one, Snapshot), one
        expected = truth(mews, table.entity, scope)
        found = shown(lake, scope, table)
        assert {name: row["updated_utc"] for name, row in found.items()} == {
            name: from_api(record["UpdatedUtc"]) if record.get("UpdatedUtc") else None
            for name, record in expected.items()
        }
        assert (one.rows, one.foreign, one.unknown) == (len(expected), 0, {})
        assert update_current(lake, table, scope, threads=1).rows == len(expected)
    assert sum(one.rows for one in done.values()) > 0


def test_a_snapshot_is_asked_for_without_a_filter_and_for_one_scope(
    lake: Lake, sandbox: RunningSandbox
) -> None:
    done = taken(lake, sandbox, *BOTH)
    for scope, one in done.items():
        (manifest,) = one.captures
        export_id = manifest.source["export_id"]
        export = get_exports(client_to(sandbox), [export_id])[export_id]
        assert export is not None
        assert (export.filters, export.enterprise_ids) == (None, (scope,))
        assert (manifest.table, manifest.window, manifest.scopes) == (NAME, ALL_TIME, (scope,))
        assert read_manifest(lake, NAME, manifest.capture) == manifest
        assert shown(lake, scope).keys() == truth(sandbox, "OrderItem", scope).keys()
    assert export_log.logged_exports(lake, "portfolio", NAME) == []
    assert capture_store.captures(lake, "order_items") == []


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (table_of("ledger_entries"), "must name its Posting"),
        (table_of("outlet_items"), "by pages"),
        (table_of("reservations").fetched_by(table_of("outlet_items").fetch.way), "by pages"),
    ],
    ids=["ledger", "pages only", "pages chosen"],
)
def test_a_table_that_has_none_says_why_and_nothing_is_asked(
    lake: Lake, sandbox: RunningSandbox, table: Table, why: str
) -> None:
    with pytest.raises(NoSnapshotError, match=f"{why}.*MEWS_START_DATE"):
        taken(lake, sandbox, NORTH, table=table)
    assert adds(sandbox) == 0


def test_a_scope_nobody_sees_fails_alone(lake: Lake, sandbox: RunningSandbox) -> None:
    done = taken(lake, sandbox, "00000000-nobody", NORTH)
    assert isinstance(done["00000000-nobody"], UnknownScopeError)
    assert done[NORTH].rows == len(truth(sandbox, "OrderItem", NORTH))


@pytest.mark.parametrize("kind", ["refused", "failed at Mews"])
def test_one_that_fails_changes_nothing_and_the_next_asks_anew(
    lake: Lake, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    taken(lake, sandbox, NORTH)
    before = shown(lake, NORTH)
    with monkeypatch.context() as patched:
        if kind == "refused":
            sandbox.plan_fault("exports/add", status=403, times=1)
        else:  # the sandbox's disk, as it were
            patched.setattr(sandbox.sandbox.exports, "_write", lambda export: 1 / 0)
        done = taken(lake, sandbox, NORTH)
    assert isinstance(done[NORTH], Exception)
    assert isinstance(done[NORTH], ExportFailedError) == (kind == "failed at Mews")
    assert shown(lake, NORTH) == before
    assert export_log.logged_exports(lake, "portfolio", NAME) == []
    assert taken(lake, sandbox, NORTH)[NORTH].lines == len(before)


def test_a_snapshot_waits_for_an_export_that_is_in_flight(lake: Lake, sandbox: RunningSandbox) -> None:
    add_export(client_to(sandbox), "OrderItem")
    assert taken(lake, sandbox, NORTH)[NORTH].rows > 0
    assert adds(sandbox) > 2


_TAKE_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from mews_assets.api import Credentials, MewsClient
from mews_assets.ingest import pull, snapshot
from mews_assets.ingest.directory import discover
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import ITEMS
from mews_assets_tests.sandbox.made import NORTH

location, where, address, client_token, access_token = sys.argv[1:]
def die(*arguments, **more):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "waiting":
    pull.wait_for_export = die
else:
    snapshot.merge_snapshots = die
client = MewsClient(address, Credentials(client_token, access_token, "tests 1"), connection="portfolio")
clients = {"portfolio": client}
puller = pull.Puller(open_lake(location, Grain.DAILY), lambda: datetime(2024, 6, 15, 12, 30, tzinfo=UTC))
dict(snapshot.take_snapshots(ITEMS, [NORTH], clients, discover(clients), puller))
"""


def killed(lake: Lake, sandbox: RunningSandbox, where: str) -> None:
    facts = [lake.root, where, sandbox.address, sandbox.client_token, sandbox.access_token]
    died = subprocess.run([sys.executable, "-c", _TAKE_AND_DIE, *facts], capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr.decode()


@pytest.mark.slow
def test_one_that_is_killed_while_it_waits_is_gone_on_with_and_no_sensor_takes_it_for_a_window(
    lake: Lake, sandbox: RunningSandbox
) -> None:
    killed(lake, sandbox, "waiting")
    (asked,) = export_log.logged_exports(lake, "portfolio", NAME)
    assert (asked.window, asked.scopes) == (ALL_TIME, (NORTH,))
    assert export_log.logged_exports(lake, "portfolio", "order_items") == []
    assert not lake.exists(layout.snapshot_file("order_items", NORTH))
    (manifest,) = taken(lake, sandbox, NORTH)[NORTH].captures
    assert manifest.source["export_id"] == asked.id
    assert adds(sandbox) == 1


@pytest.mark.parametrize(("days", "asked_again"), [(0, False), (2, True)])
def test_one_that_is_killed_when_it_has_landed_is_taken_in_and_asked_again_only_when_it_is_old(
    lake: Lake, sandbox: RunningSandbox, days: int, asked_again: bool
) -> None:
    with lake.workspace() as workspace:  # what a run does before it is killed
        pull = Pull("portfolio", (NORTH,), ALL_TIME)
        landed = (
            puller(lake, sandbox).pull(ITEMS, pull, client_to(sandbox), workspace).manifests["order_items"]
        )
    sandbox.advance(timedelta(days=days).total_seconds())
    one = taken(lake, sandbox, NORTH)[NORTH]
    assert one.captures[0].capture == landed.capture
    assert (len(one.captures), adds(sandbox)) == ((2, 2) if asked_again else (1, 1))
    assert shown(lake, NORTH).keys() == truth(sandbox, "OrderItem", NORTH).keys()
    assert snapshot.pending(lake, ITEMS, NORTH) == []
    assert SOUTH not in {manifest.scopes[0] for manifest in snapshot.landed_snapshots(lake, ITEMS)}
