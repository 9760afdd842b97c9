"""Files that an older version wrote, which did not know all columns of today: they are read, measured and merged."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mews_assets.catalog import table as table_of
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.lake.changes.merge import measure_existing, merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.quality.references import resolve
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import (
    BILLS,
    NORTH,
    ORDER_ITEMS,
    at,
    days,
    full_record,
    ids,
    land,
    partition,
    stamp,
)

ALWAYS = ("id", "enterprise_id", "updated_utc", "_landing_id", "_captured_at_utc", "_window_utc")


def filled(number: int, name: str) -> dict[str, object]:
    return full_record(ORDER_ITEMS, number) | {"Id": name, "EnterpriseId": NORTH, "UpdatedUtc": stamp(at(2))}


@pytest.fixture
def older(lake: Lake) -> Lake:
    land(lake, BILLS, [], days(2, 3))
    merge(lake, BILLS, threads=1)
    land(lake, ORDER_ITEMS, [filled(1, "a")], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    (file,) = (Path(lake.root) / "changes/order_items").rglob("*.parquet")
    pq.write_table(pq.read_table(file, partitioning=None).select(ALWAYS), file)
    return lake


def test_they_are_measured_by_the_rules_of_today(older: Lake) -> None:
    (found,) = measure_existing(older, ORDER_ITEMS, [partition(2)]).values()
    assert found.measures.rows == 1
    required = {column.field_name for column in ORDER_ITEMS.required_columns}
    assert set(found.measures.missing) == required - set(ALWAYS)


def test_a_reference_in_a_column_they_lack_is_no_id(older: Lake) -> None:
    found = resolve(older, ORDER_ITEMS, [partition(2)])[partition(2)]
    assert found and all(one.ids == 0 for one in found)


def test_new_rows_come_beside_theirs_with_all_columns(older: Lake) -> None:
    land(older, ORDER_ITEMS, [filled(2, "b")], days(2, 3))
    merge(older, ORDER_ITEMS, threads=1)
    assert ids(older, ORDER_ITEMS, NORTH, "2026-03-02") == ["a", "b"]
    update_current(older, ORDER_ITEMS, NORTH, threads=1)
    (file,) = (Path(older.root) / "current/order_items").rglob("*.parquet")
    rows = pq.read_table(file, partitioning=None)
    assert rows.column_names == arrow_schema(table_of("order_items")).names
    assert [name is None for name in rows.column("billing_name").to_pylist()] == [True, False]
