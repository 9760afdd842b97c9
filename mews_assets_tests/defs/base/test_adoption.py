"""A fresh Dagster home on a full lake: what stands is reported without asking Mews, once, and nothing is made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.base.adoption import Adopted, adopt
from mews_assets.defs.base.event_tables import store_materialisations
from mews_assets.ingest.directory import load_directory, save_directory
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.keys import PLAIN, directory_with
from mews_assets_tests.defs.runs import Looks, fold_run
from mews_assets_tests.defs.stage import Stage

PAYMENTS = catalog.table("payments")
KEYS = (PLAIN.landing(PAYMENTS), PLAIN.changes(PAYMENTS))


def adopted(stage: Stage) -> Adopted:
    settings = stage.settings
    return adopt(stage.instance, stage.lake, settings, ["daily_revenue"], {})


@pytest.mark.slow
def test_a_fresh_home_knows_all_that_stands_after_one_adoption_and_the_second_reports_nothing(
    stage: Stage,
) -> None:
    stage.environment["MEWS_TABLES"] = "payments,customers"
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys()).success
    assert fold_run(stage, PAYMENTS, *stage.enterprises).success
    with dg.instance_for_test() as instance:
        fresh = replace(stage, instance=instance)
        before = stage.mews.requests()["Counts"]
        found = adopted(fresh)
        assert (found.partitions, found.by_scope, found.whole) == (len(stage.keys()), 2, 1)
        assert found.events == 2 * found.partitions + found.by_scope + found.whole
        for key in KEYS:
            assert instance.get_materialized_partitions(key) == set(stage.keys())
        assert instance.get_materialized_partitions(PLAIN.current(PAYMENTS)) == set(stage.enterprise_keys)
        assert set(instance.get_dynamic_partitions("enterprises")) == set(stage.enterprise_keys)
        status = instance.get_status_by_partition(PLAIN.changes(PAYMENTS), stage.keys(), _partitions(fresh))
        assert status is not None and {one.value for one in status.values() if one} == {"MATERIALIZED"}
        assert adopted(fresh).events == 0
        looks = Looks(fresh)
        assert looks.look() == looks.look() == {}, "current tables are there, and are not made again"
        assert stage.mews.requests()["Counts"] == before
        # What lands from now on is followed as ever.
        assert fresh.run("payments", stage.keys(stage.enterprises[:1])).success


def _partitions(stage: Stage) -> dg.PartitionsDefinition[str]:
    from mews_assets.defs.base.partitions import partitions_of

    settings = stage.settings
    return partitions_of(PAYMENTS.scope, settings.grain, settings.start, PLAIN)


@pytest.mark.parametrize("count", [1, 2, 501])
def test_many_events_are_stored_as_single_ones_are(count: int) -> None:
    asset = PLAIN.changes(PAYMENTS)
    events = [
        dg.AssetMaterialization(asset, partition=f"hotel|{number:04}", metadata={"adopted": True})
        for number in range(count)
    ]
    with dg.instance_for_test() as instance:
        assert store_materialisations(instance, events) == count
        assert instance.get_materialized_partitions(asset) == {str(event.partition) for event in events}
        records = instance.fetch_materializations(asset, limit=count + 1).records
        assert len(records) == count
        assert {str(record.partition_key) for record in records} == {str(event.partition) for event in events}
        assert all(one.asset_materialization.metadata["adopted"].value for one in records)  # type: ignore[union-attr]
        latest = instance.get_latest_materialization_event(asset)
        assert latest is not None and latest.asset_materialization == events[-1]


@pytest.mark.slow
def test_a_scope_that_no_connection_sees_any_more_is_a_partition_all_the_same(
    stage: Stage, tmp_path: Path
) -> None:
    stage.environment["MEWS_TABLES"] = "payments"
    assert stage.run("payments", stage.keys()).success
    north, south = stage.enterprises
    stage.lake.delete(layout.directory_file())
    save_directory(stage.lake, directory_with([stage.directory.enterprises[north]]), datetime.now(UTC))
    with dg.instance_for_test() as instance:
        assert adopted(replace(stage, instance=instance)).scopes == 1
        nameless = f"enterprise-{south[:8]}"
        assert instance.get_dynamic_partitions("enterprises") == [stage.key(north), nameless]
        found = load_directory(stage.lake)
        assert found is not None and found.keys[south] == nameless, "it is kept for good"
