"""The table of `mews-assets status`: whole where there is room, readable where there is little."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import pytest

from mews_assets.cli.status_text import Line, incomplete, table_text

FRESH = Line(
    table="availability_adjustments",
    scope="1",
    name="The Gilded Heron London",
    time_zone="Europe/London",
    newest_window="2026-11-21",
    lag_hours=17.2,
    late_hours=None,
    windows=31,
    missing=0,
    rows=13401,
    judged=True,
    failing={},
)
LATE = replace(
    FRESH,
    scope="2",
    name="A Hotel Whose Owners Found One Name Too Short",
    lag_hours=75.0,
    late_hours=45.0,
    missing=3,
    failing={"rows_in_window": ["2026-11-18", "2026-11-19"]},
)
NEVER = replace(
    FRESH,
    table="bills",
    newest_window=None,
    lag_hours=None,
    late_hours=700.0,
    rows=0,
    judged=False,
)
LINES = [FRESH, LATE, NEVER]


def test_a_wide_terminal_shows_every_figure_on_one_line() -> None:
    heading, *rows = table_text(LINES, 200)
    cells = [re.split(r" {2,}", line) for line in (heading, *rows)]
    assert cells[0] == [
        *("table", "hotel or chain", "newest window", "lag", "late by"),
        *("checks", "missing", "rows", "windows", "time zone"),
    ]
    assert cells[1] == [
        *("availability_adjustments", "The Gilded Heron London", "2026-11-21", "17.2 h", "-"),
        *("ok", "0", "13,401", "31", "Europe/London"),
    ]
    assert cells[2][3:7] == ["3.1 d", "45.0 h", "2 failed", "3"]
    assert cells[3][2:6] == ["none", "-", "29.2 d", "-"]


@pytest.mark.parametrize("width", range(44, 200, 3))
def test_no_line_is_wider_than_the_terminal_and_the_names_and_windows_always_stand(width: int) -> None:
    text = list(table_text(LINES, width))
    assert max(len(line) for line in text) <= width
    shown = "\n".join(text)
    for word in ("availability_adjustments", "bills", "The Gilded", "A Hotel", "2026-11-21", "none"):
        assert word in shown


@pytest.mark.parametrize("width", [60, 80, 100])
def test_what_is_late_stays_longest(width: int) -> None:
    assert "45.0 h" in "\n".join(table_text(LINES, width))


def test_on_a_narrow_terminal_a_table_stands_above_its_hotels() -> None:
    heading, *rows = table_text(LINES, 80)
    assert heading.startswith("  hotel or chain")
    assert rows[0] == "availability_adjustments"
    assert rows[1].startswith("  The Gilded")
    assert rows[3] == "bills"


def test_a_name_that_is_cut_says_so() -> None:
    text = "\n".join(table_text(LINES, 60))
    assert LATE.name not in text and "…" in text


def test_of_no_lines_there_is_no_table() -> None:
    assert list(table_text([], 80)) == []


def test_checks_nobody_could_ask_about_are_not_called_sound() -> None:
    assert replace(FRESH, failing=None).checks == "-"
    assert replace(FRESH, judged=False).checks == "-"
    assert FRESH.checks == "ok"


def test_a_lake_that_lacks_windows_is_not_called_well_because_nothing_is_late() -> None:
    new = replace(NEVER, late_hours=None, windows=0, missing=1200)
    assert incomplete([FRESH], 0) is None
    text = incomplete([FRESH, new, replace(LATE, late_hours=None)], 0)
    assert text is not None
    assert text.startswith(
        "not complete: 1 of 3 lines hold nothing yet, 1,203 windows are missing; turn on the"
    )
    assert incomplete([LATE], 2) == (
        "not complete: 3 windows are missing; exports under way bring some of them"
    )


def test_on_a_terminal_late_hotels_are_red_and_columns_stay_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    plain = list(table_text(LINES, 200))
    marked = [row for row in plain if "\033[31m" in row]
    assert len(marked) == sum(line.late_hours is not None or bool(line.failing) for line in LINES) > 0
    monkeypatch.setenv("NO_COLOR", "1")
    assert [row.replace("\033[31m", "").replace("\033[0m", "") for row in plain] == list(
        table_text(LINES, 200)
    )
    assert not any("\033" in row for row in table_text(LINES, 200))
