"""A lake in Azure Blob Storage and in Google Cloud Storage: the same rows, and nothing replaced that was not seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from mews_assets import catalog
from mews_assets.ingest.lake_probe import probe_lake
from mews_assets.lake import file_statistics
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.file_statistics import statistics_of
from mews_assets.lake.reading.inventory import inventory
from mews_assets.lake.reading.sql_views import query
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.store import ABSENT
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, at, days, everything, item, land
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, NOW, customer, json_line, unpacked
from mews_assets_tests.services.clouds import Cloud, running_azurite, running_google

pytestmark = pytest.mark.services
CLOUDS = {"azure": running_azurite, "google": running_google}


@pytest.fixture(scope="module", params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    started: AbstractContextManager[Cloud] = CLOUDS[request.param]()
    with started as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def lake(cloud: Cloud, request: pytest.FixtureRequest) -> Lake:
    """An empty lake, in a folder of its own."""
    before, question, after = cloud.lake.partition("?")
    return open_lake(f"{before}-{abs(hash(request.node.name))}{question}{after}", Grain.DAILY)


def test_rows_land_merge_and_are_read_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake, ORDER_ITEMS, [item("a", at(2)), item("a", at(3)), item("b", at(3))], days(2, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    land(lake, ORDER_ITEMS, [item("c", at(2, 1))], days(2, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    assert update_current(lake, ORDER_ITEMS, NORTH, threads=1).rows == 3
    for table, rows in (("changes", 4), ("current", 3)):
        with query(lake, f"SELECT count(*) FROM {table}.order_items WHERE scope = '{NORTH}'") as result:
            assert result.fetchall() == [(rows,)]
    monkeypatch.setattr(file_statistics, "read_footers", lambda lake, names, columns: dict.fromkeys(names))
    assert {one.rows for one in statistics_of(lake, ORDER_ITEMS).values()} == {2}
    assert inventory(lake, ORDER_ITEMS)[NORTH].rows == 4


def test_a_file_is_replaced_only_over_the_version_that_was_read(lake: Lake) -> None:
    lake.write("state/x", b"one", over=ABSENT)
    with pytest.raises(LostRaceError):
        lake.write("state/x", b"two", over=ABSENT)
    seen = lake.version("state/x")
    assert lake.read_version("state/x") == (b"one", seen)
    lake.write("state/x", b"two", over=seen)
    with pytest.raises(LostRaceError):
        lake.write("state/x", b"three", over=seen)
    assert lake.read("state/x") == b"two"
    assert lake.files("state") == ["state/x"]
    lake.delete("state/x")
    assert not lake.exists("state/x")
    with pytest.raises(LostRaceError):
        lake.write("state/x", b"four", over=seen)


def test_a_file_that_is_replaced_while_it_is_looked_into_is_no_mixture(lake: Lake) -> None:
    lake.write("marts/x/rows.parquet", b"o" * 3_000_000)
    with lake.open_input_file("marts/x/rows.parquet") as source:
        assert source.read(10) == b"o" * 10
        lake.write("marts/x/rows.parquet", b"n" * 3_000_000)
        with pytest.raises(LostRaceError):
            source.read(10)


def test_many_change_one_file_at_once_and_no_change_is_lost(lake: Lake) -> None:
    def change(writer: int) -> None:
        for number in range(5):
            mine = {f"{writer}-{number}": 1}
            lake.change_json("state/x.json", lambda content, mine=mine: {**(content or {}), **mine})

    threads = [threading.Thread(target=change, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lake.read_json("state/x.json")) == 15


def test_a_forgotten_person_is_in_no_file(lake: Lake) -> None:
    other = customer("d0ffee-1111-4222-8333-444455556666", 2, FirstName="Petra", Email="p@else.example")
    land(lake, CUSTOMERS, json_line(customer(ANNA, 2)) + json_line(other), days(2, 3))
    merge(lake, CUSTOMERS, threads=1)
    update_current(lake, CUSTOMERS, next(iter(inventory(lake, CUSTOMERS))), threads=1)
    assert erase_customer(lake, catalog.TABLES, ANNA, NOW).found.remaining == {}
    with lake.workspace() as workspace:
        for name in lake.files("", recursive=True):
            assert b"Zoraya" not in unpacked(lake.local_copy(name, workspace)), name
    assert sum(rows.num_rows for rows in everything(lake, CUSTOMERS).values()) == 2


def test_doctor_finds_that_the_store_keeps_its_conditions(cloud: Cloud) -> None:
    open_lake(cloud.lake, Grain.DAILY)
    (found, *_) = probe_lake(cloud.lake, Grain.DAILY)
    assert "can be written" in str(found)
