"""dbt's sources: asset keys, tests that follow from the catalog, and folders that dbt cannot be given."""

from __future__ import annotations

from typing import Any

import pytest

from mews_assets import catalog
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.lake.errors import LakeError
from mews_assets.marts import MARTS
from mews_assets.publish.dbt_sources import SourceOptions, lake_sources, warehouse_sources


def sources(**chosen: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """The tables of the lake's sources, by source and name."""
    document = lake_sources(
        "/srv/lake", chosen.get("tables", catalog.TABLES), REFERENCES, SourceOptions(lambda _: 30)
    )
    return {
        source["name"]: {table["name"]: table for table in source["tables"]} for source in document["sources"]
    }


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in table["columns"] if found["name"] == name)


def dbt_tests(table: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """The tests of a column by name, with their arguments."""
    found = column(table, name).get("data_tests", [])
    return {test: {} for test in found if isinstance(test, str)} | {
        name: test[name] for test in found if isinstance(test, dict) for name in test
    }


def test_every_table_is_a_source_under_the_key_of_its_asset() -> None:
    found = sources()
    assert set(found["current"]) == {table.name for table in catalog.TABLES}
    assert set(found["reference"]) == {reference.name for reference in REFERENCES}
    assert set(found["marts"]) == {mart.name for mart in MARTS}
    for source, tables in found.items():
        for name, table in tables.items():
            assert table["config"]["meta"]["dagster"]["asset_key"] == [source, name]
            assert table["description"] and all(
                one["description"] for one in table["columns"] if "config" in one
            )


def test_the_assets_are_named_with_the_prefix_of_the_settings() -> None:
    options = SourceOptions(lambda _: 30, ("hotels", "london"))
    for document in (
        lake_sources("/srv/lake", catalog.TABLES, REFERENCES, options),
        warehouse_sources("raw", catalog.TABLES, REFERENCES, options),
    ):
        tables = [table for source in document["sources"] for table in source["tables"]]
        keys = {tuple(table["config"]["meta"]["dagster"]["asset_key"]) for table in tables}
        assert {key[:2] for key in keys} == {("hotels", "london")}
        assert ("hotels", "london", "current", "payments") in keys


def test_the_columns_are_those_of_the_files() -> None:
    payments = sources()["current"]["payments"]
    names = [one["name"] for one in payments["columns"]]
    kept = [one.field_name for one in catalog.table("payments").kept_columns]
    assert names == [*kept, "_landing_id", "_captured_at_utc", "_window_utc", "_exact_numbers"]


def test_an_id_is_unique_and_what_refers_to_a_table_is_in_it() -> None:
    items = sources()["current"]["order_items"]
    assert set(dbt_tests(items, "id")) == {"unique", "not_null"}
    link = dbt_tests(items, "service_id")["relationships"]
    assert link["arguments"] == {"to": "source('reference', 'services')", "field": "id"}
    assert link["config"] == {"severity": "warn"}


def test_what_refers_to_a_table_that_is_not_fetched_is_not_tested() -> None:
    """dbt stops at a source that it does not know."""
    every, some = sources(), sources(tables=catalog.tables(["payments", "order_items"]))
    assert "relationships" in dbt_tests(every["current"]["payments"], "bill_id")
    assert "relationships" not in dbt_tests(some["current"]["payments"], "bill_id")
    assert "relationships" in dbt_tests(some["current"]["order_items"], "service_id")


def test_a_new_value_of_mews_warns_and_a_personal_column_may_be_empty() -> None:
    state = dbt_tests(sources()["current"]["payments"], "state")["accepted_values"]
    assert "Charged" in state["arguments"]["values"] and state["config"] == {"severity": "warn"}
    name = column(sources()["current"]["customers"], "last_name")
    assert "data_tests" not in name and name["config"]["meta"] == {"personal": True}


def test_in_a_warehouse_all_tables_are_of_one_schema_and_link_within_it() -> None:
    (source,) = warehouse_sources("raw_mews", catalog.TABLES, REFERENCES, SourceOptions(lambda _: 30))[
        "sources"
    ]
    assert (source["name"], source["schema"]) == ("mews", "raw_mews")
    names = [table["name"] for table in source["tables"]]
    assert len(names) == len(set(names)) == len(catalog.TABLES) + len(REFERENCES) + len(MARTS)
    items = next(table for table in source["tables"] if table["name"] == "order_items")
    assert dbt_tests(items, "service_id")["relationships"]["arguments"]["to"] == "source('mews', 'services')"


@pytest.mark.parametrize("lake", ["/srv/a[1]/lake", "/srv/what?/lake", "/srv/*", "/srv/{x}", "/srv/o'hara"])
def test_a_folder_that_dbt_cannot_be_given_is_refused(lake: str) -> None:
    with pytest.raises(LakeError, match="cannot be named to DuckDB"):
        lake_sources(lake, catalog.TABLES, REFERENCES, SourceOptions(lambda _: 30))
