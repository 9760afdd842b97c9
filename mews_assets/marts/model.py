"""The model of a mart: its inputs, queries, columns, checks and plot.

Lives here: `Mart`, its columns and checks, and plots as plain values. Not here: making inputs available to queries
(`inputs`), and drawing a plot as PNG (`plot_png`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

MONEY = pa.decimal128(38, 10)
"""Sums of money: exact, and wide enough for any currency."""


LEFT_OUT = pa.schema(
    [
        ("enterprise_id", pa.string()),
        ("enterprise", pa.string()),
        ("fault", pa.string()),
        ("rows", pa.int64()),
    ]
)
"""What a mart leaves out: per hotel and fault, how many rows of the lake; null where a file cannot be read."""


@dataclass(frozen=True)
class MartColumn:
    name: str
    type: pa.DataType
    description: str


@dataclass(frozen=True)
class MartVerdict:
    """The result of one check of one mart."""

    passed: bool
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class MartCheck:
    """A check of the mart's rows, or of the rows left out (`LEFT_OUT`). The description gives the reason of its
    severity: a grave check is an ERROR and blocks downstream assets.
    """

    name: str
    description: str
    is_grave: bool
    judge: Callable[[pa.Table], MartVerdict]
    is_of_left_out: bool = False


@dataclass(frozen=True)
class Mart:
    """One mart, from its inputs to its plot.

    `inputs` are asset keys such as `current/order_items`; for the query `given` they are views such as
    `current.order_items` (the module `inputs` lists the others). `given` aggregates the lake's rows. It has the columns
    `enterprise_id`, `enterprise`, `items` (the number of aggregated rows) and `fault`: why these are left out, or null.
    `judged_by` are inputs by which `is_complete` is judged: they are read where this deployment fetches them.
    `query` makes the mart from the rows of `given` without a fault. `key` is the unique key; `preview` picks the rows
    to show; `named` are columns that are null where the reference has no name for an id, or a row has no day.
    """

    name: str
    summary: str
    description: str
    inputs: tuple[str, ...]
    columns: tuple[MartColumn, ...]
    key: tuple[str, ...]
    given: str
    query: str
    plot: Callable[[pa.Table, datetime], Plot]
    preview: Callable[[pa.Table], pa.Table]
    named: tuple[str, ...] = ()
    judged_by: tuple[str, ...] = ()
    checks: tuple[MartCheck, ...] = ()

    @property
    def all_inputs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.inputs, *self.judged_by)))

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(
            [
                pa.field(column.name, column.type, metadata={b"description": column.description.encode()})
                for column in self.columns
            ]
        )


class Form(StrEnum):
    """How a series is drawn. The bars of a panel are stacked."""

    BARS = "bars"
    LINE = "line"
    DASHED = "dashed"
    DOTTED = "dotted"
    MARKS = "marks"


@dataclass(frozen=True)
class Series:
    """One value per day of its panel. Series with the same label have the same colour in a plot."""

    label: str
    values: Sequence[float]
    form: Form = Form.BARS


@dataclass(frozen=True)
class DaysPanel:
    """Series over days; `mark` is a day to highlight, with its label."""

    title: str
    unit: str
    days: Sequence[date]
    series: Sequence[Series]
    mark: tuple[date, str] | None = None


@dataclass(frozen=True)
class SidesPanel:
    """Two sums for each name, drawn to the left and to the right, and a `verdict` on their totals."""

    title: str
    names: Sequence[str]
    left: Sequence[float]
    right: Sequence[float]
    labels: tuple[str, str]
    verdict: str = ""


@dataclass(frozen=True)
class GridPanel:
    """A coloured cell for each name and column, such as each hotel and month; NaN is left blank.

    Values are from 0 to 1; `scale` says what they are.
    """

    title: str
    names: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    scale: str


Panel = DaysPanel | SidesPanel | GridPanel


@dataclass(frozen=True)
class Plot:
    """One image: a panel per hotel, below one another, or a grid of all hotels.

    With `shares_legend` false each panel has its own legend and colours, such as those of a hotel's outlets. `hotels`
    are the ids of hotels that it shows, or counts as not shown; without them, those that the mart has rows of. A `note`
    stands below the subtitle.
    """

    title: str
    subtitle: str
    panels: Sequence[Panel] = ()
    shares_legend: bool = True
    hotels: frozenset[str] | None = None
    note: str = ""
