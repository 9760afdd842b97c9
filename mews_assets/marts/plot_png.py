"""Plots as PNG: the one module that knows matplotlib.

Lives here: drawing a plot. Not here: its content (`plot_parts`). Importing it takes a second or two, so it is imported
only when a plot is drawn.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from mews_assets.marts.model import DaysPanel, Form, GridPanel, Panel, Plot, SidesPanel

# Distinct for people with red-green blindness, and in grey.
_COLOURS = ("#1f5f8b", "#e08e45", "#4f9d8f", "#b65c7a", "#e3c567", "#8a8f99", "#6a5acd", "#9bc1d9")
_INK, _GREY, _FAINT = "#222b33", "#5b6670", "#c9d1d8"
_LEFT, _RIGHT = "#e08e45", "#1f5f8b"
_LINES: dict[Form, dict[str, Any]] = {
    Form.LINE: {"color": "#1f5f8b", "linestyle": "-", "linewidth": 2.0},
    Form.DASHED: {"color": "#e08e45", "linestyle": (0, (5, 2)), "linewidth": 1.6},
    Form.DOTTED: {"color": "#8a8f99", "linestyle": (0, (1, 1.5)), "linewidth": 1.6},
}
_MARKS: dict[str, Any] = {
    "color": _INK,
    "linestyle": "",
    "marker": "_",
    "markersize": 13,
    "markeredgewidth": 1.6,
}
_WIDTH, _PANEL_HEIGHT, _HEAD, _NOTE, _FOOT = 10.0, 2.35, 0.75, 0.2, 0.3
"""Inches; at 100 dots an inch a plot of three hotels is 1000 pixels wide and 810 high."""
_DPI = 100
_BAR = 0.41
"""Half the width of a bar; days are 1 apart."""
_GRID_ROW, _GRID_LABELS = 0.21, 10
"""Height of a hotel's row in inches, and the most labels of columns."""
_GRID_COLOURS = "YlGnBu"
_LABEL = 26
"""Characters of a name in a legend: six of them fit the width."""
_TITLE, _TITLE_OF_SIDES, _NAME = 125, 70, 14
"""Characters of a panel's title, of a title with a verdict beside it, and of a name left of a bar."""
_LARGEST_DRAWN = 1e100
"""The largest number that is drawn. Larger ones overflow where matplotlib squares them."""
_PALETTE, _GRID_PALETTE = 64, 256
"""Colours of the PNG file; a grid has shades, the lightest of which would become grey."""
_GRID_NAME = 30
"""Characters of a hotel's name left of a grid."""


def to_png(plot: Plot) -> bytes:
    """The plot as a PNG file."""
    panels = plot.panels
    heights = [_height(panel) for panel in panels]
    head = _HEAD + (_NOTE if plot.note else 0)
    height = head + (sum(heights) or _PANEL_HEIGHT) + (_FOOT if plot.shares_legend else 0)
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        figure.text(0.015, 1 - 0.2 / height, plot.title, size=14, weight="bold", color=_INK, va="top")
        figure.text(0.015, 1 - 0.48 / height, _line(plot.subtitle, _TITLE), size=9, color=_GREY, va="top")
        if plot.note:
            note = _line(plot.note, _TITLE)
            figure.text(0.015, 1 - 0.66 / height, note, size=9, color=_INK, va="top")
        if not panels:
            figure.text(0.5, 0.4, "nothing to show yet", ha="center", size=11, color=_GREY)
        shared = _labels(panels)
        for number, panel in enumerate(panels):
            top = height - head - sum(heights[:number])
            left = 0.22 if isinstance(panel, GridPanel) else 0.105
            bottom = (top - heights[number] + 0.45) / height
            axes = figure.add_axes((left, bottom, 0.98 - left, (heights[number] - 0.8) / height))
            _style_axes(
                axes,
                _line(
                    panel.title,
                    _TITLE_OF_SIDES if isinstance(panel, SidesPanel) and panel.verdict else _TITLE,
                ),
            )
            if isinstance(panel, SidesPanel):
                _draw_sides(axes, panel)
                continue
            if isinstance(panel, GridPanel):
                _draw_grid(axes, panel)
                continue
            _draw_days(axes, panel, shared if plot.shares_legend else _labels([panel]))
            if not plot.shares_legend:
                _legend(axes, [panel], "lower right", (1.005, 1.0))
        if plot.shares_legend:
            _legend(figure, panels, "lower left", (0.01, 0.005))
        canvas.draw()  # type: ignore[no-untyped-call]
        has_grid = any(isinstance(panel, GridPanel) for panel in panels)
        return _packed(canvas, _GRID_PALETTE if has_grid else _PALETTE)


def _height(panel: Panel) -> float:
    if isinstance(panel, GridPanel):
        return 0.8 + _GRID_ROW * len(panel.names)
    return _PANEL_HEIGHT


def _packed(canvas: FigureCanvasAgg, colours: int) -> bytes:
    """As PNG with a palette: the image is stored in a Dagster event, and has few colours anyway."""
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    image = Image.fromarray(pixels).convert("RGB")
    png = io.BytesIO()
    image.quantize(colours, dither=Image.Dither.NONE).save(png, format="png", optimize=True)
    return png.getvalue()


def _labels(panels: Sequence[Panel]) -> list[str]:
    """The labels of all bars, in the order of their colours."""
    series = [series for panel in panels if isinstance(panel, DaysPanel) for series in panel.series]
    return list(dict.fromkeys(bars.label for bars in series if bars.form is Form.BARS))


def _style_axes(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", size=10, weight="bold", color=_INK, pad=7)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.tick_params(length=0, colors=_GREY, labelsize=8.5)


def _drawable(values: Sequence[float], otherwise: float) -> list[float]:
    """The values, with those too large to draw replaced: one of them would spoil the whole plot."""
    return [value if abs(value) < _LARGEST_DRAWN else otherwise for value in values]


def _draw_days(axes: Axes, panel: DaysPanel, labels: list[str]) -> None:
    if not panel.days:
        axes.text(0.5, 0.5, "no days to show", ha="center", size=9, color=_GREY, transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    places = range(len(panel.days))
    above, below = ([0.0] * len(places) for _ in range(2))
    for series in panel.series:
        if series.form is Form.MARKS:
            axes.plot(places, _drawable(series.values, math.nan), **_MARKS, zorder=5)
        elif series.form is not Form.BARS:
            axes.plot(places, _drawable(series.values, math.nan), **_LINES[series.form], zorder=4)
        else:
            # Negative values, such as rebates, are stacked below zero: on the stack they would hide other bars.
            values = _drawable(series.values, 0.0)
            bottoms = [
                low if value < 0 else high for value, low, high in zip(values, below, above, strict=True)
            ]
            colour = _colour(series.label, labels)
            _draw_bars(axes, values, bottoms, colour)
            above = [high + max(0.0, value) for value, high in zip(values, above, strict=True)]
            below = [low + min(0.0, value) for value, low in zip(values, below, strict=True)]
    axes.grid(axis="y", color=_FAINT, linewidth=0.6, zorder=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=panel.unit in ("rooms", "reservations")))
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.set_ylabel(_line(panel.unit, _LABEL), size=8.5, color=_GREY)
    highest = axes.get_ylim()[1]
    lowest = min(0.0, *below, *(value for series in panel.series for value in _drawable(series.values, 0.0)))
    if lowest >= 0 < highest:
        axes.set_ylim(0, highest * (1.1 if panel.mark else 1.03))
    axes.set_xlim(-0.7, len(places) - 0.3)
    # Hotels compare weeks.
    mondays = [place for place in places if panel.days[place].weekday() == 0]
    # Not at the edges, where a label would overlap others.
    ticks = [place for place in mondays if 0 < place < len(places) - 1] or [0]
    axes.set_xticks(
        ticks, [f"{panel.days[place]:%a} {panel.days[place].day} {panel.days[place]:%b}" for place in ticks]
    )
    if panel.mark:
        day, word = panel.mark
        place = (day - panel.days[0]).days
        axes.axvline(place, color=_INK, linewidth=0.8, zorder=2)
        axes.annotate(
            word,
            (place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, 1),
            textcoords="offset points",
            va="top",
            size=8,
            color=_INK,
        )


def _draw_bars(axes: Axes, values: Sequence[float], bottoms: Sequence[float], colour: str) -> None:
    """All bars of a series as one artist. In matplotlib's own way each bar is one, which takes three times as long."""
    corners = [
        ((place - _BAR, low), (place - _BAR, low + value), (place + _BAR, low + value), (place + _BAR, low))
        for place, (value, low) in enumerate(zip(values, bottoms, strict=True))
        if value
    ]
    axes.add_collection(PolyCollection(corners, facecolor=colour, linewidth=0, zorder=3))
    axes.update_datalim([corner for bar in corners for corner in bar] or [(0.0, 0.0)])
    axes.autoscale_view()


def _draw_grid(axes: Axes, panel: GridPanel) -> None:
    values = np.ma.masked_invalid(np.array(panel.values, dtype=float))
    axes.pcolormesh(values, cmap=_GRID_COLOURS, vmin=0, vmax=1, edgecolors="white", linewidth=0.5)
    axes.invert_yaxis()
    axes.set_yticks(
        [place + 0.5 for place in range(len(panel.names))], [_line(one, _GRID_NAME) for one in panel.names]
    )
    every = -(-len(panel.columns) // _GRID_LABELS)
    shown = range(0, len(panel.columns), every)
    axes.set_xticks([place + 0.5 for place in shown], [panel.columns[place] for place in shown])
    axes.spines["bottom"].set_visible(False)
    key = axes.inset_axes(
        (0.72, 1.0 + 0.1 / (_GRID_ROW * len(panel.names)), 0.2, 0.09 / (_GRID_ROW * len(panel.names)))
    )
    key.imshow(np.linspace(0, 1, 64)[None, :], aspect="auto", cmap=_GRID_COLOURS)
    key.set_yticks([])
    key.set_xticks([])
    for place, text, side in ((-0.02, "0 %", "right"), (1.02, "100 %", "left")):
        key.text(place, 0.5, text, ha=side, va="center", size=8, color=_GREY, transform=key.transAxes)


def _colour(label: str, labels: list[str]) -> str:
    return _COLOURS[labels.index(label) % len(_COLOURS)]


def _draw_sides(axes: Axes, panel: SidesPanel) -> None:
    places = range(len(panel.names))
    lefts, rights = (_drawable(values, 0.0) for values in (panel.left, panel.right))
    axes.barh(places, [-value for value in lefts], color=_LEFT, height=0.68, zorder=3)
    axes.barh(places, rights, color=_RIGHT, height=0.68, zorder=3)
    axes.set_yticks(list(places), [_line(name, _NAME) for name in panel.names])
    axes.invert_yaxis()
    axes.axvline(0, color=_INK, linewidth=0.8, zorder=4)
    furthest = max([1.0, *map(abs, [*lefts, *rights])])
    axes.set_xlim(-1.18 * furthest, 1.18 * furthest)
    for place, left, right in zip(places, lefts, rights, strict=True):
        for value, sign, side in ((left, -1, "right"), (right, 1, "left")):
            if value:
                axes.annotate(
                    f"{value:,.0f}" if abs(value) < 1e12 else _short(value, None),
                    (sign * value, place),
                    xytext=(4 * sign, 0),
                    textcoords="offset points",
                    ha=side,
                    va="center",
                    size=8,
                    color=_INK,
                )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(abs(value), None)))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_title(_line(panel.verdict, _TITLE), loc="right", size=9, color=_GREY, pad=7)


def _short(value: float, _: object) -> str:
    """1,250,000 as 1.25M: amounts in yen are long."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            divisor = 1e3 if unit == "k" else size
            return f"{value / divisor:,.4g}{unit}"
    return f"{value:,.4g}" if value != int(value) else f"{int(value):,}"


def _legend(
    owner: Figure | Axes,
    panels: Sequence[Panel],
    loc: Literal["lower left", "lower right"],
    anchor: tuple[float, float],
) -> None:
    """A legend of the panels' colours and lines, on one line."""
    handles: dict[str, Artist] = {}
    labels = _labels(panels)
    for label in labels:
        handles[label] = Patch(color=_colour(label, labels))
    for panel in panels:
        if isinstance(panel, GridPanel):
            continue
        if isinstance(panel, SidesPanel):
            handles |= {
                label: Patch(color=colour)
                for label, colour in zip(panel.labels, (_LEFT, _RIGHT), strict=True)
            }
            continue
        for series in panel.series:
            if series.form is Form.MARKS:
                handles[series.label] = Line2D([], [], **_MARKS)
            elif series.form is not Form.BARS:
                handles[series.label] = Line2D([], [], **_LINES[series.form])
    if handles:
        look: dict[str, Any] = {
            "bbox_to_anchor": anchor,
            "ncols": len(handles),
            "frameon": False,
            "fontsize": 8.5,
            "handlelength": 1.6,
            "columnspacing": 1.4,
            "borderpad": 0.1,
            "labelcolor": _GREY,
        }
        owner.legend(list(handles.values()), [_line(label, _LABEL) for label in handles], loc=loc, **look)


def _line(text: str, width: int) -> str:
    """A text from outside, of any length and with line ends, as one line of at most `width` characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text[: 20 * width].split()))
    return line if len(line) <= width else f"{line[: width - 1]}\N{HORIZONTAL ELLIPSIS}"
