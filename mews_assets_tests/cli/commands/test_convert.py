"""The command `convert`: rows, new fields, and what it refuses."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mews_assets.cli import main
from mews_assets_tests.cli.records import json_lines, order_item
from mews_assets_tests.cli.stage import told

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_convert_writes_the_rows_and_says_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    raw = json_lines(order_item(1), order_item(2, Mood="good"))
    source, target = tmp_path / f"items.{ending}", tmp_path / "items.parquet"
    source.write_bytes(gzip.compress(raw) if ending.endswith("gz") else raw)
    assert main(["convert", "order_items", str(source), str(target)]) == 0
    rows = pq.read_table(target).to_pylist()
    assert [row["id"][-1] for row in rows] == ["1", "2"]
    assert rows[0]["amount"]["gross_value"] == 110.0
    out = capsys.readouterr().out
    assert "2 rows" in out
    assert re.search(r"new field Mood \(string\), seen 1 times", out)


def test_convert_says_which_line_of_which_file_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "items.jsonl").write_bytes(json_lines(order_item(1), order_item(2, UnitCount="two")))
    code = main(["convert", "order_items", "items.jsonl", "items.parquet"])
    line = told(capsys, code)
    assert line.startswith("mews-assets convert: ")
    assert "items.jsonl" in line and re.search(r"line 2\b", line) and "UnitCount" in line
    assert not (tmp_path / "items.parquet").exists()


@pytest.mark.parametrize(
    ("table", "source", "target", "expected"),
    [
        ("order_itens", "items.jsonl", "items.parquet", "choose from order_items"),
        ("order_items", "nothing.jsonl", "items.parquet", "nothing.jsonl"),
        ("order_items", "items.jsonl.gz", "items.parquet", "items.jsonl.gz"),
        ("order_items", "items.jsonl", "no/such/folder/items.parquet", "no/such/folder"),
    ],
)
def test_what_convert_cannot_do_is_told_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    table: str,
    source: str,
    target: str,
    expected: str,
) -> None:
    (tmp_path / "items.jsonl").write_bytes(json_lines(order_item(1)))
    (tmp_path / "items.jsonl.gz").write_bytes(b"this was never packed")
    assert expected in told(capsys, main(["convert", table, source, target]))


def test_convert_never_overwrites_what_it_reads_and_doubts_a_file_of_another_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = b'{"Id":"a","Notes":null}\n'
    Path("x.jsonl").write_bytes(record)
    Path("folder").mkdir()
    for target, said in (("x.jsonl", "is the file to read"), ("folder", "is a folder")):
        assert main(["convert", "payments", "x.jsonl", target]) == 1
        assert said in capsys.readouterr().err
    assert Path("x.jsonl").read_bytes() == record
    assert main(["convert", "payments", "x.jsonl", "rows.parquet"]) == 0
    assert "every record of payments has them. Are these records of another table?" in capsys.readouterr().out
    Path("x.jsonl").write_bytes(b'{"Id":5}\n')
    assert main(["convert", "payments", "x.jsonl", "rows.parquet"]) == 1
    assert (
        "field Id: a number where a string must stand. rows.parquet was not written"
        in capsys.readouterr().err
    )
