"""Real processes, really killed, over real HTTP: whatever they left, the next one makes the same tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import PartitionRequest, materialise
from mews_assets.ingest.pull import Puller
from mews_assets.lake.landing import capture_states, export_log
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, running_sandbox
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import BOTH, ITEMS, NOW, client_to, made_records, week_of
from mews_assets_tests.lake.made import everything

KILLED = -9
_PULL_AND_DIE = """
import os, signal, sys
from mews_assets.api import Credentials, MewsClient
from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import PartitionRequest, materialise
from mews_assets.ingest.pull import Puller
from mews_assets.lake.storage import lake as store, local_store
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made import BOTH, ITEMS, NOW, week_of

address, client_token, access_token = sys.argv[1:]
real = local_store.LocalStore._rename

def pull(place, location):
    def deadly(self, local, name):
        if place.startswith("before ") and place.removeprefix("before ") in name:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, local, name)
        if place.startswith("after ") and place.removeprefix("after ") in name:
            os.kill(os.getpid(), signal.SIGKILL)

    local_store.LocalStore._rename = deadly
    client = MewsClient(address, Credentials(client_token, access_token, "tests 1"), connection="portfolio")
    clients = {"portfolio": client}
    lake = store.open_lake(location, Grain.DAILY)
    materialise(
        ITEMS, PartitionRequest(week_of(*BOTH)), clients, discover(clients), Puller(lake, lambda: NOW), threads=1
    )

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            pull(*line.rstrip().split("|"))
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Importing takes longer than pulling: it is done once, and every process that dies is a child of that."""
PLACES = (
    "after state/exports",
    "before part-0000",
    "after part-0000",
    "before manifest.json",
    "after manifest.json",
    "before changes/",
    "after changes/",
)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with running_sandbox(
        made_records(), now=NOW, limits=ServerLimits(file_bytes=8000, requests=10_000)
    ) as running:
        running.set_clock(NOW, running=False)
        yield running


def pulled(lake: Lake, served: RunningSandbox) -> dict[str, list[str]]:
    """What stands once a process was let end."""
    with client_to(served) as client:
        clients = {"portfolio": client}
        done = materialise(
            ITEMS,
            PartitionRequest(week_of(*BOTH)),
            clients,
            discover(clients),
            Puller(lake, lambda: NOW),
            threads=1,
        )
    assert not done.failed
    assert not capture_states.pending(lake, ITEMS.name)
    return {name: found.column("id").to_pylist() for name, found in everything(lake, ITEMS).items()}


@pytest.fixture
def mother(served: RunningSandbox) -> Iterator[subprocess.Popen[str]]:
    """Gives birth to a process for every line `place|location`, and answers with how it ended."""
    tokens = (served.address, served.client_token, served.access_token)
    command = [sys.executable, "-c", _PULL_AND_DIE, *tokens]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def ended(mother: subprocess.Popen[str], place: str, location: str) -> int:
    assert mother.stdin and mother.stdout
    mother.stdin.write(f"{place}|{location}\n")
    mother.stdin.flush()
    return int(mother.stdout.readline())


@pytest.mark.slow
def test_whatever_a_killed_process_left_the_next_one_makes_the_same_tables(
    served: RunningSandbox, mother: subprocess.Popen[str], tmp_path: Path
) -> None:
    wanted = pulled(open_lake(str(tmp_path / "whole"), Grain.DAILY), served)
    assert sum(map(len, wanted.values())) == 24 * 7
    for number, place in enumerate(PLACES):
        location = str(tmp_path / f"lake {number}")
        assert ended(mother, place, location) == KILLED, place
        lake = open_lake(location, Grain.DAILY)
        owed = [one.id for one in export_log.logged_exports(lake, "portfolio", ITEMS.name)]
        served.reset()
        assert pulled(lake, served) == wanted, place
        if owed:  # it went on with the export that was asked for
            assert "exports/add" not in served.requests()["Counts"], place
        assert not export_log.logged_exports(lake, "portfolio", ITEMS.name), place
