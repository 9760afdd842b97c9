"""A run that finds its rows landed by another one says where they are: the capture, the run, and how many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog import partners
from mews_assets.defs.assets import requested_partitions
from mews_assets.defs.build import build_definitions
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import QUIET, RANGE_END, RANGE_START, Stage, materialisations, observations


def sibling(
    stage: Stage, table: str, began: datetime, monkeypatch: pytest.MonkeyPatch
) -> dg.ExecuteInProcessResult:
    """A run of a backfill that began then. Its other runs want the same; only the daemon's record of it is made up."""
    keys = stage.keys()
    everything = [stage.partition_keys.partition(key) for key in keys]
    monkeypatch.setattr(requested_partitions, "_of_backfill", lambda *_: (everything, began))
    tags = {RANGE_START: keys[0], RANGE_END: keys[-1]}
    return (
        build_definitions(stage.settings)
        .resolve_job_def(table)
        .execute_in_process(
            instance=stage.instance, run_config={"loggers": QUIET}, tags=tags, raise_on_error=False
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("table", ["payments", "outlet_items"])
def test_a_sibling_run_names_the_capture_that_holds_its_rows_with_their_count_and_its_run(
    stage: Stage, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scopes(stage)
    began = datetime.now(UTC)
    first = stage.run(table, stage.keys())
    assert first.success
    counts = dict(stage.mews.requests()["Counts"])
    second = sibling(stage, table, began, monkeypatch)
    assert second.success
    asked = {name for name, count in stage.mews.requests()["Counts"].items() if count != counts.get(name)}
    assert asked <= {"enterprises/getAll", "services/getAll"}
    for one in partners(catalog.table(table)):
        landed, found = (materialisations(run, PLAIN.landing(one)) for run in (first, second))
        assert set(found) == set(landed)
        assert sum(metadata["dagster/partition_row_count"] for metadata in found.values()) > 0
        for key, metadata in found.items():
            assert metadata["captures"] == landed[key]["captures"] != []
            assert metadata["landed_by_run"] == first.run_id
            assert metadata["dagster/partition_row_count"] == landed[key]["dagster/partition_row_count"]
        assert observations(first, PLAIN.landing(one)) and not observations(second, PLAIN.landing(one))
        changed, known = (materialisations(run, PLAIN.changes(one)) for run in (second, first))
        for key, metadata in changed.items():
            assert metadata["captures"] == known[key]["captures"] != []
            assert metadata["numbers"] == known[key]["numbers"] | {"repeats": metadata["numbers"]["repeats"]}
            assert metadata["landed_by_run"] == first.run_id
            assert "landed_by_run" not in known[key]


@pytest.mark.slow
def test_a_backfill_that_began_later_asks_again_and_names_its_own_captures(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scopes(stage)
    assert stage.run("payments", stage.keys()).success
    stage.mews.advance(5)  # Mews tells whole seconds: within one, the order of two captures is not known
    result = sibling(stage, "payments", datetime.now(UTC).replace(year=2099), monkeypatch)
    found: dict[str, dict[str, Any]] = materialisations(result, PLAIN.landing(catalog.table("payments")))
    assert result.success
    assert all(metadata["captures"] and "landed_by_run" not in metadata for metadata in found.values())
