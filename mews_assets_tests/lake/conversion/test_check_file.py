"""Whole files checked: new fields are counted, exactly, wherever they stand."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from mews_assets.catalog.model import Table
from mews_assets.lake.conversion import check_file as lines
from mews_assets.lake.conversion import scan
from mews_assets.lake.conversion.check_file import FileFindings, UnknownField, check_file
from mews_assets.lake.errors import RecordError
from mews_assets_tests.lake.made import BILLS, ORDER_ITEMS, at, converted, item, json_line, write_file
from mews_assets_tests.lake.scans import WAYS


@pytest.fixture(autouse=True, params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it by compiled code, and all of it without."""
    if request.param == "expression":
        monkeypatch.setattr(scan, "_scan", None)


def new_fields(tmp_path: Path, content: bytes, table: Table = ORDER_ITEMS) -> dict[str, tuple[int, str]]:
    findings = check_file(table, write_file(tmp_path / "x.jsonl", content))
    assert findings.lines == content.count(b"\n")
    return {path: (seen.count, seen.kind) for path, seen in findings.unknown.items()}


def line(**more: Any) -> bytes:
    return json_line(item("a", at(2), **more))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "number"),
        ("x", "string"),
        (True, "boolean"),
        (None, "null"),
        ([1], "list"),
        ({"a": 1}, "object"),
        ([[[[[[1]]]]]], "list"),
    ],
)
def test_a_new_field_is_counted_with_its_kind_and_breaks_nothing(tmp_path, value, kind):
    content = line() * 3 + line(Nouveau=value) * 2
    done, found = converted(tmp_path, content)
    assert done.findings.unknown == {"Nouveau": UnknownField(2, kind)}
    assert found.num_rows == 5


def test_new_fields_are_told_by_where_they_stand(tmp_path):
    tax = [{"Code": "a", "Value": 1, "New": 1}, {"Code": "b", "New": "x"}, None, {"Code": "c"}]
    content = line(New=1, UnitAmount={"New": 1, "TaxValues": tax})
    assert new_fields(tmp_path, content * 2) == {
        "New": (2, "number"),
        "UnitAmount.New": (2, "number"),
        "UnitAmount.TaxValues.New": (4, "number"),
    }


def test_a_deprecated_field_is_no_new_field(tmp_path):
    assert new_fields(tmp_path, line(SegmentId=None)) in ({}, {"SegmentId": (1, "null")})
    deprecated = [column.name for column in BILLS.columns if column.deprecated]
    assert deprecated
    for value in (None, 5, "x", [{"y": [1.5]}], {"deep": {"er": [[[]]]}}):
        assert new_fields(tmp_path, line(**dict.fromkeys(deprecated, value)), BILLS) == {}


BLOCK = 1 << 16
MANY = BLOCK // len(line(Nouveau=1)) * 5
"""Lines of several blocks, so that a new field is learnt and then scanned for."""


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", BLOCK)


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (b"", {}),
        (line(), {}),
        (line(Nouveau=1).replace(b'"Nouveau":', b'"Nouveau" :'), {"Nouveau": 1}),
        (line(Nouveau=1).replace(b"Nouveau", b"N\\u006fuveau"), {"Nouveau": 1}),
        (line(UnitAmount={"Nouveau": 1}), {"UnitAmount.Nouveau": 1}),
        (line(Nouveau={"Nouveau": {"Nouveau": 2}}), None),
        (line(Autre={"Nouveau": 1}), {"Autre": 1}),
        (line(Nouveau=2, Autre=1), {"Nouveau": 1, "Autre": 1}),
        (line(Notes='"Nouveau":1'), {}),
        (line(UnitAmount={"NetValue": 12345.678901234567}), {}),
        (line(Nouveau=2, UnitAmount={"NetValue": 12345.678901234567}), {"Nouveau": 1}),
    ],
)
def test_a_field_in_all_lines_is_counted_exactly_once_it_is_learnt(tmp_path, small_blocks, odd, expected):
    times = 20  # more than it takes to learn a field
    found = new_fields(tmp_path, line(Nouveau=1) * MANY + odd * times + line(Nouveau=1))
    if expected is None:  # a name within its own value: known to be counted by text
        assert found["Nouveau"][0] >= MANY + 1 + times
        return
    counts = {path: count * times for path, count in expected.items()}
    counts["Nouveau"] = counts.get("Nouveau", 0) + MANY + 1
    assert {path: count for path, (count, _) in found.items()} == counts


@pytest.mark.parametrize("name", ["Novel", "Note", "NOtes", "Valu", "UpdatedutC", "Notess\u00e9", "Noted"])
def test_a_new_name_is_counted_in_any_block_however_like_a_known_one(tmp_path, small_blocks, name):
    content = line() * MANY + line(**{name: "x"}) * 3 + line() * MANY
    assert new_fields(tmp_path, content) == {name: (3, "string")}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (line(Notes=5), "Notes"),
        (line(UnitCount="5"), "UnitCount"),
        (line(UnitCount=5.7), "UnitCount"),
        (line(UnitAmount={"NetValue": "5"}), "UnitAmount.NetValue"),
        (line(UnitAmount={"NetValue": True}), "UnitAmount.NetValue"),
        (line(CreatedUtc="epoch"), "CreatedUtc"),
    ],
)
def test_a_wrong_value_is_found_in_every_block(tmp_path, small_blocks, wrong, field):
    content = line() * MANY + wrong + line() * MANY
    with pytest.raises(RecordError) as caught:
        new_fields(tmp_path, content)
    assert (caught.value.field, caught.value.line) == (field, MANY + 1)


def test_a_file_that_cannot_be_unpacked_is_told_with_its_line(tmp_path, small_blocks):
    whole = gzip.compress(line() * MANY, 0)
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(whole[: len(whole) - 100])
    with pytest.raises(RecordError, match="unpacked") as caught:
        check_file(ORDER_ITEMS, path)
    assert caught.value.line > 1
    assert (caught.value.line - 1) * len(line()) <= len(whole)


def test_a_field_in_some_lines_of_all_blocks_is_counted_exactly(tmp_path, small_blocks):
    content = (line(Nouveau=1) + line() * 2 + line(UnitAmount={"Neu": [1]})) * (MANY // 4)
    assert new_fields(tmp_path, content) == {
        "Nouveau": (MANY // 4, "number"),
        "UnitAmount.Neu": (MANY // 4, "list"),
    }


def test_a_new_field_that_bears_a_known_name_elsewhere_is_counted_exactly(tmp_path):
    content = line(Currency="x", UnitAmount={"Currency": "EUR"}) * 3000
    assert new_fields(tmp_path, content) == {"Currency": (3000, "string")}


def test_new_fields_under_odd_names_are_counted_exactly(tmp_path):
    names = ["a.b", "x y", 'qu"ote', "(.*)", "\u00e9\u4f60", "UpdatedUtc ", ""]
    assert new_fields(tmp_path, line(**dict.fromkeys(names, 1)) * 1000) == dict.fromkeys(
        names, (1000, "number")
    )


def test_counts_of_several_files_are_added(tmp_path):
    both = FileFindings()
    for number in (2, 3):
        both.add(
            check_file(ORDER_ITEMS, write_file(tmp_path / f"{number}", line(Nouveau=1) * number + b"\n"))
        )
    assert (both.lines, both.blank_lines, both.unknown) == (5, 2, {"Nouveau": UnknownField(5, "number")})


def test_every_long_number_of_a_file_is_found(tmp_path):
    records = [
        item(f"{n}", at(2), UnitAmount={"NetValue": n + 0.5, "GrossValue": 12345.678901234 if n % 2 else 1})
        for n in range(2000)
    ]
    text = b"".join(map(json_line, records)).replace(b"12345.678901234", b"12345.67890123456789")
    kept: dict[int, dict[str, str]] = {}
    findings = check_file(ORDER_ITEMS, write_file(tmp_path / "x", text), kept.__setitem__)
    exact = {"UnitAmount.GrossValue": "12345.67890123456789"}
    assert kept == dict.fromkeys(range(1, 2000, 2), exact)
    assert findings.exact == 1000
