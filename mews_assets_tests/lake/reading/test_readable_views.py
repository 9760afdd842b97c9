"""Names joined to ids: no row is lost or repeated, and what is joined follows from the catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.columns import string
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing.reference_rows import reference_schema
from mews_assets.lake.reading.readable_views import name_columns, readable_query
from mews_assets.lake.reading.sql_views import query, write_catalog
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.parquet import plain
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, item, land

RECORDS: dict[str, list[dict[str, Any]]] = {
    "enterprises": [{"id": NORTH, "name": "The Lantern"}],
    "services": [
        {"id": "s1", "names": '{"fr-FR":"Chambres","en-GB":"Rooms"}'},
        {"id": "s2", "names": "{}"},
    ],
    "products": [{"id": "p1", "names": '{"en-GB":"Breakfast"}'}, {"id": "p2", "names": '{"en-GB":"Bike"}'}],
    # A file with a row too many must not repeat rows of the table.
    "accounting_categories": [{"id": "c1", "name": "Food"}, {"id": "c1", "name": "Meals"}],
}


def put(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    reference = next(one for one in REFERENCES if one.name == name)
    file = folder / layout.reference_file(name)
    file.parent.mkdir(parents=True)
    schema = plain(reference_schema(reference))
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    pq.write_table(pa.table(columns, names=schema.names), file)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("named") / "lake"
    lake = open_lake(str(folder), Grain.DAILY)
    product = {"Discriminator": "Product", "Product": {"ProductId": "p1", "AgeCategoryId": "g1"}}
    rebate = {"Discriminator": "Rebate", "Rebate": {"ProductId": "p2", "RebatedItemId": "a"}}
    records = [
        item("a", at(2), ServiceId="s1", AccountingCategoryId="c1", Data=product),
        item("b", at(2), ServiceId="s2", AccountingCategoryId="unknown", Data=rebate),
        item("c", at(2), ServiceId="unknown"),
        item("s", at(2), SOUTH, ServiceId="s1"),
    ]
    land(lake, ORDER_ITEMS, records, days(2, 3), scopes=(NORTH, SOUTH))
    merge(lake, ORDER_ITEMS, threads=1)
    for scope in (NORTH, SOUTH):
        update_current(lake, ORDER_ITEMS, scope, threads=1)
    for name, rows in RECORDS.items():
        put(folder, name, rows)
    return lake


NAMES = "SELECT id, hotel, service, accounting_category, product FROM readable.order_items ORDER BY id"
WANTED = [
    ("a", "The Lantern", "Rooms", "Food", "Breakfast"),
    ("b", "The Lantern", None, None, "Bike"),
    ("c", "The Lantern", None, None, None),
    ("s", None, "Rooms", None, None),
]


def ask(lake: Lake, text: str) -> list[tuple[object, ...]]:
    with query(lake, text) as result:
        return list(result.fetchall())


def test_each_row_stands_once_with_the_names_of_what_it_refers_to(lake: Lake) -> None:
    assert ask(lake, NAMES) == WANTED


def test_the_columns_of_the_current_table_come_first_and_unchanged(lake: Lake) -> None:
    own = ask(lake, "DESCRIBE current.order_items")
    assert ask(lake, "DESCRIBE readable.order_items")[: len(own)] == own


def test_the_catalog_file_has_the_names_in_its_folder_and_attached_elsewhere(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalog(lake)
    monkeypatch.chdir(lake.root)
    with duckdb.connect(layout.catalog_file(), read_only=True) as connection:
        assert connection.sql(NAMES).fetchall() == WANTED
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{layout.catalog_file()}' AS mews (READ_ONLY)")
        assert connection.sql(NAMES.replace("readable.", "mews.readable.")).fetchall() == WANTED


def test_names_of_reference_tables_that_are_not_in_the_lake_are_null(lake: Lake) -> None:
    text = (
        "SELECT count(*), count(data.product.age_category_id), count(age_category) FROM readable.order_items"
    )
    assert ask(lake, text) == [(4, 1, 0)]
    assert ask(lake, "SELECT count(*), count(outlet) FROM readable.outlet_bills") == [(0, 0)]


def named(table: Table) -> dict[str, tuple[str, list[str]]]:
    return {
        column.name: (column.reference.name, [".".join(path) for path in column.paths])
        for column in name_columns(table)
    }


def test_order_items_and_reservations_are_named_as_the_catalog_refers() -> None:
    assert named(ORDER_ITEMS) == {
        "hotel": ("enterprises", ["enterprise_id"]),
        "service": ("services", ["service_id"]),
        "accounting_category": ("accounting_categories", ["accounting_category_id"]),
        "product": ("products", ["data.rebate.product_id", "data.product.product_id"]),
        "age_category": ("age_categories", ["data.product.age_category_id"]),
    }
    reservations = named(catalog.table("reservations"))
    assert {"hotel", "service", "rate", "business_segment"} <= set(reservations)


def wider(*columns: tuple[str, str]) -> Table:
    added = [string(name, "Something.", refers_to=target) for name, target in columns]
    return replace(ORDER_ITEMS, columns=(*ORDER_ITEMS.columns, *added))


def test_a_new_reference_in_the_catalog_makes_a_column() -> None:
    new = {name: of for name, of in named(wider(("SoldAtId", "outlets"))).items() if name == "sold_at"}
    assert new == {"sold_at": ("outlets", ["sold_at_id"])}


def test_a_name_that_a_column_has_already_gets_name_at_its_end() -> None:
    found = named(wider(("NotesId", "outlets"), ("NotesCode", "countries")))
    assert found["notes_name"] == ("outlets", ["notes_id"])
    assert found["notes_name_name"] == ("countries", ["notes_code"])


def test_an_explicit_reference_to_enterprises_does_not_make_a_second_hotel() -> None:
    columns = tuple(
        replace(column, refers_to="enterprises") if column.name == "EnterpriseId" else column
        for column in ORDER_ITEMS.columns
    )
    assert named(replace(ORDER_ITEMS, columns=columns)) == named(ORDER_ITEMS)


def test_tables_with_several_rows_per_id_or_without_a_name_are_not_joined() -> None:
    daily = tuple(replace(one, daily=True) if one.name == "services" else one for one in REFERENCES)
    assert "service" not in [column.name for column in name_columns(ORDER_ITEMS, daily)]
    assert readable_query(ORDER_ITEMS, [one for one in REFERENCES if one.name == "rules"]) is None
