"""Both ways to tell good lines, compiled code and the regular expression, against each other and a closer look."""

from __future__ import annotations

import json
import shutil
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.catalog.model import Table
from mews_assets.lake.conversion import scan
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import FieldError
from mews_assets_tests.lake.made import BILLS, LEDGER, ORDER_ITEMS, at, full_record, item, json_line
from mews_assets_tests.lake.scans import WAYS, scan_by

LINE = json_line(item("a", at(2), UnitCount=2, Notes="x"))


def test_lines_are_scanned_by_compiled_code_wherever_there_is_a_compiler() -> None:
    """Nothing else would tell that it is no longer built: all goes on, five times as slow."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if not (shutil.which(compiler) and headers.exists()):
        pytest.skip("no compiler, or no headers of Python")
    assert scan.is_compiled()


@pytest.mark.parametrize("way", WAYS)
def test_a_block_of_good_lines_is_counted(way: str) -> None:
    for lines in (1, 2, 1000):
        assert scan_by(way, ORDER_ITEMS).count_lines(memoryview(LINE * lines)) == lines


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "wrong",
    [b"", b"{", b"null", b"[]", LINE[:-2], LINE[:-1] * 2, LINE[:-1] + b"x", b"\xef\xbb\xbf" + LINE[:-1],
     LINE[:-1] + b"," + LINE[:-1], LINE[:-1].replace(b":", b";", 1)],
)  # fmt: skip
def test_one_odd_line_is_seen_wherever_it_stands(way: str, wrong: bytes) -> None:
    chosen = scan_by(way, ORDER_ITEMS)
    for before, after in ((0, 0), (0, 3), (3, 0), (3, 3)):
        assert chosen.count_lines(LINE * before + wrong + b"\n" + LINE * after) is None
    assert chosen.fits([LINE[:-1], wrong, LINE[:-1]]) == [True, False, True]


@pytest.mark.parametrize("way", WAYS)
def test_a_block_is_not_read_beyond_its_end(way: str) -> None:
    """What stands there is another's: without a line end at its end there is no telling where it stops."""
    text = memoryview(LINE * 2)
    for end in range(1, len(LINE)):
        assert scan_by(way, ORDER_ITEMS).count_lines(text[:end]) is None
        assert scan_by(way, ORDER_ITEMS).count_lines(bytes(text[:end]) + b"\n") == (
            1 if end == len(LINE) - 1 else None
        )


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_known_only_where_it_stands_and_as_a_whole(way: str) -> None:
    amount = {"Currency": "EUR", "NetValue": 1}
    good = json_line(item("a", at(2), UnitAmount=amount))
    assert scan_by(way, ORDER_ITEMS).count_lines(good) == 1
    for name in ("NetValu", "NetValuee", "netValue", "Id", ""):
        odd = json_line(item("a", at(2), UnitAmount={**amount, name: 1}))
        assert scan_by(way, ORDER_ITEMS).count_lines(odd) is None
    inside = json_line(item("a", at(2), UnitAmount={**amount, "New": [1.5, {"x": None}]}))
    outside = json_line(item("a", at(2), New=1, UnitAmount=amount))
    learnt = scan_by(way, ORDER_ITEMS, "UnitAmount.New")
    assert learnt.count_lines(good + inside) == 2
    assert learnt.count_lines(outside) is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("number", "is_short"),
    [("0", True), ("-1.5", True), ("123456789012345", True), ("-12345678901234.5", False),
     ("1234567890123456", False), ("1e5", False), ("-", None), ("+1", None), ("1 2", None), ("٣", None)],
)  # fmt: skip
def test_a_number_is_short_enough_for_a_double_or_let_through_only_where_long_ones_are(
    way: str, number: str, is_short: bool | None
) -> None:
    line = f'{{"Id":"a","UnitAmount":{{"NetValue":{number}}}}}\n'.encode()
    count = 1 if is_short else None
    assert scan_by(way, ORDER_ITEMS).count_lines(line) == count
    long = None if is_short is None else 1
    assert scan_by(way, ORDER_ITEMS, long_numbers=True).count_lines(line) == long


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("number", "count"), [("7", 1), ("-7", 1), ("5.7", None), ("1e5", None), ("7.0", None)]
)
def test_a_whole_number_has_digits_alone(way: str, number: str, count: int | None) -> None:
    line = f'{{"Id":"a","UnitCount":{number}}}\n'.encode()
    assert scan_by(way, ORDER_ITEMS).count_lines(line) == count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("odd", "count"), [(b"\x00", None), (b"\x1f", None), (b"\t", None), (b"\x7f", 1), (b'\\"', 1),
    (b'"', None), (b"\\\\", 1), ("\u00e9\u4f60".encode(), 1)])  # fmt: skip
def test_a_text_may_hold_anything_but_control_characters_and_bare_quotes_wherever_they_stand(
    way: str, odd: bytes, count: int | None
) -> None:
    """Texts are walked eight bytes at a time."""
    for length in (0, 1, 7, 8, 20):
        for place in range(length + 1):
            text = b"x" * place + odd + b"x" * (length - place)
            assert scan_by(way, ORDER_ITEMS).count_lines(b'{"Id":"' + text + b'"}\n') == count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "count"),
    [("[1,[2.5,[null,true]]]", 1), ('{"a":{"b":{"c":"d"}}}', 1), ("[]", 1), ("{}", 1), ("[[[[1]]]]", None),
     ('{"a";1}', None), ("{1:2}", None), ("[1 2]", None), ("[truth]", None),
     ("[truefalse]", None), ("[true1]", None), ('["a""b"]', None), ("[{}[]]", None),
     ("[1", None), ('{"a":1]', None)],
)  # fmt: skip
def test_values_of_free_form_are_followed_three_deep(way: str, text: str, count: int | None) -> None:
    line = f'{{"Id":"a","OwnerData":{{"Discriminator":"x","Value":{text}}}}}\n'.encode()
    assert scan_by(way, BILLS).count_lines(line) == count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b'{"Id":"a""Notes":"b"}', None),
        (b'{"Id":"a"  "Notes":"b"}', None),
        (b'{"UnitCount":1"Id":"a"}', None),
        (b'{"UnitAmount":{}"Id":"a"}', None),
        (b'{"UnitAmount":{"TaxValues":[{}{}]}}', None),
        (b'{"UnitAmount":{"TaxValues":[{}]"NetValue":1}}', None),
        (b'{"IsDone":truefalse}', None),
        (b'{"Id":nullnull}', None),
        (b'{"Id":"","Notes":"\\"\\"","UnitAmount":{"TaxValues":[{}, {}], "NetValue":1}}', 1),
        (b'{"Id":"a","Notes":"}\\"{1\\"2[ ]"}', 1),
        (b'{"Id":"a",}', 1),
    ],
)
def test_a_missing_comma_is_seen_between_values_of_every_kind(
    way: str, line: bytes, count: int | None
) -> None:
    chosen = scan_by(way, ORDER_ITEMS)
    assert chosen.count_lines(line + b"\n") == count
    assert chosen.count_lines(LINE + line + b"\n" + LINE) == (None if count is None else 3)
    assert chosen.fits([line]) == [count == 1]


@pytest.mark.parametrize("way", WAYS)
def test_a_text_ends_with_its_line_even_after_a_backslash(way: str) -> None:
    assert scan_by(way, ORDER_ITEMS).count_lines(b'{"Id":"a\\\n"}\n') is None


STAMPS = {
    "2026-01-01": True,
    "2026-01-01T10:30Z": False,  # read from DuckDB 2.0 on alone
    "2026-01-01T23:59:59.1234567+14:00": True,
    "2026-01-01T10:30:00": True,
    "2026-01-01T10:30:00-0930": True,
    "2026-01-01T10:30:00.123456789Z": True,
    "2026-01-01T10:30:00.1234567890Z": False,
    "2026-01-01T10:30:00.Z": False,
    "2026-01-01T10:30.5Z": False,
    "2026-01-01T24:00:00Z": False,
    "2026-01-01T10:60:00Z": False,
    "2026-01-01T10:30:60Z": False,
    "2026-01-01T10:30:00+15:00": False,
    "2026-01-01T10:30:00+1:00": False,
    "2026-01-01T10:30:00z": False,
    "2026-01-01 10:30:00Z": False,
    "2026-01-01T": False,
    "2026-01-0": False,
    "0026-01-01": False,
    "3026-01-01": False,
    "epoch": False,
    "": False,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stamp", STAMPS)
def test_a_stamp_is_good_in_the_forms_that_the_parser_reads_as_mews_means_them(way: str, stamp: str) -> None:
    line = json_line({"Id": "a", "UpdatedUtc": stamp})
    assert scan_by(way, ORDER_ITEMS).count_lines(line) == (1 if STAMPS[stamp] else None)


@pytest.mark.parametrize("way", WAYS)
def test_spaces_after_tokens_are_as_good_as_none(way: str) -> None:
    record = full_record(ORDER_ITEMS)
    for column in ORDER_ITEMS.columns:
        if column.deprecated:
            del record[column.name]
    for text in (json.dumps(record), json.dumps(record) + " \t\r", " " + json.dumps(record)):
        assert scan_by(way, ORDER_ITEMS).count_lines(text.encode() + b"\n" + LINE) == 2


def _lines_of(table: Table) -> list[bytes]:
    return [json_line(full_record(table, number))[:-1] for number in range(1, 4)]


_PIECES = st.sampled_from(
    [b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"-", b"9", b"0.5", b"null", b"true", b" ", b"\t",
     b"\r", b"\x00", b"\x1f", b"\xff", b"\xc3\xa9", b'"Id":', b'"x":1,', b'"5"', b"5.7", b"1e5",
     b"12345678901234567", b"\\u00e9", b'\\"', b"T", b"Z"]
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("table", [ORDER_ITEMS, BILLS, LEDGER], ids=lambda table: table.name)
@settings(max_examples=400, derandomize=True, database=None)
@given(data=st.data())
def test_whatever_becomes_of_a_line_both_ways_agree_and_pass_nothing_that_a_closer_look_refuses(table, data):
    line = data.draw(st.sampled_from(_lines_of(table)))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(line)))
        end = min(len(line), start + data.draw(st.integers(0, 4)))
        line = line[:start] + data.draw(_PIECES) + line[end:]
    verdicts = {way: scan_by(way, table).fits([line])[0] for way in WAYS}
    assert len(set(verdicts.values())) == 1
    try:
        found = inspect(line, table)
    except FieldError as error:
        if not any(said in error.problem for said in ("malformed", "UTF-8", "twice", "surrogate")):
            assert not any(verdicts.values())
    else:
        if found.unknown or found.inexact or found.mended:
            assert not any(verdicts.values())
