"""Rows of older files in the columns of today, nested ones too, whatever version of Arrow is there."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mews_assets.lake.storage.parquet import cast_batch

OLD = pa.struct([("net", pa.float64()), ("taxes", pa.list_(pa.struct([("code", pa.string())])))])
TAX = pa.struct([("code", pa.string()), ("value", pa.float64())])
NEW = pa.struct([("gross", pa.float64()), ("net", pa.float64()), ("taxes", pa.list_(TAX))])
SCHEMA = pa.schema([("id", pa.string()), ("amount", NEW), ("notes", pa.string())])
GIVEN = [
    {"id": "a", "amount": {"net": 1.0, "taxes": [{"code": "x"}, None]}},
    {"id": "b", "amount": None},
    {"id": "c", "amount": {"net": None, "taxes": None}},
    {"id": "d", "amount": {"net": 4.0, "taxes": []}},
]
WANTED = [
    {"gross": None, "net": 1.0, "taxes": [{"code": "x", "value": None}, None]},
    None,
    {"gross": None, "net": None, "taxes": None},
    {"gross": None, "net": 4.0, "taxes": []},
]


@pytest.mark.parametrize("start", range(4))
def test_nested_columns_that_an_older_file_lacks_are_null_in_its_rows(start: int) -> None:
    """From any row on: a slice shares the buffers of the whole batch."""
    rows = pa.RecordBatch.from_pylist(GIVEN, pa.schema([("id", pa.string()), ("amount", OLD)])).slice(start)
    found = cast_batch(rows, SCHEMA)
    found.validate(full=True)
    assert found.schema == SCHEMA
    assert found.column("amount").to_pylist() == WANTED[start:]
    assert found.column("notes").null_count == len(rows)


def test_rows_of_today_are_the_same_values() -> None:
    rows = cast_batch(pa.RecordBatch.from_pylist(GIVEN, pa.schema([("amount", OLD)])), SCHEMA)
    assert cast_batch(rows, SCHEMA).equals(rows)
