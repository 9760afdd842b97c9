"""Tables whose rows carry no stamp: each window is asked for alone, and tells the versions of a record apart."""

from __future__ import annotations

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.runs import add_scopes, changes_rows, fold_run
from mews_assets_tests.defs.stage import DAYS, Stage, evaluations

NAMED = "source_assignments,tasks,account_notes,cashier_transactions,reservation_groups"


@pytest.fixture
def named(stage: Stage) -> Stage:
    stage.environment["MEWS_TABLES"] = NAMED
    return stage


def test_rows_belong_to_the_window_that_they_were_asked_for(named: Stage) -> None:
    assert named.run("source_assignments", named.keys()).success
    found = changes_rows(named, "source_assignments")
    assert set(found) == {(scope, day) for scope in named.enterprises for day in DAYS}
    for (scope, day), records in found.items():
        assert records
        assert {row["_window_utc"].isoformat() for row in records} == {f"{day}T00:00:00+00:00"}
        groups = {row["reservation_group_id"] for row in records}
        store = named.mews.sandbox.store
        assert {store.scope_of("ReservationGroup", group) for group in groups} == {scope}


def test_a_window_asked_for_again_has_each_record_once(named: Stage) -> None:
    assert named.run("source_assignments", named.keys()).success
    before = changes_rows(named, "source_assignments")
    again = named.run("source_assignments", named.keys())
    assert again.success
    assert changes_rows(named, "source_assignments") == before
    verdicts = evaluations(again, dg.AssetKey(["changes", "source_assignments"]))
    assert [name for name, passed in verdicts.items() if not passed] == []


def test_a_task_is_there_as_it_was_created_and_as_it_was_closed(named: Stage) -> None:
    north, *_ = named.enterprises
    task = "7a5c0000-0000-4000-8000-000000000001"
    record = {
        "Id": task,
        "EnterpriseId": north,
        "Name": "Change the bulb",
        "State": "Open",
        "CreatedUtc": f"{DAYS[0]}T10:00:00Z",
        "DeadlineUtc": f"{DAYS[1]}T20:00:00Z",
        "ClosedUtc": None,
    }
    named.mews.put_record("Task", record, stamp_utc=f"{DAYS[0]}T10:00:00Z")
    assert named.run("tasks", named.keys([north], [DAYS[0]])).success
    closed = {**record, "State": "Closed", "ClosedUtc": f"{DAYS[1]}T09:00:00Z"}
    named.mews.put_record("Task", closed, stamp_utc=f"{DAYS[1]}T09:00:00Z")
    assert named.run("tasks", named.keys([north], [DAYS[1]])).success
    states = {
        day: [row["state"] for row in records if row["id"] == task]
        for (_, day), records in changes_rows(named, "tasks").items()
    }
    assert states == {DAYS[0]: ["Open"], DAYS[1]: ["Closed"]}
    add_scopes(named)
    assert fold_run(named, catalog.table("tasks"), north).success
    (file,) = named.lake.files(layout.current_folder("tasks"), recursive=True)
    current = pq.read_table(named.lake.path(file), partitioning=None).to_pylist()
    assert [row["state"] for row in current if row["id"] == task] == ["Closed"]


@pytest.mark.parametrize("name", ["account_notes", "cashier_transactions", "reservation_groups"])
def test_they_land_like_any_other(named: Stage, name: str) -> None:
    scopes = named.chains if name == "account_notes" else named.enterprises
    result = named.run(name, named.keys(scopes))
    assert result.success
    assert set(changes_rows(named, name)) == {(scope, day) for scope in scopes for day in DAYS}
    verdicts = evaluations(result, dg.AssetKey(["changes", name]))
    assert [verdict for verdict, passed in verdicts.items() if not passed] == []
