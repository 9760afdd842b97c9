"""A search that is owed: a forgetting that was stopped, or left something, searches again for the same texts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure import erase_customer as forgetting
from mews_assets.lake.erasure import pending_searches
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.local_store import LocalStore
from mews_assets_tests.lake.made import NORTH, days, land
from mews_assets_tests.lake.planted import ANNA, BILLS, CUSTOMERS, ELSE, NOW, ONCE, bill, customer, where

pytestmark = pytest.mark.slow

NEVER = "f00dface-1111-4222-8333-444455556666"


@pytest.fixture
def annas(lake: Lake) -> Lake:
    """A lake with Anna, entered twice, and a note about her that nobody may change but people."""
    land(lake, CUSTOMERS, [customer(ANNA, 1), customer(ONCE, 1, MergeTargetId=ANNA)], days(1, 2))
    land(lake, BILLS, [bill("b1", 1, ANNA, Name="Zoraya")], days(1, 2))
    for table in (CUSTOMERS, BILLS):
        merge(lake, table)
        update_current(lake, table, NORTH)
    return lake


def stop_at(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(forgetting, what, stop)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("what", ["search", "_erase_in_table", "_withhold_problems", "add_to_erasure_list"])
@pytest.mark.parametrize("asked", [ANNA, ONCE])
def test_a_second_try_searches_for_what_the_first_knew(
    annas: Lake, monkeypatch: pytest.MonkeyPatch, what: str, asked: str
) -> None:
    annas.write("notes.txt", b"ZORAYA%40planted.example")
    with monkeypatch.context() as patched:
        stop_at(patched, what)
        with pytest.raises(KeyboardInterrupt):
            erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert pending_searches.pending(annas) == [ANNA]
    again = erase_customer(annas, catalog.TABLES, asked, NOW)
    assert again.found.remaining == {"notes.txt": 1}
    assert "zoraya@planted.example" in again.texts
    assert again.is_known and not again.is_done


@pytest.mark.slow_after_first
@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_stopped_at_any_file_the_search_is_not_lost(
    annas: Lake, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    annas.write("notes.txt", b"ZORAYA%40planted.example")
    real, calls = LocalStore._rename, iter(range(1, 10_000))

    def rename(self: LocalStore, local: Path, name: str) -> None:
        if next(calls) == stop:
            raise KeyboardInterrupt
        real(self, local, name)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "_rename", rename)
        with contextlib.suppress(KeyboardInterrupt):
            erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert erase_customer(annas, catalog.TABLES, ANNA, NOW).found.remaining["notes.txt"] == 1


@pytest.mark.slow
def test_what_is_left_is_searched_for_until_it_is_gone_and_then_nothing_of_it_is_kept(annas: Lake) -> None:
    annas.write("notes.txt", b"call Zoraya")
    first = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert first.found.remaining == {"notes.txt": 1}
    assert where(annas, "Zoraya") == ["notes.txt", layout.pending_search_file(ANNA)]
    second = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert second.found.remaining == first.found.remaining and second.texts == first.texts
    annas.delete("notes.txt")
    third = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert third.is_done and third.texts == first.texts
    assert pending_searches.pending(annas) == [] and not where(annas, "Zoraya")
    fourth = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert fourth.is_done and fourth.is_known and not fourth.texts and fourth.before == "2026-05-01T00:00:00Z"


def test_a_run_at_work_leaves_the_search_owed(annas: Lake) -> None:
    with annas.workspace():
        assert not erase_customer(annas, catalog.TABLES, ANNA, NOW).is_done
    assert pending_searches.pending(annas) == [ANNA]
    assert erase_customer(annas, catalog.TABLES, ANNA, NOW).is_done
    assert pending_searches.pending(annas) == []


def test_the_texts_of_one_are_not_searched_for_another(annas: Lake) -> None:
    land(
        annas,
        CUSTOMERS,
        [customer(ELSE, 2, FirstName="Petr", Email="petr@else.example", NewField=None)],
        days(2, 3),
    )
    annas.write("notes.txt", b"petr@else.example, zoraya@planted.example")
    erase_customer(annas, catalog.TABLES, ANNA, NOW)
    done = erase_customer(annas, catalog.TABLES, ELSE, NOW)
    assert "petr@else.example" in done.texts and "zoraya@planted.example" not in done.texts
    assert set(pending_searches.pending(annas)) == {ANNA, ELSE}


@pytest.mark.slow
@pytest.mark.parametrize("also", [[], ["Nickname"]])
def test_an_id_that_nothing_names_is_told_apart_from_one_that_was_forgotten(
    annas: Lake, also: list[str]
) -> None:
    for _ in range(2):
        done = erase_customer(annas, catalog.TABLES, NEVER, NOW, also=also)
        assert not done.is_known
    assert pending_searches.pending(annas) == []
    erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert erase_customer(annas, catalog.TABLES, ANNA, NOW).is_known


def test_one_who_is_only_named_is_known(annas: Lake) -> None:
    land(annas, BILLS, [bill("b5", 2, NEVER)], days(2, 3))
    assert erase_customer(annas, catalog.TABLES, NEVER, NOW).is_known


def test_files_of_a_pull_that_did_not_end_are_redacted(annas: Lake) -> None:
    manifest = land(annas, BILLS, [bill("b6", 2, ANNA, Name="Zoraya")], days(2, 3))
    annas.delete(layout.manifest("bills", manifest.capture))
    done = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert done.is_done and not where(annas, "Zoraya")


def test_why_a_capture_was_rejected_does_not_repeat_what_was_theirs(annas: Lake) -> None:
    name = layout.rejected_file("bills", "20260401T000000Z-00000000")
    annas.write_json(name, {"capture": "c", "problem": "'ZORAYA@planted.example' where a number must stand"})
    done = erase_customer(annas, catalog.TABLES, ANNA, NOW)
    assert done.is_done
    assert annas.read_json(name)["problem"].startswith("not shown")
