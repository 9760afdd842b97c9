"""A lake of an older format: read as it is, brought to the present one, and not stopped by a killed process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mews_assets.cli import main
from mews_assets.ingest.lake_probe import probe_lake
from mews_assets.lake import file_statistics
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.file_statistics import files_without_statistics, statistics_of
from mews_assets.lake.maintenance.migrate import Progress, format_of, migrate, owed
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.footers import read_footers
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import BILLS, ORDER_ITEMS, at, days, item, land

TABLES = (ORDER_ITEMS, BILLS)
STEP = "statistics of files in changes"
KILLED = -9
_MIGRATE_AND_DIE = """
import os, signal, sys
from mews_assets.lake.maintenance import migrate
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import BILLS, ORDER_ITEMS

location, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
migrate._PORTION = 2
real = Lake.write
calls = 0

def deadly(self, written, *arguments, **more):
    global calls
    calls += name in written
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, written, *arguments, **more)

if name == "lake.json":
    Lake.change_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Lake.write = deadly
migrate.migrate(open_lake(location, Grain.DAILY), (ORDER_ITEMS, BILLS), print)
"""


@pytest.fixture
def older(lake: Lake) -> Lake:
    """A lake as format 1 left it: five files of one table and one of another, and no statistics."""
    land(lake, ORDER_ITEMS, [item(str(day), at(day, 1)) for day in range(2, 7)], days(2, 7))
    land(lake, BILLS, [item("b", at(2))], days(2, 3))
    for table in TABLES:
        merge(lake, table, threads=1)
        lake.delete(layout.statistics_file(table.name))
    lake.write_json(layout.LAKE_FILE, {**lake.read_json(layout.LAKE_FILE), "format": 1})
    return lake


def again(lake: Lake) -> Lake:
    return open_lake(lake.root, Grain.DAILY)


def test_an_older_lake_is_read_and_written_as_it_is(older: Lake) -> None:
    lake = again(older)
    land(lake, ORDER_ITEMS, [item("new", at(7, 1))], days(7, 8))
    merge(lake, ORDER_ITEMS, threads=1)
    assert len(statistics_of(lake, ORDER_ITEMS)) == 6
    assert format_of(lake) == 1


def test_a_lake_is_brought_to_the_present_format_table_by_table(older: Lake) -> None:
    wanted = [Progress(STEP, "order_items", 5), Progress(STEP, "bills", 1)]
    done: list[Progress] = []
    assert owed(older, TABLES) == wanted
    assert format_of(older) == 1
    assert migrate(older, TABLES, done.append) == 1
    assert done == wanted
    assert older.read_json(layout.LAKE_FILE) == {"format": 2, "window": "daily"}
    assert migrate(again(older), TABLES, done.append) == 2
    assert done == wanted
    assert not any(files_without_statistics(older, table) for table in TABLES)


@pytest.mark.parametrize(
    ("name", "number", "left"),
    [("statistics/order_items", 3, [1, 1]), ("lake.json", 1, [0, 0])],
    ids=["in the middle of a table", "before the format is raised"],
)
def test_a_migration_that_was_killed_goes_on_where_it_stopped(
    older: Lake, monkeypatch: pytest.MonkeyPatch, name: str, number: int, left: list[int]
) -> None:
    command = [sys.executable, "-c", _MIGRATE_AND_DIE, older.root, name, str(number)]
    assert subprocess.run(command, check=False, capture_output=True, timeout=120).returncode == KILLED
    assert format_of(again(older)) == 1
    assert [len(files_without_statistics(older, table)) for table in TABLES] == left
    read: list[str] = []

    def noted(lake, names, columns):
        read.extend(names)
        return read_footers(lake, names, columns)

    monkeypatch.setattr(file_statistics, "read_footers", noted)
    migrate(again(older), TABLES, lambda progress: None)
    assert len(read) == sum(left)
    assert format_of(older) == 2
    assert len(statistics_of(older, ORDER_ITEMS)) == 5


def test_a_setting_that_changes_while_a_migration_works_stays(older: Lake) -> None:
    def policy(progress: Progress) -> None:
        older.change_json(layout.LAKE_FILE, lambda now: {**(now or {}), "pii": "drop"})

    migrate(older, TABLES, policy)
    assert older.read_json(layout.LAKE_FILE) == {"format": 2, "window": "daily", "pii": "drop"}


def test_doctor_says_that_a_lake_can_be_migrated_until_it_is(older: Lake) -> None:
    def advice() -> list[str]:
        return [found.fix for found in probe_lake(older.root, Grain.DAILY) if "migrate" in found.fix]

    assert advice() == ["run mews-assets migrate when every machine has this version."]
    migrate(older, TABLES, lambda progress: None)
    assert advice() == []


def test_the_command_says_what_it_would_do_and_then_what_it_did(
    older: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEWS_LAKE", older.root)
    assert main(["migrate", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert f"order_items: {STEP}: 5 files" in printed
    assert printed.endswith("has format 1, and would have format 2; nothing was changed\n")
    assert format_of(older) == 1
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out.endswith("had format 1, and has format 2\n")
    assert main(["migrate"]) == 0
    assert "has format 2: nothing to do" in capsys.readouterr().out
    assert older.version(layout.statistics_file("order_items"))
