"""The status of a real lake and a real instance: each table of each hotel, its checks, and the exports under way."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.cli import main
from mews_assets.ingest.directory import load_directory
from mews_assets.lake.landing import export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.windows import from_key
from mews_assets_tests import ROOT
from mews_assets_tests.cli.stage import point_at, unfinished_erasure
from mews_assets_tests.cli.stage import told as told_in_one_line
from mews_assets_tests.conftest import ACCESS_TOKEN, CLIENT_TOKEN, MEWS_NOW
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, Stage, stage_of

pytestmark = pytest.mark.usefixtures("elsewhere")
PAYMENTS = catalog.table("payments")


@pytest.fixture(scope="module")
def filled(_mews: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two hotels found seven hours ago; one has three days of payments, the other one day. Made once: it takes long."""
    folder = tmp_path_factory.mktemp("status")
    home = folder / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance, pytest.MonkeyPatch.context() as patch:
        stage = stage_of(
            _mews, instance, folder, patch, MEWS_TABLES="payments,customers", DAGSTER_HOME=str(home)
        )
        _mews.set_clock(MEWS_NOW)
        assert stage.run("enterprises").success
        _mews.advance(7 * 3600)
        assert stage.run("enterprises").success
        north, south = stage.enterprises
        assert stage.run("payments", stage.keys([north], ["2025-03-07", *DAYS])).success
        assert stage.run("payments", stage.keys([south], DAYS[:1])).success
        _mews.set_clock(MEWS_NOW)
        yield stage


@pytest.fixture
def stage(elsewhere: None, filled: Stage) -> Stage:
    """The filled lake and its instance, in this test's environment."""
    os.environ.update(filled.environment)
    return filled


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.slow
def test_each_hotel_is_told_with_its_own_windows_and_lateness(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    north, south = stage.enterprises
    found = told(capsys)
    assert found["note"] == ""
    lines = {(one["table"], one["scope"]): one for one in found["tables"]}
    assert set(lines) == {("payments", north), ("payments", south), ("customers", stage.chains[0])}
    first, second = lines["payments", north], lines["payments", south]
    assert (first["newest_window"], first["windows"], first["missing"]) == (DAYS[1], 3, 0)
    assert first["rows"] > 0
    assert (first["judged"], first["failing"]) == (True, {})
    # It is 19:00 or a little later, by Mews' clock.
    assert (first["late_hours"], first["lag_hours"]) == (None, pytest.approx(19, abs=0.2))
    assert (second["newest_window"], second["windows"], second["missing"]) == (DAYS[0], 1, 2)
    assert second["late_hours"] == pytest.approx(1, abs=0.2)
    never = lines["customers", stage.chains[0]]
    assert (never["newest_window"], never["lag_hours"], never["judged"]) == (None, None, False)


@pytest.mark.slow
def test_a_failing_check_is_told_of_its_hotel_until_it_passes_again(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    north, south = stage.enterprises
    partition = stage.key(north, DAYS[0])
    stage.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(PLAIN.changes(PAYMENTS), "rows_in_window", False, partition=partition)
    )
    failing = {one["scope"]: one["failing"] for one in told(capsys)["tables"] if one["table"] == "payments"}
    assert failing == {north: {"rows_in_window": [DAYS[0]]}, south: {}}
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "3 lines: 2 late, 1 with failing checks; 0 exports under way" in text
    assert text.splitlines()[-1].startswith("not complete: 1 of 3 lines hold nothing yet, ")
    assert re.search(rf"payments, The .*: rows_in_window failed for {DAYS[0]}", text)
    assert stage.run("payments", [partition]).success
    assert all(not one["failing"] for one in told(capsys)["tables"])


@pytest.mark.parametrize("name", ["id", "key", "part of the name", "chain"])
def test_the_status_of_one_hotel_is_shown_with_its_chains_tables(
    stage: Stage, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    north, south = stage.enterprises
    text = {"id": north, "key": stage.key(north), "part of the name": "PRAGUE", "chain": "larkspur"}[name]
    assert main(["status", "--json", "--scope", text]) == 0
    lines = json.loads(capsys.readouterr().out)["tables"]
    hotels = {north, south} if name == "chain" else {north}
    assert {(line["table"], line["scope"]) for line in lines} == {
        *(("payments", hotel) for hotel in hotels),
        ("customers", stage.chains[0]),
    }
    assert {line["key"] for line in lines} == {stage.key(line["scope"]) for line in lines}


def test_a_hotel_that_nobody_knows_is_refused_with_similar_names(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    line = told_in_one_line(capsys, main(["status", "--scope", "Lundon"]))
    assert (
        "no connection sees the enterprise or chain Lundon. Similar are: The Gilded Heron London (the-"
        in line
    )


def test_exports_under_way_are_told_with_their_age(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    directory = load_directory(stage.lake)
    assert directory is not None
    now = datetime.now(UTC) + timedelta(seconds=directory.clock_skew_seconds)
    window = from_key(DAYS[1], stage.settings.grain)
    asked = LoggedExport(
        "an-export", "default", "payments", tuple(stage.enterprises), window, now - timedelta(minutes=10)
    )
    export_log.save(stage.lake, asked)
    try:
        (export,) = told(capsys)["exports"]
        assert main(["status"]) == 0
    finally:
        export_log.remove(stage.lake, asked)
    assert (export["id"], export["table"], export["scopes"]) == ("an-export", "payments", 2)
    assert export["age_minutes"] == pytest.approx(10, abs=1)
    text = capsys.readouterr().out
    assert re.search(r"payments: 1[01] min old, 2 scopes, \[2025-03-09", text)
    assert CLIENT_TOKEN not in text and ACCESS_TOKEN not in text


@pytest.mark.parametrize("columns", ["50", "100"])
def test_the_terminals_width_is_kept_to(
    stage: Stage, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    os.environ["COLUMNS"] = columns
    capsys.readouterr()
    assert main(["status"]) == 0
    table, _, _ = capsys.readouterr().out.partition("\n\n")
    assert max(len(line) for line in table.splitlines()) <= int(columns)


@pytest.mark.parametrize("home", ["", "/no/such/folder", "fresh", "broken"])
def test_without_an_instance_the_lake_is_shown_all_the_same(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], home: str
) -> None:
    if home in ("fresh", "broken"):
        (tmp_path / home).mkdir()
        home = str(tmp_path / home)
    if home.endswith("broken"):
        (tmp_path / "broken" / "dagster.yaml").write_text("storage: {postgres: {}}\n")
    os.environ["DAGSTER_HOME"] = home
    found = told(capsys)
    assert "checks are not shown" in found["note"]
    assert len(found["tables"]) == 3
    assert all(one["failing"] is None for one in found["tables"])
    if home.endswith("fresh"):
        assert list(Path(home).iterdir()) == []


def test_an_erasure_that_did_not_finish_is_shown_with_the_command_that_finishes_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys)["erasures_not_finished"] == []
    name = unfinished_erasure(stage.lake, "5c3e")
    try:
        assert told(capsys)["erasures_not_finished"] == ["5c3e"]
        assert main(["status"]) == 0
        assert "mews-assets forget --customer 5c3e" in capsys.readouterr().out
    finally:
        stage.lake.delete(name)


def test_a_lake_that_is_not_there_is_said_and_not_made(
    mews: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews, MEWS_START_DATE="2025-03-07")
    assert main(["status"]) == 1
    assert "has no list of hotels yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lateness_is_by_the_lag_that_is_allowed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["MEWS_ALLOWED_LAG_HOURS"] = str(timedelta(days=1) // timedelta(hours=1))
    assert all(one["late_hours"] is None for one in told(capsys)["tables"])
