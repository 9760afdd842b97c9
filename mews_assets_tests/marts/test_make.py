"""A mart in the lake: its rows, its plot, and what its checks say when something is wrong."""

from __future__ import annotations

import io
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.marts import DAILY_REVENUE, LEDGER_TRIAL_BALANCE, MARTS, OUTLET_REVENUE
from mews_assets.marts.make import checks_of, key_unique, make, named, with_absent
from mews_assets.marts.model import DaysPanel, GridPanel, Mart
from mews_assets.marts.money.ledger_trial_balance import zero_sum
from mews_assets.marts.plot_png import to_png
from mews_assets.marts.preview import markdown
from mews_assets.windows import Grain
from mews_assets_tests.marts.conftest import RowsOf
from mews_assets_tests.marts.stage import AS_OF

EACH = pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Lake:
    """A copy, to be written to."""
    shutil.copytree(lake.root, tmp_path / "lake")
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.slow
@EACH
def test_rows_and_plot_stand_in_the_lake(mart: Mart, own_lake: Lake) -> None:
    made = make(own_lake, mart, AS_OF)
    stored = pq.read_table(Path(own_lake.root) / layout.mart_file(mart.name))
    assert stored.num_rows == made.rows.num_rows > 0
    assert stored.column_names == [column.name for column in mart.columns]
    png = own_lake.read(layout.mart_plot(mart.name))
    assert png == made.png
    image = pixels(png)
    assert image.shape[1] == 1000
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10
    assert len(png) < 100_000, "it goes into an event of Dagster's"
    assert {name: verdict.passed for name, verdict in made.verdicts.items()} == {
        check.name: True for check in checks_of(mart)
    }


@EACH
def test_a_plot_has_a_panel_for_each_hotel(mart: Mart, rows_of: RowsOf) -> None:
    rows = rows_of(mart)
    panels = mart.plot(rows, AS_OF).panels
    hotels = sorted(set(rows.column("enterprise").to_pylist()))
    assert len(panels) == len(hotels) == 3
    assert all(panel.title.startswith(name) for panel, name in zip(panels, hotels, strict=True))


@EACH
def test_nothing_makes_a_plot_that_says_so(mart: Mart) -> None:
    plot = mart.plot(mart.schema.empty_table(), AS_OF)
    assert plot.panels == ()
    assert pixels(to_png(plot)).std() > 1


@EACH
def test_a_preview_is_a_few_rows_without_ids(mart: Mart, rows_of: RowsOf) -> None:
    lines = markdown(mart.preview(rows_of(mart))).splitlines()
    assert len(lines) == 2 + min(15, rows_of(mart).num_rows)
    assert "_id" not in lines[0]
    assert len({line.count("|") for line in lines}) == 1


@EACH
def test_every_column_and_the_mart_itself_are_described(mart: Mart) -> None:
    assert all(column.description.endswith(".") for column in mart.columns)
    assert "Lives here" not in mart.description
    assert all(name in mart.description for name in mart.inputs)
    assert (
        mart.summary in mart.description.replace("\n", " ") or mart.summary.split(":")[0] in mart.description
    )


@pytest.mark.parametrize("mart", [DAILY_REVENUE, OUTLET_REVENUE], ids=lambda mart: mart.name)
def test_the_bars_of_a_plot_add_up_to_the_rows(mart: Mart, rows_of: RowsOf) -> None:
    rows = rows_of(mart)
    column = "net" if mart is DAILY_REVENUE else "gross"
    for panel in mart.plot(rows, AS_OF).panels:
        assert isinstance(panel, DaysPanel)
        assert len(panel.days) == 35
        first, last = panel.days[0], panel.days[-1]
        own = [
            row
            for row in rows.to_pylist()
            if panel.title.startswith(row["enterprise"]) and row["is_complete"]
        ]
        expected = sum(float(row[column]) for row in own if first <= row["business_day"] <= last)
        drawn = sum(sum(one.values) for one in panel.series if one.form == "bars")
        assert drawn == pytest.approx(expected)
        complete = sum(day <= max(row["business_day"] for row in own) for day in panel.days)
        assert complete in (34, 35), "New York is the last to end a day"
        assert f"{expected:,.0f} in {complete} days" in panel.title


def test_repeated_keys_fail_the_check(rows_of: RowsOf) -> None:
    rows = rows_of(DAILY_REVENUE)
    twice = pa.concat_tables([rows, rows.slice(0, 2)])
    verdict = key_unique(DAILY_REVENUE).judge(twice)
    assert (verdict.passed, verdict.metadata["repeats"]) == (False, 2)


def test_an_id_without_a_name_fails_the_check_and_an_item_without_a_category_does_not(
    rows_of: RowsOf,
) -> None:
    rows = rows_of(DAILY_REVENUE)
    nothing = pa.nulls(rows.num_rows, pa.string())
    at = rows.schema.get_field_index
    unnamed = rows.set_column(at("accounting_category"), "accounting_category", nothing)
    verdict = named(DAILY_REVENUE).judge(unnamed)
    assert not verdict.passed
    assert verdict.metadata["rows_unnamed"]["accounting_category"] == rows.num_rows
    without = unnamed.set_column(at("accounting_category_id"), "accounting_category_id", nothing)
    assert named(DAILY_REVENUE).judge(without).passed


def test_an_entry_that_is_missing_is_found_by_the_zero_sum(rows_of: RowsOf) -> None:
    rows = rows_of(LEDGER_TRIAL_BALANCE)
    assert zero_sum(rows).passed
    verdict = zero_sum(rows.slice(1))
    assert not verdict.passed
    assert verdict.metadata["dates_out_of_balance"] == 1
    (where,) = verdict.metadata["out_of_balance"]
    assert where.startswith(rows.column("enterprise")[0].as_py())
    plot = LEDGER_TRIAL_BALANCE.plot(rows.slice(1), AS_OF)
    assert "out of balance on 1 of" in str(plot.panels)


def test_a_hundredth_too_much_is_found_by_the_zero_sum(rows_of: RowsOf) -> None:
    rows = rows_of(LEDGER_TRIAL_BALANCE)
    place = rows.schema.get_field_index("balance")
    field = rows.schema.field(place)
    balances = rows.column("balance").to_pylist()
    more = pa.array([balances[0] + Decimal("0.01"), *balances[1:]], field.type)
    verdict = zero_sum(rows.set_column(place, field, more))
    assert list(verdict.metadata["out_of_balance"].values()) == ["0.01"]


def test_an_entry_on_neither_side_fails_the_zero_sum(rows_of: RowsOf) -> None:
    rows = rows_of(LEDGER_TRIAL_BALANCE)
    unread = pa.array([3] + [0] * (rows.num_rows - 1), pa.int64())
    place = rows.schema.get_field_index("unread")
    verdict = zero_sum(rows.set_column(place, rows.schema.field(place), unread))
    assert (verdict.passed, verdict.metadata["unread_entries"]) == (False, 3)


def many_hotels(count: int) -> pa.Table:
    row = {
        "business_day": date(2026, 4, 1),
        "is_complete": True,
        "accounting_category": "Rooms",
        "currency": "EUR",
        "net": Decimal(100),
        "gross": Decimal(110),
        "items": 1,
    }
    return pa.Table.from_pylist(
        [
            {**row, "enterprise": f"Hotel {number:02}", "enterprise_id": str(number)}
            for number in range(count)
        ],
        DAILY_REVENUE.schema,
    )


def test_more_hotels_than_fit_as_panels_are_a_grid_of_all() -> None:
    (panel,) = DAILY_REVENUE.plot(many_hotels(12), AS_OF).panels
    assert isinstance(panel, GridPanel)
    assert panel.names == [f"Hotel {number:02}" for number in range(12)]
    assert panel.columns == ["1 Apr"] and panel.values == [[1.0]] * 12


def test_a_hotel_without_rows_is_named() -> None:
    rows = many_hotels(2)
    plot = DAILY_REVENUE.plot(rows, AS_OF)
    hotels = {"0": "Hotel 00", "1": "Hotel 01", "city": "The City"}
    assert with_absent(plot, rows, hotels).note == "nothing to show of: The City"
    assert with_absent(plot, rows, {"0": "Hotel 00"}).note == ""


def test_all_panels_have_the_same_days(rows_of: RowsOf) -> None:
    """The hotels' last complete days differ: it is evening in New York when it is morning in Prague."""
    for mart in MARTS:
        panels = mart.plot(rows_of(mart), AS_OF).panels
        assert len({tuple(panel.days) for panel in panels if isinstance(panel, DaysPanel)}) <= 1
