"""A backfill from the UI through the real daemon: Dagster's runs share one export, and fail singly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.defs.base.partitions import join_key
from mews_assets.sandbox.running import Simulated, running_sandbox
from mews_assets_tests.defs.daemon import Home, home_of, running_daemon

pytestmark = pytest.mark.xdist_group("daemon")


@pytest.mark.slow
def test_the_runs_of_a_backfill_share_one_export_also_with_holes_and_one_that_fails_fails_alone(
    tmp_path: Path,
) -> None:
    """Order items of two hotels with a hole come by one export. Adjustments take one each: one is refused."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [f"{today - timedelta(days=day):%Y-%m-%d}" for day in (5, 4, 2)]
    with (
        running_sandbox(
            Simulated(hotels=2, days=6), now=today + timedelta(hours=12), export_seconds=0
        ) as mews,
        home_of(
            mews, tmp_path, MEWS_START_DATE=days[0], MEWS_TABLES="order_items,availability_adjustments"
        ) as home,
    ):
        hotels = home.discover()
        keys = {join_key(hotel, day) for hotel in hotels for day in days}
        one_hole_less = keys - {join_key(hotels[1], days[0])}
        mews.reset()
        with running_daemon(home):
            items = home.backfill("order_items", sorted(one_hole_less))
            assert home.wait_for_backfill(items, 240) == "COMPLETED_SUCCESS"
            assert len(home.runs_of(items)) > 2, "Dagster makes a run for each unbroken line"
            assert mews.requests()["Counts"]["exports/add"] == 1
            for layer in ("landing", "changes"):
                assert home.materialised(layer, "order_items") == one_hole_less
            assert {key: _runs_named(home, key) for key in one_hole_less} == dict.fromkeys(one_hole_less, 1)

            refused, refused_hotel = mews.sandbox.exports.add, list(mews.sandbox.store.enterprises())[1]

            def add(access, body):  # type: ignore[no-untyped-def]
                if body["Scope"]["EnterpriseIds"] == [refused_hotel]:
                    body["Filters"]["UpdatedUtc"]["EndUtc"] = "in a while"
                return refused(access, body)

            mews.sandbox.exports.add = add  # type: ignore[method-assign]
            adjusted = home.backfill("availability_adjustments", sorted(keys))
            assert home.wait_for_backfill(adjusted, 240) == "COMPLETED_FAILED"
        assert home.materialised("changes", "availability_adjustments") == {
            key for key in keys if hotels[0] in key
        }
        for run in home.runs_of(adjusted):
            is_refused = run.tags["dagster/asset_partition_range_start"].startswith(hotels[1])
            expected = dg.DagsterRunStatus.FAILURE if is_refused else dg.DagsterRunStatus.SUCCESS
            assert run.status is expected


def _runs_named(home: Home, key: str) -> int:
    """How many runs are named as having landed a partition's captures, in its newest event."""
    records = home.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["landing", "order_items"]), asset_partitions=[key]), limit=1
    ).records
    made = records[0].asset_materialization
    assert made is not None and made.metadata["dagster/partition_row_count"].value is not None
    landed_by = made.metadata.get("landed_by_run")
    return len(str(landed_by.value).split(", ")) if landed_by else 1
