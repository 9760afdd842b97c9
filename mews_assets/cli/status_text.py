"""The table of `mews-assets status` for people: as many columns as fit into the terminal. Pure.

Lives here: choosing columns, shortening names, and the lines below the table. Not here: the figures
(`commands.status`), aligning cells (`text_table`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mews_assets.cli.colours import Colour, paint
from mews_assets.cli.text_table import text_table

_SHORTEST_NAME = 12
"""Characters of a hotel's name that still distinguish it from another."""
_INDENT = "  "


@dataclass(frozen=True)
class Line:
    """One table of one hotel or chain. Times are hours; `late_hours` is None where it is on time.

    `key` is the scope's part of partition keys. `failing` are the failed windows by check, None where no Dagster
    instance was read; `judged`: a check has run.
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
    key: str = ""

    @property
    def checks(self) -> str:
        if self.failing is None or not self.judged:
            return "-"
        count = sum(len(windows) for windows in self.failing.values())
        return f"{count} failed" if count else "ok"


@dataclass(frozen=True)
class _Column:
    """`need`: columns with the highest number are left out first when the terminal is narrow."""

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

    If the whole table is too wide, each table's name becomes a heading above its hotels; then columns are left out,
    the least needed first; then names are shortened.
    """
    if not lines:
        return
    whole = _rendered((_TABLE, *_COLUMNS), lines)
    if _width(whole) <= width:
        yield whole[0]
        yield from map(_painted, whole[1:], lines)
        return
    columns, available = list(_COLUMNS), width - len(_INDENT)
    while _width(_rendered(columns, lines, _SHORTEST_NAME)) > available and any(
        column.need for column in columns
    ):
        columns.remove(max(columns, key=lambda column: column.need))
    longest = max(len(_NAME.title), *(len(line.name) for line in lines))
    too_wide = max(0, _width(_rendered(columns, lines, longest)) - available)
    heading, *body = _rendered(columns, lines, max(_SHORTEST_NAME, longest - too_wide))
    yield _INDENT + heading
    rows = iter(body)
    for table, group in groupby(lines, key=lambda line: line.table):
        yield table
        for line in group:
            yield _INDENT + _painted(next(rows), line)


def _painted(text: str, line: Line) -> str:
    """Red where something is wrong; aligned before, as a colour's code takes no place."""
    return paint(text, Colour.RED if line.late_hours is not None or line.failing else None)


def summary(lines: Sequence[Line], exports: int) -> str:
    """The line below the table."""
    late = sum(line.late_hours is not None for line in lines)
    failing = sum(bool(line.failing) for line in lines)
    return f"{len(lines)} lines: {late} late, {failing} with failing checks; {exports} exports under way"


def summary_colour(lines: Sequence[Line]) -> Colour | None:
    """Red with anything wrong, green with everything there."""
    if any(line.late_hours is not None or line.failing for line in lines):
        return Colour.RED
    return None if any(line.missing for line in lines) else Colour.GREEN


def incomplete(lines: Sequence[Line], exports: int) -> str | None:
    """What the lake does not hold yet, and what to do: a hotel found today is not late, and may have nothing."""
    missing = sum(line.missing for line in lines)
    if not missing:
        return None
    empty = sum(not line.windows for line in lines)
    held = f"{empty} of {len(lines)} lines hold nothing yet, " if empty else ""
    following = (
        "exports under way bring some of them"
        if exports
        else "turn on the sensors (MEWS_AUTOMATION=on) or launch a backfill; `mews-assets doctor` finds obstacles"
    )
    return f"not complete: {held}{missing:,} windows are missing; {following}"


def _rendered(columns: Sequence[_Column], lines: Sequence[Line], name_width: int | None = None) -> list[str]:
    """The heading and one text per line; hotel names, their heading too, cut to `name_width` characters."""

    def cell(column: _Column, text: str) -> str:
        is_long = column is _NAME and name_width is not None and len(text) > name_width
        return f"{text[: name_width - 1]}…" if is_long and name_width else text

    return text_table(
        [cell(column, column.title) for column in columns],
        [[cell(column, column.text(line)) for column in columns] for line in lines],
        numbers=[column.is_number for column in columns],
    )


def _width(rendered: Sequence[str]) -> int:
    return max(map(len, rendered))


def _hours(hours: float | None) -> str:
    if hours is None:
        return "-"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
