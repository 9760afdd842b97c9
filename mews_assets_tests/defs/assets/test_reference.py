"""Reference tables: whole as Mews sends them, nothing lost that was sent once, and what their checks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog.entities.reference import REFERENCES, Reference
from mews_assets.catalog.model import snake_case
from mews_assets.defs.assets.reference import SOUND
from mews_assets.defs.build import build_definitions
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.reference_rows import owners_of, read_rows, reference_schema
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.storage import layout
from mews_assets.sandbox.clock import read_micros
from mews_assets.sandbox.records.entities import key_of
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.settings import read_settings
from mews_assets.table_settings import STANDARD_REFERENCES
from mews_assets.windows import to_api
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import Stage, evaluations, failure_of, materialisations, stage_of
from mews_assets_tests.defs.ticks import connections_file

CHOSEN = STANDARD_REFERENCES
RESERVATIONS = dg.AssetKey(["changes", "reservations"])
BY_NAME = {reference.name: reference for reference in REFERENCES}
SERVICES = BY_NAME["services"]
FAR_US = read_micros("2100-01-01T00:00:00Z")


def rows(stage: Stage, reference: Reference) -> list[dict[str, Any]]:
    return list(
        pq.read_table(stage.lake.path(layout.reference_file(reference.name)), partitioning=None).to_pylist()
    )


def row_key(reference: Reference, row: dict[str, Any]) -> str:
    parts = [row[snake_case(path)] for path in reference.key]
    return "/".join(to_api(part) if isinstance(part, datetime) else str(part) for part in parts).lower()


def owners(stage: Stage, reference: Reference) -> set[str]:
    with stage.lake.workspace() as workspace:
        found, _ = read_rows(stage.lake, reference, workspace)
        return set(owners_of(stage.lake, reference, found, workspace).to_pylist())


def told(result: dg.ExecuteInProcessResult, reference: Reference) -> dict[str, Any]:
    (event,) = [
        one
        for one in result.all_events
        if one.is_step_materialization and one.asset_key == PLAIN.reference(reference)
    ]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_one_run_brings_every_reference_table_of_every_hotel(stage: Stage) -> None:
    result = stage.run("reference")
    assert result.success
    for reference in CHOSEN:
        found = rows(stage, reference)
        records = stage.mews.sandbox.store.records(RecordQuery(reference.entity, FAR_US))
        keys = {key_of(reference.entity, msgspec.json.decode(one)) for one in records}
        assert {row_key(reference, row) for row in found} == keys
        assert len(found) == len(keys)
        assert found
        if reference.owner is not None:
            assert owners(stage, reference) == set(stage.enterprises)
        metadata = told(result, reference)
        assert metadata["dagster/row_count"] == metadata["rows_sent"] == len(found)
        assert metadata["rows_no_longer_sent"] == 0
        assert evaluations(result, PLAIN.reference(reference)) == {(SOUND, None): True}
        schema = pq.read_schema(stage.lake.path(layout.reference_file(reference.name)))
        assert schema.names == reference_schema(reference).names


def test_reference_tables_are_read_again_every_day() -> None:
    definitions = build_definitions(read_settings({"MEWS_START_DATE": "2025-03-07"}))
    (schedule,) = [one for one in definitions.schedules or [] if one.name == "reference_daily"]
    job = definitions.resolve_job_def(schedule.job_name)
    assert job.asset_layer.selected_asset_keys == {PLAIN.reference(one) for one in CHOSEN}


@pytest.mark.slow
def test_where_there_are_none_yet_they_are_read_at_once_and_asked_for_again_until_there_are(
    stage: Stage,
) -> None:
    """A new lake would have no marts until the next day's schedule."""
    definitions = build_definitions(stage.settings)
    noon, cursor = datetime(2026, 4, 10, 12, 1, tzinfo=UTC), None

    def asked(minutes: float) -> int:
        nonlocal cursor
        told = dg.evaluate_automation_conditions(
            definitions,
            stage.instance,
            dg.AssetSelection.groups("reference"),
            evaluation_time=noon + timedelta(minutes=minutes),
            cursor=cursor,
        )
        cursor = told.cursor
        return told.total_requested

    assert asked(0) == len(CHOSEN)
    assert asked(1) == 0
    assert asked(15) == len(CHOSEN), "the run has failed, or never began"
    assert stage.run("reference").success
    assert asked(30) == asked(45) == 0


def test_a_row_that_mews_sends_no_more_stays_and_tells_when_it_was_last_sent(stage: Stage) -> None:
    north, south = stage.enterprises
    first = [service("a", north), service("b", south)]
    write_reference(stage.lake, SERVICES, first, stamp(1), [north, south])
    measures = write_reference(stage.lake, SERVICES, [service("a", north)], stamp(2), [north, south])
    assert (measures.rows, measures.sent, measures.kept) == (2, 1, 1)
    assert {row["id"]: row["_captured_at_utc"] for row in rows(stage, SERVICES)} == {
        "a": stamp(2),
        "b": stamp(1),
    }


def test_an_enterprise_whose_rows_all_vanish_fails_the_check_only_if_it_was_asked_about(stage: Stage) -> None:
    north, south = stage.enterprises
    both = [service("a", north), service("b", south)]
    write_reference(stage.lake, SERVICES, both, stamp(1), [north, south])
    assert write_reference(stage.lake, SERVICES, both[:1], stamp(2), [north]).vanished == {}
    assert write_reference(stage.lake, SERVICES, both[:1], stamp(3), [north, south]).vanished == {south: 1}
    assert write_reference(stage.lake, SERVICES, [], stamp(4), [north, south]).vanished == {
        north: 1,
        south: 1,
    }
    assert len(rows(stage, SERVICES)) == 2


def test_a_record_that_cannot_become_a_row_leaves_the_file_as_it_was(stage: Stage) -> None:
    (north, _) = stage.enterprises
    write_reference(stage.lake, SERVICES, [service("a", north)], stamp(1), [north])
    with pytest.raises(RecordError, match="Ordering"):
        write_reference(stage.lake, SERVICES, [service("b", north, Ordering="first")], stamp(2), [north])
    assert [row["id"] for row in rows(stage, SERVICES)] == ["a"]


def test_a_column_that_the_file_does_not_have_yet_is_empty_in_the_rows_kept(stage: Stage) -> None:
    (north, _) = stage.enterprises
    write_reference(stage.lake, SERVICES, [service("old", north)], stamp(1), [north])
    path = stage.lake.path(layout.reference_file("services"))
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["ordering"]), path)
    write_reference(stage.lake, SERVICES, [service("new", north)], stamp(2), [north])
    assert {row["id"]: row["ordering"] for row in rows(stage, SERVICES)} == {"old": None, "new": 1}


@pytest.mark.slow
def test_a_refused_connection_keeps_its_rows_and_is_named_while_the_others_are_refreshed(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = connections_file(tmp_path, ["north", "south"])
    tokens = dict(zip(["TOKEN_NORTH", "TOKEN_SOUTH"], stage.mews.hotel_tokens, strict=False))
    stage = stage_of(stage.mews, stage.instance, tmp_path, monkeypatch, MEWS_CONNECTIONS=file, **tokens)
    assert stage.run("reference").success
    before = {one.name: rows(stage, one) for one in CHOSEN}
    monkeypatch.setenv("TOKEN_SOUTH", "withdrawn")
    result = stage.run("reference")
    assert result.success
    for reference in CHOSEN:
        verdicts = evaluations(result, PLAIN.reference(reference))
        assert verdicts == {(SOUND, None): reference.for_everyone}
        keys = [row_key(reference, row) for row in before[reference.name]]
        assert [row_key(reference, row) for row in rows(stage, reference)] == keys
        if reference.owner is not None:
            assert told(result, reference)["rows_sent"] > 0 < told(result, reference)["rows_no_longer_sent"]


@pytest.mark.slow
def test_when_nobody_answers_the_run_fails_and_every_row_stays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage.run("reference").success
    before = rows(stage, SERVICES)
    stage.mews.plan_fault("services/getAll", status=403, times=1)
    result = stage.run("reference", only=[PLAIN.reference(SERVICES)])
    assert not result.success
    assert "403" in failure_of(result).user_failure_data.description
    assert materialisations(result, PLAIN.reference(SERVICES)) == {}
    assert rows(stage, SERVICES) == before


def stamp(day: int) -> datetime:
    return datetime(2025, 3, day, tzinfo=UTC)


def service(name: str, enterprise: str, **more: Any) -> bytes:
    record = {
        "Id": name,
        "EnterpriseId": enterprise,
        "IsActive": True,
        "Names": {"en-US": name},
        "Options": {"BillAsPackage": False},
        "Ordering": 1,
        "Data": {"Discriminator": "Bookable", "Value": {}},
        "CreatedUtc": "2025-01-01T00:00:00Z",
        "UpdatedUtc": "2025-01-01T00:00:00Z",
        **more,
    }
    return msgspec.json.encode(record)


@pytest.mark.slow
def test_a_reference_table_that_rows_have_outrun_is_read_again_in_their_run(stage: Stage) -> None:
    """A rate that is made and booked within the day is there before the next day's schedule."""
    (north, *_) = stage.enterprises
    rates = BY_NAME["rates"]
    assert stage.run("reference").success
    file = stage.lake.path(layout.reference_file("rates"))
    written = pq.read_table(file, partitioning=None)
    named = {row["rate_id"] for row in booked(stage, north)}
    kept = written.filter(pc.invert(pc.is_in(written["id"], pa.array(sorted(named)))))

    def age(hours: int) -> None:
        """Of the rates that reservations name none is there, as if they were made after the last refresh."""
        then = pa.scalar(stage.mews.now - timedelta(hours=hours), kept["_captured_at_utc"].type)
        sent = pa.repeat(then, kept.num_rows)
        at = kept.column_names.index("_captured_at_utc")
        pq.write_table(kept.set_column(at, "_captured_at_utc", sent), file)

    age(hours=0)
    result = stage.run("reservations", stage.keys([north]))
    assert not evaluations(result, RESERVATIONS)[("references_resolve", None)], "it was read a moment ago"
    age(hours=5)
    stage.mews.reset()
    result = stage.run("reservations", stage.keys([north]))
    assert evaluations(result, RESERVATIONS)[("references_resolve", None)]
    assert named <= {row["id"] for row in rows(stage, rates)}
    assert stage.mews.requests()["Counts"]["rates/getAll"] == 2
    assert "rateGroups/getAll" not in stage.mews.requests()["Counts"]


def booked(stage: Stage, scope: str) -> list[dict[str, Any]]:
    assert stage.run("reservations", stage.keys([scope])).success
    found: list[dict[str, Any]] = []
    for file in stage.lake.files(layout.changes_folder("reservations"), recursive=True):
        found += pq.read_table(stage.lake.path(file), partitioning=None).to_pylist()
    return found
