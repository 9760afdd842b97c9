"""One merge among others that write at the same time: nothing is overwritten that was not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mews_assets.lake.changes import merge as merging
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.changes.merge_pass import MergePass
from mews_assets.lake.errors import LostRaceError, PolicyChangedError
from mews_assets.lake.landing import capture_states, repeat_write
from mews_assets.lake.landing.erasure_list import add_to_erasure_list
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days, everything, item, json_line, land
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, KEY, NOW, customer

NAME = ORDER_ITEMS.name


@pytest.fixture(params=["here", "bucket"])
def any_lake(request: pytest.FixtureRequest, lake: Lake) -> Lake:
    return lake if request.param == "here" else bucket_lake()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeat_write, "_PAUSE_SECONDS", 0)


def ids(lake: Lake) -> list[str]:
    return sorted(one for found in everything(lake, ORDER_ITEMS).values() for one in found["id"].to_pylist())


@contextmanager
def meanwhile(patch: pytest.MonkeyPatch, work: Callable[[], Any]) -> Iterator[None]:
    """Other work, done once, after a merge has read its partitions and before it puts the first in place."""
    real = MergePass._put_in_place
    waiting = [work]

    def put_in_place(self: MergePass, *arguments: Any) -> None:
        if waiting:
            waiting.pop()()
        real(self, *arguments)

    with patch.context() as patched:
        patched.setattr(MergePass, "_put_in_place", put_in_place)
        yield
    assert not waiting


@contextmanager
def without_locks(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """As for a machine whose lease was taken over while it slept."""

    @contextmanager
    def unlocked(*_: Any) -> Iterator[Callable[[], None]]:
        yield lambda: None

    with patch.context() as patched:
        patched.setattr(Lake, "lock", unlocked)
        yield


@pytest.mark.parametrize("stood", [True, False], ids=["a partition that stood", "a new partition"])
def test_of_two_merges_into_one_partition_both_keep_their_rows(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch, stood: bool
) -> None:
    if stood:
        land(any_lake, ORDER_ITEMS, [item("stood", at(2))], days(2, 3))
        merge(any_lake, ORDER_ITEMS, threads=1)
    slow = land(any_lake, ORDER_ITEMS, [item("slow", at(2, 1))], days(2, 3))
    fast = [item(f"fast-{number}", at(2, 2)) for number in range(3)]

    def other() -> None:
        land(any_lake, ORDER_ITEMS, fast, days(2, 3))
        merge(any_lake, ORDER_ITEMS, threads=1)

    with without_locks(monkeypatch), meanwhile(monkeypatch, other):
        merged = merge(any_lake, ORDER_ITEMS, [slow], threads=1)
    assert ids(any_lake) == ["fast-0", "fast-1", "fast-2", "slow", *(["stood"] if stood else [])]
    assert not capture_states.pending(any_lake, NAME)
    assert slow.capture in merged.captures


@pytest.mark.slow
def test_a_merge_that_loses_every_race_leaves_its_captures_to_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, ORDER_ITEMS, [item("slow", at(2, 1))], days(2, 3))
    monkeypatch.setattr(
        Lake, "put", lambda _, local, name, **more: (_ for _ in ()).throw(LostRaceError(name))
    )
    with pytest.raises(LostRaceError, match="replaced by another run"):
        merge(lake, ORDER_ITEMS, threads=1)
    monkeypatch.undo()
    assert [one.table for one in capture_states.pending(lake, NAME)] == [NAME]
    merge(lake, ORDER_ITEMS, threads=1)
    assert ids(lake) == ["slow"]


def test_a_capture_that_lands_during_a_merge_and_is_read_for_one_partition_stays_pending(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restated version makes the merge read newer captures: this one brings rows of another partition as well."""
    land(lake, ORDER_ITEMS, [item("a", at(2), AccountingCategoryId="x")], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    land(lake, ORDER_ITEMS, [item("a", at(2), AccountingCategoryId="y")], days(2, 3))
    real = merging.convert_captures

    def convert_captures(*arguments: Any) -> Any:
        done = real(*arguments)
        if not landed:
            landed.append(land(lake, ORDER_ITEMS, [item("a", at(2)), item("b", at(3))], days(2, 4)))
        return done

    landed: list[Any] = []
    monkeypatch.setattr(merging, "convert_captures", convert_captures)
    merge(lake, ORDER_ITEMS, threads=1)
    assert [one.capture for one in capture_states.pending(lake, NAME)] == [landed[0].capture]
    merge(lake, ORDER_ITEMS, threads=1)
    assert ids(lake) == ["a", "b"]


def test_edge_rows_parked_for_a_partition_that_another_merge_makes_meanwhile_are_in_it(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(any_lake, ORDER_ITEMS, [item("a", at(2)), item("edge", at(3))], days(2, 3))

    def other() -> None:
        land(any_lake, ORDER_ITEMS, [item("b", at(3, 1))], days(3, 4))
        merge(any_lake, ORDER_ITEMS, threads=1)

    with without_locks(monkeypatch), meanwhile(monkeypatch, other):
        merge(any_lake, ORDER_ITEMS, threads=1)
    assert ids(any_lake) == ["a", "b", "edge"]


def test_a_partition_made_while_another_merge_parks_an_edge_row_for_it_holds_that_row(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(any_lake, ORDER_ITEMS, [item("b", at(3, 1))], days(3, 4))

    def other() -> None:
        pending = any_lake.files(layout.pending_folder(NAME))
        land(any_lake, ORDER_ITEMS, [item("a", at(2)), item("edge", at(3))], days(2, 3))
        with monkeypatch.context() as patched:  # it knows of its own capture only
            mine = [one for one in any_lake.files(layout.pending_folder(NAME)) if one not in pending]
            ours = [Path(one).stem for one in mine]
            real = capture_states.pending
            patched.setattr(
                capture_states,
                "pending",
                lambda lake, table: [one for one in real(lake, table) if one.capture in ours],
            )
            merge(any_lake, ORDER_ITEMS, threads=1)

    with without_locks(monkeypatch), meanwhile(monkeypatch, other):
        merge(any_lake, ORDER_ITEMS, threads=1)
    assert ids(any_lake) == ["a", "b", "edge"]


def test_a_customer_erased_while_a_merge_is_at_work_is_not_in_its_rows(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(any_lake, CUSTOMERS, json_line(customer(ANNA, 2)), days(2, 3))
    with meanwhile(monkeypatch, lambda: add_to_erasure_list(any_lake, [ANNA], NOW)):
        merge(any_lake, CUSTOMERS, threads=1)
    (rows,) = everything(any_lake, CUSTOMERS).values()
    assert rows["first_name"].to_pylist() == [None]


def test_what_a_killed_merge_put_of_a_customer_erased_since_is_masked_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, CUSTOMERS, json_line(customer(ANNA, 2)), days(2, 3))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MergePass, "_refuse_missed_edge_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            merge(lake, CUSTOMERS, threads=1)
    add_to_erasure_list(lake, [ANNA], NOW)
    merge(lake, CUSTOMERS, threads=1)
    (rows,) = everything(lake, CUSTOMERS).values()
    assert rows["first_name"].to_pylist() == [None]


def test_a_partition_made_under_the_policy_before_is_taken_back_and_made_under_the_new_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, CUSTOMERS, json_line(customer(ANNA, 2)), days(2, 3))
    with (
        without_locks(monkeypatch),
        meanwhile(monkeypatch, lambda: change_policy(lake, [CUSTOMERS], KEY)),
        pytest.raises(PolicyChangedError, match="brought under another MEWS_PII"),
    ):
        merge(lake, CUSTOMERS, threads=1)
    assert everything(lake, CUSTOMERS) == {}
    hashed = open_lake(lake.root, lake.grain, KEY)
    merge(hashed, CUSTOMERS, threads=1)
    (rows,) = everything(hashed, CUSTOMERS).values()
    assert rows.num_rows == 1
    assert rows["first_name"].to_pylist() != ["Zoraya"]
