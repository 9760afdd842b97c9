"""What a run wants, however it was launched."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest

from mews_assets.defs.assets.requested_partitions import (
    BACKFILL_TAG,
    PartitionsConfig,
    export_config,
    read_requested_partitions,
)
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.ingest.plan import Pull
from mews_assets.ingest.scope_keys import ScopeKeys
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Grain, Window, from_api
from mews_assets_tests.defs.runs import add_scopes
from mews_assets_tests.defs.stage import RANGE_END, RANGE_START, Stage, failure_of

KEY = dg.AssetKey(["changes", "payments"])
KEYS = PartitionKeys(ScopeKeys({}), Grain.DAILY)
WINDOW = Window(from_api("2026-03-01T00:00:00Z"), from_api("2026-03-04T00:00:00Z"))
ASKED = LoggedExport("x", "one", "payments", ("a", "b"), WINDOW, datetime(2026, 3, 5, 1, 2, 3, 4, tzinfo=UTC))


def test_an_export_goes_through_run_config_and_back_with_all_its_partitions() -> None:
    config = PartitionsConfig.model_validate({"exports": [export_config(ASKED)]})
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition="a|2026-03-02"))
        context: Any = SimpleNamespace(instance=instance)
        wanted = read_requested_partitions(context, config, KEY, KEYS, str)
    assert [(one.scope, one.key(Grain.DAILY)) for one in wanted.again] == [("a", "2026-03-02")]
    assert wanted.pulls == [Pull("one", ("a", "b"), WINDOW)]
    assert {(one.scope, one.key(Grain.DAILY)) for one in wanted.partitions} == {
        (scope, f"2026-03-0{day}") for scope in "ab" for day in (1, 2, 3)
    }
    assert wanted.landed_since == ASKED.asked_at, "to the microsecond: its own capture counts as landed"
    assert not wanted.by_our_clock


def test_keys_in_run_config_are_wanted_as_they_are_and_asked_for_even_if_they_landed() -> None:
    config = PartitionsConfig(partitions=["a|2026-03-01", "b|2026-03-03"])
    wanted = read_requested_partitions(cast(Any, None), config, KEY, KEYS, str)
    assert [(one.scope, one.key(Grain.DAILY)) for one in wanted.partitions] == [
        ("a", "2026-03-01"),
        ("b", "2026-03-03"),
    ]
    assert (wanted.also, wanted.landed_since, wanted.pulls) == ([], None, None)


@pytest.mark.parametrize("key", ["2026-03-01", "|2026-03-01", "a|2026-03-01T05", "a|yesterday"])
def test_a_key_that_is_none_is_refused_by_name(key: str) -> None:
    with pytest.raises(ValueError, match=r"partition key|window key|start of"):
        read_requested_partitions(cast(Any, None), PartitionsConfig(partitions=[key]), KEY, KEYS, str)


def test_a_run_that_names_nothing_says_how_to_name_something(stage: Stage) -> None:
    result = stage.run("payments")
    assert "names no partitions" in failure_of(result).user_failure_data.description


def test_a_range_of_a_backfill_that_is_gone_is_pulled_by_itself(stage: Stage) -> None:
    add_scopes(stage)
    keys = stage.keys(stage.enterprises[:1])
    tags = {RANGE_START: keys[0], RANGE_END: keys[-1], BACKFILL_TAG: "gone"}
    assert stage.run("payments", tags=tags).success
    assert stage.instance.get_materialized_partitions(KEY) == set(keys)
