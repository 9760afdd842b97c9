"""JSON Lines to Parquet: what becomes of every kind of odd input."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest

from mews_assets.lake.conversion.check_file import BLOCK_BYTES, MAX_LINE_BYTES
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets_tests.lake.made import (
    LEDGER,
    ORDER_ITEMS,
    OWN,
    at,
    converted,
    entry,
    item,
    json_line,
    write_file,
)
from mews_assets_tests.lake.spelt import GOOD, refused, unit_amount, with_text


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'{"Id":"a","Notes":"cut', None),
        (b"garbage", None),
        (b"[1]", None),
        (b"null", None),
        (b'{"Id":"a"}{"Id":"b"}', None),
        (b'{"Id":"a"} {"Id":"b"}', None),
        (b'{"Id":"a""Notes":"b"}', None),
        (b'{"Id":"a","Notes":"\xff\xfe"}', None),
        (b'{"Id":"a","Nouveau":"\xff\xfe"}', None),
        (b'{"Id":"a","Notes":"\\x"}', None),
        (b'{"Id":"a","Notes":"\\ud83d"}', None),
        (b'{"Id":"a","Notes":"b","Notes":"c"}', "Notes"),
        (b'{"Id":"a","UnitAmount":{"Currency":"b","Currency":"c"}}', "Currency"),
        (b'{"Id":"a","Nouveau":1,"Nouveau":2}', None),  # a name that the catalog lacks may be somebody's
        (b'{"Id":"a","Nouveau":' + b"[" * 3000 + b"]" * 3000 + b"}", None),
        (b'{"Notes":"a"}', "Id"),
        (b'{"Id":null}', "Id"),
        (b'{"Id":""}', "Id"),
        (b'{"Id":5}', "Id"),
        (with_text("UnitCount", "NaN")[:-1], None),
        (with_text("UnitCount", "-Infinity")[:-1], None),
        (with_text("UnitCount", "5.7")[:-1], "UnitCount"),
        (with_text("UnitCount", '"5"')[:-1], "UnitCount"),
        (with_text("UnitCount", "true")[:-1], "UnitCount"),
        (with_text("UnitCount", "9223372036854775808")[:-1], "UnitCount"),
        (with_text("UnitCount", "-9223372036854775809")[:-1], "UnitCount"),
        (with_text("UnitCount", "9007199254740993.0")[:-1], "UnitCount"),
        (with_text("UnitCount", "1e999999999")[:-1], "UnitCount"),
        (with_text("UnitCount", "1e99999999999999999999")[:-1], "UnitCount"),
        (with_text("UnitCount", "01")[:-1], None),
        (with_text("Notes", "5")[:-1], "Notes"),
        (with_text("Notes", "false")[:-1], "Notes"),
        (with_text("Notes", "{}")[:-1], "Notes"),
        (with_text("Notes", "[]")[:-1], "Notes"),
        (with_text("UnitAmount", '"5"')[:-1], "UnitAmount"),
        (with_text("UnitAmount", "[]")[:-1], "UnitAmount"),
        (with_text("UnitAmount", '{"TaxValues":{}}')[:-1], "UnitAmount.TaxValues"),
        (with_text("UnitAmount", '{"TaxValues":[{"Code":5}]}')[:-1], "UnitAmount.TaxValues[0].Code"),
        (unit_amount('"1.5"')[:-1], "UnitAmount.NetValue"),
        (unit_amount("1e400")[:-1], "UnitAmount.NetValue"),
        (unit_amount("1.2.3")[:-1], None),
        (with_text("CreatedUtc", '"yesterday"')[:-1], "CreatedUtc"),
        (with_text("CreatedUtc", '"epoch"')[:-1], "CreatedUtc"),
        (with_text("CreatedUtc", '"infinity"')[:-1], "CreatedUtc"),
        (with_text("CreatedUtc", '"2026-02-30T00:00:00Z"')[:-1], "CreatedUtc"),
        (with_text("CreatedUtc", '"0000-01-01T00:00:00Z"')[:-1], "CreatedUtc"),
        (with_text("CreatedUtc", "1772323200")[:-1], "CreatedUtc"),
    ],
    ids=lambda value: repr(value)[-50:],
)
def test_a_line_that_cannot_become_a_row_is_named_with_its_file_line_and_field(tmp_path, line, field):
    error = refused(tmp_path, GOOD * 2 + line + b"\n" + GOOD)
    assert (error.line, error.field) == (3, field)


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_the_line_is_right_beyond_the_first_block_and_without_a_line_end(tmp_path, name):
    lines = BLOCK_BYTES // len(GOOD) + 1000
    error = refused(tmp_path, GOOD * lines + b'{"Id":"a","UnitCount":5.7}', name=name)
    assert (error.line, error.field) == (lines + 1, "UnitCount")


def test_nothing_is_left_at_a_new_target_after_an_error(tmp_path):
    source = write_file(tmp_path / "x.jsonl", GOOD + b"garbage\n")
    with pytest.raises(RecordError):
        convert(ORDER_ITEMS, [source], tmp_path / "rows.parquet", own=OWN, threads=1)
    assert list(tmp_path.iterdir()) == [source]


def test_the_line_is_right_in_the_second_file(tmp_path):
    first = write_file(tmp_path / "first.jsonl", GOOD * 5)
    second = write_file(tmp_path / "second.jsonl", GOOD * 3 + b"{\n")
    with pytest.raises(RecordError) as caught:
        convert(ORDER_ITEMS, [first, second], tmp_path / "rows.parquet", own=OWN, threads=1)
    assert (caught.value.file, caught.value.line) == (str(second), 4)


def test_blank_lines_count_in_the_number_of_a_wrong_line(tmp_path):
    assert refused(tmp_path, GOOD + b"\n  \n" + b"{\n").line == 4


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_a_byte_order_mark_is_skipped_at_the_start_of_a_file_and_where_files_were_joined(tmp_path, name):
    done, found = converted(tmp_path, BOM + GOOD + BOM + GOOD + GOOD, name=name)
    assert found.column("id").to_pylist() == ["good"] * 3
    assert (done.rows, done.findings.unknown) == (3, {})


@pytest.mark.parametrize("content", [BOM, BOM + b"\n", BOM + b"\r\n\n"])
def test_a_byte_order_mark_alone_is_a_blank_line(tmp_path, content):
    done, _ = converted(tmp_path, content)
    assert (done.rows, done.findings.blank_lines) == (0, max(content.count(b"\n"), 1))
    assert converted(tmp_path, content + b"\n" + GOOD)[0].rows == 1


def test_a_byte_order_mark_elsewhere_is_malformed_or_a_character(tmp_path):
    assert refused(tmp_path, GOOD + BOM + BOM + GOOD).line == 2
    (tmp_path / "rows.parquet").unlink()
    _, found = converted(tmp_path, [item("a", at(2), Notes="\ufeffx")])
    assert found.column("notes").to_pylist() == ["\ufeffx"]


def test_a_line_of_other_white_space_is_no_blank_line(tmp_path):
    assert refused(tmp_path, GOOD + b"\x0b\n" + GOOD).line == 2


def test_a_number_as_id_is_never_taken_for_text(tmp_path):
    assert "Id" in str(refused(tmp_path, b'{"Id":5}\n'))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_every_line_ending_is_read(tmp_path, ending):
    done, found = converted(tmp_path, (ending or b"\n").join([GOOD.strip()] * 3) + ending)
    assert done.rows == done.findings.lines == found.num_rows == 3


def test_blank_lines_are_no_records_and_are_counted(tmp_path):
    done, found = converted(tmp_path, b"\n" + GOOD + b" \t\n\r\n" + GOOD + b"\n")
    assert (done.rows, done.findings.lines, done.findings.blank_lines, found.num_rows) == (2, 2, 4, 2)


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_records_becomes_a_file_without_rows(tmp_path, name, content):
    done, found = converted(tmp_path, content, name=name)
    assert (done.rows, found.num_rows) == (0, 0)
    assert found.column_names[0] == "id"


def test_an_empty_file_beside_a_full_one_changes_nothing(tmp_path):
    sources = [write_file(tmp_path / f"{n}.jsonl", GOOD * n) for n in (0, 2, 0, 1)]
    assert convert(ORDER_ITEMS, sources, tmp_path / "rows.parquet", own=OWN).rows == 3


def test_no_file_at_all_is_an_error(tmp_path):
    with pytest.raises(LakeError, match="no file"):
        convert(ORDER_ITEMS, [], tmp_path / "rows.parquet", own=OWN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
@pytest.mark.parametrize("kept", [0, 6, 0.5, 0.98, -1])
def test_a_compressed_file_cut_short_is_an_error_and_never_a_smaller_file(tmp_path, name, kept):
    """Cut before its first block was whole, an archive once passed for an empty one."""
    lines = b"".join(json_line(item(f"{n * 7919 % 10007}", at(2), Notes="x" * (n % 97))) for n in range(3000))
    whole = write_file(tmp_path / name, lines).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(RecordError, match="cannot be unpacked") as caught:
        convert(ORDER_ITEMS, [tmp_path / name], tmp_path / "rows.parquet", own=OWN)
    assert name in str(caught.value)
    assert not (tmp_path / "rows.parquet").exists()


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_an_error(tmp_path, name):
    (tmp_path / name).write_bytes(GOOD * 20)
    with pytest.raises(RecordError, match="cannot be unpacked"):
        convert(ORDER_ITEMS, [tmp_path / name], tmp_path / "rows.parquet", own=OWN)


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_files_packed_in_several_pieces_are_read_to_the_end(tmp_path, name):
    piece = write_file(tmp_path / name, GOOD * 3).read_bytes()
    (tmp_path / name).write_bytes(piece * 2)
    assert convert(ORDER_ITEMS, [tmp_path / name], tmp_path / "rows.parquet", own=OWN).rows == 6


def test_a_line_of_five_megabytes_is_read(tmp_path):
    done, found = converted(tmp_path, GOOD + json_line(item("long", at(2), Notes="x" * 5_000_000)) + GOOD)
    assert done.rows == 3
    assert len(found.column("notes")[1].as_py()) == 5_000_000


@pytest.mark.parametrize("ending", [b"\n", b"\n" + GOOD, b""])
def test_a_line_longer_than_the_limit_is_named(tmp_path, ending):
    error = refused(tmp_path, GOOD * 2 + json_line(item("long", at(2), Notes="x" * 20_000_000))[:-1] + ending)
    assert error.line == 3
    assert f"{MAX_LINE_BYTES >> 20} MiB" in error.problem


def test_a_line_as_long_as_the_limit_is_read(tmp_path):
    line = json_line(item("long", at(2), Notes=""))
    line = line.replace(b'"Notes":"', b'"Notes":"' + b"x" * (MAX_LINE_BYTES - len(line) + 1))
    assert len(line) == MAX_LINE_BYTES + 1  # its line end
    assert converted(tmp_path, GOOD + line)[0].rows == 2


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02T01:02:03Z", (1, 2, 3, 0)),
        ("2026-03-02T01:02:03.5Z", (1, 2, 3, 500_000)),
        ("2026-03-02T01:02:03.123456Z", (1, 2, 3, 123_456)),
        ("2026-03-02T01:02:03.1234567Z", (1, 2, 3, 123_456)),
        ("2026-03-02T03:02:03+02:00", (1, 2, 3, 0)),
        ("2026-03-01T23:02:03-0200", (1, 2, 3, 0)),
        ("2026-03-02T01:02:03", (1, 2, 3, 0)),
        ("2026-03-02T01:02Z", (1, 2, 0, 0)),
        ("2026-03-02", (0, 0, 0, 0)),
    ],
)
def test_an_instant_is_read_as_mews_may_write_it(tmp_path, text, instant):
    _, found = converted(tmp_path, with_text("CreatedUtc", f'"{text}"'))
    assert found.column("created_utc")[0].as_py() == datetime(2026, 3, 2, *instant, tzinfo=UTC)


def test_a_day_is_a_date(tmp_path):
    _, found = converted(tmp_path, [entry("a", "2026-03-02")], LEDGER)
    assert found.column("posting_date")[0].as_py() == date(2026, 3, 2)


def test_json_with_spaces_is_the_same_json(tmp_path):
    record = item("a", at(2), UnitAmount={"NetValue": 1.5, "TaxValues": [{"Code": "x", "Value": 2}]}, New=[1])
    done, found = converted(tmp_path, json.dumps(record).encode() + b"\n")
    _, compact = converted(tmp_path, json_line(record))
    assert found.equals(compact)
    assert set(done.findings.unknown) == {"New"}


def test_a_null_in_place_of_an_object_or_list_is_a_null(tmp_path):
    _, found = converted(
        tmp_path, [item("a", at(2), UnitAmount=None), item("b", at(2), UnitAmount={"TaxValues": None})]
    )
    assert found.column("unit_amount").to_pylist()[0] is None
    assert found.column("unit_amount").to_pylist()[1]["tax_values"] is None


def test_escapes_and_every_alphabet_come_through(tmp_path):
    text = 'a"b\\c\n\t\u0000\u00e9\u4f60\U0001f600/'
    _, plain = converted(tmp_path, [item("a", at(2), Notes=text)])
    _, escaped = converted(tmp_path, json.dumps(item("a", at(2), Notes=text)).encode())
    assert plain.column("notes")[0].as_py() == escaped.column("notes")[0].as_py() == text


def test_the_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "it's [a] st*r?"
    folder.mkdir()
    assert converted(folder, GOOD)[0].rows == 1


def test_a_comma_too_many_is_let_pass(tmp_path):
    """Not JSON, but nothing is lost by it: looking for it would cost as much as the rest of the check."""
    assert converted(tmp_path, GOOD[:-2] + b",}\n")[0].rows == 1


def test_rows_stand_in_the_order_of_the_lines_and_carry_our_own_columns(tmp_path):
    _, found = converted(tmp_path, [item(f"{n}", at(2)) for n in range(100)])
    assert found.column("id").to_pylist() == [f"{n}" for n in range(100)]
    assert set(found.column("_landing_id").to_pylist()) == {"made"}
    assert pq.read_metadata(tmp_path / "rows.parquet").num_rows == 100


@pytest.mark.slow
def test_a_conversion_does_without_pandas(tmp_path):
    """Arrow imports pandas unasked where it is given Python's lists: most of a second, in every new process."""
    source = write_file(tmp_path / "x.jsonl", GOOD)
    script = (
        "import sys; from pathlib import Path; from mews_assets.cli import main; "
        f"sys.argv = ['mews-assets', 'convert', 'order_items', {str(source)!r}, {str(tmp_path / 'x.parquet')!r}]; "
        "code = main(); assert not code, code; print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
