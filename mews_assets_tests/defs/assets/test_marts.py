"""Marts as assets: made from what a real run landed, shown with their plot, and made again in batches."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.build import build_definitions
from mews_assets.defs.local.launch import summarise
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_writer
from mews_assets.marts import DAILY_REVENUE, LEDGER_TRIAL_BALANCE, MARTS
from mews_assets.marts.make import checks_of
from mews_assets.sandbox.simulation import simulate
from mews_assets.settings import Settings, read_settings
from mews_assets.windows import to_api
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import QUIET, evaluations
from mews_assets_tests.marts.stage import AS_OF, NOW, fill

MADE_AS_OF = to_api(AS_OF)
START = {"MEWS_START_DATE": "2025-03-07"}


@dataclass(frozen=True)
class Stage:
    """A lake of what two simulated hotels did in five days, and settings that point at it."""

    instance: dg.DagsterInstance
    lake: Lake
    settings: Settings


@pytest.fixture(scope="module")
def stage(dagster_instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("marts") / "lake"
    lake = fill(folder, simulate(hotels=2, days=5, seed=5, now=NOW, rooms=8))
    return Stage(dagster_instance, lake, read_settings({**START, "MEWS_LAKE": str(folder)}))


def make_marts(stage: Stage, *only: dg.AssetKey) -> dg.ExecuteInProcessResult:
    chosen = [mart for mart in MARTS if not only or PLAIN.mart(mart.name) in only]
    return (
        build_definitions(stage.settings)
        .resolve_job_def("marts")
        .execute_in_process(
            instance=stage.instance,
            run_config={
                "ops": {f"marts__{mart.name}": {"config": {"as_of": MADE_AS_OF}} for mart in chosen},
                "loggers": QUIET,
            },
            asset_selection=list(only) or None,
            raise_on_error=False,
        )
    )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    return {
        event.asset_key.path[-1]: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    }


@pytest.mark.slow
def test_every_mart_shows_its_plot_its_rows_and_where_they_are(stage: Stage) -> None:
    result = make_marts(stage)
    assert result.success
    told = metadata_of(result)
    assert set(told) == {mart.name for mart in MARTS}
    for mart in MARTS:
        one = told[mart.name]
        head, _, text = one["plot"].partition("base64,")
        assert head == f"![{mart.name}](data:image/png;"
        png = base64.b64decode(text.removesuffix(")"))
        assert Image.open(io.BytesIO(png)).format == "PNG"
        assert Path(one["plot_file"]).read_bytes() == png
        assert pq.read_table(one["dagster/uri"]).num_rows == one["dagster/row_count"] > 0
        assert one["as_of"] == MADE_AS_OF
        assert one["preview"].startswith("| enterprise |")
        verdicts = evaluations(result, PLAIN.mart(mart.name))
        assert verdicts == {(check.name, None): True for check in checks_of(mart)}
    ran = summarise("marts", result, stage.instance, PLAIN)
    checks = sum(len(checks_of(mart)) for mart in MARTS)
    assert (ran.succeeded, ran.partitions, ran.checks_passed, ran.checks_failed) == (True, 0, checks, 0)


@pytest.mark.slow
def test_books_that_do_not_balance_fail_the_run_and_stay_to_be_looked_at(stage: Stage) -> None:
    """An entry is taken out of current: the check blocks what is downstream, and names hotel and date."""
    path = Path(stage.lake.root) / stage.lake.files("current/ledger_entries", recursive=True)[0]
    before = path.read_bytes()
    rows = pq.read_table(path, partitioning=None)
    try:
        with open_writer(path, rows.schema, rows, level=1) as writer:
            writer.write_table(rows.slice(1))
        result = make_marts(stage, PLAIN.mart(LEDGER_TRIAL_BALANCE.name))
    finally:
        path.write_bytes(before)
    assert not result.success
    verdicts = evaluations(result, PLAIN.mart(LEDGER_TRIAL_BALANCE.name))
    passed = dict.fromkeys([("key_unique", None), ("named", None), ("none_left_out", None)], True)
    assert verdicts == {**passed, ("zero_sum", None): False}
    assert metadata_of(result)["ledger_trial_balance"]["dagster/row_count"] > 0


def test_a_hotel_with_a_clock_that_cannot_be_read_is_told_and_the_run_goes_well(stage: Stage) -> None:
    """One of two hotels: a warning names it, and the other's answers are made."""
    path = Path(stage.lake.root) / layout.reference_file("enterprises")
    before = path.read_bytes()
    rows = pq.read_table(path, partitioning=None)
    place = rows.schema.get_field_index("time_zone_identifier")
    zones = ["Central European Standard Time", *rows.column(place).to_pylist()[1:]]
    changed = rows.set_column(place, rows.schema.field(place), pa.array(zones, pa.string()))
    try:
        with open_writer(path, rows.schema, rows, level=1) as writer:
            writer.write_table(changed)
        result = make_marts(stage, PLAIN.mart(DAILY_REVENUE.name))
    finally:
        path.write_bytes(before)
    assert result.success
    (verdict,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "none_left_out"]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    told = metadata_of(result)["daily_revenue"]
    name, id = (rows.column(column)[0].as_py() for column in ("name", "id"))
    assert list(told["left_out"]) == [f"{name} ({id})"]
    assert told["rows_left_out"] == sum(told["left_out"][f"{name} ({id})"].values()) > 0
    made = pq.read_table(told["dagster/uri"], partitioning=None)
    assert set(made.column("enterprise_id").to_pylist()) == {rows.column("id")[1].as_py()}


@pytest.mark.slow
def test_days_before_the_first_window_are_not_complete(stage: Stage) -> None:
    late = Stage(
        stage.instance,
        stage.lake,
        read_settings({"MEWS_START_DATE": "2026-04-08", "MEWS_LAKE": str(stage.lake.root)}),
    )
    result = make_marts(late, PLAIN.mart(DAILY_REVENUE.name))
    made = pq.read_table(metadata_of(result)["daily_revenue"]["dagster/uri"], partitioning=None).to_pylist()
    complete = {str(row["business_day"]) for row in made if row["is_complete"]}
    assert min(str(row["business_day"]) for row in made) < "2026-04-07"
    assert complete and min(complete) >= "2026-04-08"


def test_a_mart_depends_on_what_it_is_made_from_and_describes_itself() -> None:
    graph = build_definitions(read_settings(START)).resolve_asset_graph()
    for mart in MARTS:
        node = graph.get(PLAIN.mart(mart.name))
        assert {"/".join(key.path) for key in node.parent_keys} == set(mart.all_inputs)
        assert node.description.startswith(mart.description)
        assert node.group_name == "marts"
        schema = node.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == [column.name for column in mart.columns]
        assert all(column.description for column in schema.columns)


def test_a_mart_whose_tables_are_not_fetched_is_not_told() -> None:
    settings = read_settings({**START, "MEWS_TABLES": "ledger_entries,payments"})
    assert [mart.name for mart in wanted_marts(settings)] == ["ledger_trial_balance"]
    definitions = build_definitions(read_settings({**START, "MEWS_TABLES": "payments"}))
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert not [key for key in keys if key.path[0] == "marts"]
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.slow
def test_marts_are_made_anew_in_batches_when_their_inputs_change() -> None:
    definitions = build_definitions(read_settings(START))
    marts = dg.AssetSelection.groups("marts")
    changed = [dg.AssetKey(["current", name]) for name in ("outlet_items", "outlet_bills")]
    noon = datetime(2026, 4, 10, 12, 1, tzinfo=UTC)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("enterprises", ["h1"])
        cursor = None

        def look(minutes: float) -> set[str]:
            nonlocal cursor
            result = dg.evaluate_automation_conditions(
                definitions,
                instance,
                marts,
                evaluation_time=noon + timedelta(minutes=minutes),
                cursor=cursor,
            )
            cursor = result.cursor
            return {mart.name for mart in MARTS if result.get_num_requested(PLAIN.mart(mart.name))}

        def made_from(key: dg.AssetKey) -> set[str]:
            return {mart.name for mart in MARTS if key.to_user_string() in mart.inputs}

        def change(key: dg.AssetKey) -> None:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="h1"))

        assert look(-60) == set()
        change(changed[0])
        assert look(-40) == look(-20) == set(), "nobody knows the hotels' names and days yet"
        for reference in REFERENCES:
            instance.report_runless_asset_event(dg.AssetMaterialization(PLAIN.reference(reference)))
        assert look(-0.5) >= {"daily_revenue", "outlet_revenue"}
        assert look(0) == set()
        change(changed[0])
        assert look(1) == set(), "the clock has not ticked"
        change(changed[1])
        assert look(14) == made_from(changed[0]) | made_from(changed[1]), "once for both"
        assert look(15) == set()
        change(changed[1])
        assert look(16) == set(), "too soon after the last time"
        assert look(29) == made_from(changed[1])
        assert look(50) == set()
        change(changed[0])
        assert look(51) == made_from(changed[0]), "at once, for there was nothing to do before"
