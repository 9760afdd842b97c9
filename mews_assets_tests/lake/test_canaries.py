"""No value of a line that is refused stands in what is said or kept of it, however it is spelt."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from mews_assets.catalog import TABLES
from mews_assets.catalog.model import Kind, Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.conversion import check_file, find_bad_record
from mews_assets.lake.conversion import convert as convert_module
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import FieldError
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets_tests.lake.made import BILLS as BILLS_TABLE
from mews_assets_tests.lake.made import (
    LEDGER,
    ORDER_ITEMS,
    at,
    days,
    item,
    json_line,
    land,
    write_file,
)
from mews_assets_tests.lake.odd import Raw, leaves, odd_line, with_value
from mews_assets_tests.lake.spelt import GOOD

EVERY = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
NAME, DIGITS = "Kanarek", "73917391"
WIDE = "\uff17\uff13\uff19\uff11\uff17\uff13\uff19\uff11"
SIGNS = (NAME.lower(), DIGITS, DIGITS[:4], WIDE, "\\u004b", "k\u00e1n", "7.39", "1973-09")

CANARIES: list[Any] = [
    NAME,
    f"\u00a0{NAME}",
    f"{NAME}\u2028\x1b[31m",
    Raw(r'"\u004b\u0061narek"'),
    Raw(r'"Kanarek\ud800"'),
    Raw(r'"Kanarek\x"'),
    Raw('"Kanarek\udcff"'),
    Raw('"Kanarek\x01"'),
    Raw('"Kanarek'),
    "K\u00e1narek",
    WIDE,
    DIGITS,
    "1973-09-31",
    "\u00a01973-09-31T10:00:00Z",
    "1973-09-17T25:00:00Z",
    Raw(DIGITS),
    Raw(f"-0.{DIGITS}{DIGITS}{DIGITS}"),
    Raw(f"{DIGITS}e999999"),
    Raw(f"{DIGITS}e" + "9" * 5000),
    Raw(f"-{DIGITS * 3}.9"),
    Raw(f"{DIGITS}.{DIGITS}.1"),
    Raw(f"0{DIGITS}"),
    Raw(WIDE),
    Raw("7.3917391e400"),
    [NAME],
    [[NAME]],
    {NAME: NAME},
    Raw('{"Kanarek":1,"Kanarek":2}'),
    Raw('{"Kanarek":1 "Kanarek2":2}'),
    Raw("Kanarek"),
    Raw(f"[{DIGITS} {DIGITS}]"),
    True,
]


def assert_silent(text: str) -> None:
    told = text.lower()
    assert not [sign for sign in SIGNS if sign in told], text[:600]


@pytest.mark.slow
@EVERY
def test_what_is_said_of_a_wrong_value_never_repeats_it(table):
    """In every field of every table, kept or not, and in fields that nobody knows."""
    refusals = 0
    places = [path for path, _ in leaves(table.columns)]
    for canary in CANARIES:
        records = [with_value(table, path, canary) for path in places]
        records += [
            {**with_value(table, ("Id",), "x"), "New": canary},
            {**with_value(table, ("Id",), "x"), NAME: canary},
        ]
        for record in records:
            try:
                inspect(odd_line(record).replace(b"\xed\xb3\xbf", b"\xff"), table)
            except FieldError as error:
                refusals += 1
                assert_silent(f"{error} {error.path} {error.problem} {error!r}")
    assert refusals > len(CANARIES)


def _refusal(tmp_path: Path, line: bytes, table: Table) -> RecordError | None:
    source = write_file(tmp_path / "x.jsonl", json_line({"Id": "good"}) + line + b"\n")
    try:
        convert(table, [source], tmp_path / "rows.parquet", threads=1)
    except RecordError as error:
        told = "".join(traceback.format_exception(error))
        assert_silent(told + repr(error) + repr(error.__cause__) + json.dumps(vars(error), default=str))
        return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "path"),
    [
        (LEDGER, ("Value",)),
        (LEDGER, ("PostingDate",)),
        (ORDER_ITEMS, ("CreatedUtc",)),
        (ORDER_ITEMS, ("UnitAmount", "NetValue")),
        (ORDER_ITEMS, ("UnitCount",)),
        (ORDER_ITEMS, ("Notes",)),
        (BILLS_TABLE, ("AssociatedAccountData", "BillCustomerData", "Address", "UpdatedUtc")),
        (BILLS_TABLE, ("OwnerData", "Value")),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else value[-1],
)
def test_a_conversion_names_file_and_line_and_no_value(tmp_path, table, path):
    for canary in CANARIES:
        record = {"Id": "x", path[0]: with_value(table, path, canary)[path[0]]}
        error = _refusal(tmp_path, odd_line(record).replace(b"\xed\xb3\xbf", b"\xff"), table)
        assert error is None or error.line == 2


def test_a_name_that_stands_twice_in_a_free_form_is_not_repeated_but_a_known_one_is(tmp_path):
    line = odd_line(
        {"Id": "x", "OwnerData": {"Discriminator": "y", "New": 1, "Value": Raw('{"Kanarek":1,"Kanarek":2}')}}
    )
    error = _refusal(tmp_path, line, BILLS_TABLE)
    assert error is not None
    assert (error.field, error.problem) == (None, "a name occurs twice in one object")
    assert _refusal(tmp_path, b'{"Id":"x","New":1,"Notes":"a","Notes":"b"}', BILLS_TABLE).field == "Notes"  # type: ignore[union-attr]


@pytest.mark.slow
def test_nothing_that_is_kept_of_a_rejected_capture_repeats_the_value(lake):
    """The landed file keeps the record as it came; nothing else does."""
    for canary in CANARIES:
        line = odd_line({**item("x", at(2)), "CreatedUtc": canary}).replace(b"\xed\xb3\xbf", b"\xff")
        land(lake, ORDER_ITEMS, line + b"\n", days(2, 3))
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert len(merged.rejected) == len(CANARIES)
    for error in merged.rejected.values():
        assert_silent(str(error))
    kept = [path for path in Path(lake.root).rglob("*") if path.is_file() and ".jsonl" not in path.name]
    assert [path for path in kept if path.suffix == ".json"]
    for path in kept:
        assert_silent(path.read_bytes().decode("latin-1"))


@pytest.fixture
def lax_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that finds nothing wrong in any text for a date: what the parser says is then all there is."""

    def lax(line: bytes, table: Table) -> Any:
        return inspect(line.replace(b"31 Kanarek", b"30"), table)

    monkeypatch.setattr(check_file, "inspect", lax)
    monkeypatch.setattr(find_bad_record, "inspect", lax)


@pytest.mark.usefixtures("lax_check")
def test_a_record_that_the_parser_alone_refuses_is_found_by_asking_it_again(tmp_path):
    wrong = json_line(item("x", at(2), CreatedUtc="1973-09-31 Kanarek"))
    source = write_file(tmp_path / "x.jsonl.gz", b"\n" + GOOD * 700 + wrong + GOOD * 900)
    with pytest.raises(RecordError, match="a fault of mews_assets") as caught:
        convert(
            ORDER_ITEMS,
            [write_file(tmp_path / "y.jsonl.gz", GOOD), source],
            tmp_path / "rows.parquet",
            threads=1,
        )
    error = caught.value
    assert (error.file, error.line, error.field) == (str(source), 702, "CreatedUtc")
    assert_silent("".join(traceback.format_exception(error)))
    assert {path.name for path in tmp_path.iterdir()} == {"x.jsonl.gz", "y.jsonl.gz"}


def test_a_parser_that_fails_though_no_record_is_wrong_rejects_none(tmp_path, monkeypatch):
    """For want of memory, or of a disk: the cause is told, and it is no fault of Mews."""
    reads = convert_module._batches

    def broken(engine: Any, query: str, *sizes: int) -> Any:
        if "piece.jsonl" in query:
            return reads(engine, query, *sizes)
        return reads(engine, f"SELECT error('{NAME}') FROM ({query})", *sizes)

    monkeypatch.setattr(convert_module, "_batches", broken)
    with pytest.raises(LakeError, match=r"x\.jsonl: InvalidInputException") as caught:
        convert(ORDER_ITEMS, [write_file(tmp_path / "x.jsonl", GOOD)], tmp_path / "rows.parquet", threads=1)
    assert not isinstance(caught.value, RecordError)
    assert_silent("".join(traceback.format_exception(caught.value)))


def test_every_kind_of_column_has_a_canary() -> None:
    """So that a new kind is not forgotten here."""
    kinds = {column.kind for table in TABLES for _, column in leaves(table.columns)}
    assert kinds == set(Kind) - {Kind.OBJECT}
