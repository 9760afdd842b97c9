"""`mews-assets sql`: what it prints, and that it finds the lake and says so when there is none."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from mews_assets.cli import main
from mews_assets.lake.store import Lake
from mews_assets_tests.lake.made import NORTH, SOUTH
from mews_assets_tests.lake.test_sql import fill

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


def test_without_a_query_the_catalog_is_made_and_listed(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql"]) == 0
    listed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert listed["changes.order_items"] == "4" and listed["current.payments"] == "0"
    assert lake.exists("lake.duckdb")


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
