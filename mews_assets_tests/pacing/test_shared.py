"""Pacing that processes share: real files and threads, with a window that is a fiftieth of Mews' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from mews_assets.clients import client_of
from mews_assets.lake.storage.local_store import LocalStore
from mews_assets.pacing.machine import OWN_SHARE
from mews_assets.pacing.shared import Desk, SharedPacing, shared_pacing
from mews_assets.pacing.shares import Book, Budget
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import read_settings

BUDGET = Budget(limit=30, seconds=0.6)
BOOK = "state/pacing/token.json"


def desk(folder: Path, machine: str, store: Any = None) -> Desk:
    (folder / machine).mkdir(exist_ok=True)
    return Desk(folder / machine / "state.json", store or LocalStore(str(folder / "lake")), BOOK, BUDGET)


def acquire(pacing: SharedPacing, seconds: float) -> list[float]:
    """When requests started, until so many seconds are over."""
    starts, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        pacing.acquire()
        starts.append(time.monotonic())
    return starts


def busiest(starts: list[float]) -> int:
    # What is counted starts a little before it is noted here.
    return max(sum(start - BUDGET.seconds + 0.02 < other <= start for other in starts) for start in starts)


def until(is_true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not is_true() and time.monotonic() < end:
        time.sleep(0.01)
    return is_true()


@pytest.mark.slow
def test_four_clients_on_two_machines_share_one_budget(tmp_path: Path) -> None:
    clients = [SharedPacing(desk(tmp_path, machine)) for machine in ("north", "north", "south", "south")]
    with ThreadPoolExecutor(4) as side_by_side:
        starts = [*chain.from_iterable(side_by_side.map(lambda pacing: acquire(pacing, 2.4), clients))]
    for pacing in clients:
        pacing.close()
    # On a busy machine some turns come late, and are noted later than they count. Unshared it would be 60 and more.
    assert busiest(starts) <= 1.5 * BUDGET.limit
    assert len(starts) >= 0.5 * 4 * BUDGET.limit


def test_what_is_closed_leaves_its_share_to_others(tmp_path: Path) -> None:
    pacing = SharedPacing(desk(tmp_path, "north"))
    acquire(pacing, 0.1)
    book = tmp_path / "lake" / BOOK
    assert until(lambda: book.exists() and json.loads(book.read_text())["machines"] != {})
    pacing.close()
    (entry,) = Book.from_json(book.read_bytes()).entries.values()
    assert entry.has_left
    assert entry.wants == 0


def test_the_run_after_one_that_gave_its_share_back_does_not_wait_for_a_look(tmp_path: Path) -> None:
    # Runs follow each other within seconds: each waited up to five of them before its first request.
    clock = [100.0]
    (tmp_path / "north").mkdir()
    store = LocalStore(str(tmp_path / "lake"))
    north = Desk(tmp_path / "north" / "state.json", store, BOOK, Budget(), lambda: clock[0])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(3):
        while not north.start():
            pass
        north.step(now)
        assert not north.start()
        north.leave(now)
        clock[0] += 0.5


class Down(LocalStore):
    """A store that answers nothing, after a while."""

    def read(self, name: str) -> Any:
        time.sleep(0.2)
        raise OSError("no route to host")


def test_without_the_lake_requests_start_slowly_and_none_hangs(tmp_path: Path) -> None:
    pacing = SharedPacing(desk(tmp_path, "north", Down(str(tmp_path))))
    starts = acquire(pacing, 1.3)
    pacing.close()
    assert OWN_SHARE * 2 <= len(starts) <= OWN_SHARE * 4


def test_without_the_disk_of_the_machine_each_process_counts_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_its_place = tmp_path / "file"
    in_its_place.write_text("")
    pacing = SharedPacing(Desk(in_its_place / "state.json", LocalStore(str(tmp_path)), BOOK, BUDGET))
    assert len(acquire(pacing, 0.3)) in (9, 10)
    pacing.pause(0.01)
    pacing.close()
    assert "counted for this process alone" in caplog.text


def test_a_pause_holds_back_every_process_of_the_machine(tmp_path: Path) -> None:
    first, second = (SharedPacing(desk(tmp_path, "north")) for _ in range(2))
    first.pause(0.2)
    before = time.monotonic()
    second.acquire()
    assert time.monotonic() - before >= 0.19


def test_a_process_that_is_killed_while_it_looks_stops_nobody(tmp_path: Path) -> None:
    """The kernel takes its lock back."""
    holding = (
        "import sys, time\nfrom pathlib import Path\nfrom mews_assets.lake.storage import local_store\n"
        "with local_store.hold_briefly(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    ours = desk(tmp_path, "north")
    process = subprocess.Popen(
        [sys.executable, "-c", holding, str(ours.file.with_suffix(".lock"))], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.kill()
    process.communicate()
    SharedPacing(ours).acquire()


@pytest.mark.slow
def test_clients_of_one_token_on_one_lake_share_and_others_do_not(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEWS_CLIENT_TOKEN", mews.client_token)
    monkeypatch.setenv("MEWS_ACCESS_TOKEN", mews.access_token)
    settings = read_settings(
        {
            **os.environ,
            "MEWS_PLATFORM_ADDRESS": mews.address,
            "MEWS_START_DATE": "2025-03-08",
            "MEWS_LAKE": str(tmp_path),
        }
    )
    with client_of(settings, settings.connections[0]) as client:
        for _ in range(OWN_SHARE + 2):
            client.ask("enterprises/getAll", {"Limitation": {"Count": 1}})
    (book,) = (tmp_path / "state" / "pacing").iterdir()
    assert mews.access_token not in book.name + book.read_text()
    files = {shared_pacing(str(tmp_path), mews.address, token)._desk.file for token in ("a", "a", "b")}
    assert len(files) == 2
