"""From wanted partitions to Parquet, over a running sandbox, without Dagster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from mews_assets.api import UnauthorizedError
from mews_assets.catalog import TABLES, partners
from mews_assets.ingest import materialise as room
from mews_assets.ingest.directory import Directory, discover
from mews_assets.ingest.find_scope import UnknownScopeError
from mews_assets.ingest.materialise import (
    Materialised,
    PartitionRequest,
    UnsettledWindowError,
    materialise,
    rebuild,
)
from mews_assets.ingest.pull import Puller
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain, Window, settled_windows, to_api
from mews_assets_tests.conftest import MEWS_NOW
from mews_assets_tests.ingest.made import (
    BOTH,
    DAYS,
    ITEMS,
    OUTLET_ITEMS,
    WEEK,
    client_to,
    contents,
    pull_of,
    puller,
    week_of,
)
from mews_assets_tests.lake.made import everything, is_reconciled, table_of
from mews_assets_tests.sandbox.made import NORTH, SOUTH


def materialised(lake: Lake, sandbox, wanted, table=ITEMS, clients=None, directory=None) -> Materialised:
    clients = clients or {"portfolio": client_to(sandbox)}
    directory = directory or discover(clients)
    return materialise(table, PartitionRequest(wanted), clients, directory, puller(lake, sandbox), threads=1)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_comes_from_the_sandbox_with_every_line_explained(table, tmp_path, mews):
    lake = open_lake(str(tmp_path), Grain.DAILY)
    clients = {"portfolio": client_to(mews)}
    directory = discover(clients)
    windows = list(settled_windows(MEWS_NOW - timedelta(days=4), MEWS_NOW, Grain.DAILY, by_day=table.by_day))
    wanted = [Partition(scope, window) for scope in directory.scopes(table.scope) for window in windows]
    for parent in map(table_of, table.parent_tables):
        landed = materialise(
            parent, PartitionRequest(wanted), clients, directory, Puller(lake, lambda: mews.now), threads=1
        )
        assert not landed.failed
    done = materialise(
        table, PartitionRequest(wanted), clients, directory, Puller(lake, lambda: mews.now), threads=1
    )
    assert not done.failed
    assert set(done.merged) == {one.name for one in partners(table)}
    for name, merged in done.merged.items():
        assert set(wanted) <= set(merged.partitions)
        rows = sum(one.measures.rows for one in merged.partitions.values())
        # Those are older than the hotels' three days.
        assert rows > 0 or name in {"companies", "loyalty_memberships"}
        for capture in merged.captures.values():
            assert is_reconciled(capture), name
            assert not capture.findings.unknown, name
        for one in merged.partitions.values():
            assert (one.measures.duplicate_keys, one.measures.rows_outside_window) == (0, 0)
            assert not one.measures.missing, name
        assert not capture_states.pending(lake, name)
    before = {name: everything(lake, one) for name, one in ((one.name, one) for one in partners(table))}
    for one in partners(table):  # from the landing alone, which is compressed, where the first was not
        manifests = [read_manifest(lake, one.name, name) for name in capture_store.captures(lake, one.name)]
        rebuild(lake, one, manifests, threads=1)
        assert everything(lake, one) == before[one.name]


def test_one_export_brings_a_week_of_two_hotels_each_row_in_its_window(lake, sandbox):
    done = materialised(lake, sandbox, week_of(*BOTH))
    assert sandbox.requests()["Counts"]["exports/add"] == 1
    assert not done.failed
    found = contents(lake, ITEMS)
    assert len(found) == 14
    assert all(len(ids) == 12 for ids in found.values())


@pytest.mark.slow
def test_materialising_again_never_shrinks_and_keeps_the_order(lake, sandbox):
    materialised(lake, sandbox, week_of(NORTH))
    before = contents(lake, ITEMS)
    sandbox.put_record("OrderItem", {"Id": next(iter(before.values()))[0], "EnterpriseId": NORTH})
    done = materialised(lake, sandbox, week_of(NORTH))
    assert contents(lake, ITEMS) == before
    counts = [one.rows_arrived for one in done.merged["order_items"].partitions.values()]
    assert sum(counts) == sum(map(len, before.values())) - 1  # the record has moved on


def test_rows_of_a_window_that_fell_into_a_gap_are_kept(lake, sandbox):
    wanted = [Partition(NORTH, DAYS[0]), Partition(NORTH, DAYS[-1])]
    done = materialised(lake, sandbox, wanted)
    assert set(wanted) <= set(done.merged["order_items"].partitions)
    assert len(contents(lake, ITEMS)) == 7  # one export for both brings what lies between


def test_a_failing_pull_leaves_its_neighbours_landed_and_names_its_partitions(lake, sandbox):
    clients = {
        "good": client_to(sandbox, sandbox.hotel_tokens[0]),
        "bad": client_to(sandbox, "no such token"),
    }
    whole = discover({"portfolio": client_to(sandbox)})
    (good,) = discover({"good": clients["good"]}).enterprises
    bad = SOUTH if good == NORTH else NORTH
    directory = Directory(whole.enterprises, {good: "good", bad: "bad"}, {})
    done = materialised(lake, sandbox, week_of(*BOTH), clients=clients, directory=directory)
    ((partitions, error),) = done.failed
    assert sorted(partitions) == week_of(bad)
    assert isinstance(error, UnauthorizedError)
    assert set(done.merged["order_items"].partitions) >= set(week_of(good))
    assert all(f"scope={good}/" in name for name in contents(lake, ITEMS))


def test_a_failing_window_leaves_the_other_windows_landed(lake, sandbox):
    far = Window(datetime(2023, 6, 3, tzinfo=UTC), datetime(2023, 6, 4, tzinfo=UTC))
    sandbox.plan_fault("outletItems/getAll", status=401)
    done = materialised(lake, sandbox, [Partition(NORTH, far), *week_of(NORTH)], OUTLET_ITEMS)
    ((partitions, _),) = done.failed
    landed = set(done.merged["outlet_items"].partitions)
    assert set(partitions) in ({Partition(NORTH, far)}, set(week_of(NORTH)))
    assert landed >= {Partition(NORTH, far), *week_of(NORTH)} - set(partitions)
    assert not landed & set(partitions)


@pytest.mark.parametrize("seconds", [0, 1, 299])
def test_a_window_that_has_not_settled_is_refused_before_anything_is_asked(lake, sandbox, seconds):
    sandbox.set_clock(WEEK.end + timedelta(days=30, seconds=seconds), running=False)
    directory = discover({"portfolio": client_to(sandbox)})
    sandbox.reset()
    unsettled = Window(WEEK.end + timedelta(days=29), WEEK.end + timedelta(days=30))
    with pytest.raises(UnsettledWindowError, match="has not settled") as caught:
        materialised(lake, sandbox, [*week_of(NORTH), Partition(NORTH, unsettled)], directory=directory)
    assert sandbox.requests()["Counts"] == {}
    assert capture_store.captures(lake, "order_items") == []
    assert caught.value.retryable  # else a sensor whose clock was set would never try again


def test_a_day_of_the_ledger_that_goes_on_in_some_hotel_is_refused_and_told_when(lake, sandbox):
    sandbox.set_clock(WEEK.end + timedelta(hours=12), running=False)
    day = Partition(NORTH, Window(WEEK.end - timedelta(days=1), WEEK.end))
    with pytest.raises(UnsettledWindowError, match="own calendars") as caught:
        materialised(lake, sandbox, [day], table_of("ledger_entries"))
    assert to_api(WEEK.end + timedelta(hours=12, minutes=5)) in str(caught.value)


def test_a_scope_that_nobody_sees_is_told_before_anything_is_asked(lake, sandbox):
    with pytest.raises(UnknownScopeError):
        materialised(lake, sandbox, week_of(NORTH, "nobody"))
    assert "exports/add" not in sandbox.requests()["Counts"]


def test_what_another_process_landed_and_left_is_merged_along(lake, sandbox):
    with lake.workspace() as workspace:
        puller(lake, sandbox).pull(ITEMS, pull_of((SOUTH,)), client_to(sandbox), workspace)
    done = materialised(lake, sandbox, week_of(NORTH))
    assert set(done.merged["order_items"].partitions) >= set(week_of(NORTH, SOUTH))


def test_partitions_that_another_process_merged_first_are_reported_all_the_same(lake, sandbox, monkeypatch):
    real = room.merge

    def merge_twice(lake, table, **more):
        real(lake, table, threads=1)  # as another process would, a moment earlier
        return real(lake, table, **more)

    monkeypatch.setattr(room, "merge", merge_twice)
    done = materialised(lake, sandbox, week_of(NORTH))
    found = done.merged["order_items"].partitions
    assert set(found) >= set(week_of(NORTH))
    assert sum(found[one].measures.rows for one in week_of(NORTH)) == 7 * 12


def test_a_run_waits_for_the_run_that_asks_over_its_connection_and_finds_what_that_has_landed(lake, sandbox):
    done: list[Materialised] = []
    since = sandbox.now
    directory = discover({"portfolio": client_to(sandbox)})

    def second_run() -> None:
        clients = {"portfolio": client_to(sandbox)}
        waiting = puller(lake, sandbox)
        done.append(
            materialise(
                ITEMS,
                PartitionRequest(week_of(NORTH), landed_since=since),
                clients,
                directory,
                waiting,
                threads=1,
            )
        )

    with lake.lock("pull-order_items-portfolio"):
        second = Thread(target=second_run)
        second.start()
        second.join(0.3)
        assert not done, "it took no turn"
        assert "exports/add" not in sandbox.requests()["Counts"]
        with lake.workspace() as workspace:  # the first run, which holds the turn
            puller(lake, sandbox).pull(ITEMS, pull_of(), client_to(sandbox), workspace)
    second.join(30)
    assert sandbox.requests()["Counts"]["exports/add"] == 1
    assert not done[0].failed
    assert set(done[0].merged["order_items"].partitions) >= set(week_of(NORTH))


def test_a_connection_that_waits_holds_no_other_up(lake, sandbox):
    north, south = ({name: client_to(sandbox)} for name in ("north", "south"))
    whole = discover(north)
    directory = Directory(whole.enterprises, {NORTH: "north", SOUTH: "south"}, {})
    with lake.lock("pull-order_items-north"):
        done = materialised(lake, sandbox, week_of(SOUTH), clients=north | south, directory=directory)
    assert set(done.merged["order_items"].partitions) == set(week_of(SOUTH))
