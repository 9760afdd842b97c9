"""Raw bytes are kept as long as they are to be, and never less than they are needed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.maintenance.expire_captures import Expired, expire
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import CAPTURED, ORDER_ITEMS, OUTLET_BILLS, at, days, everything, item, land

BEFORE, NOW = CAPTURED + timedelta(days=1), CAPTURED + timedelta(days=40)


def expired(lake: Lake) -> Expired:
    return expire(lake, ORDER_ITEMS, catalog.TABLES, BEFORE, NOW)


def landed_bytes(lake: Lake, manifest: Manifest) -> list[str]:
    folder = layout.capture_folder(manifest.table, manifest.capture)
    return [name for name in lake.files(folder) if not name.endswith(layout.MANIFEST_FILE)]


def test_what_is_old_and_in_changes_loses_its_bytes_and_keeps_its_rows_and_manifest(lake: Lake) -> None:
    old = land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2))
    merge(lake, ORDER_ITEMS)
    rows = everything(lake, ORDER_ITEMS)
    done = expired(lake)
    assert (done.captures, done.files, done.kept) == (1, 1, [])
    assert done.stored_bytes == old.files[0].stored_bytes
    assert landed_bytes(lake, old) == []
    assert everything(lake, ORDER_ITEMS) == rows
    manifest = read_manifest(lake, "order_items", old.capture)
    assert (manifest.expired_at, manifest.lines, manifest.source) == (NOW, 1, old.source)
    assert expired(lake) == Expired()


def test_what_is_young_stays(lake: Lake) -> None:
    young = land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2), captured_at=BEFORE)
    merge(lake, ORDER_ITEMS)
    assert expired(lake) == Expired()
    assert landed_bytes(lake, young)


def test_what_is_not_in_changes_stays_however_old(lake: Lake) -> None:
    rejected = land(lake, ORDER_ITEMS, b"{broken\n", days(1, 2))
    merge(lake, ORDER_ITEMS)
    waiting = land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2))
    done = expired(lake)
    assert (done.captures, sorted(done.kept)) == (0, sorted([rejected.capture, waiting.capture]))
    assert landed_bytes(lake, rejected) and landed_bytes(lake, waiting)
    merge(lake, ORDER_ITEMS)
    assert expired(lake).captures == 1


def test_captures_that_rows_of_another_table_are_found_by_stay_until_those_are_merged(lake: Lake) -> None:
    bills = land(lake, OUTLET_BILLS, [item("b", at(1, 3))], days(1, 2))
    land(
        lake,
        catalog.table("outlet_items"),
        [item("i", at(1, 3), BillId="b")],
        days(1, 2),
        capture=bills.capture,
    )
    merge(lake, OUTLET_BILLS)
    assert expire(lake, OUTLET_BILLS, catalog.TABLES, BEFORE, NOW).kept == [bills.capture]
    merge(lake, catalog.table("outlet_items"))
    assert expire(lake, OUTLET_BILLS, catalog.TABLES, BEFORE, NOW).captures == 1


def test_reading_a_capture_that_is_gone_says_when_and_why(lake: Lake, tmp_path: Path) -> None:
    old = land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2))
    merge(lake, ORDER_ITEMS)
    expired(lake)
    manifest = read_manifest(lake, "order_items", old.capture)
    with pytest.raises(LakeError, match=f"{old.capture} were removed on 2026-05-11.*MEWS_LANDING_DAYS"):
        capture_store.landed_files(lake, manifest, tmp_path)


def test_a_new_capture_joins_rows_whose_bytes_are_gone(lake: Lake) -> None:
    land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2))
    merge(lake, ORDER_ITEMS)
    expired(lake)
    land(lake, ORDER_ITEMS, [item("b", at(1, 4))], days(1, 2))
    merge(lake, ORDER_ITEMS)
    ((_, rows),) = everything(lake, ORDER_ITEMS).items()
    assert rows.column("id").to_pylist() == ["a", "b"]


def test_files_left_by_a_process_that_was_killed_go_the_next_time(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = land(lake, ORDER_ITEMS, [item("a", at(1, 3))], days(1, 2))
    merge(lake, ORDER_ITEMS)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            expired(lake)
    assert landed_bytes(lake, old)
    assert expired(lake).files == 1
    assert landed_bytes(lake, old) == []
