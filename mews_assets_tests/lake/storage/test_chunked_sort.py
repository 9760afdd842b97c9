"""Rows in order, slice by slice, as one sort would give them."""

from __future__ import annotations

import random

import duckdb
import pytest

from mews_assets.lake.storage import chunked_sort
from mews_assets.lake.storage.chunked_sort import sorted_batches


@pytest.mark.parametrize("rows", [0, 1, 99, 1000])
@pytest.mark.parametrize("slice_rows", [7, 100, 10_000])
def test_slices_come_in_the_order_of_one_sort(monkeypatch, rows, slice_rows):
    monkeypatch.setattr(chunked_sort, "SLICE_ROWS", slice_rows)
    numbers = random.Random(rows)
    made = [(numbers.randrange(3), numbers.choice("abc"), number) for number in range(rows)]
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE given_rows (place INT, name VARCHAR, number INT)")
        if made:
            engine.executemany("INSERT INTO given_rows VALUES (?, ?, ?)", made)
        batches = sorted_batches(
            engine, "FROM given_rows", "*", keys=("place", "name"), then=("number",), count=rows
        )
        found = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert found == sorted(made)


def test_a_wrong_guess_of_how_many_rows_there_are_loses_none(monkeypatch):
    monkeypatch.setattr(chunked_sort, "SLICE_ROWS", 10)
    with duckdb.connect() as engine:
        for count in (0, 5, 100, 100_000):
            batches = sorted_batches(engine, "SELECT range AS n FROM range(50)", "n", ("n",), (), count)
            assert [row for batch in batches for row in batch.column("n").to_pylist()] == list(range(50))
