"""A run that finds its rows landed by another one says where they are: the capture, the run, and how many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog import partners
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.base.asset_specs import changes_key, landing_key
from mews_assets.defs.build import build_definitions
from mews_assets.windows import to_api
from mews_assets_tests.defs.assets.test_current import add_scopes
from mews_assets_tests.defs.stage import DAYS, QUIET, Stage, materialisations


def landed_since(stage: Stage, table: str, began: datetime) -> dg.ExecuteInProcessResult:
    """A run that wants what another may have landed since `began`, as the runs of one backfill do."""
    wanted = {
        "connection": "default",
        "scopes": list(stage.enterprises),
        "start_utc": f"{DAYS[0]}T00:00:00Z",
        "end_utc": "2025-03-10T00:00:00Z",
        "asked_at": to_api(began),
    }
    ops = {op_name(catalog.table(table)): {"config": {"exports": [wanted]}}}
    return (
        build_definitions(stage.settings)
        .resolve_job_def(table)
        .execute_in_process(
            instance=stage.instance, run_config={"ops": ops, "loggers": QUIET}, raise_on_error=False
        )
    )


@pytest.mark.parametrize("table", ["payments", "outlet_items"])
def test_a_sibling_run_names_the_capture_that_holds_its_rows_with_their_count_and_its_run(
    stage: Stage, table: str
) -> None:
    add_scopes(stage)
    began = stage.mews.now
    first = stage.run(table, stage.keys())
    assert first.success
    counts = dict(stage.mews.requests()["Counts"])
    second = landed_since(stage, table, began)
    assert second.success
    asked = {name for name, count in stage.mews.requests()["Counts"].items() if count != counts.get(name)}
    assert asked <= {"enterprises/getAll", "services/getAll"}
    for one in partners(catalog.table(table)):
        landed, found = (materialisations(run, landing_key(one)) for run in (first, second))
        assert set(found) == set(landed)
        assert sum(metadata["dagster/partition_row_count"] for metadata in found.values()) > 0
        for key, metadata in found.items():
            (capture,) = metadata["captures"]
            (before,) = landed[key]["captures"]
            assert {**before, "rows": capture["rows"]} == capture
            assert capture["run_id"] == first.run_id
            assert metadata["dagster/partition_row_count"] == capture["rows"]
            assert capture["rows"] == landed[key]["dagster/partition_row_count"]
        changed, known = (materialisations(run, changes_key(one)) for run in (second, first))
        for key, metadata in changed.items():
            assert metadata["captures"] == known[key]["captures"] != []
            assert metadata["rows_arrived"] == known[key]["rows_arrived"]
            assert metadata["landed_by_run"] == first.run_id
            assert "landed_by_run" not in known[key]


def test_a_run_whose_rows_came_before_names_nothing_it_does_not_know(stage: Stage) -> None:
    """A capture older than the backfill is asked for again, so each run then names its own."""
    add_scopes(stage)
    assert stage.run("payments", stage.keys()).success
    result = landed_since(stage, "payments", datetime.now(UTC).replace(year=2099))
    found: dict[str, dict[str, Any]] = materialisations(result, landing_key(catalog.table("payments")))
    assert result.success
    assert {one["run_id"] for metadata in found.values() for one in metadata["captures"]} == {result.run_id}
