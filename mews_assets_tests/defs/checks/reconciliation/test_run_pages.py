"""The check of exports by pages over HTTP: clean data passes, and a row that pages lack is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import msgspec
import pytest

from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks.reconciliation.run_pages import CHECK, JOB
from mews_assets.sandbox.clock import to_micros
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets.settings import read_settings
from mews_assets_tests.defs.stage import Stage, stage_of

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
DAY = "2025-03-08"


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningSandbox]:
    hotels = Simulated(hotels=1, days=3, seed=7)
    with running_sandbox(hotels, now=NOW, limits=ServerLimits(requests=10_000)) as running:
        running.set_clock(NOW, running=False)
        yield running


@pytest.fixture(scope="module")
def landed(simulated: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        more = {"MEWS_TABLES": "payments", "MEWS_RECONCILE": "on"}
        stage = stage_of(simulated, instance, tmp_path_factory.mktemp("both"), patch, **more)
        assert stage.run("enterprises").success
        assert stage.run("payments", stage.keys(days=[DAY])).success
        yield stage


def verdict(stage: Stage) -> dg.AssetCheckEvaluation:
    result = stage.run(JOB)
    assert result.success
    (found,) = [
        one.asset_check_evaluation_data
        for one in result.all_events
        if one.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    assert found.check_name == CHECK
    return found


@pytest.mark.slow
def test_the_same_rows_come_by_export_and_by_pages(landed: Stage) -> None:
    found = verdict(landed)
    assert found.passed
    assert found.metadata["hotel"].value == landed.enterprise_keys[0]
    assert isinstance(agree := found.metadata["agree"].value, int)
    assert agree > 5


def test_a_table_that_mews_refuses_is_a_warning(landed: Stage) -> None:
    landed.mews.plan_fault("payments/getAll", status=403)
    found = verdict(landed)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_row_that_pages_lack_is_found_and_named(landed: Stage) -> None:
    store = landed.mews.sandbox.store
    records = map(msgspec.json.decode, store.records(RecordQuery("Payment", to_micros(NOW))))
    lost = next(record["Id"] for record in records if record["UpdatedUtc"].startswith(DAY))
    store._connection().execute("DELETE FROM version WHERE entity = 'Payment' AND id = ?", (lost,))
    found = verdict(landed)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert found.metadata["missing_by_pages"].value == 1
    assert f"| {lost} | missing by pages |" in str(found.metadata["such_as"].value)


def test_nothing_is_compared_unless_the_setting_says_so() -> None:
    definitions = build_definitions(read_settings({"MEWS_START_DATE": "2025-03-07"}))
    assert JOB not in {job.name for job in definitions.jobs or []}
    assert "reconcile_pages_daily" not in {one.name for one in definitions.schedules or []}
