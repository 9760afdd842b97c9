"""An id in capitals or escaped is the same id: in what somebody types, in landed lines, and in rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.landing.erasure_list import erased_customers
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.text.match_ids import IdMatcher
from mews_assets_tests.lake.made import days, everything, json_line, land
from mews_assets_tests.lake.planted import ANNA, ANNAS, BILLS, CUSTOMERS, ELSE, NOW, bill, customer, where
from mews_assets_tests.lake.spellings import SPELLINGS

SAME = {
    "capitals": str.upper,
    "JSON": SPELLINGS["JSON escapes of all"],
    "percent": SPELLINGS["percent of all"],
    "HTML": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "JSON in capitals": lambda text: SPELLINGS["JSON escapes of all"](text.upper()),
}


@pytest.mark.parametrize("spelling", SAME)
def test_a_line_and_a_text_name_somebody_however_the_id_is_spelled(spelling: str) -> None:
    names, spelled = IdMatcher([ANNA]), SAME[spelling](ANNA)
    block = f'{{"Id":"\u00e1"}}\n\n{{"Id":"b","AccountId":"{spelled}"}}\n{{"Id":"{ELSE}"}}'.encode()
    assert names.lines(block) == [2]
    assert names.among(pa.array([None, ELSE, f"see {spelled}."])).tolist() == [False, False, True]


def test_many_people_are_told_apart() -> None:
    people = [f"c0ffee00-1111-4222-8333-{number:012}" for number in range(400)]
    names = IdMatcher(people[::2])
    assert names.lines("\n".join(people).encode()) == list(range(0, 400, 2))
    assert names.are(pa.array([people[0].upper(), people[1], None])).tolist() == [True, False, False]
    assert not IdMatcher([])


@pytest.mark.parametrize("spelling", ["capitals", "JSON", "JSON in capitals"])
def test_records_that_spell_the_id_otherwise_are_forgotten_too(lake: Lake, spelling: str) -> None:
    lines = json_line(customer(ANNA, 1)) + json_line(bill("b1", 1, ANNA, **ANNAS))
    own, about = (one.replace(ANNA.encode(), SAME[spelling](ANNA).encode()) for one in lines.splitlines(True))
    land(lake, CUSTOMERS, own, days(1, 2))
    land(lake, BILLS, about, days(1, 2))
    merge(lake, CUSTOMERS)
    merge(lake, BILLS)
    done = erase_customer(lake, catalog.TABLES, ANNA, NOW)
    assert done.files["landing"] == 2 and done.files["changes"] == 2 and done.texts and done.is_done
    assert not where(lake, "Zoraya")
    land(lake, CUSTOMERS, own, days(2, 3))
    merge(lake, CUSTOMERS)
    assert not where(lake, "Zoraya")


def test_an_id_typed_in_capitals_is_the_same(lake: Lake) -> None:
    land(lake, CUSTOMERS, [customer(ANNA, 1)], days(1, 2))
    done = erase_customer(lake, catalog.TABLES, ANNA.upper(), NOW)
    assert done.people == (ANNA,) and done.is_done and done.files["landing"] == 1
    lake.write_json(layout.erasure_list_file(), {"customers": {ANNA.upper(): "before"}})
    assert set(erased_customers(lake)) == {ANNA}


def test_a_row_that_names_them_in_free_text_loses_what_its_line_loses(lake: Lake) -> None:
    record = bill("b1", 1, ELSE, Notes=f"paid by {ANNA.upper()}", Name="For Zoraya")
    land(lake, BILLS, [record], days(1, 2))
    merge(lake, BILLS)
    erase_customer(lake, catalog.TABLES, ANNA, NOW)
    stood = everything(lake, BILLS)
    assert [row["notes"] for rows in stood.values() for row in rows.to_pylist()] == [None]
    merge(lake, BILLS, from_scratch=True)
    assert everything(lake, BILLS) == stood
