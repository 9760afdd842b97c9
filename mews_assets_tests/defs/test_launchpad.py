"""The launchpad: every field of a run's config says what it is for, with an example."""

from __future__ import annotations

import re
from collections.abc import Iterator

import dagster as dg

from mews_assets import catalog
from mews_assets.defs.build import build_definitions
from mews_assets.settings import read_settings

EVERY = {
    "MEWS_START_DATE": "2025-03-07",
    "MEWS_PUBLISH": "delta",
    "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES),
}
DAGSTERS = {"io_manager"}
"""Resources whose config is Dagster's own."""


def described(path: str, config_type: dg.ConfigType) -> Iterator[tuple[str, str]]:
    """The descriptions of all fields, nested ones too, by path. (A text may also be `env: NAME`: Dagster's own.)"""
    if (inner := getattr(config_type, "inner_type", None)) is not None:
        yield from described(path, inner)
    for name, field in (getattr(config_type, "fields", None) or {}).items():
        yield f"{path}.{name}", field.description or ""
        yield from described(f"{path}.{name}", field.config_type)


def fields() -> dict[str, str]:
    found: dict[str, str] = {}
    for job in build_definitions(read_settings(EVERY)).get_repository_def().get_all_jobs():
        ops = {node.name: node for node in job.all_node_defs if isinstance(node, dg.OpDefinition)}
        resources = {name: one for name, one in job.resource_defs.items() if name not in DAGSTERS}
        for name, definition in {**ops, **resources}.items():
            if definition.has_config_field and name not in found:
                found.update(described(name, definition.config_schema.config_type))
    return found


FIELDS = fields()


def test_the_fields_of_ops_and_resources_are_found() -> None:
    assert {"pull_payments.partitions", "pull_payments.exports.scopes", "lake.window"} <= FIELDS.keys()
    assert {"mews.connections.access_token_variable", "snapshot_payments.from_landing"} <= FIELDS.keys()


def test_every_field_has_a_description_and_an_example() -> None:
    assert [name for name, text in FIELDS.items() if not re.search(r"\S.*\bExample: \S", text)] == []


def test_what_only_the_sensor_sets_says_so() -> None:
    of_sensor = {name: text for name, text in FIELDS.items() if ".exports" in name}
    assert all(text.startswith("Set by the sensor: ") for text in of_sensor.values())
