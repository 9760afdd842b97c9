"""A customer forgotten: planted all over a lake, taken out, searched for, and kept out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure import erase_customer as forgetting
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.erasure_list import add_to_erasure_list, erased_customers
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.local_store import LocalStore
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, days, everything, is_reconciled, json_line, land
from mews_assets_tests.lake.planted import (
    ANNA,
    ANNAS,
    BILLS,
    CUSTOMERS,
    ELSE,
    ITEMS,
    KEY,
    NOW,
    ONCE,
    PLANTED,
    RESERVATIONS,
    bill,
    customer,
    held,
    plant,
    unpacked,
    where,
)


@pytest.fixture(scope="module")
def once_planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "lake"
    plant(open_lake(str(folder), Grain.DAILY))
    return folder


@pytest.fixture
def planted(once_planted: Path, tmp_path: Path) -> Lake:
    shutil.copytree(once_planted, tmp_path / "planted")
    return open_lake(str(tmp_path / "planted"), Grain.DAILY)


@pytest.mark.slow
def test_what_was_planted_is_nowhere_afterwards_and_the_search_says_so(planted: Lake) -> None:
    for text in (*PLANTED[:3], "zoraya@second.example"):
        assert {name.split("/")[0] for name in where(planted, text)} >= {"landing", "changes", "current"}
    assert any(name.startswith("state/boundary/customers") for name in where(planted, "Zoraya"))
    done = erase_customer(planted, catalog.TABLES, ANNA, NOW)
    assert {text: where(planted, text) for text in (*PLANTED, "zoraya@second.example")} == {
        text: [] for text in (*PLANTED, "zoraya@second.example")
    }
    assert (done.found.remaining, done.found.elsewhere) == ({}, {})
    assert done.found.shared == {"Nováková"}  # the other guest of that name keeps it
    assert done.files["landing"] == 8
    assert done.files["changes"] and done.files["current"] == 4 and done.files["boundary"] >= 2
    assert done.people == (ANNA, ONCE)


def test_the_search_finds_what_is_left(planted: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must be able to fail: the work is left out, the search is not."""
    monkeypatch.setattr(forgetting, "_erase_in_table", lambda *_: None)
    done = erase_customer(planted, catalog.TABLES, ANNA, NOW)
    layers = {name.split("/")[0] for name in done.found.remaining}
    assert layers == {"landing", "changes", "current", "state"}


def test_a_note_about_them_in_another_guests_record_is_told_and_left(planted: Lake) -> None:
    note = bill("b9", 2, ELSE, Notes="comes with zoraya@planted.example")
    land(planted, BILLS, [note], days(2, 3))
    merge(planted, BILLS)
    found = erase_customer(planted, catalog.TABLES, ANNA, NOW).found
    assert found.remaining == {}
    assert {name.split("/")[0] for name in found.elsewhere} == {"landing", "changes"}


def test_a_file_nobody_knows_that_holds_them_is_left_over(planted: Lake) -> None:
    planted.write("marts/mine/notes.txt", b"call zoraya@planted.example")
    assert erase_customer(planted, catalog.TABLES, ANNA, NOW).found.remaining == {"marts/mine/notes.txt": 1}


def test_texts_one_names_are_searched_for_too(planted: Lake) -> None:
    planted.write("marts/mine/notes.txt", b"Mrs. Nickname called")
    assert erase_customer(planted, catalog.TABLES, ANNA, NOW, also=["Nickname"]).found.remaining == {
        "marts/mine/notes.txt": 1
    }


def test_money_and_counts_stay_as_they_were(planted: Lake) -> None:
    before = everything(planted, ITEMS)
    counts = {name: content.count(b"\n") for name, content in held(planted).items() if name.endswith(".zst")}
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    after = everything(planted, ITEMS)
    same = [one for one in after[min(after)].column_names if one not in ("billing_name", "notes")]
    assert {name: rows.select(same) for name, rows in after.items()} == {
        name: rows.select(same) for name, rows in before.items()
    }
    exact = [
        row["_exact_numbers"] for rows in after.values() for row in rows.to_pylist() if row["id"] == "i1"
    ]
    assert exact == [[("UnitAmount.NetValue", "10.123456789012345678")]]
    assert {
        name: content.count(b"\n") for name, content in held(planted).items() if name.endswith(".zst")
    } == counts


def test_another_guest_is_not_touched(planted: Lake) -> None:
    def of_else() -> list[Any]:
        return [
            row
            for table in (CUSTOMERS, BILLS, ITEMS)
            for rows in everything(planted, table).values()
            for row in rows.to_pylist()
            if row["id"] in (ELSE, "b2", "i2")
        ]

    before = of_else()
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    assert of_else() == before
    assert len(before) == 3


@pytest.mark.slow
def test_what_is_rebuilt_from_the_landing_is_what_stands(planted: Lake) -> None:
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    for table in (CUSTOMERS, BILLS, ITEMS, RESERVATIONS):
        stood = everything(planted, table)
        manifests = [
            read_manifest(planted, table.name, one) for one in capture_store.captures(planted, table.name)
        ]
        merged = merge(planted, table, manifests, from_scratch=True)
        assert all(is_reconciled(one) for one in merged.captures.values())
        assert everything(planted, table) == stood
        # Not by the list alone: the bytes themselves are without her.
        planted.write_json(layout.erasure_list_file(), {"customers": {}})
        merge(planted, table, manifests, from_scratch=True)
        assert everything(planted, table) == stood
        add_to_erasure_list(planted, [ANNA, ONCE], NOW)


def test_a_manifest_says_how_many_lines_are_not_as_mews_sent_them(planted: Lake) -> None:
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    for name in capture_store.captures(planted, "bills"):
        manifest = read_manifest(planted, "bills", name)
        assert manifest.redacted_lines == 1
        (file,) = manifest.files
        path = planted.path(f"{layout.capture_folder('bills', name)}/{file.name}")
        content = unpacked(Path(path))
        assert (len(content), Path(path).stat().st_size) == (file.size_bytes, file.stored_bytes)


def test_current_folds_on_without_bringing_anything_back(planted: Lake) -> None:
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    stood = planted.read(layout.current_file("customers", NORTH))
    again = update_current(planted, CUSTOMERS, NORTH)
    assert again.repeated_ids == 0
    assert not where(planted, "Zoraya")
    assert update_current(planted, CUSTOMERS, NORTH, from_scratch=True).rows == again.rows
    assert len(stood)


@pytest.mark.slow
def test_a_later_capture_cannot_bring_them_back(planted: Lake, tmp_path: Path) -> None:
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    land(planted, CUSTOMERS, [customer(ANNA, 3), customer("f00dface-9", 3, MergeTargetId=ANNA)], days(3, 4))
    manifest = land(planted, BILLS, [bill("b7", 3, ANNA, **ANNAS)], days(3, 4))
    assert manifest.redacted_lines == 1
    raw = tmp_path / "just-fetched.jsonl"  # a run hands over what it fetched, not what it landed
    raw.write_bytes(json_line(bill("b7", 3, ANNA, **ANNAS)))
    merge(planted, BILLS, raw={manifest.capture: {"bills": [raw]}})
    merge(planted, CUSTOMERS)
    assert not where(planted, "Zoraya")
    assert not where(planted, "zoraya@planted.example")
    assert any(row["id"] == "b7" for rows in everything(planted, BILLS).values() for row in rows.to_pylist())


def test_a_capture_that_lands_while_somebody_is_forgotten_is_redacted(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([{}, {ANNA: "now"}])
    monkeypatch.setattr(capture_store, "erased_customers", lambda _: next(answers))
    assert land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2)).redacted_lines == 1
    assert not where(lake, "Zoraya")


@pytest.mark.slow
def test_doing_it_again_changes_nothing(planted: Lake) -> None:
    erase_customer(planted, catalog.TABLES, ANNA, NOW)
    before = held(planted)
    done = erase_customer(planted, catalog.TABLES, ANNA, NOW)
    assert held(planted) == before
    assert not +done.files and not done.texts
    assert done.people == (ANNA, ONCE)
    assert set(erased_customers(planted)) == {ANNA, ONCE}


@pytest.mark.slow
@pytest.mark.parametrize("stop", [2, 3, 4, 9, 15, 22])
def test_stopped_anywhere_and_done_again_it_ends_the_same(
    planted: Lake, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    lake = planted
    real, calls = LocalStore._rename, iter(range(1, 10_000))

    def rename(self: LocalStore, local: Path, name: str) -> None:
        if next(calls) == stop:
            raise KeyboardInterrupt
        real(self, local, name)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "_rename", rename)
        with pytest.raises(KeyboardInterrupt):
            erase_customer(lake, catalog.TABLES, ANNA, NOW)
    erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert {text: where(lake, text) for text in PLANTED} == {text: [] for text in PLANTED}
    for table in (CUSTOMERS, BILLS, ITEMS):
        for name in capture_store.captures(lake, table.name):
            manifest = read_manifest(lake, table.name, name)
            path = Path(lake.path(f"{layout.capture_folder(table.name, name)}/{manifest.files[0].name}"))
            assert path.stat().st_size == manifest.files[0].stored_bytes
            assert len(unpacked(path)) == manifest.files[0].size_bytes


@pytest.mark.slow
def test_what_a_killed_run_left_behind_goes_and_what_a_live_one_holds_is_told(planted: Lake) -> None:
    assert planted.local_root is not None
    left = planted.local_root / ".aside" / "work-killed"
    left.mkdir()
    (left / "part.jsonl").write_bytes(json_line(customer(ANNA, 1)))
    with planted.workspace() as live:
        (live / "part.jsonl").write_bytes(json_line(customer(ANNA, 1)))
        assert erase_customer(planted, catalog.TABLES, ANNA, NOW).workspaces_in_use == 1
        assert not left.exists()
        assert live.exists()
    assert erase_customer(planted, catalog.TABLES, ANNA, NOW).workspaces_in_use == 0


def test_a_line_that_cannot_be_read_and_names_them_goes_whole(lake: Lake) -> None:
    broken = json_line(customer(ANNA, 1)).replace(b'"Phone":', b'"Phone"')
    land(lake, CUSTOMERS, broken + json_line(customer(ELSE, 1, FirstName="Petr")), days(1, 2))
    merge(lake, CUSTOMERS)
    erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert not where(lake, "Zoraya")
    (content,) = (content for name, content in held(lake).items() if name.endswith(".zst"))
    assert content.startswith(b'{"forgotten":true}\n{"Id"')


@pytest.mark.slow
def test_hashes_of_them_go_too(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY, KEY)
    plant(lake)
    digest = KEY.digest("Zoraya")
    assert where(lake, digest)
    done = erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert not where(lake, digest)
    assert not where(lake, "Zoraya")
    assert digest in done.texts
    assert done.found.remaining == {}


def test_who_was_merged_into_another_is_told(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1, MergeTargetId=ELSE)], days(1, 2))
    merge(lake, CUSTOMERS)
    assert erase_customer(lake, catalog.TABLES, ANNA, NOW).merged_into == (ELSE,)


@pytest.mark.parametrize("wrong", ["", "a", "*", "../../etc", "0000"])
def test_what_is_no_id_is_refused_before_anything_is_done(planted: Lake, wrong: str) -> None:
    before = held(planted)
    with pytest.raises(LakeError, match="no customer's id"):
        erase_customer(planted, catalog.TABLES, wrong, NOW)
    assert held(planted) == before


def test_the_report_of_what_is_known_holds_no_text_of_theirs(planted: Lake) -> None:
    done = erase_customer(planted, catalog.TABLES, ANNA, NOW)
    assert "Zoraya" in done.texts
    assert "Zoraya" not in repr(replace(done, found=replace(done.found, shared=set())))


def test_an_erasure_list_that_cannot_be_read_is_an_error_and_not_nobody(lake):
    lake.write_json(layout.erasure_list_file(), {"people": {}})
    with pytest.raises(LakeError, match=r"forgotten.json cannot be read .*`customers`"):
        erased_customers(lake)
