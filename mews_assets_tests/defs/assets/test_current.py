"""Current tables in Dagster: what a run tells, what follows changes by itself, and what it costs in runs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.alerts.run_facts import PARTITION_TAG
from mews_assets.defs.assets.current import CURRENT_CHECKS
from mews_assets.defs.build import build_definitions
from mews_assets.lake.storage import layout
from mews_assets.settings import read_settings
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import Looks, add_scopes, fold_run
from mews_assets_tests.defs.stage import (
    DAYS,
    Stage,
    evaluations,
    failure_of,
    materialisations,
)

PAYMENTS, ITEMS, CUSTOMERS = (catalog.table(name) for name in ("payments", "order_items", "customers"))
EVERY = {"MEWS_START_DATE": "2025-03-07", "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES)}
GRAPH = build_definitions(read_settings(EVERY)).resolve_asset_graph()


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_table_has_its_current_table_by_scope(table: Table) -> None:
    node = GRAPH.get(PLAIN.current(table))
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name=PLAIN.scope_set(table.scope))
    assert node.parent_keys == {
        PLAIN.changes(table),
        *([PLAIN.snapshot(table)] if table.has_snapshot else []),
    }
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.automation_condition is not None
    assert node.pools
    described = [column.name for column in node.metadata["dagster/column_schema"].columns]
    assert described == [
        column.name for column in GRAPH.get(PLAIN.changes(table)).metadata["dagster/column_schema"].columns
    ]
    checks = {key.name for key in GRAPH.asset_check_keys if key.asset_key == PLAIN.current(table)}
    assert checks == {check.name for check in CURRENT_CHECKS}


@pytest.mark.parametrize("way", ["range tags", "one partition"])
def test_a_run_tells_every_scope_once_with_all_there_is_to_know(stage: Stage, way: str) -> None:
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys()).success
    north, south = scopes = stage.enterprises
    if way == "range tags":
        result = fold_run(stage, PAYMENTS, north, south)
    else:
        result, scopes = fold_run(stage, PAYMENTS, **{"dagster/partition": stage.key(north)}), [north]
    assert result.success
    told = materialisations(result, PLAIN.current(PAYMENTS))
    assert set(told) == set(map(stage.key, scopes))
    for scope in scopes:
        metadata = told[stage.key(scope)]
        rows = pq.read_table(metadata["dagster/uri"], partitioning=None)
        ids = rows.column("id").to_pylist()
        assert ids == sorted(set(ids))
        assert metadata["dagster/partition_row_count"] == metadata["records_new"] == len(ids) > 0
        assert metadata["windows"] == metadata["files_read"] == len(DAYS)
        assert metadata["size_bytes"] == Path(metadata["dagster/uri"]).stat().st_size
        assert metadata["enterprise"].startswith("The ")
        changes = [stage.lake.path(layout.changes_file("payments", scope, day)) for day in DAYS]
        every = {one for path in changes for one in pq.read_table(path, partitioning=None)["id"].to_pylist()}
        assert set(ids) == every
    assert evaluations(result, PLAIN.current(PAYMENTS)) == {
        (check.name, None): True for check in CURRENT_CHECKS
    }


def test_customers_are_current_by_chain(stage: Stage) -> None:
    add_scopes(stage)
    assert stage.run("customers", stage.keys(stage.chains)).success
    result = fold_run(stage, CUSTOMERS, *stage.chains)
    assert result.success
    assert set(materialisations(result, PLAIN.current(CUSTOMERS))) == set(stage.chain_keys)


def test_a_scope_of_which_nothing_landed_fails_alone(stage: Stage) -> None:
    add_scopes(stage)
    north, south = stage.enterprises
    assert stage.run("payments", stage.keys([north])).success
    result = fold_run(stage, PAYMENTS, north, south)
    assert not result.success
    assert set(materialisations(result, PLAIN.current(PAYMENTS))) == {stage.key(north)}
    failure = failure_of(result).user_failure_data
    assert failure.metadata["failed_partitions"].value == [stage.key(south)]
    assert f"changes has no file of {south}" in failure.description


@pytest.mark.slow
def test_a_record_that_is_gone_fails_the_check_and_says_why(stage: Stage) -> None:
    add_scopes(stage)
    (north, _) = stage.enterprises
    assert stage.run("payments", stage.keys([north])).success
    assert fold_run(stage, PAYMENTS, north).success
    stage.lake.delete(layout.changes_file("payments", north, DAYS[0]))
    result = fold_run(stage, PAYMENTS, north)
    verdicts = evaluations(result, PLAIN.current(PAYMENTS))
    assert verdicts == {
        ("none_lost", stage.key(north)): False,
        ("none_lost", None): False,
        ("key_unique", None): True,
    }
    again = evaluations(fold_run(stage, PAYMENTS, north), PLAIN.current(PAYMENTS))
    assert again == {
        ("none_lost", stage.key(north)): True,
        ("none_lost", None): True,
        ("key_unique", None): True,
    }


@pytest.fixture
def looks(stage: Stage) -> Looks:
    stage.environment["MEWS_TABLES"] = "payments,order_items"
    add_scopes(stage)
    return Looks(stage)


@pytest.mark.slow
def test_current_tables_follow_their_changes_in_batches(looks: Looks) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprise_keys
    assert looks.look() == {}
    assert stage.run("payments", stage.keys()).success
    assert looks.look() == {"payments": {north, south}}
    assert looks.look() == {}
    assert stage.run("payments", stage.keys([south], [DAYS[0]])).success
    assert stage.run("order_items", stage.keys([north])).success
    assert looks.look() == {"payments": {south}, "order_items": {north}}
    assert looks.look() == looks.look() == {}


@pytest.mark.slow
def test_what_landed_before_automation_was_turned_on_is_made_once(looks: Looks) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprise_keys
    assert stage.run("payments", stage.keys([north])).success
    assert looks.look() == {"payments": {north}}
    assert looks.look() == {}
    assert stage.run("payments", stage.keys([south])).success
    assert looks.look() == {"payments": {south}}


@pytest.mark.slow
def test_what_changed_since_a_table_was_made_is_followed_when_automation_is_first_turned_on(
    looks: Looks,
) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprise_keys
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    assert fold_run(stage, PAYMENTS, *stage.enterprises).success
    assert stage.run("payments", stage.keys([south], DAYS[1:])).success
    assert looks.look() == {"payments": {south}}
    assert looks.look() == looks.look() == {}
    assert stage.run("payments", stage.keys([north], DAYS[1:])).success
    assert looks.look() == {"payments": {north}}


@pytest.mark.slow
def test_a_run_that_is_still_landing_windows_of_a_hotel_is_followed_once(looks: Looks) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprise_keys
    assert looks.look() == {}
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    job = build_definitions(stage.settings).resolve_job_def("payments")
    going = stage.instance.create_run_for_job(
        job,
        tags={PARTITION_TAG: stage.key(north, DAYS[-1])},
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({PLAIN.changes(PAYMENTS)}),
    )
    assert looks.look() == {"payments": {south}}
    stage.instance.report_run_failed(going)
    assert looks.look() == {"payments": {north}}
    assert looks.look() == {}


@pytest.mark.slow
def test_what_changes_while_a_run_is_going_is_made_after_it(looks: Looks) -> None:
    stage, (north, _) = looks.stage, looks.stage.enterprise_keys
    assert looks.look() == {}
    assert stage.run("payments", stage.keys([north], [DAYS[0]])).success
    assert looks.look(run=False) == {"payments": {north}}
    assert looks.look() == {}
    # The run that was asked for has read the files, and ends after the next day has landed.
    assert stage.run("payments", stage.keys([north], [DAYS[1]])).success
    assert fold_run(stage, PAYMENTS, north).success
    assert looks.look() == {"payments": {north}}
    assert looks.look() == {}


@pytest.mark.slow
def test_what_changes_between_two_looks_after_a_run_was_asked_for_is_made_too(looks: Looks) -> None:
    stage, (north, south) = looks.stage, looks.stage.enterprise_keys
    assert looks.look() == {}
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    assert looks.look(run=False) == {"payments": {north, south}}
    # Before the next look the run that was asked for reads the files, and another day lands for one of them.
    assert fold_run(stage, PAYMENTS, north, south).success
    assert stage.run("payments", stage.keys([north], DAYS[1:])).success
    assert looks.look() == {"payments": {north}}
    assert looks.look() == looks.look() == {}
