"""Snapshots in the lake: their rows in current with those of changes, however and in whatever order they came."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mews_assets import catalog
from mews_assets.catalog.privacy import KEEP, Pii, Privacy
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current import latest_rows, snapshot
from mews_assets.lake.current.snapshot import Snapshot, merge_snapshots
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure import erase_customer as forgetting
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, new_capture_id
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.lake.storage import chunked_sort, layout, parquet
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import ALL_TIME, Grain
from mews_assets_tests.lake.current.things import read
from mews_assets_tests.lake.made import CAPTURED, NORTH, ORDER_ITEMS, SOUTH, at, days, item, land, write_file
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, ELSE, NOW, PLANTED, customer, where

_made = iter(range(1, 10_000))


def land_snapshot(
    lake: Lake,
    records: Any,
    table: Any = ORDER_ITEMS,
    scope: str = NORTH,
    captured_at: datetime | None = None,
) -> Manifest:
    """A snapshot as a pull lands it; later ones are captured later."""
    captured_at = captured_at or CAPTURED + timedelta(minutes=next(_made))
    name = layout.snapshot_landing(table.name)
    with lake.workspace() as workspace:
        sources = [write_file(workspace / "part.jsonl", records)] if records else []
        capture = new_capture_id(captured_at)
        manifest = Manifest(capture, name, "portfolio", (scope,), ALL_TIME, captured_at)
        return capture_store.land(lake, manifest, sources, workspace)


def show(lake: Lake, records: Any, **more: Any) -> Snapshot:
    land_snapshot(lake, records, **more)
    return merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)


def change(lake: Lake, records: Any, first: int, after: int) -> None:
    land(lake, ORDER_ITEMS, records, days(first, after))
    merge(lake, ORDER_ITEMS, threads=1)


def current(lake: Lake) -> list[dict[str, Any]]:
    return read(lake, layout.current_file("order_items", NORTH))


def shown(lake: Lake) -> list[dict[str, Any]]:
    return read(lake, layout.snapshot_file("order_items", NORTH))


def folded(lake: Lake, **more: Any) -> list[dict[str, Any]]:
    update_current(lake, ORDER_ITEMS, NORTH, threads=1, **more)
    return current(lake)


def names(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["id"]: row["billing_name"] for row in rows}


records = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(1, 9)), max_size=8, unique=True
)
steps = st.lists(st.tuples(st.sampled_from(["changes", "snapshot", "fold"]), records), min_size=2, max_size=7)


@pytest.mark.slow
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_step_by_step_gives_what_a_rebuild_from_changes_and_snapshot_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[tuple[str, int | None]]]]
) -> None:
    """The truth is worked out apart: of all versions ever landed, the one of the newest stamp."""
    lake = open_lake(str(tmp_path_factory.mktemp("lake")), Grain.DAILY)
    best: dict[str, tuple[int, str]] = {}
    for number, (what, came) in enumerate(steps):
        at_once = CAPTURED + timedelta(minutes=number)
        # One version reads the same whenever it is captured: what differs has another stamp.
        versions = {(name, day): f"{name} {day}" for name, day in came}
        made = [
            item(one, at(day) if day else None, BillingName=text) for (one, day), text in versions.items()
        ]
        if what == "fold":
            if lake.folders("changes") or lake.folders("snapshot"):
                assert names(folded(lake)) == {name: text for name, (_, text) in best.items()}
            continue
        if what == "snapshot":
            land_snapshot(lake, made, captured_at=at_once)
            merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
        else:
            land(lake, ORDER_ITEMS, made, days(1, 10), captured_at=at_once)
            merge(lake, ORDER_ITEMS, threads=1)
        for (name, day), text in versions.items():
            best[name] = max(best.get(name, (-1, "")), (day or 0, text))
    if lake.folders("changes") or lake.folders("snapshot"):
        step_by_step = folded(lake)
        assert names(step_by_step) == {name: text for name, (_, text) in best.items()}
        assert folded(lake, from_scratch=True) == step_by_step
        lake.delete(layout.current_file("order_items", NORTH))
        assert folded(lake) == step_by_step


def test_a_snapshot_brings_what_no_window_holds_and_overrides_nothing_newer(lake: Lake) -> None:
    change(lake, [item("a", at(5), BillingName="new"), item("b", at(5), BillingName="same")], 4, 6)
    assert names(folded(lake)) == {"a": "new", "b": "same"}
    came = show(
        lake,
        [
            item("a", at(3), BillingName="old"),
            item("b", at(5), BillingName="same"),
            item("old", at(1), BillingName="x"),
        ],
    )
    assert (came.rows, came.rows_before, came.lines, came.foreign) == (3, 0, 3, 0)
    assert names(folded(lake)) == {"a": "new", "b": "same", "old": "x"}
    assert {row["_window_utc"] for row in shown(lake)} == {None}
    change(lake, [item("old", at(7), BillingName="changed since"), item("c", at(7), BillingName="c")], 6, 8)
    told = update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    assert (told.files, told.files_read, told.rebuilt, told.has_snapshot) == (5, 2, "", True)
    assert names(current(lake)) == {"a": "new", "b": "same", "old": "changed since", "c": "c"}


def test_a_snapshot_alone_makes_a_current_table(lake: Lake) -> None:
    with pytest.raises(LakeError, match="or its snapshot"):
        folded(lake)
    show(lake, [item("a", at(1), BillingName="x")])
    assert names(folded(lake)) == {"a": "x"}


@pytest.mark.parametrize("later", [[], [item("a", at(1))]], ids=["empty", "smaller"])
def test_a_snapshot_with_less_in_it_takes_nothing_away(lake: Lake, later: list[dict[str, Any]]) -> None:
    show(lake, [item("a", at(1)), item("b", at(2))])
    before = folded(lake)
    came = show(lake, later)
    assert (came.rows, came.rows_before, came.lines) == (2, 2, len(later))
    after = folded(lake)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert folded(lake, from_scratch=True) == after


def test_an_empty_snapshot_says_that_there_is_nothing(lake: Lake) -> None:
    assert show(lake, []).rows == 0
    assert shown(lake) == folded(lake) == []


def test_records_of_another_scope_are_left_out_and_counted(lake: Lake) -> None:
    came = show(lake, [item("a", at(1)), item("theirs", at(1), SOUTH)])
    assert (came.rows, came.lines, came.foreign) == (1, 2, 1)
    assert [row["id"] for row in shown(lake)] == ["a"]


def test_a_snapshot_that_cannot_become_rows_is_rejected_and_what_stood_stands(lake: Lake) -> None:
    show(lake, [item("a", at(1))])
    before = folded(lake)
    land_snapshot(lake, b'{"Id": "b", "UpdatedUtc": 7}\n')
    with pytest.raises(RecordError, match="order_items: part-00001"):
        merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
    assert snapshot.pending(lake, ORDER_ITEMS, NORTH) == []
    assert folded(lake) == before
    assert show(lake, [item("c", at(1))]).rows == 2


def test_snapshots_and_windows_do_not_see_each_others_captures(lake: Lake) -> None:
    land_snapshot(lake, [item("shown", at(1))])
    change(lake, [item("changed", at(2))], 2, 3)
    assert len(capture_store.captures(lake, "order_items")) == 1
    assert len(snapshot.pending(lake, ORDER_ITEMS, NORTH)) == 1
    assert snapshot.pending(lake, ORDER_ITEMS, SOUTH) == []
    merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
    assert [row["id"] for row in folded(lake)] == ["changed", "shown"]


def test_the_file_is_made_again_from_what_landed(lake: Lake) -> None:
    show(lake, [item("a", at(1), BillingName="old"), item("b", at(1))])
    show(lake, [item("a", at(2), BillingName="new")])
    stood = shown(lake)
    lake.delete(layout.snapshot_file("order_items", NORTH))
    with pytest.raises(LakeError, match="no snapshot of 52fd68fc-north has landed"):
        merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
    assert merge_snapshots(lake, ORDER_ITEMS, NORTH, from_landing=True, threads=1).rows == 2
    assert shown(lake) == stood
    lake.write(layout.snapshot_file("order_items", NORTH), b"no Parquet")
    with pytest.raises(LakeError, match="from_landing: true"):
        merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
    merge_snapshots(lake, ORDER_ITEMS, NORTH, from_landing=True, threads=1)
    assert shown(lake) == stood


def test_a_file_made_anew_with_less_in_it_makes_current_anew(lake: Lake) -> None:
    """What a person took away is taken away in one look and step by step alike."""
    change(lake, [item("a", at(2))], 2, 3)
    show(lake, [item("b", at(1)), item("c", at(1))])
    folded(lake)
    for name in (
        *lake.files("snapshot", recursive=True),
        *lake.files("landing/order_items.snapshot", recursive=True),
    ):
        lake.delete(name)
    show(lake, [item("c", at(1))])
    told = update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    assert (told.rows, told.rebuilt) == (
        2,
        "the file that held the newest version of b was replaced without it",
    )
    lake.delete(layout.snapshot_file("order_items", NORTH))
    assert update_current(lake, ORDER_ITEMS, NORTH, threads=1).rebuilt == "the snapshot is no longer there"


def test_a_long_snapshot_is_written_in_row_groups(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 40)
    monkeypatch.setattr(chunked_sort, "_SORTED_AT_MOST", 8_000)
    monkeypatch.setattr(latest_rows, "_BATCH_ROWS", 25)
    assert show(lake, [item(f"{number:03}", at(1)) for number in range(100)]).rows == 100
    assert [row["id"] for row in shown(lake)] == [f"{number:03}" for number in range(100)]
    with lake.workspace() as workspace:
        file = parquet.pq.read_metadata(
            lake.local_copy(layout.snapshot_file("order_items", NORTH), workspace)
        )
    assert [file.row_group(number).num_rows for number in range(file.num_row_groups)] == [40, 40, 20]


_TAKE_IN_AND_DIE = """
import os, signal, sys
from mews_assets.lake.current import snapshot
from mews_assets.lake.storage import lake as store
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS

location, where = sys.argv[1:3]

def deadly(real, after):
    def call(*arguments, **more):
        if after:
            real(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    return call

owner, name, after = {
    "before the put": (store.Lake, "put", False),
    "after the put": (store.Lake, "put", True),
    "while writing": (snapshot, "write_rows", True),
}[where]
setattr(owner, name, deadly(getattr(owner, name), after))
snapshot.merge_snapshots(store.open_lake(location, Grain.DAILY), ORDER_ITEMS, NORTH, threads=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["while writing", "before the put", "after the put"])
def test_one_that_is_killed_leaves_the_old_file_or_the_new_and_the_next_completes_it(
    lake: Lake, where: str
) -> None:
    show(lake, [item("a", at(1))])
    land_snapshot(lake, [item("b", at(1))])
    command = [sys.executable, "-c", _TAKE_IN_AND_DIE, lake.root, where]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    assert [row["id"] for row in shown(lake)] == (["a", "b"] if where == "after the put" else ["a"])
    assert len(snapshot.pending(lake, ORDER_ITEMS, NORTH)) == 1
    assert merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1).rows == 2
    assert snapshot.pending(lake, ORDER_ITEMS, NORTH) == []


def test_a_guest_is_forgotten_in_snapshots_too(lake: Lake) -> None:
    others = customer(
        ELSE, 2, FirstName="Petr", Email="petr@else.example", Phone=None, Passport=None, NewField=None
    )
    land_snapshot(lake, [customer(ANNA, 1), others], CUSTOMERS)
    merge_snapshots(lake, CUSTOMERS, NORTH, threads=1)
    update_current(lake, CUSTOMERS, NORTH, threads=1)
    assert {name.split("/")[0] for name in where(lake, "Zoraya")} == {"landing", "snapshot", "current"}
    done = erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert {text: where(lake, text) for text in PLANTED} == {text: [] for text in PLANTED}
    assert done.files == {
        "landing": 1,
        "snapshot": 1,
        "current": 1,
        "changes": 0,
        "boundary": 0,
    } or +done.files == {
        "landing": 1,
        "snapshot": 1,
        "current": 1,
    }
    assert (done.found.remaining, done.found.elsewhere) == ({}, {})
    assert done.found.shared == {"Nováková"}  # the other guest's own record, in a snapshot, holds it too
    update_current(lake, CUSTOMERS, NORTH, threads=1)
    assert merge_snapshots(lake, CUSTOMERS, NORTH, from_landing=True, threads=1).rows == 2
    land_snapshot(lake, [customer(ANNA, 3)], CUSTOMERS)
    merge_snapshots(lake, CUSTOMERS, NORTH, threads=1)
    assert not where(lake, "Zoraya")


def test_the_search_finds_a_guest_who_is_left_in_a_snapshot(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_snapshot(lake, [customer(ANNA, 1)], CUSTOMERS)
    merge_snapshots(lake, CUSTOMERS, NORTH, threads=1)
    monkeypatch.setattr(forgetting, "_erase_in_table", lambda *_: None)
    left = erase_customer(lake, catalog.TABLES, ANNA, NOW).found.remaining
    assert {name.split("/")[0] for name in left} == {"landing", "snapshot"}


KEY = Privacy(Pii.HASH, b"a key that nobody guesses")


@pytest.mark.parametrize(("before", "after"), [(KEEP, KEY), (KEY, KEEP)], ids=["hide", "show"])
def test_snapshots_are_brought_under_another_policy(tmp_path: Any, before: Privacy, after: Privacy) -> None:
    def seen(lake: Lake) -> set[Any]:
        return {row["billing_name"] for row in (*shown(lake), *current(lake))}

    def shows(privacy: Privacy) -> set[Any]:
        return {privacy.digest("Zoraya") if privacy.pii is Pii.HASH else "Zoraya"}

    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY, before)
    show(lake, [item("a", at(1), BillingName="Zoraya")])
    folded(lake)
    assert seen(lake) == shows(before)
    change_policy(open_lake(lake.root, Grain.DAILY), (ORDER_ITEMS,), after)
    opened = open_lake(lake.root, Grain.DAILY, after)
    assert seen(opened) == shows(after)
    show(opened, [item("b", at(1), BillingName="Zoraya")])
    folded(opened)
    assert seen(opened) == shows(after)


def _no_capture(lake: Lake) -> None:
    for name in lake.files("landing", recursive=True):
        lake.delete(name)


def _expired(lake: Lake) -> None:
    expire(lake, ORDER_ITEMS, catalog.TABLES, NOW, NOW)


@pytest.mark.parametrize(
    ("lose", "said"), [(_no_capture, "no capture in the landing covers"), (_expired, "MEWS_LANDING_DAYS")]
)
def test_snapshots_whose_captures_are_gone_are_not_given_up_to_show_more(
    tmp_path: Any, lose: Callable[[Lake], None], said: str
) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY, KEY)
    show(lake, [item("a", at(1), BillingName="Zoraya")])
    stood = shown(lake)
    lose(lake)
    with pytest.raises(LakeError, match=said):
        change_policy(lake, (ORDER_ITEMS,), KEEP)
    assert shown(lake) == stood


def test_bytes_of_snapshots_go_when_they_are_old_and_in_their_file(lake: Lake) -> None:
    old = land_snapshot(lake, [item("a", at(1))])
    waiting = expire(lake, ORDER_ITEMS, catalog.TABLES, NOW, NOW)
    assert (waiting.captures, waiting.kept) == (0, [old.capture])
    merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
    stood = shown(lake)
    done = expire(lake, ORDER_ITEMS, catalog.TABLES, NOW, NOW)
    assert (done.captures, done.files, done.stored_bytes) == (1, 1, old.files[0].stored_bytes)
    assert shown(lake) == stood
    with pytest.raises(LakeError, match="past MEWS_LANDING_DAYS"):
        merge_snapshots(lake, ORDER_ITEMS, NORTH, from_landing=True, threads=1)
    assert shown(lake) == stood
    assert show(lake, [item("b", at(1))]).rows == 2
