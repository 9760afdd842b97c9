"""Series as assets: read once a day, one event each, and the hotel at fault by its key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from mews_assets.catalog.entities.series import SERIES
from mews_assets.defs.assets.reference import SOUND
from mews_assets.defs.build import build_definitions
from mews_assets.lake.landing.series_rows import months_there
from mews_assets.settings import read_settings
from mews_assets.table_settings import STANDARD_SERIES
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import Stage, evaluations

BALANCES, AVAILABILITY = STANDARD_SERIES


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    (event,) = [
        one
        for one in result.all_events
        if one.is_step_materialization and one.asset_key == PLAIN.series(name)
    ]
    return {key: value.value for key, value in event.materialization.metadata.items()}


def test_one_run_reads_the_figures_of_every_hotel(stage: Stage) -> None:
    assert stage.run("reference").success
    result = stage.run("series")
    assert result.success
    for table in STANDARD_SERIES:
        found = metadata(result, table.name)
        assert found["hotels"] == len(stage.enterprises)
        assert found["figures_sent"] == found["figures_new"] > 0
        assert evaluations(result, PLAIN.series(table.name)) == {(SOUND, None): True}
        assert set(months_there(stage.lake, table)) == set(stage.enterprises)
    again = stage.run("series")
    assert metadata(again, BALANCES.name)["figures_new"] == 0


@pytest.mark.slow
def test_a_hotel_that_cannot_be_read_fails_the_check_and_not_the_run(stage: Stage) -> None:
    assert stage.run("reference").success
    stage.mews.plan_fault(AVAILABILITY.fetch.operation, status=400)
    result = stage.run("series")
    assert result.success
    assert evaluations(result, PLAIN.series(BALANCES.name)) == {(SOUND, None): True}
    assert evaluations(result, PLAIN.series(AVAILABILITY.name)) == {(SOUND, None): False}
    (verdict,) = [
        one.asset_check_evaluation_data
        for one in result.all_events
        if one.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and one.asset_check_evaluation_data.asset_key == PLAIN.series(AVAILABILITY.name)
    ]
    (key,) = verdict.metadata["not_read"].value
    assert key in stage.enterprise_keys


def test_series_are_read_every_day_after_the_reference_tables() -> None:
    definitions = build_definitions(read_settings({"MEWS_START_DATE": "2025-03-07"}))
    crons = {one.name: one.cron_schedule for one in definitions.schedules or []}
    assert (crons["reference_daily"], crons["series_daily"]) == ("30 4 * * *", "45 4 * * *")
    job = definitions.resolve_job_def("series")
    assert job.asset_layer.selected_asset_keys == {PLAIN.series(one.name) for one in STANDARD_SERIES}


@pytest.mark.slow
def test_days_since_a_day_are_read_again_where_the_run_asks_for_them(stage: Stage) -> None:
    assert stage.run("reference").success
    definitions = build_definitions(stage.settings)
    result = definitions.resolve_job_def("series").execute_in_process(
        instance=stage.instance,
        run_config={"ops": {"read_series": {"config": {"since": "2024-11-20"}}}},
        asset_selection=[PLAIN.series(BALANCES.name)],
    )
    assert result.success
    months = {month for found in months_there(stage.lake, BALANCES).values() for month in found}
    assert months == {"2024-11", "2024-12", "2025-01", "2025-02", "2025-03"}


@pytest.mark.slow
def test_series_are_made_when_missing_once_there_are_reference_tables(stage: Stage) -> None:
    definitions = build_definitions(stage.settings)

    def asked(cursor: Any) -> Any:
        return dg.evaluate_automation_conditions(
            definitions,
            stage.instance,
            dg.AssetSelection.groups("series"),
            evaluation_time=datetime(2026, 4, 10, 12, 1, tzinfo=UTC),
            cursor=cursor,
        )

    assert stage.run("reference").success
    assert asked(None).total_requested == len(STANDARD_SERIES)


def test_a_series_that_is_named_is_read_besides_the_usual() -> None:
    settings = read_settings({"MEWS_START_DATE": "2025-03-07", "MEWS_TABLES": SERIES[0].name})
    assert SERIES[0] in settings.series
    assert set(STANDARD_SERIES) <= set(settings.series)
