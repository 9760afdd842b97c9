"""What a mart is: the questions' answers as rows, and the picture drawn of them.

Lives here: `Mart`, its columns and checks, and pictures as plain values. Not here: how inputs are found
(`inputs`), how a picture becomes a PNG (`plots`).
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
    """One check of one mart."""

    passed: bool
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class MartCheck:
    """The description says why the check is as grave as it is. A grave one holds back what is downstream.

    It judges the mart's rows, or what was left out of them (`LEFT_OUT`).
    """

    name: str
    description: str
    is_grave: bool
    judge: Callable[[pa.Table], MartVerdict]
    is_of_left_out: bool = False


@dataclass(frozen=True)
class Mart:
    """One mart, from its inputs to its picture.

    `inputs` are asset keys such as `current/order_items`; in `given` they are views such as
    `current.order_items` (see `inputs` for what else stands there). `given` is a query that adds up what the lake
    holds. It has the columns `enterprise_id`, `enterprise`, `items` (how many rows of the lake each of its rows stands
    for) and `fault`: what keeps those from being reckoned with, or null. `query` makes the mart of what has no fault.
    `key` tells rows apart; `preview` picks the rows people look at first; `named` are the columns that are empty where
    the reference has no name for an id, or a row no day.
    """

    name: str
    summary: str
    description: str
    inputs: tuple[str, ...]
    columns: tuple[MartColumn, ...]
    key: tuple[str, ...]
    given: str
    query: str
    picture: Callable[[pa.Table, datetime], Picture]
    preview: Callable[[pa.Table], pa.Table]
    named: tuple[str, ...] = ()
    checks: tuple[MartCheck, ...] = ()

    @property
    def definition(self) -> str:
        """What the mart says of itself: formulas and sources, without what is said to developers."""
        return self.description.partition("Lives here:")[0].strip()

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(
            [
                pa.field(one.name, one.type, metadata={b"description": one.description.encode()})
                for one in self.columns
            ]
        )


class Form(StrEnum):
    """How a series is drawn. Bars of one panel stand on one another."""

    BARS = "bars"
    LINE = "line"
    DASHED = "dashed"
    DOTTED = "dotted"
    MARKS = "marks"


@dataclass(frozen=True)
class Series:
    """One value per day of its panel. Series of one label have one colour in a picture."""

    label: str
    values: Sequence[float]
    form: Form = Form.BARS


@dataclass(frozen=True)
class DaysPanel:
    """Series over days; `mark` is a day to point out, with its word."""

    title: str
    unit: str
    days: Sequence[date]
    series: Sequence[Series]
    mark: tuple[date, str] | None = None


@dataclass(frozen=True)
class SidesPanel:
    """Two opposite sums for each name, one to the left and one to the right, and a word on their total."""

    title: str
    names: Sequence[str]
    left: Sequence[float]
    right: Sequence[float]
    labels: tuple[str, str]
    verdict: str = ""


@dataclass(frozen=True)
class Picture:
    """One image: a panel per hotel, beneath one another.

    Panels whose parts are their own, such as a hotel's outlets, have a legend and colours each.
    """

    title: str
    subtitle: str
    panels: Sequence[DaysPanel | SidesPanel] = ()
    shares_legend: bool = True
