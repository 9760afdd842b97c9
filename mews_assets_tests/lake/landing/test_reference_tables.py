"""Reference tables on disk: rows found gone, rows of each day, rows that belong to a hotel by way of another table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.privacy import Pii, Privacy
from mews_assets.catalog.reference_model import Reference
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.reference_rows import ids_still_sent, owners_of, read_rows
from mews_assets.lake.landing.reference_tables import EVERYONE, write_reference
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain

BY_NAME = {reference.name: reference for reference in REFERENCES}
COUNTERS, SOURCES, CASHIERS = BY_NAME["counters"], BY_NAME["sources"], BY_NAME["cashiers"]
SERVICES, RATES, RATE_GROUPS = BY_NAME["services"], BY_NAME["rates"], BY_NAME["rate_groups"]
STAMPS = {"CreatedUtc": "2025-01-01T00:00:00Z", "UpdatedUtc": "2025-01-01T00:00:00Z"}


@pytest.fixture
def lake(tmp_path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


def day(number: int) -> datetime:
    return datetime(2025, 3, number, 4, 30, tzinfo=UTC)


def line(**record: Any) -> bytes:
    return msgspec.json.encode(record)


def counter(name: str, enterprise: str) -> bytes:
    about = {"Name": name, "IsDefault": True, "Value": 1, "Format": "", "Type": "Counter"}
    return line(Id=name, EnterpriseId=enterprise, **about, **STAMPS)


def source(name: str) -> bytes:
    return line(Id=name, Name=name, Type="Agent", UpdatedUtc=STAMPS["UpdatedUtc"], Code=1)


def service(name: str, enterprise: str) -> bytes:
    data = {"Discriminator": "Bookable", "Value": {}}
    about = {"IsActive": True, "Names": {}, "Options": {"BillAsPackage": False}, "Ordering": 1, "Data": data}
    return line(Id=name, EnterpriseId=enterprise, **about, **STAMPS)


def group(name: str, service: str) -> bytes:
    return line(Id=name, ServiceId=service, IsActive=True, Ordering=1, Names={}, **STAMPS)


def rows(lake: Lake, reference: Reference) -> list[dict[str, Any]]:
    file = lake.path(layout.reference_file(reference.name))
    return list(pq.read_table(file, partitioning=None).to_pylist())


def gone(lake: Lake, reference: Reference) -> dict[str, datetime | None]:
    return {row["id"]: row["_gone_utc"] for row in rows(lake, reference)}


def test_a_row_that_vanished_is_found_gone_and_keeps_the_first_day_of_it(lake: Lake) -> None:
    first = [counter("a", "north"), counter("b", "north"), counter("c", "south")]
    write_reference(lake, COUNTERS, first, day(1), ["north", "south"])
    assert set(gone(lake, COUNTERS).values()) == {None}
    found = write_reference(lake, COUNTERS, first[:1], day(2), ["north"])
    assert (found.sent, found.kept, found.gone) == (1, 2, 1)
    assert gone(lake, COUNTERS) == {"a": None, "b": day(2), "c": None}
    write_reference(lake, COUNTERS, first[:1], day(3), ["north"])
    assert gone(lake, COUNTERS)["b"] == day(2)


def test_a_row_that_comes_back_is_not_gone(lake: Lake) -> None:
    both = [counter("a", "north"), counter("b", "north")]
    for number, sent in enumerate((both, both[:1], both), 1):
        write_reference(lake, COUNTERS, sent, day(number), ["north"])
    assert set(gone(lake, COUNTERS).values()) == {None}


def test_rows_that_all_vanish_at_once_are_an_error_first_and_gone_after_a_week(lake: Lake) -> None:
    write_reference(lake, COUNTERS, [counter("a", "north")], day(1), ["north"])
    found = write_reference(lake, COUNTERS, [], day(2), ["north"])
    assert (found.vanished, found.gone) == ({"north": 1}, 0)
    assert write_reference(lake, COUNTERS, [], day(9), ["north"]).gone == 1
    assert write_reference(lake, COUNTERS, [], day(10), ["north"]).vanished == {}


def test_rows_that_name_no_owner_are_gone_only_if_every_connection_answered(lake: Lake) -> None:
    both = [source("a"), source("b")]
    write_reference(lake, SOURCES, both, day(1), ["north", EVERYONE])
    assert write_reference(lake, SOURCES, both[:1], day(2), ["north"]).gone == 0
    assert write_reference(lake, SOURCES, both[:1], day(3), ["north", EVERYONE]).gone == 1


def test_exchange_rates_have_a_row_for_each_day_and_the_last_of_a_day_stays(lake: Lake) -> None:
    rates = BY_NAME["exchange_rates"]
    for at, value in ((day(1), 25.0), (day(1) + timedelta(hours=9), 25.5), (day(2), 26.0)):
        record = line(Id="r", EnterpriseId="north", SourceCurrency="EUR", TargetCurrency="CZK", Value=value)
        measures = write_reference(lake, rates, [record], at, ["north"])
        assert measures.duplicate_keys == 0
    assert [(row["_captured_at_utc"].day, row["value"]) for row in rows(lake, rates)] == [
        (1, 25.5),
        (2, 26.0),
    ]


def test_a_key_may_have_parts_of_which_some_are_empty(lake: Lake) -> None:
    environments = BY_NAME["tax_environments"]
    records = [
        line(Code="CZ", CountryCode="CZ", ValidityStartUtc=start, TaxationCodes=[])
        for start in (None, "2025-01-01T00:00:00Z")
    ]
    for number in (1, 2):
        measures = write_reference(lake, environments, records, day(number), [EVERYONE])
        assert (measures.rows, measures.kept, measures.duplicate_keys) == (2, 0, 0)


def test_a_record_without_the_first_part_of_its_key_is_refused_by_name(lake: Lake) -> None:
    with pytest.raises(RecordError, match=r"Enterprise\.Id"):
        write_reference(lake, BY_NAME["configurations"], [line(Enterprise={"Name": "North"})], day(1), [])


def test_a_row_belongs_to_the_owner_of_what_it_names(lake: Lake) -> None:
    write_reference(lake, SERVICES, [service("s", "north"), service("t", "south")], day(1), [])
    write_reference(lake, RATE_GROUPS, [group("g", "s"), group("h", "t"), group("i", "lost")], day(1), [])
    with lake.workspace() as workspace:
        found, _ = read_rows(lake, RATE_GROUPS, workspace)
        assert owners_of(lake, RATE_GROUPS, found, workspace).to_pylist() == ["north", "south", None]
    assert ids_still_sent(lake, RATE_GROUPS) == {"north": ["g"], "south": ["h"]}
    vanished = write_reference(lake, RATE_GROUPS, [group("h", "t")], day(2), ["north", "south"]).vanished
    assert vanished == {"north": 1}


def test_requests_name_only_ids_that_came_with_the_newest_answer_of_their_hotel(lake: Lake) -> None:
    before = [service("s", "north"), service("old", "north"), service("t", "south")]
    write_reference(lake, SERVICES, before, day(1), ["north", "south"])
    write_reference(lake, SERVICES, before[:1], day(2), ["north"])
    assert ids_still_sent(lake, SERVICES) == {"north": ["s"], "south": ["t"]}
    assert ids_still_sent(lake, RATES) == {}


def test_names_of_people_are_hidden_as_everywhere(tmp_path) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY, Privacy(Pii.DROP))
    record = line(Id="c", EnterpriseId="north", IsActive=True, Name="Ada", **STAMPS)
    write_reference(lake, CASHIERS, [record], day(1), ["north"])
    assert [row["name"] for row in rows(lake, CASHIERS)] == [None]


def test_rows_that_mews_no_longer_sends_are_hidden_too_when_the_policy_changes(lake: Lake) -> None:
    record = line(Id="c", EnterpriseId="north", IsActive=True, Name="Ada", **STAMPS)
    write_reference(lake, CASHIERS, [record], day(1), ["north"])
    assert change_policy(lake, [], Privacy(Pii.DROP)).files == 1
    assert [row["name"] for row in rows(lake, CASHIERS)] == [None]
