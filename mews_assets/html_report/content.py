"""What a report says of each hotel, read from the files of the marts.

Lives here: the plots and rows of the marts, of one hotel or of all, and a hotel's key figures. One hotel's rows of one
mart are in memory at a time, or the last days of one mart. Not here: drawing (`figures`), the file (`page`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.html_report.figures import Figure, figures_of
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.marts import preview
from mews_assets.marts.make import AS_OF
from mews_assets.marts.model import Mart
from mews_assets.marts.stays.daily_performance import DAILY_PERFORMANCE
from mews_assets.windows import from_api

_DAYS_OF_ALL = 400
"""How far back the plots of all hotels go: further back their rows need not fit into memory."""
_DAY_COLUMNS = ("business_day", "stay_date")
FIGURE_DAYS = 28
"""Complete business days of the key figures: whole weeks, so that two periods can be compared."""


@dataclass(frozen=True)
class MartFile:
    """A mart that was made, and its file on this machine."""

    mart: Mart
    path: Path
    as_of: datetime
    says_as_of: bool
    """Whether the file says as of when it was made: files of earlier versions do not."""

    @classmethod
    def of(cls, lake: Lake, workspace: Path, mart: Mart, now: datetime) -> MartFile | None:
        """None for a mart that is not made yet."""
        name = layout.mart_file(mart.name)
        if not lake.exists(name):
            return None
        path = lake.local_copy(name, workspace)
        stored = (pq.read_metadata(path).metadata or {}).get(AS_OF.encode())
        return cls(mart, path, from_api(stored.decode()) if stored else now, bool(stored))

    def of_hotel(self, hotel: str) -> pa.Table:
        """The rows of one hotel."""
        return self._read([("enterprise_id", "=", hotel)])

    def of_all(self) -> pa.Table:
        """The rows of all hotels; of a mart of days, those of the last."""
        day = next((name for name in _DAY_COLUMNS if name in self.mart.schema.names), None)
        since = self.as_of.date() - timedelta(days=_DAYS_OF_ALL)
        return self._read([(day, ">=", since)] if day else None)

    def _read(self, filters: list[Any] | None) -> pa.Table:
        rows = pq.read_table(self.path, filters=filters, partitioning=None)
        return rows.select(self.mart.schema.names).cast(self.mart.schema)


@dataclass(frozen=True)
class Section:
    """One mart of one hotel, or of all: its figures, and rows as texts."""

    mart: str
    title: str
    subtitle: str
    figures: list[Figure]
    rows: preview.PreviewTable | None

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"mart": self.mart, "title": self.title, "subtitle": self.subtitle}
        if self.rows:
            table = self.rows
            shown["rows"] = {"names": table.names, "numeric": table.numeric, "cells": table.rows}
        return shown | {"figures": self.figures}


def section(file: MartFile, rows: pa.Table, *, with_rows: bool) -> Section:
    """What a mart says in these rows."""
    plot = file.mart.plot(rows, file.as_of)
    shown = preview.table(file.mart.preview(rows)) if with_rows and rows.num_rows else None
    subtitle = plot.subtitle
    if file.says_as_of and "as of" not in subtitle:
        subtitle = f"{subtitle}{'; ' if subtitle else ''}as of {file.as_of:%Y-%m-%d %H:%M} UTC"
    subtitle = f"{subtitle[:1].upper()}{subtitle[1:]}"
    return Section(file.mart.name, plot.title, subtitle, figures_of(plot), shown)


@dataclass(frozen=True)
class KeyFigures:
    """Sums over complete business days of one hotel."""

    days: int
    first: date
    last: date
    currency: str
    available: int
    sold: int
    rooms_revenue: Decimal
    total_revenue: Decimal

    @property
    def occupancy(self) -> Decimal | None:
        return 100 * Decimal(self.sold) / self.available if self.available else None

    @property
    def adr(self) -> Decimal | None:
        return self.rooms_revenue / self.sold if self.sold else None

    @property
    def revpar(self) -> Decimal | None:
        return self.rooms_revenue / self.available if self.available else None


def key_figures(rows: pa.Table) -> tuple[KeyFigures | None, KeyFigures | None]:
    """The last complete days of one hotel's daily performance, and as many before them; None without such days."""
    if not rows.num_rows:
        return None, None
    found = [row for row in rows.to_pylist() if row["is_complete"]]
    if not found:
        return None, None
    last = max(row["business_day"] for row in found)
    period = timedelta(days=FIGURE_DAYS)
    return _sums(found, last - period, last), _sums(found, last - 2 * period, last - period)


def _sums(rows: Sequence[dict[str, Any]], after: date, last: date) -> KeyFigures | None:
    chosen = [row for row in rows if after < row["business_day"] <= last]
    if not chosen:
        return None
    return KeyFigures(
        len(chosen),
        min(row["business_day"] for row in chosen),
        max(row["business_day"] for row in chosen),
        chosen[0]["currency"] or "",
        sum(row["rooms_available"] or 0 for row in chosen),
        sum(row["rooms_sold"] or 0 for row in chosen),
        sum((row["rooms_revenue"] for row in chosen), Decimal(0)),
        sum((row["total_revenue"] for row in chosen), Decimal(0)),
    )


def figure_cells(now: KeyFigures | None, before: KeyFigures | None) -> list[str]:
    """The key figures as texts, in the order of `FIGURE_NAMES`."""
    if now is None:
        return ["no complete day yet", *[""] * (len(FIGURE_NAMES) - 1)]
    days = f"{now.first:%d %b} to {now.last:%d %b}, {now.days} days"
    # A period that lacks days is compared with none: its sums would be smaller.
    old = before if before is not None and now.days == before.days == FIGURE_DAYS else None
    return [
        days,
        _compared(now.occupancy, old.occupancy if old else None, "", " %"),
        _compared(now.adr, old.adr if old else None, now.currency),
        _compared(now.revpar, old.revpar if old else None, now.currency),
        _compared(now.rooms_revenue, old.rooms_revenue if old else None, now.currency),
        _compared(now.total_revenue, old.total_revenue if old else None, now.currency),
    ]


FIGURE_NAMES = (
    "complete days",
    "occupancy",
    "ADR",
    "RevPAR",
    "net revenue of rooms",
    "net revenue of everything",
)


def _compared(value: Decimal | None, before: Decimal | None, unit: str, sign: str = "") -> str:
    if value is None:
        return "-"
    places = 1 if sign else (0 if value >= 10_000 else 2)
    text = f"{unit} {value:,.{places}f}{sign}".strip()
    if not before:
        return text
    change = f"{value - before:+.1f} points" if sign else f"{100 * (value / before - 1):+.1f} %"
    return f"{text} ({change})"


def figures_of_hotel(files: Sequence[MartFile], hotel: str) -> list[str]:
    """The key figures of a hotel; none where its daily performance is not made."""
    for file in files:
        if file.mart.name == DAILY_PERFORMANCE.name:
            return figure_cells(*key_figures(file.of_hotel(hotel)))
    return []


def sections_of_hotel(files: Sequence[MartFile], hotel: str) -> Iterator[Section]:
    for file in files:
        yield section(file, file.of_hotel(hotel), with_rows=True)


def sections_of_all(files: Sequence[MartFile]) -> Iterator[Section]:
    for file in files:
        yield section(file, file.of_all(), with_rows=False)
