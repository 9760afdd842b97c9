"""A partition that nothing new came for is left as it stands; one that says anything else is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.changes.unchanged_partitions import holds_the_same
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import (
    NORTH,
    ORDER_ITEMS,
    at,
    days,
    item,
    land,
    march,
    merged_items,
    partition,
    rows,
)

NAME = layout.changes_file("order_items", NORTH, march(2))


def stamp(lake: Lake) -> str:
    return lake.fingerprints(NAME.rpartition("/")[0])[NAME]


@pytest.mark.parametrize(
    ("came", "is_written"),
    [
        ([], False),
        ([item("a", at(2, 1))], False),
        ([item("a", at(2, 1)), item("b", at(2, 2))], True),
        ([item("a", at(2, 3))], True),
    ],
    ids=["nothing", "the same row", "a row more", "a newer version"],
)
def test_a_partition_is_written_where_something_new_came(
    lake: Lake, came: list[dict[str, Any]], is_written: bool
) -> None:
    merged_items(lake, [item("a", at(2, 1))], days(2, 3))
    before = stamp(lake)
    merged = merged_items(lake, came, days(2, 3)).partitions[partition(2)]
    assert (merged.is_written, merged.late) == (is_written, int(is_written))
    assert (stamp(lake) != before) == is_written
    assert merged.measures.rows == rows(lake, ORDER_ITEMS, NORTH, march(2)).num_rows


def test_a_row_whose_content_is_another_is_something_new(tmp_path: Path, lake: Lake) -> None:
    merged_items(lake, [item("a", at(2, 1), Notes="old")], days(2, 3))
    there = rows(lake, ORDER_ITEMS, NORTH, march(2))
    pq.write_table(there, tmp_path / "one")
    pq.write_table(
        there.set_column(there.schema.get_field_index("notes"), "notes", [["new"]]), tmp_path / "other"
    )
    assert holds_the_same(tmp_path / "one", tmp_path / "one")
    assert not holds_the_same(tmp_path / "one", tmp_path / "other")


def test_row_groups_may_be_cut_elsewhere(tmp_path: Path, lake: Lake) -> None:
    merged_items(lake, [item(f"{number}", at(2, number / 100)) for number in range(90)], days(2, 3))
    there = rows(lake, ORDER_ITEMS, NORTH, march(2))
    pq.write_table(there, tmp_path / "one", row_group_size=7)
    pq.write_table(there, tmp_path / "other", row_group_size=40)
    pq.write_table(there.slice(1), tmp_path / "less")
    pq.write_table(there.take([*range(88), 89, 88]), tmp_path / "turned")
    assert holds_the_same(tmp_path / "one", tmp_path / "other")
    assert not holds_the_same(tmp_path / "one", tmp_path / "less")
    assert not holds_the_same(tmp_path / "one", tmp_path / "turned")


@pytest.mark.parametrize(("notes", "is_written"), [(None, False), ("now known", True)])
def test_a_column_that_the_table_has_learnt_since_is_news_where_it_holds_anything(
    lake: Lake, notes: str | None, is_written: bool
) -> None:
    older = replace(ORDER_ITEMS, columns=tuple(one for one in ORDER_ITEMS.columns if one.name != "Notes"))
    land(lake, older, [item("a", at(2, 1))], days(2, 3))
    merge(lake, older, threads=1)
    merged = merged_items(lake, [item("a", at(2, 1), Notes=notes)], days(2, 3))
    assert merged.partitions[partition(2)].is_written == is_written
