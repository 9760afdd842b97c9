"""Series in the lake: a figure is a new row when it differs, and what stood is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mews_assets.catalog.entities.series import SERIES
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.series_rows import months_there, read_figures
from mews_assets.lake.landing.series_tables import Answer, SeriesMeasures, write_series
from mews_assets.lake.reading.sql_views import query, rows_of
from mews_assets.lake.storage.lake import Lake

BALANCES = next(table for table in SERIES if table.name == "ledger_balances")
AVAILABILITY = next(table for table in SERIES if table.name == "service_availability")
NORTH = "north"
T1 = datetime(2026, 4, 10, 4, 45, tzinfo=UTC)
T2, T3 = T1 + timedelta(days=1), T1 + timedelta(days=2)


def balance(day: str, closing: float, ledger: str = "Guest") -> bytes:
    amount = {"Currency": "EUR", "NetValue": 0, "GrossValue": 0, "TaxValues": [], "Breakdown": {"Items": []}}
    record = {
        "EnterpriseId": NORTH,
        "Date": day,
        "LedgerType": ledger,
        "OpeningBalance": amount,
        "ClosingBalance": amount | {"GrossValue": closing},
    }
    return msgspec.json.encode(record)


def write(
    lake: Lake, at: datetime, *records: bytes, first: str = "2026-03-30", last: str = "2026-04-02"
) -> SeriesMeasures:
    days = (date.fromisoformat(first), date.fromisoformat(last))
    return write_series(lake, BALANCES, Answer(NORTH, "Europe/Prague", *days, at, records))


def rows(lake: Lake) -> list[tuple[Any, ...]]:
    months = sorted(months_there(lake, BALANCES)[NORTH])
    return [
        (
            row["date"].isoformat(),
            row["closing_balance"]["gross_value"],
            row["_asked_utc"],
            row["_last_asked_utc"],
            row["_gone_utc"],
        )
        for row in read_figures(lake, BALANCES, NORTH, months).to_pylist()
    ]


def test_a_figure_sent_again_moves_only_when_it_was_last_asked_for(lake: Lake) -> None:
    assert write(lake, T1, balance("2026-03-31", 5.5)).new == 1
    again = write(lake, T2, balance("2026-03-31", 5.5))
    assert (again.new, again.changed) == (0, 0)
    assert rows(lake) == [("2026-03-31", 5.5, T1, T2, None)]


def test_a_figure_that_differs_is_a_row_more_also_where_it_returns_to_what_it_was(lake: Lake) -> None:
    for at, value in ((T1, 5), (T2, 6), (T3, 5)):
        write(lake, at, balance("2026-03-31", value))
    assert rows(lake) == [
        ("2026-03-31", 5, T1, T1, None),
        ("2026-03-31", 6, T2, T2, None),
        ("2026-03-31", 5, T3, T3, None),
    ]


def test_an_answer_of_earlier_does_not_replace_what_stands(lake: Lake) -> None:
    write(lake, T2, balance("2026-03-31", 6))
    late = write(lake, T1, balance("2026-03-31", 5))
    assert (late.changed, late.gone) == (0, 0)
    assert rows(lake) == [("2026-03-31", 6, T2, T2, None)]


def test_a_figure_that_is_sent_no_more_is_gone_and_may_come_again(lake: Lake) -> None:
    write(lake, T1, balance("2026-03-31", 5), balance("2026-04-01", 7))
    assert write(lake, T2, balance("2026-03-31", 5)).gone == 1
    assert rows(lake)[1] == ("2026-04-01", 7, T1, T1, T2)
    assert write(lake, T3, balance("2026-03-31", 5), balance("2026-04-01", 7)).new == 1
    assert rows(lake)[2] == ("2026-04-01", 7, T3, T3, None)


def test_figures_of_days_that_were_not_asked_for_are_not_gone(lake: Lake) -> None:
    write(lake, T1, balance("2026-03-31", 5), balance("2026-04-01", 7))
    assert write(lake, T2, balance("2026-04-01", 7), first="2026-04-01").gone == 0


def test_where_no_figure_comes_at_all_those_that_stand_have_vanished_and_are_not_gone(lake: Lake) -> None:
    write(lake, T1, balance("2026-03-31", 5))
    measures = write(lake, T2)
    assert (measures.vanished, measures.gone) == (1, 0)
    assert rows(lake) == [("2026-03-31", 5, T1, T1, None)]


def test_a_figure_that_comes_twice_in_one_answer_is_counted_and_written_once(lake: Lake) -> None:
    assert write(lake, T1, balance("2026-03-31", 5), balance("2026-03-31", 5)).duplicate_keys == 1
    assert len(rows(lake)) == 1


def test_months_without_figures_have_a_file_too_so_that_they_are_not_due_again(lake: Lake) -> None:
    write(lake, T1, first="2026-02-01", last="2026-04-02")
    assert months_there(lake, BALANCES) == {NORTH: {"2026-02", "2026-03", "2026-04"}}


def test_a_record_that_cannot_become_a_row_changes_no_file(lake: Lake) -> None:
    write(lake, T1, balance("2026-03-31", 5))
    with pytest.raises(RecordError, match="Date"):
        write(lake, T2, balance("2026-03-31", 6), balance("the first of April", 7))
    assert rows(lake) == [("2026-03-31", 5, T1, T1, None)]


def test_the_day_of_a_time_unit_is_that_of_the_hotel(lake: Lake) -> None:
    record = {
        "ServiceId": "s",
        "ResourceCategoryId": "c",
        "TimeUnitStartUtc": "2026-03-31T22:00:00Z",
        "Occupied": 3,
    }
    days = (date(2026, 4, 1), date(2026, 4, 1))
    answer = Answer(NORTH, "Europe/Prague", *days, T1, [msgspec.json.encode(record)])
    write_series(lake, AVAILABILITY, answer)
    assert months_there(lake, AVAILABILITY) == {NORTH: {"2026-04"}}
    (row,) = read_figures(lake, AVAILABILITY, NORTH, ["2026-04"]).to_pylist()
    assert (row["_day"], row["occupied"], row["usable_resources"]) == (date(2026, 4, 1), 3, None)


def test_in_sql_current_has_the_newest_of_each_figure_and_series_all(lake: Lake) -> None:
    write(lake, T1, balance("2026-03-31", 5), balance("2026-04-01", 7))
    write(lake, T2, balance("2026-03-31", 6))
    found = {}
    for schema in ("series", "current"):
        with query(
            lake, f"SELECT closing_balance.gross_value FROM {schema}.ledger_balances ORDER BY 1"
        ) as result:
            found[schema] = [row[0] for row in rows_of(result)[1]]
    assert found == {"series": [5, 6, 7], "current": [6]}
