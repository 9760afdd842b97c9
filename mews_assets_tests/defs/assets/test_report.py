"""Events as they are stored: how many bytes one takes, of which its metadata, and where the shared facts stand."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog import partners
from mews_assets.defs.base.asset_specs import changes_key, landing_key
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import Stage

METADATA_BYTES = 1500
EVENT_BYTES = 2750
"""With the step, op, run and process that Dagster adds to every event: 1.2 KB."""


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
        for key in (landing_key(one), changes_key(one)):
            texts = stored(stage.instance, key)
            assert len(texts) == len(stage.keys())
            for text in texts:
                assert len(text) < EVENT_BYTES
                assert len(json.dumps(metadata_of(text))) < METADATA_BYTES
                assert "request_id" not in text and "export_id" not in text and "connection" not in text
