"""Mentions of a forgotten guest in what is others': each told with its file, however it is spelled."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure.erase_customer import ErasureReport, erase_customer
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import NORTH, at, days, json_line, land, stamp
from mews_assets_tests.lake.planted import (
    ANNA,
    BILLS,
    CUSTOMERS,
    ELSE,
    ITEMS,
    NOW,
    RESERVATIONS,
    bill,
    customer,
)
from mews_assets_tests.lake.spellings import PHONES, SPELLINGS, made_name, made_phone


class Guest:
    """Somebody made up at random."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)
        self.first, self.last = made_name(self.rnd), made_name(self.rnd)
        self.email = (
            f"{made_name(self.rnd).encode('ascii', 'ignore').decode()}@{self.rnd.randrange(10**6)}.example"
        )
        self.phone = made_phone(self.rnd)

    def record(self, day: int) -> dict[str, Any]:
        told = {"FirstName": self.first, "LastName": self.last, "Email": self.email, "Phone": self.phone}
        return customer(ANNA, day, **told, Passport=None, NewField="Email", BirthPlace="Prague")

    def mention(self) -> str:
        """A text that tells of them, spelled at random."""
        if self.rnd.random() < 0.25:
            return self.rnd.choice(list(PHONES.values()))(self.phone)
        text = self.rnd.choice(
            [f"{self.first} {self.last}", self.email, self.last, f"{self.last}, {self.first}"]
        )
        return self.rnd.choice(list(SPELLINGS.values()))(text)


def other(number: int, **more: Any) -> dict[str, Any]:
    """Another guest's record."""
    told: dict[str, Any] = {
        "FirstName": "Petr",
        "LastName": "Else",
        "Email": f"petr{number}@else.example",
        "Phone": None,
    }
    told |= {"Passport": None, "NewField": None, **more}
    return customer(f"d0ffee00-0000-4000-8000-{number:012}", 2, **told)


def _note(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    return BILLS, bill(f"b{number}", 2, ELSE, Notes=text)


def _item(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    return ITEMS, {**bill(f"i{number}", 2, ELSE), "ExternalIdentifier": f"Massage for {text}"}


def _guests_note(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    return CUSTOMERS, other(number, Notes=text)


def _new_field(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    return BILLS, bill(f"b{number}", 2, ELSE, NewThing={"Deep": [{"Text": f"with {text}"}]})


def _new_name(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    return CUSTOMERS, other(number, NewThing={text: 1})


def _qr_code(number: int, text: str) -> tuple[Table, dict[str, Any]]:
    booking = {"Id": f"r{number}", "ServiceId": "s", "AccountId": ELSE, "UpdatedUtc": stamp(at(2, 3))}
    return RESERVATIONS, {**booking, "QrCodeData": f"https://x.example/?q={text}"}


PLACES: list[Callable[[int, str], tuple[Table, dict[str, Any]]]] = [
    *(_note, _item, _guests_note, _new_field, _new_name, _qr_code)
]


def a_lake_without(lake: Lake, guest: Guest) -> None:
    """The guest's own records, and others'."""
    land(lake, CUSTOMERS, [guest.record(1), *(other(number) for number in range(900, 905))], days(1, 3))
    mine = {"Name": guest.last, "AssigneeData": {"Email": guest.email}}
    land(
        lake, BILLS, [bill("b800", 1, ANNA, **mine), bill("b801", 2, ELSE, Notes="a quiet room")], days(1, 3)
    )
    lake.write_json(layout.directory_file(), {"enterprises": [{"id": NORTH, "name": "The Lantern Prague"}]})


def finish(lake: Lake) -> ErasureReport:
    for table in (CUSTOMERS, BILLS, ITEMS, RESERVATIONS):
        merge(lake, table)
        if lake.folders(layout.changes_folder(table.name)):
            update_current(lake, table, NORTH)
    return erase_customer(lake, catalog.TABLES, ANNA, NOW)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("seed", range(4))
def test_every_mention_of_a_random_guest_is_told_with_its_file(lake: Lake, seed: int) -> None:
    guest = Guest(seed)
    a_lake_without(lake, guest)
    expected, in_rows = {}, 0
    for number in range(24):
        mention, place = guest.mention(), guest.rnd.choice(PLACES)
        table, record = place(number, mention)
        in_rows += place not in (_new_field, _new_name)
        line = json_line(record)
        if guest.rnd.random() < 0.3:
            line = json.dumps(record).encode() + b"\n"
        manifest = land(lake, table, line, days(2, 3))
        expected[layout.landed_file(table.name, manifest.capture, 1)] = (mention, record)
    done = finish(lake)
    assert done.found.remaining == {}
    assert {name: what for name, what in expected.items() if name not in done.found.elsewhere} == {}
    told = dict.fromkeys((layout.CHANGES, layout.CURRENT), 0)
    for name, count in done.found.elsewhere.items():
        if (layer := name.split("/")[0]) in told:
            told[layer] += count
    assert told == {layout.CHANGES: in_rows, layout.CURRENT: in_rows}
    assert done.is_done


@pytest.mark.parametrize("seed", range(4))
def test_a_lake_without_mentions_gives_none(lake: Lake, seed: int) -> None:
    a_lake_without(lake, Guest(seed))
    done = finish(lake)
    assert (done.found.remaining, done.found.unread) == ({}, {})
    assert set(done.found.elsewhere) <= {
        layout.directory_file()
    }  # Prague, where they were born, is a hotel's as well
    assert done.texts and done.found.files > 5


@pytest.mark.slow_after_first
@pytest.mark.parametrize(
    "value", ["Email", "Phone", "InRoom", "unknown", "n/a", "Li", "CZ", "true", "order_items"]
)
def test_a_word_of_the_catalog_or_a_short_one_is_not_left_over(lake: Lake, value: str) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1, FirstName=value, NewField=value)], days(1, 2))
    land(lake, BILLS, [bill("b1", 1, ANNA, Number=value)], days(1, 2))
    lake.write(
        layout.catalog_file(),
        b"CREATE VIEW customers AS SELECT email, phone, LI, CZ, in_room FROM order_items",
    )
    lake.write("notes.txt", f"{value}: none".encode())
    done = finish(lake)
    assert (done.found.remaining, done.found.elsewhere) == ({}, {})
    assert done.not_searched


def test_short_names_are_found_as_a_whole_name(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1, FirstName="Li", LastName="Bo")], days(1, 2))
    manifest = land(
        lake,
        BILLS,
        [bill("b1", 1, ELSE, Notes="dinner with BO, Li"), bill("b2", 1, ELSE, Notes="li")],
        days(1, 2),
    )
    done = finish(lake)
    assert done.found.elsewhere[layout.landed_file("bills", manifest.capture, 1)] == 1


def test_a_weak_word_in_a_field_that_stays_is_told_and_not_left_over(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1, NewField="Breakfast")], days(1, 2))
    land(lake, ITEMS, [{**bill("i1", 1, ANNA), "ExternalIdentifier": "Breakfast"}], days(1, 2))
    found = finish(lake).found
    assert found.remaining == {}
    assert {name.split("/")[1] for name in found.elsewhere} == {"order_items"}


def test_an_address_in_a_field_that_stays_is_left_over(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    land(
        lake,
        ITEMS,
        [{**bill("i1", 1, ANNA), "ExternalIdentifier": "For ZORAYA%40planted.example"}],
        days(1, 2),
    )
    assert {name.split("/")[1] for name in finish(lake).found.remaining} == {"order_items"}


def test_what_another_guest_is_called_is_theirs_and_what_is_noted_at_them_is_not(lake: Lake) -> None:
    land(
        lake,
        CUSTOMERS,
        [customer(ANNA, 1), other(1, LastName="NOV\u00c1KOV\u00c1"), other(2, Notes="Zoraya")],
        days(1, 3),
    )
    found = finish(lake).found
    assert found.shared == {"Nov\u00e1kov\u00e1"}
    assert {name.split("/")[1] for name in found.elsewhere} == {"customers"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", "Nov\u00c1KOV\u00c1, Zoraya".encode("cp1252", "replace")),
        ("notes.csv", "a,b\n1,Zoraya Nov\u00e1kov\u00e1\n".encode("utf-16")),
        ("old/notes.csv.gz", gzip.compress(b"call 00420777123456", mtime=0)),
        ("old/notes.ndjson", b'{"a":"zoraya&#64;planted.example"}\n'),
        ("state/alerts/an-instance.json", b'{"messages":[{"text":"ZORAYA@planted.example"}]}'),
        ("marts/mine/page.html", b"x" * (1 << 20) + b" Zor\xc3\xa1ya "),
    ],
)
def test_files_nobody_knows_are_searched_whatever_they_are(lake: Lake, name: str, content: bytes) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    lake.write(name, content)
    found = finish(lake).found
    assert [*found.remaining, *found.elsewhere] == [name]


def test_a_word_of_the_report_is_told_and_not_left_over(lake: Lake) -> None:
    """It has figures of marts, names of hotels, and a program with thousands of words, names of colours among them."""
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    lake.write(layout.report_file(), "<script>const colours = ['violet', 'zoráya']</script>".encode())
    found = finish(lake).found
    assert (list(found.remaining), list(found.elsewhere)) == ([], [layout.report_file()])


def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    merge(lake, CUSTOMERS)
    manifest = land(lake, BILLS, [bill("b1", 1, ANNA, Name="Zoraya")], days(1, 2))
    name = layout.landed_file("bills", manifest.capture, 1)
    whole = lake.read(name)
    lake.write(name, whole[: len(whole) // 2])
    lake.write("old/notes.jsonl.gz", b"no archive")
    done = erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert {name, "old/notes.jsonl.gz"} <= set(done.unread)
    assert not done.is_done
    assert done.files["changes"] == 1
    lake.write(name, whole)
    assert lake.local_root is not None
    (lake.local_root / "old/notes.jsonl.gz").unlink()
    again = erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert again.is_done and again.texts == done.texts and again.files["landing"] == 1


def test_the_texts_of_long_files_are_found_across_pieces(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mews_assets.lake.erasure.verify_erasure._BLOCK_BYTES", 64)
    monkeypatch.setattr("mews_assets.lake.erasure.verify_erasure._OVERLAP_BYTES", 48)
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    for shift in range(64):
        lake.write(f"notes-{shift:02}.txt", b"." * shift + b" zoraya@planted.example " + b"." * 60)
    assert len(finish(lake).found.remaining) == 64


@pytest.mark.slow
def test_reading_needs_a_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    from mews_assets.lake.erasure.identifying_texts import IdentifyingTexts
    from mews_assets.lake.erasure.verify_erasure import search
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.windows import Grain

    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    lake.write("big.jsonl.gz", gzip.compress(b'{"Id":"x","Notes":"n\xc3\xa9ant"}\n' * 2_000_000, 1))
    tracemalloc.start()
    found = search(lake, IdentifyingTexts.of(["Zoraya"]), [ANNA], catalog.TABLES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.files >= 2
    assert peak < 40 << 20  # of 60 MB
