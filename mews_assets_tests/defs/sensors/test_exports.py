"""Export sensors over a real sandbox: asked once, polled in one call, landed by one run; and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets.defs.base.metadata_keys import EXPORT_TAG, TABLE_TAG
from mews_assets.defs.build import build_definitions
from mews_assets.ingest.pending_exports import MAX_TRIES
from mews_assets.lake.landing import export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.storage import layout
from mews_assets.sandbox.running import RunningSandbox, ServerLimits
from mews_assets.windows import Window, from_api
from mews_assets_tests.defs.stage import stage_of
from mews_assets_tests.defs.ticks import ADD, GET, Ticks, connections_file
from mews_assets_tests.ingest.made import NOW, made_records, standing_sandbox

SENSOR, CHANGES = "export_order_items", dg.AssetKey(["changes", "order_items"])
START = "2024-06-10"
DAYS = 5
MINUTES = 60


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Exports take ten minutes of its own clock, which only the tests move."""
    with standing_sandbox(
        made_records(), NOW, export_seconds=600, limits=ServerLimits(requests=10_000)
    ) as running:
        yield running


def ticks_over(sandbox: RunningSandbox, folder: Path, monkeypatch: Any, **more: str) -> Iterator[Ticks]:
    with dg.DagsterInstance.ephemeral() as instance:
        named = {"MEWS_START_DATE": START, "MEWS_TABLES": "order_items", **more}
        made = Ticks(stage_of(sandbox, instance, folder, monkeypatch, **named))
        made.discover()
        yield made


@pytest.fixture
def ticks(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    yield from ticks_over(sandbox, tmp_path, monkeypatch)


@pytest.fixture
def by_hotel(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    """A connection for each hotel, `north` and `south`."""
    for name, token in zip(("NORTH", "SOUTH"), sandbox.hotel_tokens, strict=True):
        monkeypatch.setenv(f"TOKEN_{name}", token)
    file = connections_file(tmp_path, ("north", "south"))
    yield from ticks_over(sandbox, tmp_path, monkeypatch, MEWS_CONNECTIONS=file)
    monkeypatch.delenv("MEWS_CONNECTIONS")


def logged(ticks: Ticks, connection: str = "default") -> list[LoggedExport]:
    return export_log.logged_exports(ticks.stage.lake, connection, "order_items")


def later(ticks: Ticks, minutes: float) -> None:
    """The sandbox's clock moves on, and the connections learn of it."""
    ticks.stage.mews.advance(minutes * MINUTES)
    ticks.discover()


def exports_of(sandbox: RunningSandbox) -> dict[str, Any]:
    return sandbox.sandbox.exports._exports


@pytest.mark.slow
def test_what_is_launched_is_in_the_log_although_a_tick_that_died_forgot_it(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    (export,) = logged(ticks)
    export_log.remove(ticks.stage.lake, export)
    ticks.stage.mews.advance(11 * MINUTES)
    (request,) = ticks.tick(SENSOR).run_requests
    assert [one.id for one in logged(ticks)] == [export.id]
    assert ticks.run("order_items", request).success
    assert ticks.counts[ADD] == 1


def test_a_window_asked_for_too_early_because_our_clock_was_set_is_not_given_up(ticks: Ticks) -> None:
    sandbox = ticks.stage.mews
    sandbox.set_clock("2024-06-16T00:06:00Z", running=False)
    ticks.discover()
    sandbox.set_clock("2024-06-16T00:02:00Z", running=False)  # as if ours had been set since
    ticks.tick(SENSOR)
    assert (logged(ticks), ticks.counts[ADD]) == ([], 1)
    sandbox.set_clock("2024-06-16T00:20:00Z", running=False)
    ticks.discover()
    ticks.tick(SENSOR)
    assert len(logged(ticks)) == 1


def test_nothing_is_asked_before_anything_was_discovered(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(stage_of(sandbox, instance, tmp_path, monkeypatch, MEWS_START_DATE=START))
        assert "turn on the sensor `discovery`" in ticks.tick(SENSOR).skip_message
    assert ticks.counts == {}


@pytest.mark.slow
def test_from_nothing_to_landed_takes_one_export_a_call_for_each_tick_and_one_run(ticks: Ticks) -> None:
    asked = ticks.tick(SENSOR)
    assert (asked.run_requests, ticks.counts[ADD], ticks.counts.get(GET, 0)) == ([], 1, 0)
    (export,) = logged(ticks)
    assert [(event.description, event.partition) for event in asked.asset_events] == [
        (f"export {export.id} asked for", None)
    ]

    ticks.stage.mews.advance(300)
    waiting = ticks.tick(SENSOR)
    assert (waiting.run_requests, ticks.counts[ADD], ticks.counts[GET]) == ([], 1, 1)
    assert waiting.skip_message.startswith("1 export under way: ")

    ticks.stage.mews.advance(300)
    (request,) = ticks.tick(SENSOR).run_requests
    assert (request.run_key, ticks.counts[GET]) == (f"{export.id}/1", 2)
    assert request.tags[EXPORT_TAG] == export.id
    assert request.tags[TABLE_TAG] == "order_items"
    assert (request.tags["mews/hotels"], request.tags["mews/first_day"]) == ("North, South", "2024-06-10")
    assert request.tags["mews/last_day"] == f"2024-06-{9 + DAYS}"
    assert ticks.run("order_items", request).success
    keys = {ticks.stage.key(scope, f"2024-06-{10 + day}") for scope in ticks.scopes() for day in range(DAYS)}
    assert ticks.stage.instance.get_materialized_partitions(CHANGES) == keys

    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")
    assert (logged(ticks), ticks.counts[ADD]) == ([], 1)


@pytest.mark.slow
def test_after_the_deletion_of_all_runs_nothing_is_asked_for_again_and_the_partitions_are_reported(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real instance, whose own deletion of runs takes the materialisations along."""
    with dg.instance_for_test() as instance:
        named = {"MEWS_START_DATE": START, "MEWS_TABLES": "order_items"}
        ticks = Ticks(stage_of(sandbox, instance, tmp_path, monkeypatch, **named))
        ticks.discover()
        ticks.land("order_items")
        landed = instance.get_materialized_partitions(CHANGES)
        asked = ticks.counts
        for run in instance.get_runs():
            instance.delete_run(run.run_id)
        assert instance.get_materialized_partitions(CHANGES) == set()
        told = ticks.tick(SENSOR)
        assert told.skip_message.startswith("nothing is due; ") and told.run_requests == []
        events = [(event.asset_key.path[0], event.partition) for event in told.asset_events]
        assert sorted(events) == sorted((layer, key) for layer in ("landing", "changes") for key in landed)
        for event in told.asset_events:
            instance.report_runless_asset_event(event)
        assert ticks.tick(SENSOR).asset_events == []
        assert ticks.counts == asked


@pytest.mark.slow
def test_partitions_that_a_run_may_still_report_are_left_to_it(ticks: Ticks) -> None:
    ticks.land("order_items")
    name = layout.changes_file("order_items", ticks.scopes()[0], f"2024-06-{10 + DAYS}")
    ticks.stage.lake.write(name, b"a partition: sensors list files and open none")
    job = _job(ticks)
    run = ticks.stage.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    ticks.stage.mews.advance(86_400)
    ticks.discover()
    assert not [event for event in ticks.tick(SENSOR).asset_events if event.partition]
    ticks.stage.instance.report_run_canceled(run)
    told = [event for event in ticks.tick(SENSOR).asset_events if event.partition]
    assert [event.asset_key.path[0] for event in told] == ["landing", "changes"]


def test_a_run_that_is_going_is_not_requested_again(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    ticks.stage.instance.create_run_for_job(
        _job(ticks), tags=dict(request.tags), status=dg.DagsterRunStatus.STARTING
    )
    polls = ticks.counts[GET]
    assert ticks.tick(SENSOR).skip_message.startswith("1 export under way: ")
    assert ticks.counts[GET] == polls, "a run is going: there is nothing to ask Mews"


def _job(ticks: Ticks) -> dg.JobDefinition:
    return build_definitions(ticks.stage.settings).resolve_job_def("order_items")


@pytest.mark.slow
def test_more_than_one_export_holds_is_asked_for_from_the_newest_on_one_at_a_time(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year in windows of a month: five of them are the most one export of 180 days holds."""
    more = {"MEWS_START_DATE": "2023-07-01", "MEWS_WINDOW": "monthly"}
    for ticks in ticks_over(sandbox, tmp_path, monkeypatch, **more):
        ticks.tick(SENSOR)
        ticks.tick(SENSOR)
        ticks.land("order_items")
        ends = [one["Intervals"]["UpdatedUtc"][1][:10] for one in ticks.asked]
        assert ends == ["2024-06-01", "2024-05-01", "2023-12-01"] or ends == sorted(ends, reverse=True)
        assert len(ends) == 3


@pytest.mark.slow
def test_a_tick_that_died_after_its_export_was_asked_for_goes_on_with_it(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    (export,) = logged(ticks)
    ticks.cursors[SENSOR] = None
    assert ticks.tick(SENSOR).skip_message.startswith("1 export under way: ")
    assert ticks.counts[ADD] == 1
    ticks.stage.mews.advance(600)
    ticks.cursors[SENSOR] = None
    (request,) = ticks.tick(SENSOR).run_requests
    assert request.tags[EXPORT_TAG] == export.id
    ticks.cursors[SENSOR] = None
    assert ticks.run("order_items", request).success
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")
    assert ticks.counts[ADD] == 1


def fails(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> str:
    def broken(*_: Any) -> list[Path]:
        raise OSError("the files cannot be written")

    monkeypatch.setattr(ticks.stage.mews.sandbox.exports, "_write", broken)
    ticks.stage.mews.advance(600)
    return "failed at Mews"


def expires(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> str:
    for export in exports_of(ticks.stage.mews).values():
        export.ready_us -= 8 * 86_400 * 1_000_000
    return "expired"


def vanishes(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> str:
    exports_of(ticks.stage.mews).clear()
    return "no longer knows"


@pytest.mark.parametrize("happens", [fails, expires, vanishes])
def test_an_export_that_brings_nothing_is_asked_for_again_with_growing_pauses_and_given_up_loudly(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch, happens: Any
) -> None:
    ticks.tick(SENSOR)
    for tries, pause in enumerate((5, 10), 1):
        said = happens(ticks, monkeypatch)
        ticks.tick(SENSOR)
        assert logged(ticks) == []
        assert ticks.counts[ADD] == tries
        later(ticks, pause - 1)
        ticks.tick(SENSOR)
        assert ticks.counts[ADD] == tries, f"not before {pause} minutes"
        later(ticks, 1.2)
        ticks.tick(SENSOR)
        assert ticks.counts[ADD] == tries + 1
    said = happens(ticks, monkeypatch)
    given_up = str(ticks.tick(SENSOR).skip_message)
    assert "gave up" in given_up
    assert said in given_up
    assert "launch a backfill" in given_up
    later(ticks, 600)
    assert "gave up" in str(ticks.tick(SENSOR).skip_message)
    assert ticks.counts[ADD] == MAX_TRIES


def test_what_was_given_up_is_forgotten_once_somebody_has_landed_it(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    for pause in (6, 11, 0):
        exports_of(ticks.stage.mews).clear()
        ticks.tick(SENSOR)
        later(ticks, pause)
        told = ticks.tick(SENSOR)
    assert "gave up" in str(told.skip_message)
    for scope in ticks.scopes():
        for day in range(DAYS):
            name = layout.changes_file("order_items", scope, f"2024-06-{10 + day}")
            ticks.stage.lake.write(name, b"a partition: sensors list files and open none")
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")
    assert json.loads(ticks.cursors[SENSOR] or "")["troubles"] == []


def requested(ticks: Ticks) -> dg.RunRequest:
    ticks.tick(SENSOR)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    return request  # type: ignore[no-any-return]


@pytest.mark.slow
def test_a_run_that_was_killed_is_launched_again_with_the_same_export(ticks: Ticks) -> None:
    request = requested(ticks)
    # As a killed run ends: it could say nothing.
    ticks.stage.instance.create_run_for_job(
        _job(ticks), tags=dict(request.tags), status=dg.DagsterRunStatus.FAILURE
    )
    polls = ticks.counts[GET]
    assert ticks.tick(SENSOR).run_requests == ticks.tick(SENSOR).run_requests == []
    assert ticks.counts[GET] == polls, "in the pause there is nothing to ask"
    ticks.stage.mews.advance(5 * MINUTES + 20)
    ticks.discover()
    (again,) = ticks.tick(SENSOR).run_requests
    assert again.tags[EXPORT_TAG] == request.tags[EXPORT_TAG]
    assert again.run_key == f"{request.tags[EXPORT_TAG]}/2"
    assert ticks.run("order_items", again).success
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")
    assert ticks.counts[ADD] == 1


def test_a_run_that_failed_for_good_is_not_repeated_and_says_so(ticks: Ticks) -> None:
    """A record without its Id fails the capture; it would fail again."""
    item = {"Id": "5b0e4c53-3f3c-4b8f-8ad5-000000000001", "EnterpriseId": ticks.scopes()[0], "Amount": "none"}
    ticks.stage.mews.put_record("OrderItem", item, stamp_utc="2024-06-11T10:00:00Z")
    assert not ticks.run("order_items", requested(ticks)).success
    for _ in range(3):
        told = ticks.tick(SENSOR)
        assert told.run_requests == []
        assert "cannot succeed" in str(told.skip_message)
        later(ticks, 120)
    assert ticks.counts[ADD] == 1


@pytest.mark.slow
def test_a_connection_that_is_refused_stops_no_other_and_is_not_asked_again(by_hotel: Ticks) -> None:
    ticks = by_hotel
    # Withdrawn after it was discovered, as happens to tokens.
    accesses = ticks.stage.mews.sandbox.door.accesses
    ticks.stage.mews.sandbox.door.accesses = {
        token: access for token, access in accesses.items() if token != ticks.stage.mews.hotel_tokens[0]
    }
    ticks.tick(SENSOR)
    assert ticks.counts[ADD] == 2
    assert (len(logged(ticks, "north")), len(logged(ticks, "south"))) == (0, 1)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    assert ticks.run("order_items", request).success
    told = ticks.tick(SENSOR)
    assert "gave up north" in str(told.skip_message)
    assert "status 401" in str(told.skip_message)
    assert ticks.counts[ADD] == 2
    landed = ticks.stage.instance.get_materialized_partitions(CHANGES)
    assert len(landed) == DAYS


def test_connections_are_asked_side_by_side_one_export_each(by_hotel: Ticks) -> None:
    by_hotel.tick(SENSOR)
    assert [sorted(one["ScopeSizes"].items()) for one in by_hotel.asked] == [[("EnterpriseIds", 1)]] * 2
    by_hotel.stage.mews.advance(600)
    assert len(by_hotel.tick(SENSOR).run_requests) == 2
    assert by_hotel.counts[GET] == 2, "one call for each connection"


@pytest.mark.slow
def test_mews_out_of_reach_is_waited_out_and_never_given_up(ticks: Ticks) -> None:
    for _ in range(MAX_TRIES + 2):
        ticks.stage.mews.plan_fault(ADD, status=503, times=1)
        told = ticks.tick(SENSOR)
        assert "status 503" in str(told.skip_message)
        assert "gave up" not in str(told.skip_message)
        assert "nothing is due" in str(ticks.tick(SENSOR).skip_message), "paused"
        later(ticks, 6)
    ticks.land("order_items")


def test_an_export_of_another_client_is_waited_out(ticks: Ticks) -> None:
    foreign = ticks.stage.mews.sandbox.exports.add(
        next(one for one in ticks.stage.mews.sandbox.door.accesses.values() if one.name == "portfolio"),
        {
            "EntityType": "OrderItem",
            "Filters": {"UpdatedUtc": {"StartUtc": "2024-06-01T00:00:00Z", "EndUtc": "2024-06-02T00:00:00Z"}},
        },
    )
    for _ in range(2):
        assert "another export of OrderItem is in flight" in str(ticks.tick(SENSOR).skip_message)
    assert logged(ticks) == []
    ticks.stage.mews.advance(700)
    # Mews counts an export as under way until its files are written, which somebody must ask for.
    exports_of(ticks.stage.mews).pop(foreign["Export"]["Id"])
    ticks.tick(SENSOR)
    assert len(logged(ticks)) == 1


def waited_for(ticks: Ticks, status: dg.DagsterRunStatus) -> LoggedExport:
    """An export that a run asked for, and waits for while its status says so."""
    run = ticks.stage.instance.create_run_for_job(_job(ticks), status=status)
    ticks.tick(SENSOR)
    (export,) = logged(ticks)
    ticks.cursors[SENSOR] = None
    export_log.remove(ticks.stage.lake, export)
    mine = LoggedExport(
        export.id, export.connection, export.table, export.scopes, export.window, export.asked_at, run.run_id
    )
    export_log.save(ticks.stage.lake, mine)
    return mine


def test_an_export_that_a_live_run_waits_for_is_left_to_it(ticks: Ticks) -> None:
    waited_for(ticks, dg.DagsterRunStatus.STARTED)
    ticks.stage.mews.advance(600)
    told = ticks.tick(SENSOR)
    assert told.run_requests == []
    assert "1 waited for by runs" in str(told.skip_message)
    assert (ticks.counts[ADD], ticks.counts.get(GET, 0)) == (1, 0)


@pytest.mark.slow
def test_an_export_whose_run_has_died_is_taken_over(ticks: Ticks) -> None:
    export = waited_for(ticks, dg.DagsterRunStatus.FAILURE)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    assert request.tags[EXPORT_TAG] == export.id
    assert ticks.run("order_items", request).success
    assert ticks.counts[ADD] == 1


def test_a_connection_taken_out_of_the_settings_stops_nothing_and_its_exports_stay_known(
    by_hotel: Ticks, tmp_path: Path
) -> None:
    by_hotel.tick(SENSOR)
    connections_file(tmp_path, ("south",))
    by_hotel.stage.mews.advance(600)
    assert len(by_hotel.tick(SENSOR).run_requests) == 1
    assert len(logged(by_hotel, "north")) == 1


def test_one_window_more_is_one_export_more_for_all_hotels(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    ticks.land("order_items")
    later(ticks, 24 * 60)
    ticks.land("order_items")
    assert [one["Intervals"]["UpdatedUtc"][0][:10] for one in ticks.asked] == [START, "2024-06-13"]
    assert [one["ScopeSizes"]["EnterpriseIds"] for one in ticks.asked] == [2, 2]


def test_a_question_reads_back_from_the_log_as_it_was_asked(ticks: Ticks) -> None:
    ticks.tick(SENSOR)
    (export,) = logged(ticks)
    assert export.window == Window(from_api("2024-06-10T00:00:00Z"), from_api("2024-06-15T00:00:00Z"))
    assert sorted(export.scopes) == sorted(ticks.scopes())
    assert export.asked_by == ""
