"""Empty texts where a date or an instant belongs: nulls, and counted."""

from __future__ import annotations

import pytest

from mews_assets.catalog import TABLES
from mews_assets.catalog.model import Kind, snake_case
from mews_assets.lake.changes.merge import merge
from mews_assets_tests.lake.made import (
    NORTH,
    ORDER_ITEMS,
    at,
    capture_of,
    converted,
    days,
    item,
    json_line,
    land,
    march,
    rows,
)
from mews_assets_tests.lake.odd import leaves, odd_line, with_value
from mews_assets_tests.lake.spelt import GOOD, refused


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_an_empty_text_for_any_date_or_instant_is_a_null_and_counted(table, tmp_path):
    stamps = [path for path, column in leaves(table.columns) if column.kind in (Kind.UTC, Kind.DATE)]
    lines = [odd_line(with_value(table, path, "")) + b"\n" for path in stamps]
    done, found = converted(tmp_path, b"".join(lines), table)
    assert done.findings.empty == {".".join(path): 1 for path in stamps}
    for row, empty in zip(found.to_pylist(), stamps, strict=True):
        for path in stamps:
            value = row
            for name in path:
                value = value[snake_case(name)]
                value = value[0] if isinstance(value, list) else value
            assert (value is None) == (path == empty), path


def test_other_columns_of_such_a_row_are_as_in_any(tmp_path):
    plain = item("a", at(2), Notes='\u00e9 "x"', UnitAmount={"NetValue": 12345.678901234567}, New={"x": [1]})
    _, found = converted(tmp_path, [{**plain, "CreatedUtc": None}, {**plain, "CreatedUtc": ""}])
    assert found.slice(0, 1).equals(found.slice(1, 1))


@pytest.mark.parametrize("value", [" ", "\u00a0", "null", "-", "0001", [], {}])
def test_nothing_else_is_taken_for_empty(tmp_path, value):
    assert refused(tmp_path, GOOD + json_line(item("a", at(2), CreatedUtc=value))).field == "CreatedUtc"


@pytest.mark.parametrize("field", ["UnitCount", "UnitAmount", "IsDone"])
def test_an_empty_text_is_no_number_object_or_list(tmp_path, field):
    if field not in {column.name for column in ORDER_ITEMS.columns}:
        field = next(one.name for one in ORDER_ITEMS.columns if one.kind is Kind.OBJECT)
    assert refused(tmp_path, GOOD + json_line(item("a", at(2), **{field: ""}))).field == field


def test_a_capture_with_empty_dates_becomes_rows(lake):
    records = [item("a", at(2), CanceledUtc=""), item("b", at(2))]
    land(lake, ORDER_ITEMS, records, days(2, 3))
    capture = capture_of(merge(lake, ORDER_ITEMS, threads=1))
    assert capture.findings.empty == {"CanceledUtc": 1}
    assert rows(lake, ORDER_ITEMS, NORTH, march(2)).column("canceled_utc").to_pylist() == [None, None]
