"""Current tables: fold after fold, they hold what a look at all changes would give, and never half of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mews_assets.catalog.columns import string
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current import latest_rows, update
from mews_assets.lake.current.update import CurrentResult, update_current
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import chunked_sort, layout
from mews_assets.lake.storage import parquet as storage_parquet
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain, to_key, window_at
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.current.things import (
    SCHEMA,
    THINGS,
    names,
    newest,
    newness,
    read,
    thing,
    versions,
)
from mews_assets_tests.lake.made import (
    LEDGER,
    NORTH,
    ORDER_ITEMS,
    OUTLET_BILLS,
    OUTLET_ITEMS,
    SOUTH,
    at,
    days,
    entry,
    item,
    land,
)


def put_changes(lake: Lake, rows: list[dict[str, Any]], table: Table = THINGS, scope: str = NORTH) -> None:
    """What a merge does: each partition becomes the union of what it held and what came."""
    by_window: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        key = to_key(window_at(row["_window_utc"], lake.grain), lake.grain)
        by_window.setdefault(key, []).append(row)
    for key, came in by_window.items():
        name = layout.changes_file(table.name, scope, key)
        held = read(lake, name) if lake.exists(name) else []
        together: dict[Any, dict[str, Any]] = {}
        for row in sorted([*held, *came], key=newness):
            together.setdefault((row["id"], row["updated_utc"]), row)
        write(lake, name, list(together.values()))


def write(lake: Lake, name: str, rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    with lake.workspace() as workspace:
        pq.write_table(pa.Table.from_pylist(rows, schema), workspace / "made.parquet")
        lake.put(workspace / "made.parquet", name)


def standing(lake: Lake, table: Table = THINGS, scope: str = NORTH) -> list[dict[str, Any]]:
    return read(lake, layout.current_file(table.name, scope))


def all_changes(lake: Lake, table: Table = THINGS, scope: str = NORTH) -> list[dict[str, Any]]:
    files = lake.files(layout.scope_folder(table.name, scope), recursive=True)
    return [row for name in files for row in read(lake, name)]


def folded(lake: Lake, table: Table = THINGS, **more: Any) -> CurrentResult:
    return update_current(lake, table, NORTH, threads=1, **more)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days_of_changes=st.lists(st.lists(versions, min_size=1, max_size=12), min_size=1, max_size=4))
def test_fold_after_fold_gives_what_one_look_at_all_changes_gives(tmp_path_factory, days_of_changes) -> None:
    lake = open_lake(str(tmp_path_factory.mktemp("lake")), Grain.DAILY)
    for rows in days_of_changes:
        put_changes(lake, rows)
        told = folded(lake)
        step_by_step = standing(lake)
        assert names(step_by_step) == names(newest(all_changes(lake)))
        assert (told.rows, told.repeated_ids) == (len(step_by_step), 0)
    folded(lake, from_scratch=True)
    assert standing(lake) == step_by_step


def test_a_fold_reads_only_the_files_that_are_new_to_it(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2)), thing("b", at(3)), thing("c", at(4))])
    first = folded(lake)
    assert (first.files_read, first.rows, first.rebuilt) == (3, 3, "it is the first time")
    put_changes(lake, [thing("a", at(5)), thing("d", at(5))])
    second = folded(lake)
    assert (second.files_read, second.files, second.versions_read) == (1, 4, 2)
    assert (second.rows_before, second.rows, second.replaced, second.rebuilt) == (3, 4, 1, "")


def test_a_fold_without_news_leaves_the_file_alone(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2))])
    folded(lake)
    path = Path(lake.path(layout.current_file("things", NORTH)))
    before = path.stat().st_mtime_ns
    told = folded(lake)
    assert (told.files_read, told.rows, told.replaced) == (0, 1, 0)
    assert path.stat().st_mtime_ns == before


def test_a_partition_written_again_with_more_rows_is_read_again(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2)), thing("x", at(3))])
    folded(lake)
    put_changes(lake, [thing("a", at(2, 5), capture=2), thing("b", at(2, 6), capture=2)])
    told = folded(lake)
    assert (told.files_read, told.versions_read, told.rebuilt) == (1, 3, "")
    assert names(standing(lake)) == names(newest(all_changes(lake)))


def test_a_partition_put_in_place_while_a_fold_reads_is_read_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_changes(lake, [thing("a", at(2))])
    real = Lake.pin

    def put_first(self: Lake, name: str, folder: Path) -> Path:
        held = real(self, name, folder)
        put_changes(lake, [thing("b", at(2, 1))])
        return held

    monkeypatch.setattr(Lake, "pin", put_first)
    assert folded(lake).rows == 1
    monkeypatch.undo()
    assert (folded(lake).files_read, [row["id"] for row in standing(lake)]) == (1, ["a", "b"])


def test_rows_that_an_earlier_capture_takes_over_are_looked_for_in_all_changes(lake: Lake) -> None:
    """A landing that was merged late: what it brought first was ascribed to a later capture, and tied there."""
    put_changes(
        lake, [thing("a", at(2), capture=3, window=at(2)), thing("a", at(2), capture=2, window=at(5))]
    )
    folded(lake)
    put_changes(lake, [thing("a", at(2), capture=1, window=at(2))])
    told = folded(lake)
    assert "was replaced without it" in told.rebuilt
    assert names(standing(lake)) == names(newest(all_changes(lake)))
    assert standing(lake)[0]["_window_utc"] == at(5)


def test_a_partition_that_was_taken_away_takes_its_rows_along(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2)), thing("b", at(3))])
    folded(lake)
    lake.delete(layout.changes_file("things", NORTH, "2026-03-03"))
    assert "2026-03-03 is no longer in changes" in folded(lake).rebuilt
    assert [row["id"] for row in standing(lake)] == ["a"]


def test_a_new_column_makes_the_table_anew_and_is_empty_where_changes_lack_it(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2))])
    folded(lake)
    wider = replace(THINGS, columns=(*THINGS.columns, string("Colour", "What it looks like.")))
    told = folded(lake, wider)
    assert told.rebuilt == "the columns of the table have changed"
    assert standing(lake)[0]["colour"] is None
    assert folded(lake, wider).files_read == 0


def test_a_file_that_does_not_say_what_it_holds_is_made_anew(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2))])
    write(lake, layout.current_file("things", NORTH), [thing("stray", at(9))])
    assert folded(lake).rebuilt == "it was made by another rule"
    assert [row["id"] for row in standing(lake)] == ["a"]


def test_a_current_file_that_cannot_be_read_is_made_anew(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2))])
    folded(lake)
    Path(lake.path(layout.current_file("things", NORTH))).write_bytes(b"PAR1 cut in half")
    assert folded(lake).rows == 1
    assert [row["id"] for row in standing(lake)] == ["a"]


def test_a_file_of_changes_that_cannot_be_read_is_named_and_leaves_the_table_as_it_was(lake: Lake) -> None:
    put_changes(lake, [thing("a", at(2))])
    folded(lake)
    name = layout.changes_file("things", NORTH, "2026-03-03")
    lake.write(name, b"PAR1 cut in half")
    with pytest.raises(LakeError, match=rf"{name} is not Parquet.*made again from what landed"):
        folded(lake)
    assert [row["id"] for row in standing(lake)] == ["a"]


def test_where_nothing_has_landed_nothing_is_claimed(lake: Lake) -> None:
    with pytest.raises(LakeError, match=f"changes has no file of {NORTH}.*materialise changes/things"):
        folded(lake)
    assert not lake.exists(layout.current_file("things", NORTH))


def test_windows_without_rows_make_a_table_without_rows(lake: Lake) -> None:
    write(lake, layout.changes_file("things", NORTH, "2026-03-02"), [])
    assert folded(lake).rows == 0
    assert standing(lake) == []
    put_changes(lake, [thing("a", at(2))])
    assert (folded(lake).rows, folded(lake).files_read) == (1, 0)


def test_many_row_groups_are_made_and_copied_whole(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_parquet, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(update, "_BATCH_ROWS", 30)
    monkeypatch.setattr(update, "_ID_BATCH_ROWS", 100)
    monkeypatch.setattr(chunked_sort, "_SORTED_AT_MOST", 8_000)
    monkeypatch.setattr(latest_rows, "_BATCH_ROWS", 40)
    put_changes(lake, [thing(f"{number:04}", at(2, number / 1000)) for number in range(0, 1000, 2)])
    put_changes(lake, [thing(f"{number:04}", at(4, number / 1000)) for number in range(0, 1000, 10)])
    assert folded(lake).rows == 500
    assert names(standing(lake)) == names(newest(all_changes(lake)))
    put_changes(lake, [thing(f"{number:04}", at(5)) for number in (0, 1, 500, 501, 998, 999)])
    told = folded(lake)
    assert (told.rows, told.replaced, told.repeated_ids) == (503, 3, 0)
    assert names(standing(lake)) == names(newest(all_changes(lake)))
    path = lake.path(layout.current_file("things", NORTH))
    groups = pq.read_metadata(path)
    assert [groups.row_group(number).num_rows for number in range(6)] == [100, 100, 100, 100, 100, 3]


def test_changes_of_real_captures_fold_too(lake: Lake) -> None:
    land(lake, ORDER_ITEMS, [item("a", at(2), Name="x"), item("b", at(2)), item("s", at(2), SOUTH)], days(2, 3),
         scopes=(NORTH, SOUTH))  # fmt: skip
    merge(lake, ORDER_ITEMS, threads=1)
    assert folded(lake, ORDER_ITEMS).rows == 2
    land(lake, ORDER_ITEMS, [item("a", at(3))], days(3, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    assert (folded(lake, ORDER_ITEMS).replaced, folded(lake, ORDER_ITEMS).rows) == (1, 2)
    assert {row["id"]: row["updated_utc"] for row in standing(lake, ORDER_ITEMS)} == {"a": at(3), "b": at(2)}
    assert update_current(lake, ORDER_ITEMS, SOUTH, threads=1).rows == 1


def test_every_ledger_entry_is_current(lake: Lake) -> None:
    land(lake, LEDGER, [entry("a", "2026-03-02"), entry("b", "2026-03-03")], days(2, 4))
    merge(lake, LEDGER, threads=1)
    assert folded(lake, LEDGER).rows == 2
    land(lake, LEDGER, [entry("c", "2026-03-04"), entry("b", "2026-03-03")], days(3, 5))
    merge(lake, LEDGER, threads=1)
    told = folded(lake, LEDGER)
    assert (told.rows, told.replaced, told.rebuilt) == (3, 0, "")


def test_an_outlet_item_found_by_two_versions_of_its_bill_is_one_row(lake: Lake) -> None:
    for number, day in enumerate((2, 3), 1):
        land(lake, OUTLET_BILLS, [item("bill", at(day, 1))], days(day, day + 1), capture=f"c{number}")
        sold = item("sold", at(1), BillId="bill")
        land(lake, OUTLET_ITEMS, [sold], days(day, day + 1), capture=f"c{number}")
        merge(lake, OUTLET_ITEMS, threads=1)
    assert len(all_changes(lake, OUTLET_ITEMS)) == 2
    told = folded(lake, OUTLET_ITEMS)
    assert (told.rows, told.repeated_ids) == (1, 0)
    assert standing(lake, OUTLET_ITEMS)[0]["_landing_id"] == "c2"


def test_a_bucket_folds_like_a_folder() -> None:
    remote = bucket_lake()
    put_changes(remote, [thing("a", at(2))])
    folded(remote)
    put_changes(remote, [thing("a", at(3)), thing("b", at(3))])
    told = folded(remote)
    assert (told.files_read, told.rows, told.rebuilt) == (1, 2, "")
    assert names(standing(remote)) == names(newest(all_changes(remote)))


_FOLD_AND_DIE = """
import os, signal, sys
from mews_assets.lake.storage import lake as store
from mews_assets.lake.storage import parquet as storage_parquet
from mews_assets.lake.current.update import update_current
from mews_assets.windows import Grain
from mews_assets_tests.lake.current.things import THINGS

location, after = sys.argv[1], sys.argv[2] == "after"
real = store.Lake.put

def deadly(self, local, name, **more):
    if after:
        real(self, local, name, **more)
    os.kill(os.getpid(), signal.SIGKILL)

store.Lake.put = deadly
update_current(store.open_lake(location, Grain.DAILY), THINGS, "52fd68fc-north", threads=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fold_that_is_killed_leaves_the_old_table_or_the_new_one_and_the_next_completes_it(
    lake: Lake, when: str
) -> None:
    put_changes(lake, [thing("a", at(2))])
    folded(lake)
    put_changes(lake, [thing("a", at(3)), thing("b", at(3))])
    killed = subprocess.run([sys.executable, "-c", _FOLD_AND_DIE, lake.root, when], timeout=60, check=False)
    assert killed.returncode == -9
    assert len(standing(lake)) == (1 if when == "before" else 2)
    told = folded(lake)
    assert (told.rows, told.files_read) == (2, 1 if when == "before" else 0)
    assert names(standing(lake)) == names(newest(all_changes(lake)))
