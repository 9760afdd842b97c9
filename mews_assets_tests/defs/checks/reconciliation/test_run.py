"""The checks over a lake that real runs filled: clean data passes, and each corruption is found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks.reconciliation.run import (
    LEDGER_CHECK,
    ROOMS_CHECK,
    reconciliations,
)
from mews_assets.lake.storage import layout
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets.settings import read_settings
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import QUIET, Stage, stage_of

EVENING, MORNING, NOON = (
    datetime(2025, 3, 9, 23, 30, tzinfo=UTC),
    datetime(2025, 3, 10, 6, tzinfo=UTC),
    datetime(2025, 3, 10, 12, tzinfo=UTC),
)
DAYS = ("2025-03-07", "2025-03-08", "2025-03-09")
TABLES = ("ledger_entries", "reservations", "resource_blocks")
MART = "daily_performance_by_dimension"


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningSandbox]:
    with running_sandbox(
        Simulated(hotels=2, days=3, seed=7), now=EVENING, limits=ServerLimits(requests=10_000)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def filled(simulated: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Figures read in the evening and in the morning; rows landed at noon, and the mart made as of midnight."""
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        stage = stage_of(simulated, instance, tmp_path_factory.mktemp("reconciled"), patch)
        simulated.set_clock(EVENING, running=False)
        for job in ("reference", "series"):
            assert stage.run(job).success
        simulated.set_clock(MORNING, running=False)
        assert stage.run("series").success
        simulated.set_clock(NOON, running=False)
        add_scopes(stage)
        for table in TABLES:
            assert stage.run(table, stage.keys(days=DAYS)).success
        for table in TABLES[1:]:  # guests who came before the lake began, and blocks that are older
            assert snapshot_run(stage, catalog.table(table), *stage.enterprises).success
        for table in TABLES[1:]:
            assert fold_run(stage, catalog.table(table), *stage.enterprises).success
        make_mart(stage)
        yield stage


def make_mart(stage: Stage) -> None:
    result = (
        build_definitions(stage.settings)
        .resolve_job_def("marts")
        .execute_in_process(
            instance=stage.instance,
            run_config={
                "ops": {f"marts__{MART}": {"config": {"as_of": "2025-03-10T00:00:00Z"}}},
                "loggers": QUIET,
            },
            asset_selection=[dg.AssetKey(["marts", MART])],
        )
    )
    assert result.success


def verdicts(stage: Stage) -> dict[str, dg.AssetCheckEvaluation]:
    result = (
        build_definitions(stage.settings)
        .resolve_job_def("reconcile")
        .execute_in_process(instance=stage.instance, run_config={"loggers": QUIET})
    )
    assert result.success
    return {
        one.asset_check_evaluation_data.check_name: one.asset_check_evaluation_data
        for one in result.all_events
        if one.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }


@pytest.fixture
def corrupt(filled: Stage) -> Iterator[Callable[[str, Callable[[pa.Table], pa.Table]], None]]:
    """Changes the rows of one file of the lake, and puts them back in the end."""
    kept: dict[Path, bytes] = {}

    def change(name: str, by: Callable[[pa.Table], pa.Table]) -> None:
        path = Path(filled.lake.path(name))
        kept.setdefault(path, path.read_bytes())
        pq.write_table(by(pq.read_table(path, partitioning=None)), path)

    yield change
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.mark.slow
def test_clean_data_passes(filled: Stage) -> None:
    found = verdicts(filled)
    assert {name: one.passed for name, one in found.items()} == {LEDGER_CHECK: True, ROOMS_CHECK: True}
    for one in found.values():
        assert one.severity is dg.AssetCheckSeverity.ERROR
        assert one.metadata["differences"].value == 0
        assert isinstance(agree := one.metadata["agree"].value, int)
        assert agree > 20


@pytest.mark.slow
def test_a_lost_ledger_entry_is_found_with_its_hotel_day_and_ledger(filled: Stage, corrupt: Any) -> None:
    north = filled.enterprises[0]
    lost: list[dict[str, Any]] = []

    def lose(rows: pa.Table) -> pa.Table:
        place = rows["ledger_type"].to_pylist().index("Payment")
        lost.append(rows.slice(place, 1).to_pylist()[0])
        return pa.concat_tables([rows.slice(0, place), rows.slice(place + 1)])

    corrupt(layout.changes_file("ledger_entries", north, "2025-03-08"), lose)
    found = verdicts(filled)
    assert found[ROOMS_CHECK].passed
    ledger = found[LEDGER_CHECK]
    assert not ledger.passed
    assert ledger.metadata["differences"].value == 1
    assert ledger.metadata["hotels"].value == [filled.key(north)]
    shown = str(ledger.metadata["largest"].value)
    assert f"| {filled.key(north)} | 2025-03-08 | Payment |" in shown
    assert f"{lost[0]['value']:.4f}" in shown


@pytest.mark.slow
def test_a_doubled_stay_is_found_with_its_hotel_day_and_category(filled: Stage, corrupt: Any) -> None:
    north = filled.enterprises[0]
    doubled: list[str] = []

    def double(rows: pa.Table) -> pa.Table:
        came = pc.equal(pc.strftime(rows["scheduled_start_utc"], "%Y-%m-%d"), "2025-03-08")
        slept = rows.filter(pc.and_(came, pc.is_in(rows["state"], pa.array(["Started", "Processed"]))))
        one = slept.slice(0, 1)
        doubled.extend(one["requested_resource_category_id"].to_pylist())
        twin = one.set_column(0, rows.schema.field(0), pa.array(["00000000-0000-4000-8000-00000000beef"]))
        return pa.concat_tables([rows, twin])

    corrupt(layout.current_file("reservations", north), double)
    corrupt(layout.mart_file(MART), lambda rows: rows)
    make_mart(filled)
    found = verdicts(filled)
    assert found[LEDGER_CHECK].passed
    rooms = found[ROOMS_CHECK]
    assert not rooms.passed
    assert rooms.metadata["hotels"].value == [filled.key(north)]
    shown = str(rooms.metadata["largest"].value)
    assert f"| {doubled[0]} | occupied |" in shown
    assert any(f" | {name} | {doubled[0]} |" in shown for name in ("Standard", "Superior", "Suite"))


@pytest.mark.slow
def test_a_deployment_without_their_tables_has_none_of_the_checks() -> None:
    few = read_settings({"MEWS_START_DATE": "2025-03-07", "MEWS_TABLES": "payments"})
    assert reconciliations(few) == []
    assert "reconcile_daily" not in {one.name for one in build_definitions(few).schedules or []}


@pytest.mark.slow
def test_the_checks_are_in_a_nightly_run_of_their_own_and_not_in_that_of_the_figures() -> None:
    definitions = build_definitions(read_settings({"MEWS_START_DATE": "2025-03-07"}))
    ops = {
        job: [node.name for node in definitions.resolve_job_def(job).nodes] for job in ("reconcile", "series")
    }
    assert ops == {"reconcile": ["compare_with_figures"], "series": ["read_series"]}
