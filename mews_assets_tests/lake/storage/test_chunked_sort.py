"""Rows in order, set down on disk where they are many or long, as one sort would give them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from mews_assets.lake.storage.chunked_sort import SortSpace, sorted_batches

BY = (("place", "ascending"), ("name", "ascending"), ("number", "ascending"))


def batches(rows: list[tuple[int, str | None, int]], at_once: int) -> list[pa.RecordBatch]:
    names = ("place", "name", "number")
    return [
        pa.RecordBatch.from_pylist(
            [dict(zip(names, row, strict=True)) for row in rows[start : start + at_once]]
        )
        for start in range(0, len(rows), at_once)
    ]


@pytest.mark.parametrize("count", [0, 1, 99, 1000])
@pytest.mark.parametrize("memory", [16, 1600, 50_000, 1 << 30])
def test_rows_come_in_the_order_of_one_sort(tmp_path: Path, count: int, memory: int) -> None:
    numbers = random.Random(count)
    made = [(numbers.randrange(3), numbers.choice("abc"), number) for number in range(count)]
    found = [
        tuple(row.values())
        for batch in sorted_batches(batches(made, 37), BY, SortSpace(tmp_path, memory))
        for row in batch.to_pylist()
    ]
    assert found == sorted(made)
    assert not list(tmp_path.iterdir())


def test_rows_can_go_down_and_nulls_come_last_either_way(tmp_path: Path) -> None:
    made = [(1, name, number) for number in range(60) for name in ("a", "b", None)]
    order = (("name", "descending"), ("number", "descending"))
    for memory in (16, 1 << 30):
        found = [
            (row["name"], row["number"])
            for batch in sorted_batches(batches(made, 7), order, SortSpace(tmp_path, memory))
            for row in batch.to_pylist()
        ]
        down = list(range(59, -1, -1))
        assert found == [(name, number) for name in ("b", "a", None) for number in down]


def test_instants_are_compared_and_one_beyond_pythons_own_is_no_error(tmp_path: Path) -> None:
    far = pa.scalar(2**62, pa.timestamp("us", tz="UTC"))
    stamps = pa.array([far, datetime(2026, 3, 1, tzinfo=UTC), None] * 50, pa.timestamp("us", tz="UTC"))
    rows = pa.RecordBatch.from_arrays([stamps], names=["at"])
    given = [rows.slice(start, 10) for start in range(0, 150, 10)]
    found = pa.Table.from_batches(sorted_batches(given, (("at", "ascending"),), SortSpace(tmp_path, 800)))
    assert (
        found["at"]
        .cast(pa.int64())
        .equals(
            pa.chunked_array([pa.array([1772323200000000] * 50 + [2**62] * 50 + [None] * 50)]).cast(
                pa.int64()
            )
        )
    )


def test_rows_longer_than_all_that_may_be_held_are_put_in_order_too(tmp_path: Path) -> None:
    made = [(number % 7, "x" * 3000, number) for number in range(40)]
    found = [
        (row["place"], row["number"])
        for batch in sorted_batches(batches(made, 3), BY, SortSpace(tmp_path, 8000))
        for row in batch.to_pylist()
    ]
    assert found == sorted((place, number) for place, _, number in made)
