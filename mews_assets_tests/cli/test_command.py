"""The command in process: what it prints, how it ends, and that errors are one line and no traceback."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mews_assets.cli import argument_parser, main
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.cli.stage import point_at, told
from mews_assets_tests.defs.keys import directory_of, key_of

COMMANDS = tuple(
    name
    for action in argument_parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name in action.choices
)


pytestmark = pytest.mark.usefixtures("elsewhere")


def test_help_names_every_command_and_imports_no_dagster() -> None:
    code = "import sys; from mews_assets.cli import main\ntry: main(['--help'])\n"
    code += "finally: print('dagster' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert all(f" {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.rstrip().endswith("False")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    told_text = capsys.readouterr().out
    assert f"usage: mews-assets {command}" in told_text
    *_, example = told_text.rstrip().partition("Example: mews-assets ")
    assert argument_parser().parse_args(shlex.split(example)).command == command


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["demon"],
        ["convert", "order_items"],
        ["pull", "order_items"],
        ["pull", "order_items", "--start", "2025-03-08"],
        ["pull", "order_items", "--snapshot", "--start", "2025-03-08"],
    ],
)
def test_a_command_that_is_none_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


HOTELS = ("The Lantern Prague", "The Gilded Heron London")
DAYS = ["--start", "2025-03-08", "--end", "2025-03-10"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--print-completion", "bash"])
    assert left.value.code == 0
    script = capsys.readouterr().out
    for words, wanted in (("do", "doctor"), ("sql --j", "--json")):
        typed = f"COMP_WORDS=(mews-assets {words}); COMP_CWORD={len(words.split())}"
        line = f"{typed}; _shtab_mews_assets; echo ${{COMPREPLY[@]}}"
        answer = subprocess.run(
            ["bash", "-c", f"{script}\n{line}"], capture_output=True, text=True, check=True
        )
        assert wanted in answer.stdout.split()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("mews_assets ")


def test_pull_fills_the_lake_without_dagster(
    mews: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    assert main(["pull", "payments", *DAYS]) == 0
    line, note = capsys.readouterr().out.strip().splitlines()
    found = re.fullmatch(r"(\S+/lake/changes/payments): 4 partitions, (\d+) rows", line)
    assert found
    assert "current/payments" in note
    files = list(Path(found[1]).rglob("*.parquet"))
    assert len(files) == 4
    assert sum(pq.read_metadata(file).num_rows for file in files) == int(found[2]) > 0


def test_after_a_pull_into_a_new_lake_its_status_can_be_asked(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where Dagster never ran; what Dagster has discovered there is left as it is."""
    point_at(mews, MEWS_START_DATE="2025-03-08")
    for token in (mews.access_token, mews.hotel_tokens[0]):
        os.environ["MEWS_ACCESS_TOKEN"] = token
        assert main(["pull", "payments", *DAYS]) == 0
        capsys.readouterr()
        assert main(["status", "--json"]) == 0
        shown = capsys.readouterr().out
        assert all(hotel in shown for hotel in HOTELS)


def test_pull_brings_a_snapshot_of_one_scope_whatever_its_age(
    mews: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    one = next(iter(mews.sandbox.store.enterprises()))
    assert main(["pull", "payments", "--snapshot", "--scope", one]) == 0
    out = capsys.readouterr().out
    found = re.search(r"(\S+/lake/snapshot/payments/\S+): (\d+) rows, (\d+) of them new to it", out)
    assert found
    assert pq.read_metadata(found[1]).num_rows == int(found[2]) == int(found[3]) > 0
    (folder,) = (tmp_path / "lake" / "snapshot" / "payments").iterdir()
    assert folder.name == f"scope={one}"
    assert main(["pull", "payments", "--snapshot", "--scope", one]) == 0
    assert f"{found[2]} rows, 0 of them new to it" in capsys.readouterr().out


def test_pull_of_a_snapshot_that_there_is_none_of_says_why(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    assert main(["pull", "ledger_entries", "--snapshot"]) == 1
    assert "ledger_entries has no snapshot: an export of LedgerEntry must name" in capsys.readouterr().err
    mews.plan_fault("exports/add", status=403, times=1)
    assert main(["pull", "companies", "--snapshot"]) == 1
    assert re.search(r"failed: Larkspur [^:]+: .*status 403", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["id", "key", "part of the name"])
def test_pull_of_one_scope_asks_for_that_one_only(
    mews: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    point_at(mews)
    directory = directory_of(mews)
    (one,) = [hotel.id for hotel in directory.enterprises.values() if "Prague" in hotel.name]
    text = {"id": one, "key": key_of(directory, one), "part of the name": "prague"}[name]
    assert main(["pull", "outlet_items", *DAYS, "--scope", text]) == 0
    for table in ("outlet_items", "outlet_bills"):
        (folder,) = (tmp_path / "lake" / "changes" / table).iterdir()
        assert folder.name == f"scope={one}"


def test_pull_asks_for_a_table_in_the_way_that_is_set_even_if_it_is_not_among_the_wanted(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews, MEWS_FETCH="reservations=pages", MEWS_TABLES="payments")
    assert main(["pull", "reservations", *DAYS]) == 0
    assert re.search(r"changes/reservations: 4 partitions, [1-9]\d* rows", capsys.readouterr().out)
    counts = mews.requests()["Counts"]
    assert counts["reservations/getAll/2023-06-06"] >= 1
    assert "exports/add" not in counts


def test_a_pull_says_which_whole_windows_it_took(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    assert main(["pull", "outlet_items", "--start", "2025-03-07T06:00:00Z", "--end", "2025-03-09T12:00"]) == 0
    assert "2025-03-08T00:00:00Z to 2025-03-09T00:00:00Z" in capsys.readouterr().err


def test_a_pull_that_fails_in_part_says_so_and_ends_with_1(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    mews.plan_fault("exports/add", status=403, times=1)
    assert main(["pull", "availability_adjustments", *DAYS]) == 1
    out = capsys.readouterr().out
    assert re.search(r"changes/availability_adjustments: 2 partitions, \d+ rows", out)
    assert re.search(r"failed: 2 partitions: .*status 403", out)


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["payments", "--start", "yesterday", "--end", "2025-03-10"], {}, "--start"),
        (["payments", "--start", "2025-03-08", "--end", "2025-13-10"], {}, "--end"),
        (["payments", "--start", "2025-03-08", "--end", "2025-03-08"], {}, "no whole daily window"),
        (["paiments", *DAYS], {}, "choose from order_items"),
        (["payments", *DAYS, "--scope", "nobody"], {}, "no connection sees the enterprise nobody"),
        (["payments", *DAYS, "--scope", "the"], {}, "'the' names 2 scopes: The "),
        (["payments", *DAYS, "--scope", "../.."], {}, "../.."),
        (["payments", "--start", "2025-03-10", "--end", "2025-03-11"], {}, "not settled"),
        (["payments", *DAYS], {"MEWS_ACCESS_TOKEN": ""}, "MEWS_ACCESS_TOKEN is not set"),
        (["payments", *DAYS], {"MEWS_ACCESS_TOKEN": "zq7-wrong"}, "status 401"),
        (["payments", *DAYS], {"MEWS_WINDOW": "yearly"}, "MEWS_WINDOW"),
        (["payments", *DAYS], {"MEWS_LAKE": "ftp://lake"}, "MEWS_LAKE"),
        (["payments", *DAYS], {"MEWS_LAKE": "/proc/nowhere"}, "/proc/nowhere"),
        (["payments", *DAYS], {"MEWS_PLATFORM_ADDRESS": "http://api.mews.com"}, "MEWS_PLATFORM_ADDRESS"),
    ],
)
def test_what_pull_cannot_do_is_told_in_one_line(
    mews: RunningSandbox,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environment: dict[str, str],
    expected: str,
) -> None:
    point_at(mews)
    os.environ.update(environment)
    line = told(capsys, main(["pull", *arguments]))
    assert line.startswith("mews-assets pull: ")
    assert expected in line
    assert "zq7-wrong" not in line


def test_a_pull_for_no_hotel_at_all_is_a_mistake_that_is_told(
    mews: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a connection is limited by names, which are no ids: no rows would look like a quiet hotel."""
    point_at(mews)
    connection = 'name = "london"\naccess_token_variable = "MEWS_ACCESS_TOKEN"\nenterprises = ["london"]'
    (tmp_path / "connections.toml").write_text(f"[[connections]]\n{connection}\n")
    os.environ["MEWS_CONNECTIONS"] = "connections.toml"
    assert "no connection sees any enterprise" in told(capsys, main(["pull", "payments", *DAYS]))


def test_a_lake_laid_with_other_windows_is_refused_in_one_line(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews)
    one = next(iter(mews.sandbox.store.enterprises()))
    assert main(["pull", "payments", *DAYS, "--scope", one]) == 0
    capsys.readouterr()
    os.environ["MEWS_WINDOW"] = "hourly"
    assert "Set MEWS_WINDOW=daily" in told(capsys, main(["pull", "payments", *DAYS, "--scope", one]))


def test_the_sandbox_command_greets_with_all_that_is_needed_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "mews_assets.sandbox", "--hotels", "1", "--days", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        facts = dict(word.split("=", 1) for word in greeting.split() if "=" in word)
        assert facts["address"].startswith("http://127.0.0.1:")
        assert {"client_token", "access_token", "hotel_tokens", "now"} <= set(facts)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
