"""A version that came again with other content under one stamp: the content captured last stands, and is counted."""

from __future__ import annotations

import itertools
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain
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
    json_line,
    land,
    march,
    outlet_item,
    partition,
    rows,
)

pytestmark = pytest.mark.slow

MONTH = at(20)


def land_and_merge(lake, content, captured_at, /, capture="", **more):
    """An order item `a` of one stamp, with this text, as one capture saw it."""
    records = [item("a", at(2, 1), Notes=one) for one in ([content] if isinstance(content, str) else content)]
    manifest = land(lake, ORDER_ITEMS, records, days(2, 3), capture=capture, captured_at=captured_at, **more)
    return manifest, merge(lake, ORDER_ITEMS, threads=1)


def notes(lake) -> list[str]:
    return list(rows(lake, ORDER_ITEMS, NORTH, march(2)).column("notes").to_pylist())


def brought_by(lake) -> list[str]:
    return list(rows(lake, ORDER_ITEMS, NORTH, march(2)).column("_landing_id").to_pylist())


def landed(lake, capture) -> bytes:
    packed = Path(lake.path(layout.landed_file("order_items", capture, 1))).read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)


def test_the_content_captured_last_wins_and_the_landing_keeps_both(lake):
    first, _ = land_and_merge(lake, "before", at(10))
    last, merged = land_and_merge(lake, "after", at(11))
    assert notes(lake) == ["after"]
    assert brought_by(lake) == [last.capture]
    assert b'"before"' in landed(lake, first.capture) and b'"after"' in landed(lake, last.capture)
    found = merged.partitions[partition(2)]
    assert (found.restated.count, found.restated.shown) == (1, [("a", at(2, 1))])
    assert (found.measures.rows, found.repeats) == (1, 1)


def test_an_older_capture_that_is_merged_later_does_not_win(lake):
    land_and_merge(lake, "after", at(11))
    _, merged = land_and_merge(lake, "before", at(10))
    assert notes(lake) == ["after"]
    assert merged.partitions[partition(2)].restated.count == 1


def test_what_came_again_unchanged_leaves_the_file_as_it_was(lake):
    first, _ = land_and_merge(lake, "same", at(10))
    path = Path(lake.path(layout.changes_file("order_items", NORTH, march(2))))
    before = path.read_bytes()
    _, merged = land_and_merge(lake, "same", at(11))
    assert path.read_bytes() == before
    assert brought_by(lake) == [first.capture]
    assert merged.partitions[partition(2)].restated.count == 0


def test_of_two_captures_of_one_instant_the_one_with_the_higher_id_wins(lake):
    land_and_merge(lake, "b", at(10), "20260310T000000Z-b")
    land_and_merge(lake, "a", at(10), "20260310T000000Z-a")
    assert notes(lake) == ["b"]


def test_of_two_captures_within_one_second_the_later_one_wins_whatever_their_ids(lake):
    land_and_merge(lake, "earlier", at(10), "20260310T000000Z-f")
    land_and_merge(lake, "later", at(10) + timedelta(microseconds=1), "20260310T000000Z-0")
    assert notes(lake) == ["later"]


def test_of_one_capture_the_last_line_wins_every_time(lake):
    manifest, merged = land_and_merge(lake, [f"{number}" for number in range(300)], at(10))
    assert notes(lake) == ["299"]
    assert merged.partitions[partition(2)].restated.count == 299
    assert len(merged.partitions[partition(2)].restated.shown) == 5
    merge(lake, ORDER_ITEMS, [manifest])
    assert notes(lake) == ["299"]


def test_a_version_is_restated_in_its_own_hotel_only(lake):
    for captured_at, text in ((at(10), "before"), (at(11), "after")):
        records = [item("a", at(2, 1), NORTH, Notes="same"), item("a", at(2, 1), SOUTH, Notes=text)]
        land(lake, ORDER_ITEMS, records, days(2, 3), scopes=(NORTH, SOUTH), captured_at=captured_at)
        merged = merge(lake, ORDER_ITEMS, threads=1)
    found = {one.partition.scope: one.restated.count for one in merged.partitions.values()}
    assert found == {NORTH: 0, SOUTH: 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Notes": None}, {"Notes": ""}),
        ({"Options": None}, {"Options": {"CanceledWithReservation": False}}),
        ({"UnitAmount": {"GrossValue": 1.0}}, {"UnitAmount": {"NetValue": 1.0}}),
        ({"UnitAmount": {"TaxValues": None}}, {"UnitAmount": {"TaxValues": []}}),
        ({"UnitAmount": {"TaxValues": []}}, {"UnitAmount": {"TaxValues": [{"Code": "X"}]}}),
        (
            {"UnitAmount": {"TaxValues": [{"Code": "X", "Value": 1.0}]}},
            {"UnitAmount": {"TaxValues": [{"Code": "X", "Value": 2.0}]}},
        ),
        ({"UnitAmount": {"GrossValue": 0.5}}, {"UnitAmount": {"GrossValue": "0.5 with more digits"}}),
    ],
)
def test_any_column_tells_other_content(lake, before, after):
    for captured_at, more in ((at(10), before), (at(11), after)):
        record = json.dumps(item("a", at(2, 1), **more)).encode() + b"\n"
        record = record.replace(b'"0.5 with more digits"', b"0.50000000000000000000001")
        last = land(lake, ORDER_ITEMS, record, days(2, 3), captured_at=captured_at)
        merged = merge(lake, ORDER_ITEMS, threads=1)
    assert merged.partitions[partition(2)].restated.count == 1
    assert brought_by(lake) == [last.capture]


@pytest.mark.slow
def test_many_versions_over_many_batches_are_each_restated_once(lake):
    """More rows than a batch holds, so that a version's two contents come in two of them."""
    count = 40_000
    for captured_at, text in ((at(10), "before"), (at(11), "after")):
        lines = b"".join(json_line(item(f"{n:06}", at(2, 1), Notes=text)) for n in range(count))
        land(lake, ORDER_ITEMS, lines, days(2, 3), captured_at=captured_at)
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert merged.partitions[partition(2)].restated.count == count
    assert set(notes(lake)) == {"after"}
    assert len(notes(lake)) == count


def test_a_file_without_a_column_that_came_since_is_filled_and_nothing_is_called_restated(lake):
    _, _ = land_and_merge(lake, "same", at(10))
    path = Path(lake.path(layout.changes_file("order_items", NORTH, march(2))))
    older = pq.read_table(path, partitioning=None).drop_columns(["notes"])
    pq.write_table(older, path)
    last, merged = land_and_merge(lake, "same", at(11))
    assert (notes(lake), brought_by(lake)) == (["same"], [last.capture])
    assert merged.partitions[partition(2)].restated.count == 0


def said(partitions: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The rows without who saw them first: a row that an older capture has too does not have its file written again."""
    return {name: rows.drop_columns(["_landing_id", "_captured_at_utc"]) for name, rows in partitions.items()}


@pytest.mark.slow_after_first
@pytest.mark.parametrize("seed", (6, 8, 9))
def test_any_order_of_merging_and_a_rebuild_from_landing_choose_the_same_rows(
    tmp_path: Path, seed: int
) -> None:
    """Captures of a few days and texts, some at one instant; each lake merges them in another order."""
    rng = random.Random(seed)
    captures: list[Any] = []
    for number in range(rng.randint(3, 5)):
        first = rng.randint(1, 3)
        window = days(first, first + rng.randint(1, 2))
        stamps = [at(day) for day in range(1, 6)]
        seen = [one for one in stamps if window.start <= one <= window.end]
        records = [
            item("a", one, Notes=rng.choice("xy")) for one in seen for _ in range(rng.choice((1, 1, 2)))
        ]
        captured_at = MONTH + timedelta(seconds=rng.choice((0, 1, 2, number)))
        captures.append(
            (records, window, f"{captured_at:%Y%m%dT%H%M%SZ}-{rng.randrange(16):x}{number}", captured_at)
        )
    found = []
    for order in rng.sample(list(itertools.permutations(captures)), 2):
        lake = open_lake(str(tmp_path / f"{len(found)}"), Grain.DAILY)
        for records, window, capture, captured_at in order:
            land(lake, ORDER_ITEMS, records, window, capture=capture, captured_at=captured_at)
            if rng.random() < 0.8:
                merge(lake, ORDER_ITEMS, threads=1)
        merge(lake, ORDER_ITEMS, threads=1)
        found.append(everything(lake, ORDER_ITEMS))
        for name in found[-1]:
            lake.delete(name)
        every = [
            read_manifest(lake, "order_items", one) for one in capture_store.captures(lake, "order_items")
        ]
        merge(lake, ORDER_ITEMS, every, threads=1)
        found.append(everything(lake, ORDER_ITEMS))
    assert all(said(one) == said(found[0]) for one in found)


def test_a_content_seen_again_wins_over_one_captured_in_between_and_merged_last(lake):
    """The partition does not say that `x` was seen again: the captures do."""
    land_and_merge(lake, "x", at(10))
    again, _ = land_and_merge(lake, "x", at(12))
    _, merged = land_and_merge(lake, "y", at(11))
    assert (notes(lake), brought_by(lake)) == (["x"], [again.capture])
    assert merged.partitions[partition(2)].measures.rows == 1


def test_what_only_removed_captures_could_tell_is_decided_by_those_that_stand(lake):
    land_and_merge(lake, "x", at(10))
    land_and_merge(lake, "x", at(12))
    expire(lake, ORDER_ITEMS, [ORDER_ITEMS], at(20), at(20))
    land_and_merge(lake, "y", at(11))
    assert notes(lake) == ["y"]


def test_items_found_by_their_bill_are_restated_too(lake):
    bill = item("x", at(2, 1))
    for number, name in enumerate(("before", "after")):
        for table, record in (
            (OUTLET_BILLS, bill),
            (OUTLET_ITEMS, {**outlet_item("1", "x", at(1), at(1)), "Name": name}),
        ):
            land(lake, table, [record], days(2, 3), capture=f"c{number}", captured_at=at(10 + number))
            merged = merge(lake, table, threads=1)
    assert rows(lake, OUTLET_ITEMS, NORTH, march(2)).column("name").to_pylist() == ["after"]
    assert merged.partitions[partition(2)].restated.count == 1


def test_current_shows_the_content_captured_last_fold_by_fold_and_from_scratch(lake):
    land_and_merge(lake, "before", at(10))
    update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    land_and_merge(lake, "after", at(11))
    folded = update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    assert (folded.rebuilt, folded.rows, folded.replaced) == ("", 1, 1)
    path = Path(lake.path(layout.current_file("order_items", NORTH)))
    by_folds = pq.read_table(path, partitioning=None)
    update_current(lake, ORDER_ITEMS, NORTH, from_scratch=True, threads=1)
    assert by_folds.column("notes").to_pylist() == ["after"]
    assert pq.read_table(path, partitioning=None) == by_folds
    assert isinstance(by_folds, pa.Table)
