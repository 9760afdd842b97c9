"""Plots of many hotels: columns of days, weeks, months or years, whichever fits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mews_assets.marts.grids import Buckets, Cell, by_bucket, grid
from mews_assets.marts.model import GridPanel, SidesPanel
from mews_assets_tests.marts.images import drawn


def rows(hotels: int, days: int) -> pa.Table:
    """Hotel n sells n of 100 rooms on the first day, and one more on each later one."""
    first = date(2023, 1, 1)
    found: list[dict[str, Any]] = [
        {
            "enterprise_id": f"h{hotel:02}",
            "enterprise": f"Hotel {hotel:02}",
            "business_day": first + timedelta(days=day),
            "is_complete": True,
            "sold": hotel + day,
            "rooms": 100,
        }
        for hotel in range(hotels)
        for day in range(days)
    ]
    return pa.Table.from_pylist(found)


@pytest.mark.parametrize(
    ("days", "columns", "last"),
    [(1, 1, "1 Jan"), (62, 62, "3 Mar"), (63, 10, "27 Feb"), (1096, 36, "Dec 2025"), (3000, 9, "2031")],
)
def test_columns_are_as_long_as_fits(days: int, columns: int, last: str) -> None:
    (panel,) = grid("Any", rows(2, days), Cell("sold")).panels
    assert isinstance(panel, GridPanel)
    assert (len(panel.columns), panel.columns[-1]) == (columns, last)


def test_a_cell_is_a_part_of_another_sum_or_of_the_highest() -> None:
    (of_rooms,) = grid("Any", rows(2, 2), Cell("sold", of="rooms")).panels
    (of_own,) = grid("Any", rows(2, 2), Cell("sold")).panels
    assert isinstance(of_rooms, GridPanel) and isinstance(of_own, GridPanel)
    assert of_rooms.values == [[0.0, 0.01], [0.01, 0.02]]
    assert of_own.values == [[0.0, 1.0], [0.5, 1.0]]


def test_days_that_are_not_complete_are_left_out() -> None:
    given = rows(1, 3).to_pylist()
    given[2]["is_complete"] = False
    (panel,) = grid("Any", pa.Table.from_pylist(given), Cell("sold")).panels
    assert isinstance(panel, GridPanel) and panel.columns == ["1 Jan", "2 Jan"]


@pytest.mark.slow
def test_forty_hotels_and_three_years_are_drawn_and_more_hotels_are_counted() -> None:
    image = drawn(grid("Any", rows(40, 1096), Cell("sold")))
    assert image.shape[0] < 1100
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    assert grid("Any", rows(70, 2), Cell("sold")).subtitle.endswith("; the first 60 of 70")


AGES = Buckets("age", "start", "owed", "late", ("owed", "late"), known={0: "young", 31: "old"})


def aged(hotels: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"enterprise_id": f"h{hotel}", "enterprise": f"Hotel {hotel}", **row}
            for hotel in range(hotels)
            for row in (
                {"age": "ancient", "start": 91, "owed": 3, "late": 2},
                {"age": "old", "start": 31, "owed": 1, "late": 0},
            )
        ]
    )


def test_buckets_are_in_order_and_known_ones_are_shown_if_empty() -> None:
    (panel,) = by_bucket("Any", "", aged(1), AGES).panels
    assert isinstance(panel, SidesPanel)
    assert panel.names == ["young", "old", "ancient"]
    assert (panel.left, panel.right) == ([0, 1, 3], [0, 0, 2])
    assert panel.title == "Hotel 0: 4 owed and 2 late"


def test_buckets_of_many_hotels_are_shares() -> None:
    plot = by_bucket("Any", "", aged(9), AGES)
    (panel,) = plot.panels
    assert isinstance(panel, GridPanel)
    assert (panel.columns, panel.values) == (["old", "ancient"], [[0.25, 0.75]] * 9)
    drawn(plot)
