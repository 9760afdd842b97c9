"""Delta tables: the same rows and types as the lake's, one transaction a run, older versions readable until they go."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.publish.delta_tables import (
    DeltaSource,
    describe,
    maintain,
    publish_scopes,
    publish_table,
    republish_current,
)
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, item, land


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    write(lake, [item("a", at(2)), item("b", at(2)), item("s", at(3), SOUTH)])
    return lake


def write(lake: Lake, records: list[dict[str, object]]) -> None:
    land(lake, ORDER_ITEMS, records, days(2, 4), scopes=(NORTH, SOUTH))
    merge(lake, ORDER_ITEMS, threads=1)
    for scope in (NORTH, SOUTH):
        update_current(lake, ORDER_ITEMS, scope, threads=1)


def files(*scopes: str) -> dict[str, str]:
    return {scope: layout.current_file(ORDER_ITEMS.name, scope) for scope in scopes}


def source_of(lake: Lake, schema: pa.Schema | None = None) -> DeltaSource:
    base = str(Path(lake.path("")).parent / "delta")
    return DeltaSource(base, ORDER_ITEMS.name, "Order items.", schema or arrow_schema(ORDER_ITEMS))


def ids(source: DeltaSource, version: int | None = None) -> list[tuple[str, str]]:
    rows = DeltaTable(source.uri, version=version).to_pyarrow_table().select(["scope", "id"]).to_pylist()
    return sorted((row["scope"], row["id"]) for row in rows)


def test_rows_and_types_are_those_of_the_lake(lake: Lake) -> None:
    source = source_of(lake)
    made = publish_scopes(lake, source, files(NORTH, SOUTH))
    assert (made.rows, made.files, made.version) == (3, 2, 1)
    found = DeltaTable(source.uri).to_pyarrow_table()
    for scope in (NORTH, SOUTH):
        held = pq.read_table(lake.path(files(scope)[scope]), partitioning=None)
        rows = found.filter(pa.compute.equal(found["scope"], scope)).select(held.schema.names)
        assert rows.cast(held.schema).to_pylist() == held.to_pylist()


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_table_of_the_catalog_keeps_its_types(tmp_path: Path, table: Table) -> None:
    schema = arrow_schema(table)
    source = DeltaSource(str(tmp_path), table.name, table.description, schema)
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    publish_scopes(lake, source, {NORTH: layout.current_file(table.name, NORTH)})
    found = DeltaTable(source.uri).to_pyarrow_table().schema
    assert found.names == [*schema.names, "scope"]
    assert {name: found.field(name).type for name in schema.names} == {
        field.name: field.type for field in schema
    }


def test_a_run_replaces_its_scopes_and_no_others_and_the_version_before_can_be_read(lake: Lake) -> None:
    source = source_of(lake)
    publish_scopes(lake, source, files(NORTH, SOUTH))
    before = describe(source)
    write(lake, [item("c", at(3))])
    lake.delete(files(SOUTH)[SOUTH])
    after = publish_scopes(lake, source, files(NORTH))
    assert after.version == before.version + 1
    assert ids(source) == [(NORTH, "a"), (NORTH, "b"), (NORTH, "c"), (SOUTH, "s")]
    assert ids(source, before.version) == [(NORTH, "a"), (NORTH, "b"), (SOUTH, "s")]


def test_a_scope_whose_file_is_gone_has_no_rows(lake: Lake) -> None:
    source = source_of(lake)
    publish_scopes(lake, source, files(NORTH, SOUTH))
    lake.delete(files(SOUTH)[SOUTH])
    assert publish_scopes(lake, source, files(SOUTH)).rows == 2
    assert {scope for scope, _ in ids(source)} == {NORTH}


def test_a_column_that_is_new_in_the_catalog_is_added(lake: Lake) -> None:
    """Rows written before it are null there, in Delta as in the lake."""
    names = [name for name in arrow_schema(ORDER_ITEMS).names if name != "notes"]
    older = pa.schema(arrow_schema(ORDER_ITEMS).field(name) for name in names)
    publish_scopes(lake, source_of(lake, older), files(NORTH, SOUTH))
    assert "notes" not in DeltaTable(source_of(lake).uri).to_pyarrow_table().schema.names
    publish_scopes(lake, source_of(lake), files(NORTH))
    assert "notes" in DeltaTable(source_of(lake).uri).to_pyarrow_table().schema.names
    assert len(ids(source_of(lake))) == 3


def test_no_value_of_a_row_but_its_id_stands_in_the_log(lake: Lake) -> None:
    """The log outlives the files: a guest who is forgotten must not live on in its statistics."""
    write(lake, [item("z", at(3), Notes="Zoraya Planted")])
    source = source_of(lake)
    publish_scopes(lake, source, files(NORTH, SOUTH))
    log = "".join(path.read_text() for path in sorted(Path(source.uri, "_delta_log").glob("*.json")))
    assert "Zoraya" not in log
    stats = [json.loads(line)["add"]["stats"] for line in log.splitlines() if '"add"' in line]
    assert stats and all(set(json.loads(found)["minValues"]) == {"id"} for found in stats)


def test_maintenance_removes_the_files_of_old_versions_and_keeps_the_rows(lake: Lake) -> None:
    source = source_of(lake)
    assert maintain(source) is None
    publish_scopes(lake, source, files(NORTH, SOUTH))
    publish_scopes(lake, source, files(NORTH, SOUTH))
    assert maintain(source) == 0
    assert len(ids(source, 1)) == 3
    assert maintain(source, keep=timedelta(0)) == 2
    assert len(ids(source)) == 3
    with pytest.raises(Exception, match="not found"):
        ids(source, 1)


@pytest.mark.slow
def test_published_again_after_an_erasure_no_version_holds_what_was_erased(lake: Lake) -> None:
    """As `forget` does it: the lake's files first, then the Delta tables, older versions and all."""
    write(lake, [item("z", at(3), Notes="Zoraya Planted")])
    source = source_of(lake)
    publish_scopes(lake, source, files(NORTH, SOUTH))
    write(lake, [item("z", at(3, 12), Notes="forgotten")])
    assert republish_current(lake, source.base, catalog.TABLES) == [ORDER_ITEMS.name]
    assert len(ids(source)) == 4
    held = [path for path in Path(source.uri).rglob("*") if path.is_file()]
    assert held and not any(b"Zoraya" in path.read_bytes() for path in held)
    texts = [pq.read_table(path, partitioning=None).to_pylist() for path in held if path.suffix == ".parquet"]
    assert "Zoraya" not in str(texts) and "forgotten" in str(texts)


def test_a_table_without_scopes_takes_the_columns_of_its_file(lake: Lake, tmp_path: Path) -> None:
    first, then = pa.schema([("day", pa.string())]), pa.schema([("day", pa.string()), ("net", pa.float64())])
    pq.write_table(pa.table({"day": ["2026-03-02"]}, first), tmp_path / "rows.parquet")
    lake.put(tmp_path / "rows.parquet", layout.mart_file("daily_revenue"))
    source = DeltaSource(str(tmp_path / "delta"), "daily_revenue", "Revenue.", first)
    assert publish_table(lake, source, layout.mart_file("daily_revenue")).rows == 1
    pq.write_table(pa.table({"day": ["2026-03-02"], "net": [1.5]}, then), tmp_path / "rows.parquet")
    lake.put(tmp_path / "rows.parquet", layout.mart_file("daily_revenue"))
    made = publish_table(lake, replace(source, schema=then), layout.mart_file("daily_revenue"))
    assert DeltaTable(made.uri).to_pyarrow_table().to_pylist() == [{"day": "2026-03-02", "net": 1.5}]
