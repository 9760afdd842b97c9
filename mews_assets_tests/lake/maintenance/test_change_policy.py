"""A lake keeps the policy it was laid under, and is brought to another as a whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.privacy import KEEP, Pii, Privacy
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.errors import LakeError
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.local_store import LocalStore
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days, item, land

KEY = Privacy(Pii.HASH, b"a key that nobody guesses")
OTHER_KEY = Privacy(Pii.HASH, b"another key nobody guesses")
DROP = Privacy(Pii.DROP)
TABLES = (ORDER_ITEMS,)
NOW = datetime(2027, 5, 1, tzinfo=UTC)


def laid(folder: Path, privacy: Privacy) -> Lake:
    lake = open_lake(str(folder / "lake"), Grain.DAILY, privacy)
    records = [item("a", at(1, 3), BillingName="Zoraya"), item("edge", at(3), BillingName="Zoraya")]
    land(lake, ORDER_ITEMS, records, days(1, 3))
    merge(lake, ORDER_ITEMS)
    update_current(lake, ORDER_ITEMS, "52fd68fc-north")
    return lake


def names(lake: Lake) -> dict[str, set[Any]]:
    """The billing names in all Parquet files, by layer."""
    assert lake.local_root is not None
    found: dict[str, set[Any]] = {}
    for path in lake.local_root.rglob("*.parquet"):
        layer = path.relative_to(lake.local_root).parts[0]
        rows = pq.read_table(path, partitioning=None, columns=["billing_name"])
        found.setdefault(layer, set()).update(rows.column(0).to_pylist())
    return found


def everywhere(name: str | None) -> dict[str, set[Any]]:
    return {"changes": {name}, "current": {name}, "state": {name}}


SHOWN = {Pii.KEEP: "Zoraya", Pii.DROP: None}


def shown(privacy: Privacy) -> str | None:
    return privacy.digest("Zoraya") if privacy.pii is Pii.HASH else SHOWN[privacy.pii]


@pytest.mark.slow_after_first
@pytest.mark.parametrize("after", [KEEP, KEY, OTHER_KEY, DROP], ids=["keep", "hash", "other key", "drop"])
@pytest.mark.parametrize("before", [KEEP, KEY, DROP], ids=["keep", "hash", "drop"])
def test_another_policy_is_refused_until_all_tables_are_brought_under_it(
    tmp_path: Path, before: Privacy, after: Privacy
) -> None:
    lake = laid(tmp_path, before)
    assert names(lake) == everywhere(shown(before))
    if after != before:
        with pytest.raises(LakeError, match="mews-assets repolicy"):
            open_lake(lake.root, Grain.DAILY, after)
    done = change_policy(open_lake(lake.root, Grain.DAILY), TABLES, after)
    assert (done.files > 0) == (after != before)
    assert names(lake) == everywhere(shown(after))
    opened = open_lake(lake.root, Grain.DAILY, after)
    assert change_policy(opened, TABLES, after).files == 0
    land(opened, ORDER_ITEMS, [item("later", at(3, 1), BillingName="Zoraya")], days(3, 4))
    merge(opened, ORDER_ITEMS)
    assert names(opened)["changes"] == {shown(after)}


def test_the_key_stands_nowhere_in_the_lake(tmp_path: Path) -> None:
    lake = laid(tmp_path, KEY)
    assert lake.local_root is not None
    files = [path for path in lake.local_root.rglob("*") if path.is_file()]
    assert any(KEY.fingerprint.encode() in path.read_bytes() for path in files)
    assert not any(KEY.key in path.read_bytes() for path in files)


def test_rows_of_a_process_that_began_before_the_change_are_refused(tmp_path: Path) -> None:
    old = laid(tmp_path, KEEP)
    land(old, ORDER_ITEMS, [item("b", at(2, 3), BillingName="Zoraya")], days(2, 3))
    change_policy(open_lake(old.root, Grain.DAILY), TABLES, DROP)
    with pytest.raises(LakeError, match="Start the process again"):
        merge(old, ORDER_ITEMS)
    merge(open_lake(old.root, Grain.DAILY, DROP), ORDER_ITEMS)
    assert names(old)["changes"] == {None}


def test_a_lake_laid_before_there_were_policies_keeps_everything(tmp_path: Path) -> None:
    lake = laid(tmp_path, KEEP)
    assert lake.read_json(layout.LAKE_FILE) == {"format": 2, "window": "daily"}
    assert open_lake(lake.root, Grain.DAILY).privacy == KEEP


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])
def test_stopped_on_the_way_the_lake_takes_nothing_until_it_gets_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    lake = laid(tmp_path, KEEP)
    real, calls = LocalStore._rename, iter(range(1, 1000))

    def rename(self: LocalStore, local: Path, name: str) -> None:
        real(self, local, name)
        if next(calls) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "_rename", rename)
        with pytest.raises(KeyboardInterrupt):
            change_policy(lake, TABLES, KEY)
    for privacy in (KEEP, KEY):
        with pytest.raises(LakeError, match="on its way"):
            open_lake(lake.root, Grain.DAILY, privacy)
    with pytest.raises(LakeError, match="finish the change first"):
        change_policy(lake, TABLES, DROP)
    change_policy(lake, TABLES, KEY)
    assert names(lake) == everywhere(shown(KEY))  # hashed once, not twice
    open_lake(lake.root, Grain.DAILY, KEY)


def test_rows_whose_captures_are_gone_are_not_given_up_to_show_more(tmp_path: Path) -> None:
    lake = laid(tmp_path, KEY)
    expire(lake, ORDER_ITEMS, catalog.TABLES, NOW, NOW)
    before = names(lake)
    with pytest.raises(LakeError, match="MEWS_LANDING_DAYS"):
        change_policy(lake, TABLES, KEEP)
    assert names(lake) == before
    assert open_lake(lake.root, Grain.DAILY, KEY)
    change_policy(lake, TABLES, DROP)
    assert names(lake) == everywhere(None)


def test_rows_that_nothing_landed_holds_are_not_given_up_either(tmp_path: Path) -> None:
    lake = laid(tmp_path, DROP)
    (capture,) = lake.folders(layout.landing_folder("order_items"))
    lake.delete(layout.manifest("order_items", capture))
    with pytest.raises(LakeError, match="no capture in the landing covers"):
        change_policy(lake, TABLES, KEEP)
    assert open_lake(lake.root, Grain.DAILY, DROP)


def test_a_policy_nobody_knows_is_no_policy(tmp_path: Path) -> None:
    lake = laid(tmp_path, KEEP)
    lake.write_json(layout.LAKE_FILE, {**lake.read_json(layout.LAKE_FILE), "pii": "blur"})
    with pytest.raises(LakeError, match="blur"):
        open_lake(lake.root, Grain.DAILY)


def test_a_lake_of_hashes_takes_no_rows_without_the_key(tmp_path: Path) -> None:
    lake = laid(tmp_path, KEY)
    land(lake, ORDER_ITEMS, [item("b", at(2, 3), BillingName="Zoraya")], days(2, 3))
    without = open_lake(lake.root, Grain.DAILY)
    assert without.privacy == replace(KEY, key=b"")
    with pytest.raises(LakeError, match="MEWS_PII_KEY"):
        merge(without, ORDER_ITEMS)
