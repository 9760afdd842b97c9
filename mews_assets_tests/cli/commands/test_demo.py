"""The demonstration's parts: its table and its last line. The whole of it takes a minute and is not run here."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mews_assets.cli.commands import demo
from mews_assets.defs.local.launch import LaunchedRun
from mews_assets.lake.reading.inventory import Totals

FULL = Totals(3, 93, 1234, 56789, datetime(2025, 3, 10, 11, 22, 33, tzinfo=UTC))
EMPTY = Totals(0, 0, 0, 0, None)


def test_the_table_has_a_line_for_every_table_under_its_headings() -> None:
    heading, full, empty = demo._table({"payments": FULL, "availability_adjustments": EMPTY})
    assert full.split() == ["payments", "3", "93", "1234", "56789", "2025-03-10", "11:22:33"]
    assert empty.split() == ["availability_adjustments", "0", "0", "0", "0", "-"]
    ends = [heading.strip("\n").index(word) + len(word) for word in ("scopes", "partitions", "rows", "bytes")]
    assert [full[:end].split()[-1] for end in ends] == ["3", "93", "1234", "56789"]


def test_the_last_line_counts_what_is_there() -> None:
    runs = [LaunchedRun("payments", True, 186, 372, 0), LaunchedRun("bills", True, 0, 0, 0)]
    line = demo._last_line({"payments": FULL, "bills": EMPTY}, runs)
    assert line == "demo ok: 1 tables, 93 partitions, 1234 rows, 372 checks passed, 0 failed"


def test_the_last_line_says_failed_when_a_check_or_a_run_did() -> None:
    failed_check = [LaunchedRun("payments", True, 186, 371, 1)]
    failed_run = [LaunchedRun("payments", False, 0, 0, 0, "no connection")]
    for runs in (failed_check, failed_run):
        assert demo._last_line({"payments": FULL}, runs).startswith("demo failed: ")


def test_the_summary_for_programs_says_of_each_table_what_the_printed_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "_plots", lambda: ["marts/daily_performance/plot.png"])
    monkeypatch.setattr(demo, "_report", lambda: "")
    runs = [LaunchedRun("payments", True, 186, 372, 0)]
    made = json.loads(json.dumps(demo._summary_json({"payments": FULL, "bills": EMPTY}, runs)))
    assert made["ok"] and made["runs"][0]["checks_passed"] == 372
    assert [(one["table"], one["rows"], one["newest_utc"]) for one in made["tables"]] == [
        ("payments", 1234, "2025-03-10T11:22:33+00:00"),
        ("bills", 0, None),
    ]
