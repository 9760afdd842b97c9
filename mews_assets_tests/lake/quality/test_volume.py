"""Volume: compared with the same weekday, with what was captured alike, and only where that tells something."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.volume import Volume, volumes, windows_before
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain, window_at
from mews_assets_tests.lake.made import LEDGER, NORTH, ORDER_ITEMS, at, days, entry, item, land


@pytest.mark.parametrize(
    ("rows", "before", "unusual"),
    [
        (100, (100, 110, 90), False),
        (40, (100, 110, 90), False),  # a quiet day
        (30, (100, 110, 90), True),
        (0, (100, 110, 90), True),
        (290, (100, 110, 90), False),
        (310, (100, 110, 90), True),
        (310, (100, 110, 90, 200), False),  # seen before, or nearly so
        (30, (100, 110, 90, 50), False),
        (0, (100, 100), False),  # two weeks tell nothing
        (0, (6, 6, 6), False),  # nor do six rows
        (500, (1, 2, 3), True),
    ],
)
def test_a_volume_is_unusual_beyond_a_factor_of_three_and_all_that_was_seen(
    rows: int, before: tuple[int, ...], unusual: bool
) -> None:
    assert Volume(rows, before).is_unusual == unusual


@pytest.mark.parametrize(
    ("grain", "expected"),
    [
        (Grain.HOURLY, at(8, 0) - timedelta(days=7)),
        (Grain.DAILY, at(8, 0) - timedelta(days=7)),
        (Grain.WEEKLY, at(8, 0) - timedelta(days=7)),  # 8 March 2026 is a Sunday
        (Grain.MONTHLY, at(1, 0) - timedelta(days=28)),
    ],
)
def test_windows_are_compared_with_those_of_the_weeks_before(grain: Grain, expected) -> None:
    before = list(windows_before(window_at(at(8), grain), grain))
    assert len(before) == 8
    assert before[0].start == expected
    assert before == sorted(before, reverse=True)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


def pull(
    lake: Lake, number: int, rows: int, *, after: timedelta = timedelta(hours=1), table=ORDER_ITEMS
) -> None:
    """So many rows of a day, captured so long after its end."""
    if table is LEDGER:
        records = [entry(f"{number}-{one}", at(number).date().isoformat()) for one in range(rows)]
    else:
        records = [item(f"{number}-{one}", at(number, 1)) for one in range(rows)]
    window = days(number, number + 1)
    merge(lake, table, [land(lake, table, records, window, captured_at=window.end + after)])


def volume(lake: Lake, number: int, table=ORDER_ITEMS) -> Volume:
    partition = Partition(NORTH, days(number, number + 1))
    return volumes(lake, table, [partition])[partition]


@pytest.mark.slow
def test_a_day_is_compared_with_the_same_weekdays_newest_first(lake):
    for number, rows in ((1, 30), (8, 31), (15, 32), (16, 99), (22, 5)):
        pull(lake, number, rows)
    found = volume(lake, 22)
    assert (found.rows, found.before, found.usual, found.is_unusual) == (5, (32, 31, 30), 31, True)


@pytest.mark.slow
def test_what_was_captured_late_is_compared_with_nothing_for_records_have_moved_on(lake):
    for number in (1, 8, 15):
        pull(lake, number, 2, after=timedelta(days=30))
    pull(lake, 22, 90)
    assert volume(lake, 22) == Volume(90, ())
    pull(lake, 29, 90, after=timedelta(days=3))
    assert volume(lake, 29) == Volume(90, (), captured_late=True)


def test_rows_that_never_move_on_are_compared_however_late_they_were_captured(lake):
    for number in (1, 8, 15, 22):
        pull(lake, number, 30, after=timedelta(days=90), table=LEDGER)
    assert volume(lake, 22, LEDGER) == Volume(30, (30, 30, 30))


def test_a_day_without_rows_is_compared_and_one_that_does_not_stand_is_left_out(lake):
    for number, rows in ((1, 30), (8, 31), (15, 32), (22, 0)):
        pull(lake, number, rows)
    assert volume(lake, 22).is_unusual
    assert volumes(lake, ORDER_ITEMS, [Partition(NORTH, days(23, 24))]) == {}
