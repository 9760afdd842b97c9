"""Measures are counted from the files as they stand, whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.lake.quality.measures import Measures, measure
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days


def file(path: Path, rows: list[dict[str, Any]]) -> Path:
    own = {"_landing_id": "x", "_captured_at_utc": at(9)}
    pq.write_table(pa.Table.from_pylist([own | row for row in rows], arrow_schema(ORDER_ITEMS)), path)
    return path


def row(name: str, day: int, hour: float = 0, **more: Any) -> dict[str, Any]:
    required = {column.field_name: None for column in ORDER_ITEMS.required_columns}
    stamps = {"updated_utc": at(day, hour), "_window_utc": at(day, hour)}
    return required | {"id": name} | stamps | more


def measured(tmp_path: Path, *files: tuple[Path, Any]) -> list[Measures]:
    with open_duckdb(tmp_path, threads=1) as engine:
        return measure(engine, ORDER_ITEMS, list(files))


def test_rows_repeats_strays_and_the_newest_version_are_counted(tmp_path):
    rows = [row("a", 2), row("a", 2), row("a", 2, 1), row("b", 3), row("c", 1, 23.9), row("d", 2, 5)]
    path = file(tmp_path / "it's.parquet", rows)
    (found,) = measured(tmp_path, (path, days(2, 3)))
    assert (found.rows, found.duplicate_keys, found.rows_outside_window) == (6, 1, 2)
    assert found.newest == at(3)
    assert found.size_bytes == path.stat().st_size


def test_rows_without_a_version_are_told_apart_by_their_id(tmp_path):
    rows = [row(name, 2, updated_utc=None) for name in "aab"]
    (found,) = measured(tmp_path, (file(tmp_path / "x", rows), days(2, 3)))
    assert (found.rows, found.duplicate_keys, found.newest) == (3, 1, None)
    assert found.missing["updated_utc"] == 3


def test_required_columns_without_a_value_are_counted_and_others_are_not(tmp_path):
    required = {column.field_name for column in ORDER_ITEMS.required_columns}
    (found,) = measured(tmp_path, (file(tmp_path / "x", [row("a", 2), row("b", 2)]), days(2, 3)))
    assert found.missing == dict.fromkeys(required - {"id", "updated_utc"}, 2)


def test_files_are_measured_in_the_order_given_each_against_its_own_window(tmp_path):
    second = file(tmp_path / "2", [row("a", 2)])
    third = file(tmp_path / "3", [row("b", 3), row("c", 3)])
    empty = file(tmp_path / "0", [])
    found = measured(tmp_path, (third, days(3, 4)), (empty, days(1, 2)), (second, days(2, 3)))
    assert [one.rows for one in found] == [2, 0, 1]
    assert [one.rows_outside_window for one in found] == [0, 0, 0]
    assert found[1] == Measures(0, empty.stat().st_size, 0, 0, {}, None)


def test_no_files_are_no_measures(tmp_path):
    assert measured(tmp_path) == []


def test_a_file_that_is_no_parquet_is_an_error(tmp_path):
    (tmp_path / "x").write_bytes(b"not parquet")
    with pytest.raises(Exception, match=r"(?i)parquet"):
        measured(tmp_path, (tmp_path / "x", days(2, 3)))
