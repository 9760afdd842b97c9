"""The lines of `mews-assets status` for people: as many columns as the terminal has room for. Pure.

Lives here: choosing and filling columns. Not here: where the figures come from (`status`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

_SHORTEST_NAME = 12
"""Characters of a hotel's name that still tell it from another."""
_GAP = "  "


@dataclass(frozen=True)
class Line:
    """One table of one hotel or chain. Times are hours; `late_hours` is None where it is on time.

    `failing` are windows by check, None where no instance was asked; `judged` whether any check ever ran.
    """

    table: str
    scope: str
    name: str
    time_zone: str
    newest_window: str | None
    lag_hours: float | None
    late_hours: float | None
    windows: int
    missing: int
    rows: int
    judged: bool = False
    failing: dict[str, list[str]] | None = None

    @property
    def checks(self) -> str:
        if self.failing is None or not self.judged:
            return "-"
        count = sum(len(windows) for windows in self.failing.values())
        return f"{count} failed" if count else "ok"


@dataclass(frozen=True)
class _Column:
    """`need`: the lower, the longer it stays when room is short."""

    title: str
    text: Callable[[Line], str]
    need: int
    is_number: bool = False


_NAME = _Column("hotel or chain", lambda line: line.name, 0)
_COLUMNS = (
    _NAME,
    _Column("newest window", lambda line: line.newest_window or "none", 0),
    _Column("lag", lambda line: _hours(line.lag_hours), 3, True),
    _Column("late by", lambda line: _hours(line.late_hours), 1, True),
    _Column("checks", lambda line: line.checks, 2),
    _Column("missing", lambda line: f"{line.missing:,}", 4, True),
    _Column("rows", lambda line: f"{line.rows:,}", 5, True),
    _Column("windows", lambda line: f"{line.windows:,}", 6, True),
    _Column("time zone", lambda line: line.time_zone, 7),
)
_TABLE = _Column("table", lambda line: line.table, 0)


def table_text(lines: Sequence[Line], width: int) -> Iterator[str]:
    """The lines as a table no wider than `width`, down to 40 columns.

    Where it does not fit, the table's name stands above its hotels; then columns go, the least needed first;
    then names are cut.
    """
    if not lines:
        return
    whole = (_TABLE, *_COLUMNS)
    if _width(whole, lines) <= width:
        yield from _rows(whole, lines, {})
        return
    columns = list(_COLUMNS)
    indent = len(_GAP)
    while _width(columns, lines, shortened=True) + indent > width and any(one.need for one in columns):
        columns.remove(max(columns, key=lambda one: one.need))
    room = width - indent - (_width(columns, lines) - _widest(_NAME, lines))
    cut = {_NAME: max(_SHORTEST_NAME, min(room, _widest(_NAME, lines)))}
    heading, *body = _rows(columns, lines, cut)
    yield _GAP + heading
    rows = iter(body)
    for table, group in groupby(lines, key=lambda line: line.table):
        yield table
        for _ in group:
            yield _GAP + next(rows)


def _rows(columns: Sequence[_Column], lines: Sequence[Line], cut: dict[_Column, int]) -> Iterator[str]:
    widths = [cut.get(one, _widest(one, lines)) for one in columns]
    titles = [_fit(one.title, width, one) for one, width in zip(columns, widths, strict=True)]
    yield _GAP.join(titles).rstrip()
    for line in lines:
        cells = [_fit(one.text(line), width, one) for one, width in zip(columns, widths, strict=True)]
        yield _GAP.join(cells).rstrip()


def _fit(text: str, width: int, column: _Column) -> str:
    if len(text) > width:
        text = text[: width - 1] + "…"
    return text.rjust(width) if column.is_number else text.ljust(width)


def _widest(column: _Column, lines: Sequence[Line]) -> int:
    return max(len(column.title), *(len(column.text(line)) for line in lines))


def _width(columns: Sequence[_Column], lines: Sequence[Line], *, shortened: bool = False) -> int:
    widths = [_SHORTEST_NAME if shortened and one is _NAME else _widest(one, lines) for one in columns]
    return sum(widths) + len(_GAP) * (len(columns) - 1)


def _hours(hours: float | None) -> str:
    if hours is None:
        return "-"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
