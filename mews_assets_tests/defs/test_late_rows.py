"""Rows that become visible after their window has landed: they come with the next pull, at no extra export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.lake.storage import layout
from mews_assets.sandbox.running import RunningSandbox, ServerLimits
from mews_assets_tests.defs.stage import evaluations, stage_of
from mews_assets_tests.defs.ticks import ADD, Ticks
from mews_assets_tests.ingest.made import NOW, made_records, standing_sandbox
from mews_assets_tests.lake.made import ids
from mews_assets_tests.sandbox.made import NORTH, NORTH_STAY, SOUTH, SOUTH_STAY, hotels, made_id, version

START = "2024-06-10"
DAY = 24 * 60 * 60
LATE = "2024-06-14T23:58:30Z"
EVE = "2024-06-14"
ITEMS = dg.AssetKey(["changes", "order_items"])


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with standing_sandbox(made_records(), NOW, limits=ServerLimits(requests=10_000)) as running:
        yield running


def staged(
    sandbox: RunningSandbox, instance: dg.DagsterInstance, folder: Path, patch: Any, **more: str
) -> Ticks:
    ticks = Ticks(stage_of(sandbox, instance, folder, patch, **{"MEWS_START_DATE": START, **more}))
    ticks.discover()
    return ticks


@pytest.fixture
def ticks(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    """The days from the 10th to the 14th have landed."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = staged(sandbox, instance, tmp_path, monkeypatch, MEWS_TABLES="order_items")
        made.land("order_items")
        yield made


def comes(sandbox: RunningSandbox, name: str, stamp: str = LATE, scope: str = NORTH) -> str:
    """An order item that is visible from now on, under an older stamp."""
    sandbox.put_record("OrderItem", {"Id": made_id(name), "EnterpriseId": scope}, stamp_utc=stamp)
    return made_id(name)


def next_day(ticks: Ticks) -> dg.ExecuteInProcessResult:
    """A day goes by, and what is due by then lands."""
    ticks.stage.mews.advance(DAY)
    ticks.discover()
    ticks.tick("export_order_items")
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick("export_order_items").run_requests
    ran = ticks.run("order_items", request)
    assert ran.success
    return ran


def told_of(ran: dg.ExecuteInProcessResult, key: dg.AssetKey = ITEMS) -> set[str]:
    found = [str(one.partition) for one in ran.get_asset_materialization_events() if one.asset_key == key]
    assert len(found) == len(set(found))
    return set(found)


def stamps(ticks: Ticks) -> dict[str, str]:
    """What tells each file of the table from one put in its place."""
    return {
        name: stamp
        for scope in (NORTH, SOUTH)
        for name, stamp in ticks.stage.lake.fingerprints(layout.scope_folder("order_items", scope)).items()
    }


def metadata(ran: dg.ExecuteInProcessResult, partition: str | None) -> dict[str, Any]:
    (found,) = [
        event.asset_check_evaluation_data
        for event in ran.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.check_name == "late_rows"
        and event.asset_check_evaluation_data.partition == partition
    ]
    return {name: value.value for name, value in found.metadata.items()}


def test_a_late_row_arrives_with_the_next_export(ticks: Ticks) -> None:
    late = comes(ticks.stage.mews, "late")
    before = stamps(ticks)
    ran = next_day(ticks)
    items = catalog.table("order_items")
    assert late in ids(ticks.stage.lake, items, NORTH, EVE)
    assert ticks.counts[ADD] == 2, "one for the days before, one for the new day"
    new = {ticks.stage.key(scope, "2024-06-15") for scope in (NORTH, SOUTH)}
    assert told_of(ran) == {*new, ticks.stage.key(NORTH, EVE)}
    assert told_of(ran, dg.AssetKey(["landing", "order_items"])) == told_of(ran)
    changed = {name for name, stamp in stamps(ticks).items() if before.get(name, stamp) != stamp}
    assert changed == {layout.changes_file("order_items", NORTH, EVE)}


@pytest.mark.slow
def test_how_many_rows_came_late_and_how_late_is_counted_and_warned_of(ticks: Ticks) -> None:
    for name in ("one", "two"):
        comes(ticks.stage.mews, name)
    ran = next_day(ticks)
    found = evaluations(ran, ITEMS)
    late = {partition: passed for (check, partition), passed in found.items() if check == "late_rows"}
    assert late == {ticks.stage.key(NORTH, EVE): False, None: False}
    told = metadata(ran, ticks.stage.key(NORTH, EVE))
    assert (told["late_rows"], told["in_oldest_window_looked_at"]) == (2, False)
    assert 36 < told["hours_after_end"] < 37  # asked for after noon of the day after the next
    assert metadata(ran, None)["at_fault"] == 2

    again = next_day(ticks)
    assert told_of(again) == {ticks.stage.key(scope, "2024-06-16") for scope in (NORTH, SOUTH)}
    found = evaluations(again, ITEMS)
    late = {partition: passed for (check, partition), passed in found.items() if check == "late_rows"}
    assert late == {ticks.stage.key(NORTH, EVE): True, None: True}, "it was looked at again, and no more came"


@pytest.mark.slow
def test_a_window_looked_at_again_that_brought_nothing_new_writes_no_file_and_no_event(ticks: Ticks) -> None:
    before = stamps(ticks)
    ran = next_day(ticks)
    assert told_of(ran) == {ticks.stage.key(scope, "2024-06-15") for scope in (NORTH, SOUTH)}
    assert {name: stamps(ticks)[name] for name in before} == before
    assert not [one for one in evaluations(ran, ITEMS) if one[1] and EVE in one[1]]


@pytest.mark.slow
def test_a_row_in_the_oldest_window_looked_at_says_so_and_one_beyond_waits_for_a_backfill(
    ticks: Ticks,
) -> None:
    comes(ticks.stage.mews, "old", "2024-06-13T10:00:00Z")
    beyond = comes(ticks.stage.mews, "too old", "2024-06-12T10:00:00Z")
    ran = next_day(ticks)
    assert metadata(ran, ticks.stage.key(NORTH, "2024-06-13"))["in_oldest_window_looked_at"] is True
    items = catalog.table("order_items")
    assert beyond not in ids(ticks.stage.lake, items, NORTH, "2024-06-12")
    by_hand = ticks.stage.run("order_items", [ticks.stage.key(NORTH, "2024-06-12")])
    assert by_hand.success
    assert beyond in ids(ticks.stage.lake, items, NORTH, "2024-06-12")
    assert metadata(by_hand, ticks.stage.key(NORTH, "2024-06-12"))["late_rows"] == 1


@pytest.mark.slow
def test_how_far_is_looked_back_is_a_setting(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        named = {"MEWS_TABLES": "order_items", "MEWS_LOOKBACK": "3"}
        ticks = staged(sandbox, instance, tmp_path, monkeypatch, **named)
        ticks.land("order_items")
        late = comes(sandbox, "old", "2024-06-12T10:00:00Z")
        next_day(ticks)
        assert late in ids(ticks.stage.lake, catalog.table("order_items"), NORTH, "2024-06-12")


@pytest.mark.slow
def test_a_run_launched_by_hand_looks_back_too_and_tells_of_what_it_was_asked_for(ticks: Ticks) -> None:
    """Else the windows before would never be looked at again: the sensor finds nothing missing."""
    late = comes(ticks.stage.mews, "late")
    ticks.stage.mews.advance(DAY)
    ticks.discover()
    key = ticks.stage.key(NORTH, "2024-06-15")
    ran = ticks.stage.run("order_items", [key])
    assert ran.success
    assert late in ids(ticks.stage.lake, catalog.table("order_items"), NORTH, EVE)
    assert told_of(ran) == {key, ticks.stage.key(NORTH, EVE)}
    assert told_of(ticks.stage.run("order_items", [key])) == {key}, "whether anything new came or not"


@pytest.mark.slow
def test_a_window_that_is_held_back_is_not_asked_for_with_the_next(ticks: Ticks) -> None:
    """What is wrong with it would hold back the new window too."""
    ticks.stage.mews.advance(DAY)
    ticks.discover()
    ticks.stage.mews.plan_fault(ADD, status=400)
    assert "status 400" in str(ticks.tick("export_order_items").skip_message)
    ticks.stage.mews.advance(DAY)
    ticks.discover()
    ticks.tick("export_order_items")
    assert ticks.asked[-1]["Intervals"]["UpdatedUtc"][0][:10] == "2024-06-16"


def orders() -> Iterator[Any]:
    yield from hotels()
    for day in range(10, 15):
        for scope, service in ((NORTH, NORTH_STAY), (SOUTH, SOUTH_STAY)):
            for entity in ("Reservation", "ProductServiceOrder"):
                yield version(
                    entity, f"{entity} {scope} {day}", f"2024-06-{day}T10:00:00Z", scope, ServiceId=service
                )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "operation"),
    [
        ("reservations", "reservations/getAll/2023-06-06"),
        ("product_service_orders", "productServiceOrders/getAll"),
        ("outlet_bills", "outletItems/getAll"),
    ],
)
def test_tables_that_come_by_pages_look_back_with_no_question_more(
    table: str, operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = catalog.table(table)
    with (
        standing_sandbox(orders(), NOW, limits=ServerLimits(requests=10_000)) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        named = {"MEWS_TABLES": table, "MEWS_FETCH": "reservations=pages"}
        ticks = staged(sandbox, instance, tmp_path, monkeypatch, **named)
        sensor = f"pages_{catalog.partners(row)[0].name}"
        job = sensor.removeprefix("pages_")
        (request,) = ticks.tick(sensor).run_requests
        assert ticks.run(job, request).success
        record: dict[str, Any] = {"Id": made_id("late"), "ServiceId": NORTH_STAY}
        if table == "outlet_bills":
            record = {"Id": made_id("late"), "EnterpriseId": NORTH}
            item = {"Id": made_id("item"), "EnterpriseId": NORTH, "BillId": made_id("late")}
            sandbox.put_record("OutletItem", item, stamp_utc=LATE)
        sandbox.put_record(row.entity, record, scope=NORTH, stamp_utc=LATE)
        sandbox.set_clock(NOW + timedelta(days=1), running=False)
        sandbox.reset()
        ticks.discover()
        (request,) = ticks.tick(sensor).run_requests
        ran = ticks.run(job, request)
        assert ran.success
        assert made_id("late") in ids(ticks.stage.lake, row, NORTH, EVE)
        # One question for all three days: a page of records, and the empty one that ends it.
        assert ticks.counts[operation] <= 2
        new = {ticks.stage.key(scope, "2024-06-15") for scope in (NORTH, SOUTH)}
        assert told_of(ran, dg.AssetKey(["changes", table])) == {*new, ticks.stage.key(NORTH, EVE)}
        assert ticks.tick(sensor).skip_message.startswith("nothing is due; ")
