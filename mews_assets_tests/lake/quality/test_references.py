"""References are looked up where they can be, and what cannot be looked up is never called missing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog import table as table_of
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.references import ReferenceResult, lead_in, resolve
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import BILLS, NORTH, OUTLET_BILLS, OUTLET_ITEMS, at, days, item, land

PAYMENTS, RESERVATIONS = table_of("payments"), table_of("reservations")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


def put(lake: Lake, table, first: int, after: int, *records) -> None:
    merge(lake, table, [land(lake, table, records, days(first, after))])


def day(number: int) -> Partition:
    return Partition(NORTH, days(number, number + 1))


def of(lake: Lake, table, number: int) -> ReferenceResult:
    """What was found of one column that refers to another table."""
    at = {PAYMENTS: "bill_id", OUTLET_ITEMS: "bill_id", RESERVATIONS: "service_id"}[table]
    (found,) = [one for one in resolve(lake, table, [day(number)])[day(number)] if one.at == at]
    return found


def pay(name: str, number: int, bill: str | None):
    return item(name, at(number, 3), BillId=bill)


def test_an_id_is_found_in_its_own_window_before_it_and_after_it(lake):
    put(lake, BILLS, 1, 20, *(item(name, at(number)) for name, number in (("a", 2), ("b", 12), ("c", 19))))
    put(lake, PAYMENTS, 12, 13, *(pay(f"p{bill}", 12, bill) for bill in ("a", "b", "c", "x", None)))
    assert of(lake, PAYMENTS, 12) == ReferenceResult("bill_id", "bills", 4, 1, ("x",))


def test_a_window_that_has_not_landed_there_is_not_looked_up(lake):
    put(lake, BILLS, 1, 12, item("a", at(2)))
    put(lake, PAYMENTS, 12, 13, pay("p", 12, "x"))
    found = of(lake, PAYMENTS, 12)
    assert (found.ids, found.unresolved) == (1, 0)
    assert found.not_checked == "changes/bills does not have this window yet"


def test_the_first_week_of_a_lake_is_not_looked_up_for_records_may_be_older(lake):
    put(lake, BILLS, 1, 12, item("a", at(2)))
    put(lake, PAYMENTS, 7, 9, pay("p", 7, "x"), pay("q", 8, "x"))
    assert "may be older" in of(lake, PAYMENTS, 7).not_checked
    assert of(lake, PAYMENTS, 8).unresolved == 1


def test_what_the_same_request_brings_must_be_there_from_the_first_day(lake):
    put(lake, OUTLET_BILLS, 2, 3, item("b", at(2)))
    capture = land(lake, OUTLET_ITEMS, [pay("i", 2, "b"), pay("j", 2, "x")], days(2, 3), capture="both")
    land(lake, OUTLET_BILLS, [item("b", at(2))], days(2, 3), capture="both")
    merge(lake, OUTLET_ITEMS, [capture])
    found = of(lake, OUTLET_ITEMS, 2)
    assert (found.ids, found.unresolved, found.is_exact, found.not_checked) == (2, 1, True, "")


def test_a_reference_table_is_looked_up_whole_once_it_is_there(lake):
    records = [{"Id": "r", "ServiceId": service, "UpdatedUtc": "2026-03-02T00:00:00Z"} for service in ("s",)]
    put(lake, RESERVATIONS, 2, 3, *records)
    assert of(lake, RESERVATIONS, 2).not_checked == "reference/services is not in the lake"
    path = lake.local_root / layout.reference_file("services")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": ["t"]}), path)
    assert of(lake, RESERVATIONS, 2) == ReferenceResult("service_id", "services", 1, 1, ("s",), True)
    pq.write_table(pa.table({"id": ["t", "s"]}), path)
    assert of(lake, RESERVATIONS, 2).unresolved == 0


def test_partitions_without_rows_refer_to_nothing(lake):
    put(lake, BILLS, 1, 12)
    put(lake, PAYMENTS, 10, 11)
    assert of(lake, PAYMENTS, 10) == ReferenceResult("bill_id", "bills", 0)


def test_the_window_before_the_first_of_each_scope_is_looked_at_again(lake):
    put(lake, PAYMENTS, 2, 9)
    assert lead_in(lake, PAYMENTS, [day(5), day(4), day(6)]) == [day(3)]
    assert lead_in(lake, PAYMENTS, [day(2)]) == []
    assert lead_in(lake, PAYMENTS, []) == []
