"""Shares: all machines together stay within the budget, whatever becomes of their writes, and use nearly all of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.storage.store import ABSENT, Content
from mews_assets.pacing import shared
from mews_assets.pacing.machine import OWN_SHARE, Machine
from mews_assets.pacing.shared import Desk
from mews_assets.pacing.shares import Book, Budget, Entry, fair_shares

BUDGET = Budget(limit=40, seconds=30.0)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Shelf:
    """An object store for one book, as far as a desk asks for it. Writes may be lost, or only their answers."""

    random: random.Random = field(default_factory=lambda: random.Random(0))
    lost: float = 0.0
    content: bytes = b""
    version: int = 0
    requests: int = 0
    is_down: bool = False

    def uri(self, name: str) -> str:
        return f"memory://{name}"

    def read(self, name: str) -> Content:
        self._ask()
        if not self.version:
            raise FileNotFoundError(name)
        return Content(self.content, str(self.version))

    def write(self, name: str, content: bytes, over: str | None) -> str:
        self._ask()
        if over != (str(self.version) if self.version else ABSENT):
            raise LostRaceError(name)
        self.content, self.version = content, self.version + 1
        if self.random.random() < self.lost:
            raise OSError("the answer was lost")
        return str(self.version)

    def _ask(self) -> None:
        self.requests += 1
        if self.is_down or self.random.random() < self.lost:
            raise OSError("the store does not answer")


@dataclass
class Fleet:
    """Machines with clocks of their own at one book, stepped through one true time."""

    folder: Path
    shelf: Shelf
    machines: int
    now: float = 0.0
    offsets: list[timedelta] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    started_by: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = self.shelf.random
        for number in range(self.machines):
            store: Any = self.shelf
            offset = chance.uniform(0, 1e6)
            self.offsets.append(timedelta(minutes=chance.uniform(-10, 10)))

            def clock(offset: float = offset) -> float:
                return self.now + offset

            self.desks.append(Desk(self.folder / f"{number}.json", store, "book", BUDGET, clock))

    def run(self, begin: float, end: float, busy: Sequence[float]) -> None:
        """`busy`: how many requests each machine would start per second."""
        chance = self.shelf.random
        for tick in range(int(begin * 2), int(end * 2)):
            self.now = tick / 2
            for number in chance.sample(range(self.machines), self.machines):
                wall = NOON + self.offsets[number]
                desk = self.desks[number]
                if busy[number] and (tick + number) % 2 == 0:
                    with suppress(OSError):
                        desk.step(wall + timedelta(seconds=self.now))
                for _ in range(int(busy[number] / 2 + chance.random())):
                    if desk.start():
                        break
                    self.starts.append(self.now)
                    self.started_by[number] = self.started_by.get(number, 0) + 1

    def busiest(self) -> int:
        return max(
            sum(start - BUDGET.seconds < other <= start for other in self.starts) for start in self.starts
        )


@pytest.mark.parametrize("seed", range(4))
def test_machines_stay_within_the_budget_whatever_becomes_of_their_writes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    fleet = Fleet(tmp_path, Shelf(chance, lost=0.2), machines=4)
    for begin in range(0, 150, 30):
        fleet.run(begin, begin + 30, [chance.choice((0, 0.1, 1, 20)) for _ in range(4)])
        if chance.random() < 0.3:  # a machine starts anew and knows nothing
            fleet.desks[0].file.unlink(missing_ok=True)
    assert fleet.busiest() <= BUDGET.limit + 5 * OWN_SHARE


def test_machines_that_all_have_much_to_do_use_nearly_all_in_equal_parts(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=4)
    fleet.run(0, 30, [20] * 4)
    before = dict(fleet.started_by)
    fleet.run(30, 120, [20] * 4)
    done = {number: fleet.started_by[number] - before[number] for number in before}
    assert 0.85 * 3 * BUDGET.limit <= sum(done.values()) <= 3 * (BUDGET.limit + 4 * OWN_SHARE)
    assert max(done.values()) <= 1.5 * min(done.values())


def test_a_machine_alone_gets_all_at_once(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=1)
    fleet.run(0, 30, [20])
    assert BUDGET.limit <= len(fleet.starts) <= BUDGET.limit + OWN_SHARE


def test_the_share_of_a_machine_that_left_is_free_at_once_for_what_it_did_not_use(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=2)
    fleet.run(0, 10, [1, 0])
    fleet.desks[0].leave(NOON)
    fleet.run(10, 20, [0, 20])
    assert fleet.started_by[1] >= BUDGET.limit - fleet.started_by[0]


def test_the_share_of_a_killed_machine_is_taken_over_in_a_minute(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=2)
    fleet.run(0, 10, [20, 0])
    fleet.run(10, 75, [0, 20])
    before = fleet.started_by[1]
    fleet.run(75, 105, [0, 20])
    assert fleet.started_by[1] - before >= 0.9 * BUDGET.limit


def test_without_the_store_a_machine_goes_on_slowly_and_never_stops(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=1)
    fleet.run(0, 10, [20])
    fleet.shelf.is_down = True
    fleet.run(10, 60, [20])
    before = len(fleet.starts)
    fleet.run(60, 90, [20])
    assert len(fleet.starts) - before == OWN_SHARE


def test_a_few_requests_ask_the_store_for_nothing_and_many_for_little(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Shelf(), machines=1)
    fleet.run(0, 300, [0.05])
    assert (len(fleet.starts) > 5, fleet.shelf.requests) == (True, 0)
    fleet.run(300, 420, [20])
    assert len(fleet.starts) > 4 * BUDGET.limit
    assert fleet.shelf.requests <= 40


def test_a_machine_that_was_not_sharing_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with the whole budget, as one process had it: the tests above see that."""
    monkeypatch.setattr(shared, "written", lambda book, seen, look, budget: alone(look, budget))
    fleet = Fleet(tmp_path, Shelf(), machines=4)
    fleet.run(0, 30, [20] * 4)
    assert fleet.busiest() > BUDGET.limit + 5 * OWN_SHARE


def alone(look: Any, budget: Budget) -> tuple[Book, int]:
    mine = Entry(budget.limit, look.wants, 1, has_left=False, at=look.now)
    return Book({look.machine: mine}), budget.limit


@given(wants=st.lists(st.integers(0, 200), min_size=1, max_size=20), limit=st.integers(0, 150))
def test_shares_never_exceed_the_budget_and_waste_none_that_is_wanted(wants: list[int], limit: int) -> None:
    shares = fair_shares({str(number): one for number, one in enumerate(wants)}, limit)
    assert limit - len(wants) < sum(shares.values()) <= limit
    short = [share for number, share in shares.items() if share < wants[int(number)]]
    assert not short or max(shares.values()) - min(short) <= 1


def test_a_book_and_a_state_are_read_as_they_were_written() -> None:
    book = Book({"a": Entry(3, 5, 7, has_left=True, at=NOON)})
    assert Book.from_json(book.to_json()) == book
    machine = Machine(own=(1.5,), shared=(2.5, 3.0), target=9)
    assert Machine.from_json(machine.to_json()) == machine
    for broken in (b"", b"[]", b"{}", b'{"machines": 3}'):
        with pytest.raises(ValueError):
            Book.from_json(broken)
        with pytest.raises(ValueError):
            Machine.from_json(broken)
