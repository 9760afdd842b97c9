"""`mews-assets sql`: what it prints, and that it finds the lake and says so when there is none."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mews_assets.cli import main
from mews_assets.cli.commands import sql
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import NORTH, SOUTH
from mews_assets_tests.lake.reading.filled import fill

QUERY = "SELECT id, amount, scope, updated_utc FROM current.order_items ORDER BY id"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "lake"))
    return fill(tmp_path / "lake")


def test_a_result_is_printed_as_a_table(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "SELECT id, scope FROM current.order_items ORDER BY id"]) == 0
    printed = capsys.readouterr().out
    assert "scope" in printed and NORTH in printed and SOUTH in printed
    assert printed.index(NORTH) < printed.index(SOUTH)


@pytest.mark.parametrize("columns", [60, 100])
def test_an_empty_result_of_many_columns_stays_within_the_terminal(
    lake: Lake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    nested = "STRUCT(" + ", ".join(f"a_long_name_{number} VARCHAR" for number in range(12)) + ")"
    query = f"SELECT *, NULL::{nested} AS {'x' * 120} FROM current.order_items WHERE false"
    assert main(["sql", query]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_a_plan_is_printed_too(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", f"EXPLAIN {QUERY}"]) == 0
    assert "read_parquet" in capsys.readouterr().out.lower()


def test_csv_and_json_hold_every_row_for_programs(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", QUERY, "--csv"]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["id", "amount", "scope", "updated_utc"]
    assert [(row[0], row[2]) for row in rows] == [("a", NORTH), ("s", SOUTH)]
    assert main(["sql", "SELECT range AS n, {'a': [1]} AS deep FROM range(5000)", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"n": n, "deep": {"a": [1]}} for n in range(5000)]


def test_dates_and_numbers_that_python_or_json_has_no_word_for_are_their_text(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stay from year 1 begins in year 0 in New York."""
    expected = {
        "DATE '0001-12-31 (BC)'": "0000-12-31",
        "DATE '0044-03-15 (BC)'": "-0043-03-15",
        "DATE '10000-01-01'": "10000-01-01",
        "DATE 'infinity'": "infinity",
        "DATE '-infinity'": "-infinity",
        "TIMESTAMPTZ '0001-12-31 (BC) 19:04:00+00'": "0000-12-31 19:04:00+00:00",
        "TIMESTAMPTZ '12026-01-01 10:00:00.5+00'": "12026-01-01 10:00:00.500000+00:00",
        "TIMESTAMPTZ 'infinity'": "infinity",
        "TIMESTAMP '10000-01-01 00:00:00'": "10000-01-01 00:00:00",
        "TIMESTAMPTZ '0001-01-01 00:00:00+00'": "0001-01-01 00:00:00+00:00",
        "[DATE '10000-01-01', NULL, DATE '2026-01-01']": ["10000-01-01", None, "2026-01-01"],
        "{'a': [{'b': DATE '10000-01-01'}], 'n': NULL}": {"a": [{"b": "10000-01-01"}], "n": None},
        "MAP {'k': DATE '10000-01-01'}": [["k", "10000-01-01"]],
        "'NaN'::DOUBLE": "nan",
        "['-infinity'::DOUBLE, 1.5]": ["-inf", 1.5],
    }
    columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(expected))
    rows = f"SELECT {columns} UNION ALL SELECT {', '.join('NULL' for _ in expected)}"
    assert main(["sql", rows, "--json"]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    found, nothing = (json.loads(one, parse_constant=refuse) for one in capsys.readouterr().out.splitlines())
    assert dict(zip(expected, found.values(), strict=True)) == expected
    assert set(nothing.values()) == {None}
    assert main(["sql", rows, "--csv"]) == 0
    header, written, _ = csv.reader(capsys.readouterr().out.splitlines())
    assert len(header) == len(written) == len(expected)
    assert written[:2] == ["0000-12-31", "-0043-03-15"]


def test_a_nought_of_a_decimal_is_no_power_of_ten_in_csv(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", "SELECT 0::DECIMAL(38, 10) AS nought", "--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ["nought", "0.0000000000"]


def test_what_goes_into_a_pipe_is_not_cut_to_a_terminals_width(
    lake: Lake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["sql", "DESCRIBE changes.order_items"]) == 0
    printed = capsys.readouterr().out
    assert "column_type" in printed and "null" in printed


@pytest.mark.slow
def test_who_reads_no_further_ends_it_without_a_word(lake: Lake, tmp_path: Path) -> None:
    """As `mews-assets sql ... --csv | head` does."""
    program = "import sys; from mews_assets.cli import main; sys.exit(main())"
    query = "SELECT range FROM range(3000000)"
    command = f'{sys.executable} -c "{program}" sql "{query}" --csv | head -1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.stdout, done.stderr) == ("range\n", "")


def test_without_a_query_the_catalog_is_made_and_listed(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql"]) == 0
    listed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert listed["changes.order_items"] == "4" and listed["current.payments"] == "0"
    assert lake.exists("lake.duckdb")


def test_the_list_of_tables_is_json_too(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql"]) == 0
    listed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines()[2:])
    assert main(["sql", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["table"]: str(row["files"]) for row in rows} == listed


@pytest.mark.parametrize("query", ["DROP VIEW current.payments", "SELECT nothing FROM current.payments"])
def test_a_query_that_cannot_be_run_is_one_message_and_no_traceback(
    lake: Lake, capsys: pytest.CaptureFixture[str], query: str
) -> None:
    assert main(["sql", query]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("mews-assets sql: ") and "Traceback" not in said.err


def test_where_there_is_no_lake_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "nowhere"))
    assert main(["sql", "SELECT 1"]) == 1
    assert "there is no lake at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_json_has_a_number_where_a_double_holds_all_digits_and_a_text_elsewhere() -> None:
    row = {
        "net": Decimal("53334.5969000000"),
        "whole": Decimal("12.0000000000"),
        "long": Decimal("0.1234567890123456789"),
        "huge": Decimal("12345678901234567890"),
    }
    assert json.loads(sql._json(row)) == {
        "net": 53334.5969,
        "whole": 12,
        "long": "0.1234567890123456789",
        "huge": "12345678901234567890",
    }
