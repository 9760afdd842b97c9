"""Dagster's storage in a real Postgres: what is written into its tables directly is read like what Dagster writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

pytest.importorskip("dagster_postgres")
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from mews_assets import catalog
from mews_assets.defs.assets.run_retention import CodeLocation, delete_old
from mews_assets.defs.base import event_tables
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import stage_of
from mews_assets_tests.services.servers import running_postgres

pytestmark = pytest.mark.services

ASSET = dg.AssetKey(["changes", "payments"])
OTHER = dg.AssetKey(["changes", "by_dagster"])
PAYMENTS = catalog.table("payments")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_postgres() as found:
        yield found


@pytest.fixture
def instance(address: str) -> Iterator[dg.DagsterInstance]:
    """An instance whose storage is empty."""
    with dg.instance_for_test({"storage": {"postgres": {"postgres_url": address}}}) as made:
        made.wipe()
        made.event_log_storage.wipe()
        made.run_storage.wipe()
        yield made


def materialisations(asset: dg.AssetKey, count: int) -> list[dg.AssetMaterialization]:
    return [
        dg.AssetMaterialization(asset, partition=f"hotel|{number:04}", metadata={"rows": number})
        for number in range(count)
    ]


def columns(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[tuple[object, ...]]:
    """The rows of an asset's events, without what differs from one event to the next."""
    table = SqlEventLogStorageTable
    storage = event_tables.require_sql_storage(instance, "")
    with storage.index_connection() as connection:
        rows = connection.execute(
            sa.select(table.c.run_id, table.c.dagster_event_type, table.c.step_key, table.c.partition)
            .where(table.c.asset_key == asset.to_string())
            .order_by(table.c.id)
        ).fetchall()
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("count", [1, 2, 501])
def test_many_events_are_stored_as_dagster_stores_single_ones(
    instance: dg.DagsterInstance, count: int
) -> None:
    events = materialisations(ASSET, count)
    assert event_tables.store_materialisations(instance, events) == count
    assert instance.get_materialized_partitions(ASSET) == {str(event.partition) for event in events}
    records = instance.fetch_materializations(ASSET, limit=count + 1).records
    assert [record.asset_materialization for record in records] == events[::-1]
    latest = instance.get_latest_materialization_event(ASSET)
    assert latest is not None
    assert latest.asset_materialization == events[-1]
    if count < 3:
        for event in materialisations(OTHER, count):
            instance.report_runless_asset_event(event)
        assert columns(instance, ASSET) == columns(instance, OTHER)


def test_a_run_that_makes_many_partitions_stores_them_together(instance: dg.DagsterInstance) -> None:
    @dg.asset(key=ASSET, partitions_def=dg.StaticPartitionsDefinition([f"hotel|{n:04}" for n in range(120)]))
    def made(context):  # type: ignore[no-untyped-def] # Dagster reads annotations, and no texts of them
        yield from event_tables.store_in_run(context, materialisations(ASSET, 120))
        yield dg.Output(None)

    result = dg.materialize([made], partition_key="hotel|0000", instance=instance)  # type: ignore[list-item]
    assert result.success
    keys = {event.partition for event in materialisations(ASSET, 120)}
    assert instance.get_materialized_partitions(ASSET) == keys
    assert {key for _, key in event_tables.materialised_in(instance, result.run_id)} == keys
    # The op yields one of them itself, so not all are in what the run wrote.
    assert len(result.asset_materializations_for_node("changes__payments")) < 10


def test_many_together_take_less_time_than_one_by_one(instance: dg.DagsterInstance) -> None:
    def seconds(asset: dg.AssetKey, together: bool) -> float:
        began = time.process_time()
        if together:
            event_tables.store_materialisations(instance, materialisations(asset, 200))
        else:
            for event in materialisations(asset, 200):
                instance.report_runless_asset_event(event)
        return time.process_time() - began

    alone, together = seconds(OTHER, together=False), seconds(ASSET, together=True)
    print(f"CPU of 200 events on Postgres: {alone / 0.2:.2f} ms each alone, {together / 0.2:.2f} ms together")
    assert together < alone / 4


def test_runs_land_and_old_ones_go_and_what_is_materialised_stays_known(
    instance: dg.DagsterInstance, mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(mews, instance, tmp_path, monkeypatch, MEWS_TABLES="payments")
    keys = stage.keys()
    ours = (PLAIN.landing(PAYMENTS), PLAIN.changes(PAYMENTS))
    for _ in range(2):
        assert stage.run("payments", keys).success
    location = CodeLocation(None, frozenset({"payments"}), frozenset(ours))
    assert delete_old(instance, location, datetime.now(UTC) + timedelta(days=1)) == 2
    assert instance.get_runs() == []
    for key in ours:
        assert instance.get_materialized_partitions(key) == set(keys)
        assert len(instance.fetch_materializations(key, limit=1000).records) == len(keys)
    event_tables.delete_events_without_run(instance, ours, datetime.now(UTC) + timedelta(days=1))
    assert instance.get_materialized_partitions(ours[1]) == set(keys)
