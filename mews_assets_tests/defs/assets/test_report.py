"""Events as they are stored: how many bytes one takes, of which its metadata, and where the shared facts stand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog import partners
from mews_assets.defs.base import event_tables
from mews_assets.defs.base.event_tables import materialised_in
from mews_assets.defs.local.launch import summarise
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import Stage, materialisations

METADATA_BYTES = 1500
EVENT_BYTES = 2800
"""With the step, op, run and process that Dagster adds to every event: 1.2 KB, and the test's own folder."""


def stored(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """The text that the storage holds of each materialisation of an asset."""
    records = instance.fetch_materializations(key, limit=100).records
    return [dg.serialize_value(record.event_log_entry) for record in records]


def metadata_of(text: str) -> list[dict[str, Any]]:
    data = json.loads(text)["dagster_event"]["event_specific_data"]
    found: list[dict[str, Any]] = data["materialization"]["metadata_entries"]
    return found


@pytest.mark.parametrize("table", ["order_items", "outlet_items"])
def test_a_materialisation_takes_few_bytes_in_the_storage(stage: Stage, table: str) -> None:
    """Measured on the texts that are stored, of a lake whose path is as long as paths are in practice."""
    add_scopes(stage)
    assert stage.run(table, stage.keys()).success
    for one in partners(catalog.table(table)):
        for key in (PLAIN.landing(one), PLAIN.changes(one)):
            texts = stored(stage.instance, key)
            assert len(texts) == len(stage.keys())
            for text in texts:
                assert len(text) < EVENT_BYTES
                assert len(json.dumps(metadata_of(text))) < METADATA_BYTES
                assert "request_id" not in text and "export_id" not in text and "connection" not in text


@pytest.mark.slow
def test_many_partitions_of_a_run_are_stored_together_and_read_as_if_each_had_been_yielded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rows to a transaction; status, the asset's record and the run's own log are complete."""
    add_scopes(stage)
    monkeypatch.setattr(event_tables, "MANY", 3)
    monkeypatch.setattr(event_tables, "ROWS_AT_ONCE", 3)
    payments = catalog.table("payments")
    with dg.instance_for_test() as instance:
        staged = replace(stage, instance=instance)
        together = staged.run("payments", stage.keys())
        assert together.success
        for key in (PLAIN.landing(payments), PLAIN.changes(payments)):
            assert instance.get_materialized_partitions(key) == set(stage.keys())
            yielded = [event for event in together.all_events if event.is_step_materialization]
            assert len([event for event in yielded if event.asset_key == key]) == 1
            record = instance.get_latest_materialization_event(key)
            assert record is not None and record.run_id == together.run_id
            stored = instance.fetch_materializations(key, limit=100).records
            assert sorted(str(one.partition_key) for one in stored) == sorted(stage.keys())
            assert {one.event_log_entry.step_key for one in stored} == {"pull_payments"}
            assert {one.run_id for one in stored} == {together.run_id}
            assert all("captures" in one.asset_materialization.metadata for one in stored)  # type: ignore[union-attr]
        layers = (PLAIN.landing(payments), PLAIN.changes(payments))
        keys = stage.keys()
        written = {(layer, key) for layer in layers for key in keys}
        assert materialised_in(instance, together.run_id) == written
        assert summarise("payments", together, instance, PLAIN).partitions == len(stage.keys())


@pytest.mark.slow
def test_rows_that_stood_before_say_why_they_name_another_capture_than_the_event(stage: Stage) -> None:
    add_scopes(stage)
    key = stage.keys()[0]
    events = []
    for _ in range(2):
        result = stage.run("payments", [key])
        events.append(materialisations(result, PLAIN.changes(catalog.table("payments")))[key])
    first, again = events
    assert "rows_kept" not in first
    assert again["captures"] != first["captures"]
    assert again["rows_kept"].startswith(f"{first['dagster/partition_row_count']} rows stood before: ")
