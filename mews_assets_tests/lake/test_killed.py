"""Processes that are killed, and processes that merge side by side: nothing is lost, nothing is doubled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, everything, item, land

KILLED = -9
_MERGE_AND_DIE = """
import os, signal, sys
from mews_assets.lake.changes import merge as changes
from mews_assets.lake.changes import partition_writer
from mews_assets.lake.landing import capture_states
from mews_assets.lake.storage import lake as store
from mews_assets_tests.lake.made import ORDER_ITEMS
from mews_assets.windows import Grain

location, where, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
calls = 0

def deadly(real, after):
    def call(*arguments, **more):
        global calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **more)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

owner, name, after = {
    "before a put": (store.Lake, "put", False),
    "after a put": (store.Lake, "put", True),
    "before settling": (capture_states, "mark_merged", False),
    "after settling": (capture_states, "mark_merged", True),
    "while writing": (partition_writer.PartitionWriter, "write", True),
    "before deleting": (store.Lake, "delete", False),
}[where]
setattr(owner, name, deadly(getattr(owner, name), after))
changes.merge(store.open_lake(location, Grain.DAILY), ORDER_ITEMS, threads=1)
"""

_LAND_AND_DIE = """
import os, signal, sys
from mews_assets.lake.storage import layout
from mews_assets.lake.storage import lake as store
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days, item, land
from mews_assets.windows import Grain

location, where = sys.argv[1:3]
real = store.Lake.write_json

def deadly(self, name, value, **more):
    kind = "manifest" if name.endswith("manifest.json") else "pending"
    if where == f"before {kind}":
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, name, value, **more)
    if where == f"after {kind}":
        os.kill(os.getpid(), signal.SIGKILL)

lake = store.open_lake(location, Grain.DAILY)
store.Lake.write_json = deadly
land(lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3), capture="killed")
"""

_MERGE_IN_ROUNDS = """
import sys
from mews_assets.lake.changes import merge as changes
from mews_assets.lake.storage import lake as store
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days, item, land
from mews_assets.windows import Grain

location, name = sys.argv[1:3]
lake = store.open_lake(location, Grain.DAILY)
for number in range(6):
    land(lake, ORDER_ITEMS, [item(f"{name}-{number}", at(2, number)), item("both", at(3))], days(2, 4))
    changes.merge(lake, ORDER_ITEMS, threads=1)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], text=True, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[str]) -> int:
    _, problems = process.communicate(timeout=60)
    assert process.returncode in (0, KILLED), problems
    return process.returncode


def _fill(lake: Lake) -> None:
    """Three partitions that stand, one boundary row that waits, and two captures that are pending."""
    land(lake, ORDER_ITEMS, [item("old", at(2)), item("edge", at(5))], days(2, 5), capture="one")
    merge(lake, ORDER_ITEMS, threads=1)
    land(
        lake, ORDER_ITEMS, [item("new", at(2, 1)), item("s", at(3), SOUTH)], days(2, 4), scopes=(NORTH, SOUTH)
    )
    land(lake, ORDER_ITEMS, [item("last", at(5, 1)), item("far", at(6))], days(4, 6), capture="three")


def _contents(lake: Lake) -> dict[str, list[str]]:
    return {name: found.column("id").to_pylist() for name, found in everything(lake, ORDER_ITEMS).items()}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What stands in the lake when nobody is killed."""
    lake = open_lake(str(tmp_path_factory.mktemp("whole")), Grain.DAILY)
    _fill(lake)
    merge(lake, ORDER_ITEMS, threads=1)
    return _contents(lake)


@pytest.mark.slow
def test_the_next_merge_completes_what_a_killed_one_left(tmp_path, wanted):
    points = [
        ("while writing", 1),
        ("after a put", 2),
        ("before a put", 4),
        ("before deleting", 1),
        ("after settling", 1),
    ]
    lakes = {point: open_lake(str(tmp_path / "-".join(map(str, point))), Grain.DAILY) for point in points}
    for at_once in (points[:3], points[3:]):
        running = {}
        for point in at_once:
            _fill(lakes[point])
            running[point] = start(_MERGE_AND_DIE, lakes[point].root, point[0], str(point[1]))
        for point, process in running.items():
            assert ended(process) == KILLED, point
    for point, lake in lakes.items():
        for name, ids in _contents(lake).items():  # whatever stands is whole: as it was, or as it shall be
            assert ids in (wanted[name], [one for one in wanted[name] if one in ("old", "edge")]), (
                point,
                name,
            )
        merge(lake, ORDER_ITEMS, threads=1)
        assert _contents(lake) == wanted, point
        assert not capture_states.pending(lake, "order_items"), point


@pytest.mark.parametrize(
    ("where", "survives"),
    [("before pending", False), ("before manifest", False), ("after manifest", True)],
)
def test_a_landing_counts_from_its_manifest_on(tmp_path, where, survives):
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    assert ended(start(_LAND_AND_DIE, lake.root, where)) == KILLED
    assert capture_store.captures(lake, "order_items") == (["killed"] if survives else [])
    land(lake, ORDER_ITEMS, [item("b", at(2, 1))], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    (found,) = _contents(lake).values()
    assert found == (["a", "b"] if survives else ["b"])


@pytest.mark.slow
def test_two_processes_that_merge_at_once_lose_nothing(tmp_path):
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    for process in [start(_MERGE_IN_ROUNDS, lake.root, name) for name in ("one", "two")]:
        assert ended(process) == 0
    second, third = (sorted(ids) for ids in _contents(lake).values())
    assert second == sorted(f"{name}-{number}" for name in ("one", "two") for number in range(6))
    assert third == ["both"]
    assert not capture_states.pending(lake, "order_items")


@pytest.mark.slow
def test_what_a_killed_process_wrote_aside_is_out_of_every_readers_way(tmp_path):
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    _fill(lake)
    assert ended(start(_MERGE_AND_DIE, lake.root, "while writing", "1")) == KILLED
    left = [path for path in Path(lake.root).rglob("*.parquet") if ".aside" in path.parts]
    assert left
    for folder in ("changes", "landing", "state"):
        assert not [name for name in lake.files(folder, recursive=True) if "aside" in name]
