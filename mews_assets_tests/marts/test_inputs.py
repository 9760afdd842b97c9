"""What a query finds: hotels with their clocks, exact money, views that are empty but never missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mews_assets import catalog
from mews_assets.catalog.entities.reference import ENTERPRISES
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.marts import clocks
from mews_assets.marts.clocks import read_duration
from mews_assets.marts.inputs import open_inputs
from mews_assets.windows import Grain

AS_OF = datetime(2026, 4, 10, tzinfo=UTC)


def hotel(zone: str, offset: str | None, name: str = "The Lantern") -> bytes:
    return json.dumps(
        {"Id": "h1", "Name": name, "TimeZoneIdentifier": zone, "BusinessDayClosingOffset": offset}
    ).encode()


@contextmanager
def opened(folder: Path, *hotels: bytes, inputs: tuple[str, ...] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
    lake = open_lake(str(folder / "lake"), Grain.DAILY)
    write_reference(lake, ENTERPRISES, hotels, AS_OF, [])
    with lake.workspace() as workspace, open_duckdb(workspace) as engine:
        open_inputs(engine, lake, workspace, inputs, AS_OF)
        yield engine


def one(engine: duckdb.DuckDBPyConnection, sql: str) -> Any:
    found = engine.execute(sql).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P0M0DT2H0M0S", timedelta(hours=2)),
        ("PT1H30M", timedelta(hours=1, minutes=30)),
        ("P1D", timedelta(days=1)),
        ("-PT1H", timedelta(hours=-1)),
        ("PT0.5S", timedelta(seconds=0.5)),
    ],
)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize("text", ["", "P", "PT", "2H", "P1M", "P1Y", "02:00:00", "PT2X"])
def test_what_is_no_duration_of_days_and_less_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("zone", "offset", "instant", "expected"),
    [
        ("Europe/Prague", None, "2026-01-15 22:59:59", "2026-01-15"),
        ("Europe/Prague", None, "2026-01-15 23:00:00", "2026-01-16"),
        ("Europe/Prague", "P0M0DT2H0M0S", "2026-01-16 00:59:59", "2026-01-15"),
        ("Europe/Prague", "P0M0DT2H0M0S", "2026-01-16 01:00:00", "2026-01-16"),
        ("America/New_York", None, "2026-01-16 04:59:59", "2026-01-15"),
        # The night to 29 March has no 02:00 in Prague: its 03:00, when the hotel has closed, is 01:00 UTC.
        ("Europe/Prague", "P0M0DT2H0M0S", "2026-03-29 00:59:59", "2026-03-28"),
        ("Europe/Prague", "P0M0DT2H0M0S", "2026-03-29 01:00:00", "2026-03-29"),
    ],
)
def test_a_business_day_goes_by_the_hotels_clock(
    zone: str, offset: str | None, instant: str, expected: str, tmp_path: Path
) -> None:
    with opened(tmp_path, hotel(zone, offset)) as engine:
        moment = f"TIMESTAMPTZ '{instant}+00'"
        sql = f"SELECT {clocks.day_of('own', moment)}::VARCHAR FROM hotels {clocks.joined('own', moment)}"
        assert one(engine, sql) == expected


@pytest.mark.parametrize(
    ("zone", "offset", "last"),
    [
        ("Europe/Prague", None, "2026-04-09"),
        ("Europe/Prague", "P0M0DT2H0M0S", "2026-04-09"),  # at midnight UTC it is 02:00 there: just closed
        ("Europe/London", "P0M0DT2H0M0S", "2026-04-08"),
        ("America/New_York", None, "2026-04-08"),
    ],
)
def test_a_day_has_ended_when_the_hotel_has_closed_it(
    zone: str, offset: str | None, last: str, tmp_path: Path
) -> None:
    with opened(tmp_path, hotel(zone, offset)) as engine:
        days = "SELECT unnest(range(DATE '2026-04-01', DATE '2026-04-15', INTERVAL 1 DAY))::DATE AS day"
        joined = clocks.joined("own", "as_of()")
        rows = f"SELECT day AS business_day, enterprise_id, own.* FROM ({days}), hotels {joined}"
        is_complete = clocks.is_complete("given", "NULL")
        sql = f"SELECT max(business_day)::VARCHAR FROM ({rows}) given WHERE {is_complete}"
        assert one(engine, sql) == last


@pytest.mark.parametrize(
    ("zone", "offset", "said"),
    [
        ("Mars/Olympus", None, "TimeZoneIdentifier 'Mars/Olympus' is no IANA time zone"),
        ("Europe/Prague", "2 hours", "BusinessDayClosingOffset '2 hours' is no ISO 8601 duration"),
    ],
)
def test_a_clock_that_cannot_be_read_is_the_fault_of_its_hotel(
    zone: str, offset: str | None, said: str, tmp_path: Path
) -> None:
    with opened(tmp_path, hotel(zone, offset)) as engine:
        assert one(engine, "SELECT fault FROM hotels").startswith(said)
        assert one(engine, "SELECT clock FROM hotels") is None


def test_money_has_the_digits_that_mews_wrote(tmp_path: Path) -> None:
    with opened(tmp_path, hotel("UTC", None)) as engine:
        shown = "SELECT total(money(value, NULL::MAP(VARCHAR, VARCHAR), 'A'))::VARCHAR FROM "
        assert one(engine, f"{shown} (VALUES (0.1::DOUBLE), (0.2), (12345678901234.56)) t (value)") == (
            "12345678901234.8600000000"
        )
        exact = "MAP {'Amount.NetValue': '12345678901234567.89'}"
        sql = f"SELECT total(money(12345678901234567.89::DOUBLE, {exact}, 'Amount.NetValue'))::VARCHAR"
        assert one(engine, sql) == "12345678901234567.8900000000"


def test_a_table_that_nothing_has_landed_of_is_empty_and_has_its_columns(tmp_path: Path) -> None:
    with opened(
        tmp_path, hotel("UTC", None), inputs=("current/order_items", "changes/reservations")
    ) as engine:
        assert one(engine, "SELECT count(*) FROM current.order_items") == 0
        names = engine.sql("SELECT * FROM changes.reservations").columns
        kept = [column.field_name for column in catalog.table("reservations").kept_columns]
        assert names[: len(kept)] == kept
        assert names[-1] == "scope"


def test_a_reference_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    lake: Lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    with (
        lake.workspace() as workspace,
        open_duckdb(workspace) as engine,
        pytest.raises(LakeError, match="materialise reference/enterprises first"),
    ):
        open_inputs(engine, lake, workspace, (), AS_OF)


@pytest.mark.parametrize(
    ("amount", "number"),
    [("330.40", 3), ("-330.40", 3), ("2", 3), ("-2", 3), ("0.00000000005", 1), ("9999999999999999999999999999", 7),
     ("-9999999999999999999999999999.9999999999", 300), ("1", 10_000_000_000), ("0", 5), ("5", 0), ("7.5", 1)],
)  # fmt: skip
def test_a_quotient_is_exact_to_the_tenth_place(amount: str, number: int, tmp_path: Path) -> None:
    with opened(tmp_path, hotel("UTC", None)) as engine:
        found = one(engine, f"SELECT per(CAST('{amount}' AS DECIMAL(38, 10)), {number})")
    with localcontext(prec=80):
        rounded = Decimal(amount).quantize(Decimal("1E-10"), ROUND_HALF_UP)
        expected = (rounded / number).quantize(Decimal("1E-10"), ROUND_HALF_UP) if number else None
    assert found == expected
