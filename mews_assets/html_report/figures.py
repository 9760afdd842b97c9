"""Plots of the marts as Plotly figures: plain dictionaries of traces and layout.

Lives here: which trace each series and panel becomes. Not here: the content of a plot (`marts`), the same plots as
images (`marts.plot_png`), and what all figures of a page share, such as fonts (its template).
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from mews_assets.marts.model import DaysPanel, Form, GridPanel, Panel, Plot, SidesPanel

Figure = dict[str, Any]

# Distinct for people with red-green blindness, and in grey: the same as in the images.
_COLOURS = ("#1f5f8b", "#e08e45", "#4f9d8f", "#b65c7a", "#e3c567", "#8a8f99", "#6a5acd", "#9bc1d9")
_LEFT, _RIGHT, _INK = "#e08e45", "#1f5f8b", "#222b33"
_LINES: dict[Form, dict[str, Any]] = {
    Form.LINE: {"color": "#1f5f8b", "width": 2.5},
    Form.DASHED: {"color": "#e08e45", "width": 2, "dash": "dash"},
    Form.DOTTED: {"color": "#8a8f99", "width": 2, "dash": "dot"},
}
_HEIGHT, _GRID_HEAD, _GRID_ROW, _SIDES_HEAD, _SIDES_ROW = 300, 110, 19, 110, 22
"""Pixels."""
_TEXT = 120
"""Characters of a name or title: they come from outside, and may have any length."""
_LARGEST_DRAWN = 1e100
_SIGNIFICANT = 10
"""Digits of a number in a plot."""


def figures_of(plot: Plot) -> list[Figure]:
    """A figure for each panel."""
    return [_figure(panel) for panel in plot.panels]


def _figure(panel: Panel) -> Figure:
    if isinstance(panel, GridPanel):
        return _grid(panel)
    if isinstance(panel, SidesPanel):
        return _sides(panel)
    return _days(panel)


def _days(panel: DaysPanel) -> Figure:
    days = [day.isoformat() for day in panel.days]
    bars = list(dict.fromkeys(series.label for series in panel.series if series.form is Form.BARS))
    traces: list[dict[str, Any]] = []
    for series in panel.series:
        trace = {"x": days, "y": _numbers(series.values), "name": _plain(series.label)}
        if series.form is Form.BARS:
            colour = _COLOURS[bars.index(series.label) % len(_COLOURS)]
            trace |= {"type": "bar", "marker": {"color": colour}}
        elif series.form is Form.MARKS:
            mark = {"symbol": "line-ew", "size": 12, "line": {"color": _INK, "width": 2}}
            trace |= {"type": "scatter", "mode": "markers", "marker": mark}
        else:
            trace |= {"type": "scatter", "mode": "lines", "line": _LINES[series.form]}
        traces.append(trace)
    layout: dict[str, Any] = {
        "title": {"text": _plain(panel.title)},
        # Values below zero, such as rebates, are stacked below the others.
        "barmode": "relative",
        "hovermode": "x unified",
        "xaxis": {"type": "date", "tickformat": "%a %e %b", "hoverformat": "%A %e %B %Y"},
        "yaxis": {"title": {"text": _plain(panel.unit)}, "rangemode": "tozero"},
        "height": _HEIGHT,
    }
    if panel.mark:
        day, word = panel.mark[0].isoformat(), _plain(panel.mark[1])
        line = {"color": _INK, "width": 1}
        layout["shapes"] = [
            {"type": "line", "x0": day, "x1": day, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        ]
        layout["annotations"] = [
            {"x": day, "yref": "paper", "y": 1, "text": word, "showarrow": False, "xanchor": "left"}
        ]
    return {"data": traces, "layout": layout}


def _sides(panel: SidesPanel) -> Figure:
    names = _unique([_plain(name) for name in panel.names])
    traces = []
    for label, values, sign, colour in (
        (panel.labels[0], panel.left, -1, _LEFT),
        (panel.labels[1], panel.right, 1, _RIGHT),
    ):
        numbers = _numbers(values)
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": names,
                "x": [None if number is None else sign * number for number in numbers],
                "customdata": numbers,
                "hovertemplate": "%{customdata:,.2f}",
                "texttemplate": "%{customdata:,.0f}",
                "textposition": "auto",
                "name": _plain(label),
                "marker": {"color": colour},
            }
        )
    title = f"{panel.title}; {panel.verdict}" if panel.verdict else panel.title
    return {
        "data": traces,
        "layout": {
            "title": {"text": _plain(title)},
            "barmode": "relative",
            "hovermode": "y unified",
            "xaxis": {"showticklabels": False, "zeroline": True},
            "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
            "height": _SIDES_HEAD + _SIDES_ROW * max(3, len(names)),
        },
    }


def _grid(panel: GridPanel) -> Figure:
    names = _unique([_plain(name) for name in panel.names])
    return {
        "data": [
            {
                "type": "heatmap",
                "x": _unique([_plain(column) for column in panel.columns]),
                "y": names,
                "z": [_numbers(row) for row in panel.values],
                "zmin": 0,
                "zmax": 1,
                "colorscale": "YlGnBu",
                "reversescale": True,
                "xgap": 1,
                "ygap": 1,
                "hovertemplate": "%{y}<br>%{x}: %{z:.0%}<extra></extra>",
                "colorbar": {"tickformat": ".0%", "thickness": 12},
            }
        ],
        "layout": {
            "title": {"text": _plain(panel.title)},
            "xaxis": {"type": "category", "nticks": 16},
            "yaxis": {"type": "category", "autorange": "reversed", "automargin": True, "dtick": 1},
            "height": _GRID_HEAD + _GRID_ROW * max(4, len(names)),
        },
    }


def _numbers(values: Sequence[float]) -> list[float | None]:
    """As JSON has them: without a value where there is none, and where it is too large to draw."""
    return [_number(float(value)) for value in values]


def _number(value: float) -> float | None:
    if math.isnan(value) or abs(value) >= _LARGEST_DRAWN:
        return None
    return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.{_SIGNIFICANT}g}")


def _unique(names: Sequence[str]) -> list[str]:
    """Names of an axis: equal ones would be one place."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _plain(text: str) -> str:
    """A text from outside: Plotly takes tags such as links out of it."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 20 * _TEXT])
    return html.escape(line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…", quote=False)
