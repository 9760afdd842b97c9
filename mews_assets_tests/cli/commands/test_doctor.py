"""The doctor over a real sandbox and real instances: what it says when all is well, and of each thing that is not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.catalog.model import Export
from mews_assets.cli import main
from mews_assets.cli.commands import doctor
from mews_assets.ingest.findings import Finding, Level, fail, ok
from mews_assets.lake.conversion import scan
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.sandbox.server.access_control import NO_EXPORTS_TOKEN, Access
from mews_assets.settings import read_settings
from mews_assets.windows import Grain
from mews_assets_tests.cli.stage import beat, only, point_at, unfinished_erasure
from mews_assets_tests.conftest import ACCESS_TOKEN, CLIENT_TOKEN, MEWS_NOW

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def today(mews: RunningSandbox) -> Iterator[RunningSandbox]:
    """The sandbox with the real time on its clock, and its settings in the environment."""
    mews.set_clock(datetime.now(UTC))
    point_at(mews, MEWS_START_DATE="2025-03-07", MEWS_ALERT_URLS="json://127.0.0.1/", MEWS_AUTOMATION="on")
    yield mews
    mews.set_clock(MEWS_NOW)


def connections(**variables: str) -> None:
    """A connection for each name, its token in the environment."""
    rows = [
        f'[[connections]]\nname = "{name}"\naccess_token_variable = "TOKEN_{name.upper()}"\n'
        for name in variables
    ]
    Path("connections.toml").write_text("\n".join(rows))
    os.environ["MEWS_CONNECTIONS"] = "connections.toml"
    os.environ.update({f"TOKEN_{name.upper()}": token for name, token in variables.items() if token})


def looked() -> dict[tuple[str, Level], list[Finding]]:
    found: dict[tuple[str, Level], list[Finding]] = {}
    for one in doctor.look():
        found.setdefault((one.subject, one.level), []).append(one)
    return found


@pytest.mark.slow
def test_all_well_is_a_line_each_and_exit_code_0(
    today: RunningSandbox,
    home: dg.DagsterInstance,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # some runners say 80, and lines are broken to fit
    beat(home, datetime.now(UTC))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    said = re.findall(r"^(OK|WARN|FAIL) +(\S+)", out, re.MULTILINE)
    subjects = ["settings", "default", "clock", "lake", "disk", "installation", "dagster", "pools", "daemon"]
    # How full this machine's disk is, and whether it has a compiler, is no business of the test.
    assert [subject for _, subject in said] == subjects, out
    assert {level for level, subject in said if subject not in ("disk", "installation")} == {"OK"}
    assert re.search(
        r"sees 2 enterprises in 1 chain \(The .*\); \d+ operations answered; exports/getAll answered", out
    )
    assert CLIENT_TOKEN not in out and ACCESS_TOKEN not in out
    counts = today.requests()["Counts"]
    assert "exports/add" not in counts, "looking must not make an export"
    assert counts.pop("enterprises/getAll") == 2  # a page, and the empty one after it
    assert set(counts.values()) == {1}, "one request tells of each operation"
    assert not Path("lake").exists(), "looking must not lay a lake"


@pytest.mark.slow
def test_a_token_without_the_right_to_exports_is_named_with_the_way_around(today: RunningSandbox) -> None:
    door = today.sandbox.door
    kept = door.accesses
    portfolio = kept[today.access_token]
    access = Access(
        "no-exports", portfolio.enterprises, portfolio.chains, sees_everything=True, may_export=False
    )
    door.accesses = {**kept, NO_EXPORTS_TOKEN: access}
    try:
        connections(good=today.access_token, poor=NO_EXPORTS_TOKEN)
        found = looked()
        os.environ["MEWS_FETCH"] = "pages"
        os.environ["MEWS_TABLES"] = "payments"
        assert ("poor", Level.FAIL) not in looked(), "by pages the right is not needed"
    finally:
        door.accesses = kept
    assert ("good", Level.FAIL) not in found
    refused = only(found, "poor", Level.FAIL)
    assert "exports/getAll (status 401, request id " in refused.text
    assert "payments" in refused.text
    assert "MEWS_FETCH=pages and leave out ledger_entries" in refused.fix
    assert "operations answered" in only(found, "poor", Level.OK).text


@pytest.mark.parametrize("status", [401, 403])
def test_an_operation_that_is_refused_is_named_with_the_tables_that_need_it(
    today: RunningSandbox, status: int
) -> None:
    today.plan_fault("outletItems/getAll", status=status)
    refused = only(looked(), "default", Level.FAIL)
    assert f"outletItems/getAll (status {status}, request id" in refused.text
    assert refused.text.endswith("Needed for outlet_items, outlet_bills")
    assert "grant outletItems/getAll" in refused.fix


def test_undocumented_pages_that_are_refused_are_named_with_the_way_around(today: RunningSandbox) -> None:
    os.environ["MEWS_FETCH"] = "ledger_entries=pages"
    refused = only(looked(), "default", Level.FAIL)
    assert "ledgerEntries/getAll (status 404, request id" in refused.text
    assert refused.text.endswith("Needed for ledger_entries")
    assert refused.fix.startswith("Mews does not document this operation; fetch ledger_entries by export")


def test_balances_that_are_refused_are_named_too(today: RunningSandbox) -> None:
    today.plan_fault("ledgerBalances/getAll", status=403)
    refused = only(looked(), "default", Level.FAIL)
    assert refused.text.endswith("Needed for ledger_balances")


def test_every_operation_that_pages_need_is_asked(today: RunningSandbox) -> None:
    os.environ["MEWS_FETCH"] = "pages"
    os.environ["MEWS_WINDOW"] = "daily"
    wanted = {
        table.fetch.operation
        for table in read_settings(os.environ).tables
        if not isinstance(table.fetch, Export)
    }
    looked()
    assert wanted <= set(today.requests()["Counts"])
    assert len(wanted) > 8


def test_trouble_that_may_pass_is_no_verdict(today: RunningSandbox) -> None:
    today.plan_fault("outletItems/getAll", status=503, times=2)
    found = looked()
    assert "status 503" in only(found, "default", Level.WARN).text
    assert ("default", Level.FAIL) not in found


def test_an_answer_to_an_unknown_export_that_tells_nothing_is_said_to(today: RunningSandbox) -> None:
    today.plan_fault("exports/getAll", status=400)
    assert "only the first export shows" in only(looked(), "default", Level.WARN).text


@pytest.mark.parametrize(
    ("seconds", "level", "text"),
    [
        (0, Level.OK, " s "),
        (-120, Level.WARN, "ahead of that of Mews"),
        (420, Level.FAIL, "behind that of Mews"),
    ],
)
def test_our_clock_is_held_against_that_of_mews(
    today: RunningSandbox, seconds: int, level: Level, text: str
) -> None:
    today.advance(seconds)
    assert text in only(looked(), "clock", level).text


@pytest.mark.slow
def test_many_connections_are_looked_at_side_by_side_and_each_has_its_own_verdict(
    today: RunningSandbox,
) -> None:
    many = {f"hotel{number}": today.hotel_tokens[number % 2] for number in range(30)}
    connections(**many, missing="", wrong="zq7-a-token-that-opens-nothing")
    found = looked()
    assert all((name, Level.OK) in found and (name, Level.FAIL) not in found for name in many)
    assert "TOKEN_MISSING is not set" in only(found, "missing", Level.FAIL).text
    assert "status 401" in only(found, "wrong", Level.FAIL).text
    assert not any("zq7" in one.text + one.fix for several in found.values() for one in several)


def test_connections_that_share_a_token_are_named_and_the_token_is_not(today: RunningSandbox) -> None:
    one, other = today.hotel_tokens[:2]
    connections(prague=one, london=other, again=one)
    finding = only(looked(), "connections", Level.WARN)
    assert finding.text.startswith("prague, again share one token")
    assert one not in finding.text + finding.fix
    connections(prague=one, london=other)
    assert ("connections", Level.WARN) not in looked()


def test_ids_a_connection_is_limited_to_and_does_not_see_are_named(today: RunningSandbox) -> None:
    one = next(iter(today.sandbox.store.enterprises()))
    for ids, level in (([one, "gone"], Level.OK), (["gone"], Level.FAIL)):
        Path("c.toml").write_text(
            f'[[connections]]\nname="prague"\naccess_token_variable="MEWS_ACCESS_TOKEN"\nenterprises={ids}\n'
        )
        os.environ["MEWS_CONNECTIONS"] = "c.toml"
        found = looked()
        assert ("prague", level) in found
        assert "limited to" in only(found, "prague", Level.FAIL).text


def test_nothing_that_listens_is_said_with_the_address_to_check(today: RunningSandbox) -> None:
    os.environ["MEWS_PLATFORM_ADDRESS"] = "http://127.0.0.1:9"
    found = looked()
    assert "no answer from 127.0.0.1" in only(found, "default", Level.FAIL).text
    assert ("clock", Level.OK) not in found


def test_settings_that_are_wrong_keep_nobody_from_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ |= {"MEWS_CLIENT_TOKEN": "c", "MEWS_START_DATE": "yesterday"}
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("FAIL  settings")
    assert "\nWARN  dagster       no home yet" in out
    assert out.splitlines()[-1].endswith(", 1 to correct")


@pytest.mark.parametrize(
    ("window", "content", "text"),
    [
        ("hourly", b'{"format": 1, "window": "daily"}', "Set MEWS_WINDOW=daily"),
        ("daily", b"{", "is not JSON"),
    ],
)
def test_a_lake_that_does_not_fit_is_said(
    today: RunningSandbox, tmp_path: Path, window: str, content: bytes, text: str
) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "lake.json").write_bytes(content)
    os.environ["MEWS_WINDOW"] = window
    assert text in only(looked(), "lake", Level.FAIL).text


def test_a_lake_is_written_to_try_and_left_as_it_was(today: RunningSandbox, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "lake.json").write_text('{"format": 1, "window": "daily"}')
    assert "can be written" in only(looked(), "lake", Level.OK).text
    found = [
        path.name for path in (tmp_path / "lake").rglob("*") if path.is_file() and path.suffix != ".lock"
    ]
    assert found == ["lake.json"]


def test_an_erasure_that_did_not_finish_is_told_with_the_command_that_finishes_it(
    today: RunningSandbox, tmp_path: Path
) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    assert ("erasure", Level.WARN) not in looked()
    unfinished_erasure(lake, "5c3e")
    finding = only(looked(), "erasure", Level.WARN)
    assert "customer 5c3e" in finding.text
    assert finding.fix == "run mews-assets forget --customer 5c3e"


def test_a_lake_where_nothing_can_be_written_is_said(today: RunningSandbox) -> None:
    os.environ["MEWS_LAKE"] = "/proc/nowhere"
    assert "nothing can be written into /proc" in only(looked(), "lake", Level.FAIL).text


def test_a_finding_has_a_fix_exactly_when_something_is_to_be_done() -> None:
    with pytest.raises(ValueError):
        Finding(Level.WARN, "lake", "is wet")
    with pytest.raises(ValueError):
        Finding(Level.OK, "lake", "is a lake", "drain it")


def test_lines_are_no_wider_than_the_terminal_and_a_pipes_are_not_broken() -> None:
    finding = fail("lake", "word " * 60, "word " * 30)
    assert all(len(line) <= 80 for line in doctor.lines(finding, 80))
    assert len(doctor.lines(finding, 10_000)) == 2
    assert doctor.lines(ok("lake", "is well"), 80) == ["OK    lake          is well"]


def test_without_tokens_it_says_how_to_get_on_and_that_the_demo_needs_none() -> None:
    finding = only(looked(), "tokens", Level.FAIL)
    assert "mews-assets demo" in finding.text
    assert ".env.example" in (finding.fix or "")


def test_after_the_demonstration_nothing_is_to_be_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tokens and settings: `demo` leaves a lake and no `.env`."""
    demo = Path("data/demo/lake").absolute()
    monkeypatch.setenv("MEWS_LAKE", str(demo))
    open_lake(str(demo), Grain.DAILY)
    found = looked()
    assert not [one for (_, level), some in found.items() if level is Level.FAIL for one in some]
    assert "sandbox needs none" in only(found, "tokens", Level.OK).text
    assert only(found, "lake", Level.OK)


def test_the_findings_are_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    tokens = next(one for one in findings if one["subject"] == "tokens")
    assert tokens["level"] == "FAIL" and "MEWS_CLIENT_TOKEN is not set" in tokens["text"] and tokens["fix"]
    assert len(findings) == sum(told.count(f"\n{level} ") for level in Level) + 1


def test_an_alert_address_that_nobody_could_be_told_by_is_to_mend(today: RunningSandbox) -> None:
    os.environ["MEWS_ALERT_URLS"] = "json://127.0.0.1/ nonsense://secret-token"
    finding = only(looked(), "settings", Level.FAIL)
    assert "2:nonsense" in finding.text
    assert "secret-token" not in finding.text


def test_what_dotenv_and_the_environment_say_differently_is_named_without_their_values(
    today: RunningSandbox,
) -> None:
    """Dagster's processes take the one, this command the other."""
    Path(".env").write_text(f"MEWS_LAKE=elsewhere\nMEWS_START_DATE={os.environ['MEWS_START_DATE']}\n")
    os.environ["MEWS_LAKE"] = "here"
    finding = only(looked(), "environment", Level.WARN)
    assert finding.text.startswith("MEWS_LAKE: ")
    assert "elsewhere" not in finding.text + finding.fix


def test_a_mistyped_setting_is_named_with_what_was_meant(today: RunningSandbox) -> None:
    os.environ |= {"MEWS_WINDW": "weekly", "MEWS_ACCESS_TOKEN_PRAGUE": "t", "MEWS_OF_OTHERS_ALTOGETHER": "x"}
    finding = only(looked(), "environment", Level.WARN)
    assert (finding.text.split()[0], finding.fix) == ("MEWS_WINDW", "did you mean MEWS_WINDOW?")


def test_an_installation_without_a_compiler_is_told_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_scan", None)
    finding = only(looked(), "installation", Level.WARN)
    assert "times as long" in finding.text
    assert "gcc" in finding.fix


def test_a_first_day_that_is_to_come_is_told(today: RunningSandbox) -> None:
    os.environ["MEWS_START_DATE"] = "2099-01-01"
    assert "2099-01-01" in only(looked(), "settings", Level.WARN).text
