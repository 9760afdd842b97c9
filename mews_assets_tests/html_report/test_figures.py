"""Plots as Plotly figures: every kind of panel is one that Plotly itself accepts, whatever the hotels are called."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta

import plotly.graph_objects as go
import pytest

from mews_assets.html_report.figures import Figure, figures_of
from mews_assets.marts.model import DaysPanel, Form, GridPanel, Panel, Plot, Series, SidesPanel

DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(3)]
SERIES = [
    Series("food", [3.0, -1.5, 0.0]),
    Series("drinks", [1.0, 1e200, math.nan]),
    *(Series(form.value, [1.0, 2.0, math.nan], form) for form in Form if form is not Form.BARS),
]
PANELS: dict[str, Panel] = {
    "days": DaysPanel("The Lantern", "EUR", DAYS, SERIES, (DAYS[1], "today")),
    "no days": DaysPanel("The Lantern", "EUR", [], []),
    "sides": SidesPanel("Guest", ["Guest", "Guest"], [1.0, 2.0], [3.0, 0.0], ("credits", "debits"), "equal"),
    "grid": GridPanel("all", ["A", "A", "B"], ["1 Mar", "8 Mar"], [[0.5, math.nan], [0, 1], [1, 1]], "100 %"),
}


def figure_of(panel: Panel) -> Figure:
    (figure,) = figures_of(Plot("title", "subtitle", [panel]))
    return figure


@pytest.mark.parametrize("kind", PANELS)
def test_plotly_accepts_the_figure_of_every_kind_of_panel(kind: str) -> None:
    figure = figure_of(PANELS[kind])
    go.Figure(figure)  # raises on a property or value that Plotly does not know
    json.dumps(figure, allow_nan=False)
    assert figure["layout"]["height"] > 0


def test_what_is_no_number_or_too_large_to_draw_is_left_blank() -> None:
    food, drinks = figure_of(PANELS["days"])["data"][:2]
    assert food["y"] == [3, -1.5, 0]
    assert drinks["y"] == [1, None, None]
    assert food["marker"] != drinks["marker"]


def test_the_left_side_is_drawn_to_the_left_and_read_as_it_is() -> None:
    left, right = figure_of(PANELS["sides"])["data"]
    assert (left["x"], left["customdata"]) == ([-1, -2], [1, 2])
    assert right["x"] == [3, 0]


def test_hotels_of_the_same_name_have_a_row_each() -> None:
    (grid,) = figure_of(PANELS["grid"])["data"]
    assert grid["y"] == ["A", "A (2)", "B"]


def test_a_name_cannot_bring_a_link_into_a_plot_and_has_one_line() -> None:
    panel = DaysPanel('<a href="https://example.com">\nThe Lantern</a>' + "n" * 999, "EUR", DAYS, SERIES)
    title = figure_of(panel)["layout"]["title"]["text"]
    assert title.startswith('&lt;a href="https://example.com"&gt; The Lantern&lt;/a&gt;')
    assert len(title) < 200
