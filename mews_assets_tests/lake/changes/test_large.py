"""Captures many times as large as the memory there is: they become rows, and so does all that is made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mews_assets.catalog import table as table_of
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import open_batches
from mews_assets.lake.storage.rewrite_parquet import rewrite
from mews_assets_tests.lake.made import NORTH, at, days, ids, item, json_line, land, march, partition

PAYMENTS = table_of("payments")
SIZES = {"many of 20 kB": (1_400, 20 << 10), "a few of 4 MiB": (7, 4 << 20)}
"""How many, and how long: more than is sorted at a time. The sizes that failed once stand in `benchmarks.large`."""
MEMORY = 160 << 20
"""Of which an eighth is sorted at a time. The parser alone takes most of it for lines of 4 MiB."""


def long_payments(count: int, size: int) -> Iterator[dict[str, Any]]:
    """In another order than that of their stamps. Their text does not shrink when it is packed."""
    for number in range(count):
        updated = at(2) + timedelta(seconds=number * 7919 % count)
        yield item(f"{number:05}", updated, Notes=os.urandom(size // 2).hex())


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_a_capture_larger_than_the_memory_becomes_rows(lake: Lake, size: str) -> None:
    count, length = SIZES[size]
    lake = replace(lake, memory=MEMORY)
    manifest = land(lake, PAYMENTS, b"".join(map(json_line, long_payments(count, length))), days(2, 3))
    merged = merge(lake, PAYMENTS)
    assert merged.partitions[partition(2)].measures.rows == count
    in_order = [f"{number:05}" for number in sorted(range(count), key=lambda one: one * 7919 % count)]
    assert ids(lake, PAYMENTS, NORTH, march(2)) == in_order
    again = merge(lake, PAYMENTS, [manifest])
    assert again.partitions[partition(2)].repeats == count
    assert update_current(lake, PAYMENTS, NORTH).rows == count
    assert (
        merge(lake, PAYMENTS, [manifest], from_scratch=True).partitions[partition(2)].measures.rows == count
    )
    for name in lake.files("changes", recursive=True) + lake.files("current", recursive=True):
        with lake.workspace() as workspace:
            batches = list(open_batches(lake.local_copy(name, workspace), 16_384))
            assert max(batch.nbytes for batch in batches) < 20 << 20
            assert rewrite(lake, name, lambda rows: rows, workspace) == 0


@pytest.mark.slow
def test_a_long_text_in_every_row_is_counted_as_often_as_it_stands_there(lake: Lake) -> None:
    """A file holds it once, so that its own sizes tell nothing: 66 MB of rows in a file of some kB."""
    lake = replace(lake, memory=MEMORY)
    terms = "Terms and conditions. " * 1000
    records = (item(f"{number:05}", at(2), Notes=terms) for number in range(3_000))
    land(lake, PAYMENTS, records, days(2, 3))
    merged = merge(lake, PAYMENTS)
    (name,) = lake.files("changes", recursive=True)
    assert merged.partitions[partition(2)].measures.rows == 3_000
    with lake.workspace() as workspace:
        held = [batch.nbytes for batch in open_batches(lake.local_copy(name, workspace), 16_384)]
    assert max(held) < 20 << 20
    assert update_current(lake, PAYMENTS, NORTH).rows == 3_000
