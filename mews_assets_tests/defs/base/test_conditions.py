"""Conditions: that an evaluation reads as sentences in the UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.defs.base.conditions import AUTOMATION, OlderThanDeps
from mews_assets.defs.build import build_definitions
from mews_assets.settings import read_settings

EVERY = {"MEWS_START_DATE": "2025-03-07", "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES)}
DEFINITIONS = build_definitions(read_settings({**EVERY, "MEWS_PUBLISH": "delta"}))
CONDITIONS = {
    condition.get_label() or "": condition
    for node in DEFINITIONS.resolve_asset_graph().asset_nodes
    if (condition := node.automation_condition) is not None
}


def parts(condition: dg.AutomationCondition[Any]) -> Iterator[dg.AutomationCondition[Any]]:
    yield condition
    for child in condition.children:
        yield from parts(child)


@pytest.mark.parametrize("label", sorted(CONDITIONS))
def test_every_part_of_a_condition_is_labelled(label: str) -> None:
    unlabelled = [
        part.name
        for part in parts(CONDITIONS[label])
        if not part.get_label() and not isinstance(part, OlderThanDeps)
    ]
    assert unlabelled == []


def test_the_sensor_evaluates_where_our_condition_is_known() -> None:
    sensor = DEFINITIONS.resolve_sensor_def(AUTOMATION)
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert sensor._use_user_code_server
