"""The lake as a place for files: here, or in a bucket."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.errors import LakeError, LostRaceError
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.store import ABSENT
from mews_assets.windows import Grain
from mews_assets_tests.lake.bucket import Bucket, bucket_lake
from mews_assets_tests.lake.made import (
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    days,
    everything,
    item,
    land,
)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def remote(bucket: Bucket) -> Lake:
    return bucket_lake(bucket)


@pytest.fixture(params=["here", "bucket"])
def any_lake(request: pytest.FixtureRequest, lake: Lake, remote: Lake) -> Lake:
    return lake if request.param == "here" else remote


def test_what_is_written_is_read_again(any_lake):
    any_lake.write("state/a/b.txt", b"one")
    any_lake.write("state/a/b.txt", b"two")
    assert any_lake.read("state/a/b.txt") == b"two"
    any_lake.write_json("state/c.json", {"é": 1})
    assert any_lake.read_json("state/c.json") == {"é": 1}
    assert any_lake.exists("state/a/b.txt")
    assert not any_lake.exists("state/a")
    assert not any_lake.exists("state/nothing")


def test_files_and_folders_are_listed_sorted_and_relative(any_lake):
    for name in ("x/b/2.txt", "x/a/1.txt", "x/3.txt"):
        any_lake.write(name, b"")
    assert any_lake.files("x") == ["x/3.txt"]
    assert any_lake.files("x", recursive=True) == ["x/3.txt", "x/a/1.txt", "x/b/2.txt"]
    assert any_lake.folders("x") == ["a", "b"]
    assert any_lake.files("nowhere", recursive=True) == []
    assert any_lake.folders("nowhere") == []


def test_a_finished_file_is_put_in_place_and_fetched_again(any_lake, tmp_path):
    for content in (b"old", b"new" * 1_000_000):
        (tmp_path / "local").write_bytes(content)
        any_lake.put(tmp_path / "local", "deep/down/file.bin")
    with any_lake.workspace() as workspace:
        assert any_lake.local_copy("deep/down/file.bin", workspace).read_bytes() == b"new" * 1_000_000


def test_files_of_one_name_are_fetched_side_by_side(any_lake):
    for folder in "ab":
        any_lake.write(f"{folder}/rows.parquet", folder.encode())
    with any_lake.workspace() as workspace:
        fetched = [any_lake.local_copy(f"{folder}/rows.parquet", workspace) for folder in "ab"]
        assert [path.read_bytes() for path in fetched] == [b"a", b"b"]


def test_deleting_what_is_gone_is_no_error(any_lake):
    any_lake.write("a", b"")
    any_lake.delete("a")
    any_lake.delete("a")
    assert not any_lake.exists("a")


def test_a_file_put_from_another_disk_is_copied_aside_first(lake, tmp_path, monkeypatch):
    local, real, seen = tmp_path / "local", os.replace, []

    def across(source, target):
        if Path(source) == local:
            raise OSError(18, "Invalid cross-device link")
        seen.append(Path(source).read_bytes())
        real(source, target)

    monkeypatch.setattr(os, "replace", across)
    local.write_bytes(b"content")
    lake.put(local, "x/y")
    assert (lake.read("x/y"), seen) == (b"content", [b"content"])


def test_a_bucket_gets_each_file_in_one_put(remote, bucket, tmp_path):
    (tmp_path / "local").write_bytes(b"x" * 3_000_000)
    remote.put(tmp_path / "local", "a")
    remote.write("b", b"x")
    assert bucket.puts == ["data/lake/a", "data/lake/b"]


def test_bytes_in_a_bucket_are_the_bytes_that_were_put_whatever_their_name(remote, bucket, tmp_path):
    for name in ("a.zst", "a.gz", "a.parquet"):
        (tmp_path / name).write_bytes(b"as it is")
        remote.put(tmp_path / name, f"put/{name}")
        remote.write(f"write/{name}", b"as it is")
        assert (
            bucket.objects[f"data/lake/put/{name}"]
            == bucket.objects[f"data/lake/write/{name}"]
            == b"as it is"
        )
        assert remote.read(f"put/{name}") == b"as it is"
        with remote.workspace() as workspace:
            assert remote.local_copy(f"put/{name}", workspace).read_bytes() == b"as it is"


def test_a_file_is_replaced_only_over_the_version_that_was_read(any_lake, tmp_path):
    def local(content: bytes) -> Path:
        path = tmp_path / "local"
        path.write_bytes(content)
        return path

    any_lake.put(local(b"first"), "a", over=ABSENT)
    with pytest.raises(LostRaceError, match="replaced by another run"):
        any_lake.put(local(b"late"), "a", over=ABSENT)
    with any_lake.workspace() as workspace:
        pinned = any_lake.pin("a", workspace)
        assert pinned.version == any_lake.version("a")
        any_lake.put(local(b"second"), "a", over=pinned.version)
        with pytest.raises(LostRaceError):
            any_lake.put(local(b"late"), "a", over=pinned.version)
        assert (any_lake.read("a"), pinned.path.read_bytes()) == (b"second", b"first")
    any_lake.delete("a")
    assert any_lake.version("a") == ABSENT
    with pytest.raises(LostRaceError):
        any_lake.put(local(b"late"), "a", over=pinned.version)
    assert not any_lake.exists("a")


def test_a_copy_stays_as_it_is_whatever_is_put_in_its_place(any_lake, tmp_path):
    any_lake.write("a/rows.parquet", b"old" * 100)
    with any_lake.workspace() as workspace:
        copy = any_lake.local_copy("a/rows.parquet", workspace)
        with copy.open("rb") as half:
            start = half.read(150)
        any_lake.write("a/rows.parquet", b"new" * 100)
        with copy.open("rb") as again:  # as whoever reads a footer first, and then rows
            again.seek(150)
            assert start + again.read() == b"old" * 100
        assert copy.name == "rows.parquet"


def test_small_files_are_changed_by_many_at_once_and_no_change_is_lost(any_lake):
    def change(number: int) -> None:
        any_lake.change_json("state/x.json", lambda content: {**(content or {}), str(number): number})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(20)))
    assert len(any_lake.read_json("state/x.json")) == 20
    assert any_lake.change_json("state/x.json", lambda content: None) == any_lake.read_json("state/x.json")


def test_a_long_file_in_a_bucket_is_looked_into_by_its_parts(remote, tmp_path):
    rows = pa.table({"a": list(range(200_000)), "b": [str(number) * 5 for number in range(200_000)]})
    pq.write_table(rows, tmp_path / "long.parquet", compression="none")
    remote.put(tmp_path / "long.parquet", "long.parquet")
    with remote.open_input_file("long.parquet") as source:
        assert pq.read_metadata(source).num_rows == 200_000
        source.seek(0)
        assert pq.read_table(source).equals(rows)
    with pytest.raises(FileNotFoundError, match=r"no\.parquet"):
        remote.open_input_file("no.parquet")


def test_empty_objects_that_stand_for_folders_are_no_files(remote, bucket):
    for key in ("data/lake/x/b/", "data/lake/x/"):
        obstore.put(bucket.client, key.rstrip("/"), b"")
    remote.write("x/b/1.txt", b"1")
    assert remote.files("x", recursive=True) == ["x/b/1.txt"]


def test_what_is_not_json_says_which_file_and_what_to_do(any_lake):
    for content in (b"{", b"[]", b""):
        any_lake.write("state/x.json", content)
        with pytest.raises(LakeError, match=r"state/x\.json .*restore it or move it away"):
            any_lake.read_json("state/x.json")


def test_a_lake_is_made_once_and_opened_again(tmp_path):
    first = open_lake(str(tmp_path / "new" / "lake"), Grain.WEEKLY)
    assert json.loads(Path(first.path("lake.json")).read_text()) == {"format": 2, "window": "weekly"}
    assert open_lake(str(tmp_path / "new" / "lake") + "/", Grain.WEEKLY).root == first.root


def test_a_lake_refuses_windows_of_another_grain(tmp_path):
    open_lake(str(tmp_path), Grain.WEEKLY)
    with pytest.raises(LakeError, match="laid with weekly windows, but MEWS_WINDOW is daily"):
        open_lake(str(tmp_path), Grain.DAILY)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            99,
            r"format 99; this version reads the formats 1 to 2\. A newer version of mews_assets wrote it: install",
        ),
        (0, r"format 0; .* Restore its lake\.json"),
        ("two", r"format 'two'; .* Restore its lake\.json"),
    ],
)
def test_a_lake_of_another_format_is_refused(tmp_path, found, said):
    laid = json.dumps({"format": found, "window": "daily"})
    (tmp_path / "lake.json").write_text(laid)
    with pytest.raises(LakeError, match=said):
        open_lake(str(tmp_path), Grain.DAILY)
    assert (tmp_path / "lake.json").read_text() == laid


def test_a_file_uri_is_a_local_lake(tmp_path):
    lake = open_lake(tmp_path.as_uri(), Grain.DAILY)
    assert lake.local_root == tmp_path


def test_a_path_from_here_does_not_move_with_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lake = open_lake("lake", Grain.DAILY)
    monkeypatch.chdir("/")
    lake.write("a", b"x")
    assert (tmp_path / "lake" / "a").read_bytes() == b"x"


def test_uris_name_the_place_for_readers_outside(lake, remote):
    assert lake.uri("a/b") == f"{lake.root}/a/b"
    assert remote.uri("a/b") == "memory://bucket/data/lake/a/b"


def test_a_workspace_is_gone_when_it_is_left(any_lake):
    with any_lake.workspace() as workspace:
        (workspace / "x").write_bytes(b"x")
    assert not workspace.exists()


def test_a_lock_keeps_others_off_until_it_is_left_wherever_the_lake_is(any_lake):
    """A lake in a bucket has no files to lock: two runs of this machine would lose each other's rows."""
    entered = Event()

    def other() -> None:
        with any_lake.lock("changes-payments"):
            entered.set()

    with any_lake.lock("changes-payments"):
        waiting = Thread(target=other)
        waiting.start()
        assert not entered.wait(0.1)
        with any_lake.lock("changes-bills"):
            pass
    assert entered.wait(10)
    waiting.join()


@pytest.mark.parametrize("place", ["it's", "a [b] c", "st*r", "100%", "\u00e9"])
def test_a_lake_may_lie_under_any_name(tmp_path, place):
    lake = open_lake(str(tmp_path / place), Grain.DAILY)
    land(lake, ORDER_ITEMS, [item("a", at(2)), item("edge", at(3))], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    land(lake, ORDER_ITEMS, [item("b", at(2, 1)), item("c", at(3, 1))], days(2, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    assert [found.column("id").to_pylist() for found in everything(lake, ORDER_ITEMS).values()] == [
        ["a", "b"],
        ["edge", "c"],
    ]


def _work(lake: Lake) -> None:
    """Everything a lake is used for, once."""
    for number in range(2):
        both = {"scopes": (NORTH, SOUTH), "capture": f"items-{number}"}
        land(
            lake,
            ORDER_ITEMS,
            [item("a", at(2, number)), item("edge", at(4)), item("s", at(3), SOUTH)],
            days(2, 4),
            **both,
        )
        merge(lake, ORDER_ITEMS, threads=1)
    land(lake, ORDER_ITEMS, [item("late", at(4, 1))], days(4, 5), capture="late")
    land(lake, ORDER_ITEMS, b"garbage\n", days(4, 5), capture="garbage")
    land(lake, OUTLET_BILLS, [item("x", at(2))], days(2, 3), capture="one")
    land(lake, OUTLET_ITEMS, [item("i", at(1), NORTH, BillId="x")], days(2, 3), capture="one")
    for table in (ORDER_ITEMS, OUTLET_BILLS, OUTLET_ITEMS):
        merge(lake, table, threads=1)


@pytest.mark.slow
def test_a_lake_in_a_bucket_holds_what_one_here_does(lake, remote, bucket):
    for one in (lake, remote):
        _work(one)
    for table in (ORDER_ITEMS, OUTLET_BILLS, OUTLET_ITEMS):
        here, there = everything(lake, table), everything(remote, table)
        assert here.keys() == there.keys()
        unequal = {"_captured_at_utc"}
        for name in here:
            assert here[name].drop_columns(list(unequal)).equals(there[name].drop_columns(list(unequal))), (
                name
            )
        assert capture_store.captures(lake, table.name) == capture_store.captures(remote, table.name)
        assert not capture_states.pending(remote, table.name)
    state = [name for name in remote.files("state", recursive=True) if not name.startswith("state/leases/")]
    tables = ("order_items", "outlet_bills", "outlet_items")
    assert state == ["state/rejected/order_items/garbage.json", *map(layout.statistics_file, tables)]
    assert not [key for key in bucket.objects if "aside" in key]


def test_a_write_that_lost_the_race_leaves_no_file_behind(tmp_path):
    """Such files would fill the disk, and hold what a customer who was forgotten had in them."""
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    lake.write("a.json", b"first")
    with pytest.raises(LostRaceError):
        lake.write_json("a.json", {"late": 1}, over=ABSENT)
    found = [
        path.name for path in (tmp_path / "lake").rglob("*") if path.is_file() and path.suffix != ".lock"
    ]
    assert sorted(found) == ["a.json", "lake.json"]
