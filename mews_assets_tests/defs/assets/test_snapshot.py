"""Snapshots in Dagster: what is older than the first window becomes current, when somebody wants it and only then."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from mews_assets import catalog
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.assets.snapshot import SNAPSHOT_CHECKS
from mews_assets.defs.build import build_definitions
from mews_assets.lake.storage import layout
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.settings import read_settings
from mews_assets.windows import from_api
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import Looks, add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import (
    DAYS,
    Stage,
    evaluations,
    failure_of,
    materialisations,
)

PAYMENTS, COMPANIES = catalog.table("payments"), catalog.table("companies")
START = {"MEWS_START_DATE": "2025-03-07"}
EVERY = {"MEWS_START_DATE": "2025-03-07", "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES)}
GRAPH = build_definitions(read_settings(EVERY)).resolve_asset_graph()
WITHOUT = {"ledger_entries", "product_service_orders", "outlet_items", "outlet_bills"}


def truth(stage: Stage, table: Table, scope: str) -> dict[str, Any]:
    """Every record of a scope as the sandbox has it."""
    question = RecordQuery(table.entity, stage.mews.sandbox.clock.now_us(), {scope})
    return {one["Id"]: one for one in map(json.loads, stage.mews.sandbox.store.records(question))}


def is_stale(stage: Stage) -> bool:
    """Whether the UI shows the current table as not up to date."""
    graph = build_definitions(stage.settings).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(stage.instance, graph, LoadingContextForTest(stage.instance))
    return resolver.get_status(PLAIN.current(PAYMENTS)) is StaleStatus.STALE


def current(stage: Stage, table: Table, scope: str) -> dict[str, Any]:
    path = stage.lake.path(layout.current_file(table.name, scope))
    return {row["id"]: row for row in pq.read_table(path, partitioning=None).to_pylist()}


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_a_table_has_a_snapshot_where_an_export_can_do_without_a_window(table: Table) -> None:
    is_expected = isinstance(table.fetch, Export) and table.name not in WITHOUT
    assert GRAPH.has(PLAIN.snapshot(table)) == is_expected
    if not is_expected:
        return
    node = GRAPH.get(PLAIN.snapshot(table))
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name=PLAIN.scope_set(table.scope))
    assert node.automation_condition is None  # never by itself
    assert node.freshness_policy is None
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.pools == {f"mews_snapshot_{table.name}"}
    assert node.group_name == "snapshot"
    checks = {key.name for key in GRAPH.asset_check_keys if key.asset_key == PLAIN.snapshot(table)}
    assert checks == {check.name for check in SNAPSHOT_CHECKS}


def test_a_table_fetched_by_pages_has_none() -> None:
    graph = build_definitions(read_settings({**START, "MEWS_FETCH": "pages"})).resolve_asset_graph()
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == layout.SNAPSHOT]
    assert graph.get(PLAIN.current(PAYMENTS)).parent_keys == {dg.AssetKey(["changes", "payments"])}


@pytest.fixture
def looks(stage: Stage) -> Looks:
    """The first window is the last day's: what was last updated on the days before is in none."""
    stage.environment.update(MEWS_START_DATE=DAYS[1], MEWS_TABLES="payments")
    add_scopes(stage)
    return Looks(stage)


@pytest.mark.slow
def test_what_was_last_updated_before_the_start_is_current_after_a_snapshot_and_only_then(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprises
    assert looks.look() == {}
    assert stage.run("payments", stage.keys(days=DAYS[1:])).success
    # There is no snapshot, and nothing fails or waits for one.
    assert looks.look() == {"payments": set(stage.enterprise_keys)}
    assert not is_stale(stage)
    expected = {scope: truth(stage, PAYMENTS, scope) for scope in (north, south)}
    before = {scope: current(stage, PAYMENTS, scope) for scope in (north, south)}
    for scope, rows in before.items():
        early = {name for name, one in expected[scope].items() if one["UpdatedUtc"] < DAYS[1]}
        assert early
        assert not early & set(rows)

    result = snapshot_run(stage, PAYMENTS, north, south)
    assert result.success
    told = materialisations(result, PLAIN.snapshot(PAYMENTS))
    assert {scope: one["dagster/partition_row_count"] for scope, one in told.items()} == {
        scope: one["lines"] for scope, one in told.items()
    }
    assert evaluations(result, PLAIN.snapshot(PAYMENTS)) == {
        (check.name, None): True for check in SNAPSHOT_CHECKS
    }
    assert current(stage, PAYMENTS, north) == before[north]
    assert looks.look() == {"payments": set(stage.enterprise_keys)}
    for scope in (north, south):
        rows = current(stage, PAYMENTS, scope)
        assert {
            name: (row["updated_utc"], row["amount"]["gross_value"], row["state"])
            for name, row in rows.items()
        } == {
            name: (from_api(one["UpdatedUtc"]), one["Amount"]["GrossValue"], one["State"])
            for name, one in expected[scope].items()
        }
        with capsys.disabled():
            print(f"\npayments of one hotel in current: {len(before[scope])} before, {len(rows)} after")
    assert looks.look() == looks.look() == {}


@pytest.mark.slow
def test_companies_that_no_window_holds_are_current_by_chain(stage: Stage) -> None:
    add_scopes(stage)
    (chain,) = stage.chains
    assert stage.run("companies", stage.keys(stage.chains)).success
    assert fold_run(stage, COMPANIES, chain).success
    assert current(stage, COMPANIES, chain) == {}
    assert snapshot_run(stage, COMPANIES, tags={"dagster/partition": stage.key(chain)}).success
    folded = fold_run(stage, COMPANIES, chain)
    metadata = materialisations(folded, PLAIN.current(COMPANIES))[stage.key(chain)]
    assert (metadata["windows"], metadata["files_read"], metadata["has_snapshot"]) == (len(DAYS), 1, True)
    assert set(current(stage, COMPANIES, chain)) == set(truth(stage, COMPANIES, chain)) != set()


@pytest.mark.slow
def test_a_snapshot_that_fails_says_so_and_its_neighbour_stands(stage: Stage) -> None:
    add_scopes(stage)
    north, south = stage.enterprises
    assert snapshot_run(stage, PAYMENTS, north, south).success
    path = stage.lake.path(layout.snapshot_file("payments", north))
    before = pq.read_table(path, partitioning=None)
    stage.mews.plan_fault("exports/add", status=403, times=1)
    result = snapshot_run(stage, PAYMENTS, north, south)
    assert not result.success
    assert set(materialisations(result, PLAIN.snapshot(PAYMENTS))) == {stage.key(south)}
    failure = failure_of(result).user_failure_data
    assert failure.metadata["failed_partitions"].value == [stage.key(north)]
    assert failure.metadata["retryable"].value is False
    assert "status 403" in failure.description
    assert pq.read_table(path, partitioning=None) == before
    assert fold_run(stage, PAYMENTS, north).success


@pytest.mark.slow
def test_a_snapshot_is_made_again_from_what_landed_without_asking_mews(stage: Stage) -> None:
    add_scopes(stage)
    north, _ = stage.enterprises
    assert snapshot_run(stage, PAYMENTS, north).success
    assert fold_run(stage, PAYMENTS, north).success
    before = current(stage, PAYMENTS, north)
    stage.lake.delete(layout.snapshot_file("payments", north))
    stage.mews.reset()
    assert snapshot_run(stage, PAYMENTS, north, from_landing=True).success
    assert stage.mews.requests()["Counts"] == {}
    assert fold_run(stage, PAYMENTS, north).success
    assert current(stage, PAYMENTS, north) == before
