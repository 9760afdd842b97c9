"""Plots of what nobody expects: no rows, no days, huge numbers and none, names of any kind."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mews_assets.marts import DAILY_REVENUE, LEDGER_TRIAL_BALANCE, MARTS, OCCUPANCY_AND_PICKUP, OUTLET_REVENUE
from mews_assets.marts.model import DaysPanel, Form, Mart, Plot, Series, SidesPanel
from mews_assets.marts.money.ledger_trial_balance import zero_sum
from mews_assets.marts.preview import markdown
from mews_assets_tests.marts.images import drawn
from mews_assets_tests.marts.made import AS_OF

DAY = date(2026, 4, 6)
HUGE = Decimal("9999999999999999999999999999.9999999999")


def rows_of(mart: Mart, *given: dict[str, Any]) -> pa.Table:
    """Rows with something in every column."""
    whole: dict[str, Any] = {}
    for field in mart.schema:
        if pa.types.is_decimal(field.type):
            whole[field.name] = Decimal(100)
        elif pa.types.is_date(field.type):
            whole[field.name] = DAY
        elif pa.types.is_boolean(field.type):
            whole[field.name] = True
        else:
            whole[field.name] = 1 if pa.types.is_integer(field.type) else field.name
    if "dimension" in whole:
        whole["dimension"] = "segment"
    return pa.Table.from_pylist([{**whole, **one} for one in given], mart.schema)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e28, -1e28, 1e308, 0.0, 1e-300])
@pytest.mark.parametrize("form", list(Form))
def test_any_number_can_be_drawn_among_others(value: float, form: Form) -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]
    panel = DaysPanel("One", "EUR", days, [Series("a", [1.0, value, 3.0, 2.0], form)])
    drawn(Plot("Any", "", (panel,)))
    drawn(Plot("Any", "", (DaysPanel("Only", "EUR", days[:1], [Series("a", [value], form)]),)))


@pytest.mark.filterwarnings("error")
def test_money_paid_back_is_drawn_below_the_line() -> None:
    def image(paid: float) -> np.ndarray:
        series = [Series("sold", [0.0, 3.0]), Series("paid", [1.0, paid], Form.MARKS)]
        return drawn(Plot("Any", "", (DaysPanel("One", "EUR", [DAY, DAY + timedelta(days=1)], series),)))

    assert (image(-50.0) != image(-500.0)).any()


@pytest.mark.parametrize("value", [math.nan, math.inf, -5.0, 1e28, 1e308])
def test_any_sum_can_be_drawn_on_a_side(value: float) -> None:
    drawn(Plot("Any", "", (SidesPanel("One", ["a", "b"], [value, 1], [2, value], ("l", "r")),)))


def test_a_panel_of_nothing_is_drawn() -> None:
    drawn(Plot("Nothing", "", (DaysPanel("One", "EUR", [], []), SidesPanel("Two", [], [], [], ("l", "r")))))


@pytest.mark.slow_after_first
@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
@pytest.mark.parametrize(
    "name", ["", "a\nb\tc", "x" * 100_000, "$\\frac{1}{", "\x00\x07", "Гостиница 旅館 🏨", "|"]
)
def test_any_name_can_be_drawn_and_previewed(mart: Mart, name: str) -> None:
    texts = {field.name: name for field in mart.schema if pa.types.is_string(field.type)}
    texts.pop("dimension", None)  # a word of ours
    rows = rows_of(mart, {**texts, "enterprise_id": "one"}, {"enterprise_id": "two"})
    plot = mart.plot(rows, AS_OF)
    assert len(plot.panels) == 2
    drawn(plot)
    lines = markdown(mart.preview(rows)).splitlines()
    assert len(lines) == 4 and all(len(line) < 1000 for line in lines)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_the_largest_sums_and_rows_with_nothing_in_them_are_drawn(mart: Mart) -> None:
    sums = {field.name: HUGE for field in mart.schema if pa.types.is_decimal(field.type)}
    empty = {
        field.name: None
        for field in mart.schema
        if pa.types.is_string(field.type) or pa.types.is_date(field.type) or pa.types.is_boolean(field.type)
    }
    if mart is OCCUPANCY_AND_PICKUP:  # each of its rows is a night
        del empty["stay_date"]
    rows = rows_of(mart, {**sums, "enterprise_id": "one"}, {**empty, "enterprise_id": "two"}, {})
    drawn(mart.plot(rows, AS_OF))
    drawn(mart.plot(rows.slice(1, 1), AS_OF))
    assert markdown(mart.preview(rows))


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_two_hotels_of_one_name_are_two_panels(mart: Mart) -> None:
    same = {"enterprise": "The Lantern"}
    plot = mart.plot(rows_of(mart, {**same, "enterprise_id": "a"}, {**same, "enterprise_id": "b"}), AS_OF)
    titles = [panel.title.split(":")[0] for panel in plot.panels]
    assert titles == ["The Lantern (a)", "The Lantern (b)"]


def test_a_hotel_out_of_balance_is_not_hidden_by_another_of_its_name() -> None:
    same = {"enterprise": "The Lantern", "balance": Decimal(0), "unread": 0}
    whole, off = {**same, "enterprise_id": "b"}, {**same, "enterprise_id": "a", "balance": Decimal(5)}
    for rows in ((off, whole), (whole, off)):
        verdict = zero_sum(rows_of(LEDGER_TRIAL_BALANCE, *rows))
        assert not verdict.passed
        assert verdict.metadata["out_of_balance"] == {"The Lantern (a) 2026-04-06": "5"}
        assert verdict.metadata["dates"] == 2


def test_two_services_of_one_name_are_two_panels() -> None:
    rows = rows_of(
        OCCUPANCY_AND_PICKUP,
        {"service_id": "a", "service": "Stay", "rooms": 3},
        {"service_id": "b", "service": "Stay"},
    )
    panels = OCCUPANCY_AND_PICKUP.plot(rows, AS_OF).panels
    assert [panel.title.split(":")[0] for panel in panels] == ["enterprise, Stay (a)", "enterprise, Stay (b)"]


@pytest.mark.parametrize(
    ("mart", "column", "name"),
    [(DAILY_REVENUE, "net", "accounting_category"), (OUTLET_REVENUE, "gross", "outlet")],
    ids=["daily_revenue", "outlet_revenue"],
)
def test_a_part_that_is_called_as_the_others_are_is_drawn_once(mart: Mart, column: str, name: str) -> None:
    parts = [{name: one, column: Decimal(10 + number)} for number, one in enumerate([*"abcdefg", "Other"])]
    (panel,) = mart.plot(rows_of(mart, *parts), AS_OF).panels
    assert isinstance(panel, DaysPanel)
    bars = [one for one in panel.series if one.form is Form.BARS]
    assert sum(sum(one.values) for one in bars) == sum(10 + number for number in range(8))
    assert len({one.label for one in bars}) == len(bars)
