"""Service orders name their service: its enterprise is looked up, kept with the capture, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import FetchMethod, Table
from mews_assets.ingest import owners
from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import PartitionRequest, materialise, rebuild
from mews_assets.ingest.owners import named_in
from mews_assets.lake.landing import capture_store, export_log
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox, running_sandbox
from mews_assets.windows import Grain, windows_between
from mews_assets_tests.ingest.made import (
    BOTH,
    NOW,
    WEEK,
    at_the_end,
    client_to,
    contents,
    pull_of,
    puller,
    under_both_rules,
    week_of,
)
from mews_assets_tests.lake.made import everything, is_reconciled
from mews_assets_tests.sandbox.made import NORTH, NORTH_STAY, SOUTH, SOUTH_STAY, hotels, made_id, version

RESERVATIONS, ORDERS = table_of("reservations"), table_of("product_service_orders")
PAGED = RESERVATIONS.fetched_by(FetchMethod.PAGES)
SPA = made_id("north spa")
DAYS = list(windows_between(WEEK.start, WEEK.end, Grain.DAILY))
IN_SERVICE = {NORTH: (NORTH_STAY, SPA), SOUTH: (SOUTH_STAY,)}


def _records() -> Iterator[Version]:
    """An order of each service on each day of the week, and at its end; half of them reservations."""
    yield from hotels()
    yield version("Service", "north spa", "2024-01-01T00:00:00Z", NORTH, EnterpriseId=NORTH, IsActive=False)
    for day in range(8):
        stamp = f"{datetime(2024, 6, 3 + day, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}"
        for scope, services in IN_SERVICE.items():
            for service in services:
                for entity in ("Reservation", "ProductServiceOrder"):
                    yield version(entity, f"{entity} {service} {day}", stamp, scope, ServiceId=service)


@pytest.fixture
def sandbox(intervals: Intervals) -> Iterator[RunningSandbox]:
    with running_sandbox(_records(), now=NOW) as running:
        running.set_clock(NOW, running=False)
        running.read_intervals(intervals)
        yield running


def come(lake, sandbox, table: Table, scopes=BOTH):
    clients = {"portfolio": client_to(sandbox)}
    directory = discover(clients)
    sandbox.reset()
    return materialise(
        table, PartitionRequest(week_of(*scopes)), clients, directory, puller(lake, sandbox), threads=1
    )


def expected(entity: str, scopes=BOTH) -> dict[str, list[str]]:
    table = "reservations" if entity == "Reservation" else "product_service_orders"
    return {
        layout.changes_file(table, scope, day.start.date().isoformat()): sorted(
            made_id(f"{entity} {service} {number}") for service in IN_SERVICE[scope]
        )
        for scope in scopes
        for number, day in enumerate(DAYS)
    }


@under_both_rules
@pytest.mark.parametrize(
    ("table", "asked"),
    [
        (RESERVATIONS, {"exports/add": 1, "services/getAll": 1}),
        (PAGED, {"reservations/getAll/2023-06-06": 2, "services/getAll": 1}),
        (ORDERS, {"productServiceOrders/getAll": 2, "services/getAll": 2}),
    ],
    ids=["by export", "by pages", "product service orders"],
)
def test_orders_of_several_hotels_come_with_one_question_each_in_its_hotel(
    lake, sandbox, table, asked, intervals
):
    """A query by pages takes two requests: the second one finds the end. Ids that are all answered need no second;
    the services of hotels are listed to the end."""
    done = come(lake, sandbox, table)
    assert not done.failed
    counts = sandbox.requests()["Counts"]
    assert {name: counts.get(name) for name in asked} == asked
    found = {name: sorted(ids) for name, ids in contents(lake, table).items()}
    assert found == expected(table.entity)
    (capture,) = done.merged[table.name].captures.values()
    assert is_reconciled(capture)
    assert capture.edge_rows == 3 * at_the_end(intervals)
    assert capture.manifest.owners == {NORTH_STAY: NORTH, SPA: NORTH, SOUTH_STAY: SOUTH}


@pytest.mark.parametrize("table", [RESERVATIONS, PAGED, ORDERS], ids=["export", "pages", "orders"])
def test_changes_are_made_again_from_landing_alone(lake, sandbox, table):
    come(lake, sandbox, table)
    before = everything(lake, table)
    for name in before:
        lake.delete(name)
    manifests = [read_manifest(lake, table.name, one) for one in capture_store.captures(lake, table.name)]
    rebuild(lake, table, manifests, threads=1)
    assert everything(lake, table) == before


@pytest.mark.parametrize("table", [RESERVATIONS, PAGED], ids=["export", "pages"])
def test_one_hotel_alone_needs_no_look_up(lake, sandbox, table):
    done = come(lake, sandbox, table, (NORTH,))
    assert not done.failed
    assert "services/getAll" not in sandbox.requests()["Counts"]
    assert {name: sorted(ids) for name, ids in contents(lake, table).items()} == expected(
        "Reservation", (NORTH,)
    )


@pytest.mark.parametrize("table", [RESERVATIONS, PAGED], ids=["export", "pages"])
def test_a_row_whose_service_nobody_knows_is_told_and_put_in_no_hotel(lake, sandbox, table):
    stray = {"Id": made_id("stray"), "ServiceId": made_id("nowhere")}
    sandbox.put_record("Reservation", stray, scope=NORTH, stamp_utc="2024-06-04T12:00:00Z")
    done = come(lake, sandbox, table)
    assert not done.failed
    (capture,) = done.merged[table.name].captures.values()
    assert (capture.unexplained, is_reconciled(capture)) == (1, False)
    assert all(stray["Id"] not in ids for ids in contents(lake, table).values())
    assert capture.manifest.lines == 22  # it has landed all the same


def test_more_services_than_a_list_holds_are_asked_for_in_several_and_each_row_comes_once(
    lake, sandbox, monkeypatch
):
    monkeypatch.setattr(owners, "MAX_IDS", 2)
    come(lake, sandbox, ORDERS)
    assert sandbox.requests()["Counts"]["productServiceOrders/getAll"] == 2 * 2
    assert {name: sorted(ids) for name, ids in contents(lake, ORDERS).items()} == expected(ORDERS.entity)


def test_a_heavy_window_is_halved_for_each_list_of_services(lake, sandbox, monkeypatch):
    monkeypatch.setattr(owners, "MAX_IDS", 2)
    clients = {"portfolio": client_to(sandbox)}
    directory = discover(clients)
    sandbox.plan_fault("productServiceOrders/getAll", status=408, times=8)  # down to the smallest page, once
    done = materialise(ORDERS, PartitionRequest(week_of(*BOTH)), clients, directory, puller(lake, sandbox))
    assert not done.failed
    assert sandbox.requests()["Counts"]["productServiceOrders/getAll"] == 8 + 2 * (2 + 1)
    assert {name: sorted(ids) for name, ids in contents(lake, ORDERS).items()} == expected(ORDERS.entity)
    assert all(is_reconciled(one) for one in done.merged[ORDERS.name].captures.values())


def test_a_hotel_without_services_has_no_orders_and_is_asked_for_none(lake):
    with running_sandbox(hotels()[:2], now=NOW) as empty:
        empty.set_clock(NOW, running=False)
        done = come(lake, empty, ORDERS)
        assert "productServiceOrders/getAll" not in empty.requests()["Counts"]
    assert not done.failed
    assert set(contents(lake, ORDERS)) == set(expected(ORDERS.entity))
    assert not any(contents(lake, ORDERS).values())


@pytest.mark.parametrize("table", [RESERVATIONS, PAGED, ORDERS], ids=["export", "pages", "orders"])
def test_a_look_up_that_is_refused_lands_nothing_and_loses_no_export(lake, sandbox, table):
    with lake.workspace() as workspace:
        client = client_to(sandbox)
        sandbox.plan_fault("services/getAll", status=401, times=1)
        with pytest.raises(Exception, match="services/getAll"):
            puller(lake, sandbox).pull(table, pull_of(), client, workspace)
    assert capture_store.captures(lake, table.name) == []
    assert len(export_log.logged_exports(lake, "portfolio", table.name)) == (table is RESERVATIONS)


def test_a_capture_landed_before_owners_were_kept_reads_as_it_did(lake, sandbox):
    come(lake, sandbox, RESERVATIONS, (NORTH,))
    (capture,) = capture_store.captures(lake, "reservations")
    written = lake.read_json(layout.manifest("reservations", capture))
    assert written.pop("owners") == {}
    now = read_manifest(lake, "reservations", capture)
    lake.write_json(layout.manifest("reservations", capture), written)
    assert read_manifest(lake, "reservations", capture) == now


def test_what_rows_name_is_read_past_lines_that_are_no_records(tmp_path):
    file = tmp_path / "part.jsonl"
    file.write_bytes(
        b'{"Id":"1","ServiceId":"a"}\n\nno json\n{"Id":"2"}\n{"ServiceId":null}\n{"ServiceId":"b"}'
    )
    assert named_in([file], "ServiceId") == {"a", "b"}
