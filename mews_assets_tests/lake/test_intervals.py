"""Every row in its own window, whether Mews reads intervals half-open, as since January 2026, or with both ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain, Window, coalesce, window_at
from mews_assets_tests.lake.made import (
    MICRO,
    ORDER_ITEMS,
    at,
    days,
    everything,
    is_reconciled,
    item,
    land,
    march,
)

FIRST, AFTER = 2, 7
RULES = ("half-open", "inclusive")


def answers(window: Window, stamp: datetime, rule: str) -> bool:
    """Whether Mews' answer for an interval holds a record of this stamp."""
    if stamp == window.end:
        return rule == "inclusive"
    return window.start <= stamp < window.end


def stamps() -> st.SearchStrategy[datetime]:
    """Mostly at the edges of days, and a microsecond to either side."""
    edge = st.integers(FIRST, AFTER).map(at)
    beside = st.sampled_from((-MICRO, timedelta(0), MICRO, timedelta(hours=7), timedelta(hours=12)))
    return st.builds(lambda one, off: one + off, edge, beside)


def spans() -> st.SearchStrategy[Window]:
    ends = st.lists(st.integers(FIRST, AFTER), min_size=2, max_size=2, unique=True).map(sorted)
    return ends.map(lambda both: days(both[0], both[1]))


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(seen=st.lists(stamps(), unique=True, max_size=12), asked=st.lists(spans(), min_size=1, max_size=3))
def test_each_row_of_any_captures_stands_once_in_the_window_that_holds_its_stamp(
    rule: str, seen: list[datetime], asked: list[Window]
) -> None:
    with TemporaryDirectory() as folder:
        lake = open_lake(str(Path(folder) / "lake"), Grain.DAILY)
        for window in asked:
            came = [item(f"{number}", one) for number, one in enumerate(seen) if answers(window, one, rule)]
            land(lake, ORDER_ITEMS, came, window)
            merged = merge(lake, ORDER_ITEMS, threads=1)
            assert all(is_reconciled(one) for one in merged.captures.values())
        found = {
            name.split("window=")[1][:10]: sorted(rows.column("id").to_pylist())
            for name, rows in everything(lake, ORDER_ITEMS).items()
        }
    covered = {
        march(day)
        for day in range(FIRST, AFTER)
        if any(one.covers(window_at(at(day), Grain.DAILY)) for one in coalesce(asked))
    }
    expected = {key: list[str]() for key in covered}
    for number, one in enumerate(seen):
        key = f"{one:%Y-%m-%d}"
        if key in covered:
            expected[key].append(f"{number}")
    assert found == {key: sorted(ids) for key, ids in expected.items()}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(window=spans(), seen=st.lists(stamps(), unique=True), cuts=st.lists(st.booleans(), max_size=6))
def test_the_halves_of_a_heavy_window_bring_all_that_the_whole_would_have_brought(
    rule: str, window: Window, seen: list[datetime], cuts: list[bool]
) -> None:
    pieces = [window]
    for newest in cuts:
        pieces += pieces.pop(-1 if newest else 0).halves()
    brought = {stamp for stamp in seen for piece in pieces if answers(piece, stamp, rule)}
    assert {one for one in seen if answers(window, one, rule)} == brought
    own = {one for one in seen if window.contains(one)}
    assert own <= brought <= own | {window.end}
