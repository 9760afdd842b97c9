"""Pages sensors: one run for all that is due, none beside it, and pauses for what failed, hotel by hotel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.defs.build import build_definitions
from mews_assets.defs.sensors.pages import pause_after
from mews_assets.ingest.pending_exports import FIRST_BACKOFF, LONGEST_BACKOFF, RunState
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, running_sandbox
from mews_assets_tests.defs.stage import stage_of
from mews_assets_tests.defs.ticks import Ticks, connections_file
from mews_assets_tests.ingest.made import NOW, made_records

SENSOR, GET = "pages_outlet_items", "outletItems/getAll"
BILLS = dg.AssetKey(["changes", "outlet_bills"])
ENDED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    """Two hotels, each behind a connection of its own, and three settled days."""
    with (
        running_sandbox(made_records(), now=NOW, limits=ServerLimits(requests=10_000)) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sandbox.set_clock(NOW, running=False)
        for name, token in zip(("NORTH", "SOUTH"), sandbox.hotel_tokens, strict=True):
            monkeypatch.setenv(f"TOKEN_{name}", token)
        settings = {
            "MEWS_START_DATE": "2024-06-12",
            "MEWS_TABLES": "outlet_items",
            "MEWS_CONNECTIONS": connections_file(tmp_path, ("north", "south")),
        }
        yield Ticks(stage_of(sandbox, instance, tmp_path, monkeypatch, **settings))


def keys_of(request: dg.RunRequest) -> list[str]:
    (op,) = request.run_config["ops"].values()
    return list(op["config"]["partitions"])


def withdraw(sandbox: RunningSandbox) -> None:
    """The first hotel's token is known no more."""
    door = sandbox.sandbox.door
    door.accesses = {token: one for token, one in door.accesses.items() if token != sandbox.hotel_tokens[0]}


def test_all_that_is_due_is_one_run_that_fills_both_tables(ticks: Ticks) -> None:
    assert "turn on the sensor" in ticks.tick(SENSOR).skip_message
    ticks.discover()
    (request,) = ticks.tick(SENSOR).run_requests
    assert len(keys_of(request)) == 6
    assert ticks.run("outlet_items", request).success
    assert ticks.counts[GET] == 2, "windows that touch are one question, for each connection"
    assert ticks.stage.instance.get_materialized_partitions(BILLS) == set(keys_of(request))
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")


def test_no_run_is_asked_for_while_one_goes(ticks: Ticks) -> None:
    ticks.discover()
    (request,) = ticks.tick(SENSOR).run_requests
    job = build_definitions(ticks.stage.settings).resolve_job_def("outlet_items")
    run = ticks.stage.instance.create_run_for_job(
        job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED
    )
    assert ticks.tick(SENSOR).skip_message == f"run {run.run_id} is going"
    ticks.stage.instance.report_run_failed(run)
    assert "trying again at" in str(ticks.tick(SENSOR).skip_message), "a killed run says nothing: pause"


@pytest.mark.slow
def test_a_hotel_that_is_refused_stops_no_other_and_is_not_asked_again(ticks: Ticks) -> None:
    ticks.discover()
    withdraw(ticks.stage.mews)
    (request,) = ticks.tick(SENSOR).run_requests
    assert not ticks.run("outlet_items", request).success
    assert len(ticks.stage.instance.get_materialized_partitions(BILLS)) == 3

    said = str(ticks.tick(SENSOR).skip_message)
    assert "3 partitions held back" in said
    assert "gave up 1 scopes" in said
    assert "status 401" in said

    ticks.stage.mews.advance(86_400)
    assert "did not answer: " in ticks.discover()
    (request,) = ticks.tick(SENSOR).run_requests
    assert sorted(key[-10:] for key in keys_of(request)) == ["2024-06-15", "2024-06-15"], (
        "the new day of both hotels, and nothing that was given up"
    )


@pytest.mark.slow
def test_a_pull_that_failed_for_a_while_is_pulled_again_after_its_pause(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mews_assets.api.client.wait_seconds", lambda *_: 0.0)
    ticks.discover()
    (request,) = ticks.tick(SENSOR).run_requests
    ticks.stage.mews.plan_fault(GET, status=500, times=100)
    assert not ticks.run("outlet_items", request).success
    ticks.stage.mews.reset()
    said = str(ticks.tick(SENSOR).skip_message)
    assert "6 partitions held back" in said
    assert "status 500" in said
    ticks.stage.mews.advance(5 * 60 + 10)
    ticks.discover()
    (again,) = ticks.tick(SENSOR).run_requests
    assert sorted(keys_of(again)) == sorted(keys_of(request))
    assert ticks.run("outlet_items", again).success
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")


def test_runs_that_failed_in_a_row_double_the_pause_up_to_an_hour() -> None:
    failed = RunState.FAILED
    assert pause_after([], None) is None
    assert pause_after([RunState.SUCCEEDED, failed], ENDED) is None
    assert pause_after([failed, RunState.SUCCEEDED, failed], ENDED) == ENDED + FIRST_BACKOFF
    assert pause_after([failed] * 3, ENDED) == ENDED + 4 * FIRST_BACKOFF
    assert pause_after([failed] * 6, ENDED) == ENDED + LONGEST_BACKOFF


def test_a_run_that_says_again_cannot_help_is_the_last_until_a_person_launches_one() -> None:
    until = pause_after([RunState.FAILED_FOR_GOOD], ENDED)
    assert until is not None
    assert until > ENDED + timedelta(days=365_000)


@pytest.mark.slow
def test_a_token_without_exports_fills_by_its_sensor_what_others_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        running_sandbox(made_records(), now=NOW, no_export_token=True) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sandbox.set_clock(NOW, running=False)
        settings = {
            "MEWS_START_DATE": "2024-06-05",
            "MEWS_TABLES": "order_items,reservations",
            "MEWS_FETCH": "pages",
            "MEWS_ACCESS_TOKEN": sandbox.no_exports_token,
        }
        ticks = Ticks(stage_of(sandbox, instance, tmp_path, monkeypatch, **settings))
        ticks.discover()
        for table in ("order_items", "reservations"):
            (request,) = ticks.tick(f"pages_{table}").run_requests
            assert len(keys_of(request)) == 2 * 10
            assert ticks.run(table, request).success
            changes = dg.AssetKey(["changes", table])
            assert instance.get_materialized_partitions(changes) == set(keys_of(request))
            assert ticks.tick(f"pages_{table}").skip_message.startswith("nothing is due; ")
        assert {"orderItems/getAll", "reservations/getAll/2023-06-06"} <= set(ticks.counts)
        assert not [name for name in ticks.counts if name.startswith("exports/")]
