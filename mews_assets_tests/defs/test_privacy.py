"""Personal data as runs leave it: under a policy, after somebody was forgotten, and when bytes are old."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.defs.assets.retention import JOB
from mews_assets.defs.build import build_definitions
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import (
    QUIET,
    RANGE_END,
    RANGE_START,
    Stage,
    evaluations,
    failure_of,
    materialisations,
    stage_of,
)

CHANGES = dg.AssetKey(["changes", "customers"])
DAY = "2025-03-08"


def names(stage: Stage) -> set[str | None]:
    folder = Path(stage.environment["MEWS_LAKE"]) / "changes" / "customers"
    return {
        name
        for path in folder.rglob("*.parquet")
        for name in pq.read_table(path, partitioning=None).column("last_name").to_pylist()
    }


@pytest.mark.parametrize("policy", ["hash", "drop"])
def test_a_run_under_a_policy_is_green_and_shows_nobody(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        key = "zq7-a-key-that-nobody-may-see"
        stage = stage_of(mews, instance, tmp_path, monkeypatch, MEWS_PII=policy, MEWS_PII_KEY=key)
        result = stage.run("customers", stage.keys(stage.chains, [DAY]))
        assert result.success
        verdicts = evaluations(result, CHANGES)
        assert {name for (name, _), passed in verdicts.items() if not passed} == set()
        shown = names(stage)
        assert shown == {None} if policy == "drop" else all(len(name or "") == 32 for name in shown)


@pytest.mark.slow
def test_a_lake_under_another_policy_fails_the_run_with_what_to_do(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage.run("customers", stage.keys(stage.chains, [DAY])).success
    stage.environment["MEWS_PII"] = "drop"
    result = stage.run("customers", stage.keys(stage.chains, [DAY]))
    assert "mews-assets repolicy" in failure_of(result).user_failure_data.description


def test_a_run_after_somebody_was_forgotten_is_green_and_does_not_bring_them_back(stage: Stage) -> None:
    keys = stage.keys(stage.chains, [DAY])
    assert stage.run("customers", keys).success
    guest = next(
        row
        for path in (Path(stage.environment["MEWS_LAKE"]) / "changes/customers").rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    )
    assert erase_customer(stage.lake, catalog.TABLES, guest["id"], datetime.now(UTC)).found.remaining == {}
    result = stage.run("customers", keys)
    assert result.success
    assert {name for (name, _), passed in evaluations(result, CHANGES).items() if not passed} == set()
    assert "forgotten" in names(stage)


@pytest.mark.slow
def test_old_bytes_go_by_a_job_and_what_stands_is_rebuilt_without_them(stage: Stage) -> None:
    keys = stage.keys(stage.chains, [DAY])
    assert stage.run("customers", keys).success
    rows = {key: told["dagster/partition_row_count"] for key, told in _told(stage, keys).items()}
    stage.environment["MEWS_LANDING_DAYS"] = "30"  # the sandbox's clock is long past
    job = build_definitions(stage.settings).resolve_job_def(JOB)
    assert job.execute_in_process(
        instance=stage.instance,
        resources=build_definitions(stage.settings).resources,
        run_config={"loggers": QUIET},
    ).success
    assert not list(Path(stage.environment["MEWS_LAKE"]).rglob("*.zst"))
    assert {key: told["dagster/partition_row_count"] for key, told in _told(stage, keys).items()} == rows


def _told(stage: Stage, keys: list[str]) -> dict[str, dict[str, object]]:
    result = rebuilt(stage, keys)
    assert result.success
    return materialisations(result, CHANGES)


def rebuilt(stage: Stage, keys: list[str]) -> dg.ExecuteInProcessResult:
    add_scopes(stage)
    return stage.run("customers", tags={RANGE_START: keys[0], RANGE_END: keys[-1]}, only=[CHANGES])


def test_a_partition_that_fell_and_whose_bytes_are_gone_says_so(stage: Stage) -> None:
    keys = stage.keys(stage.chains, [DAY])
    assert stage.run("customers", keys).success
    now = datetime.now(UTC)
    expire(stage.lake, catalog.table("customers"), catalog.TABLES, now, now)
    for path in (Path(stage.environment["MEWS_LAKE"]) / "changes/customers").rglob("*.parquet"):
        path.unlink()
    result = rebuilt(stage, keys)
    assert not result.success
    description = failure_of(result).user_failure_data.description
    assert "past MEWS_LANDING_DAYS" in description
    assert "landing/customers" in description


def test_without_a_limit_there_is_no_job_that_removes_anything(stage: Stage) -> None:
    definitions = build_definitions(stage.settings)
    assert JOB not in {job.name for job in definitions.get_repository_def().get_all_jobs()}
    assert JOB not in {one.name for one in definitions.schedules or []}
    stage.environment["MEWS_LANDING_DAYS"] = "30"
    limited = build_definitions(stage.settings)
    assert JOB in {one.name for one in limited.schedules or []}
