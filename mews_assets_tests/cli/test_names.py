"""Commands over a lake, and over files, whose names hold all that a reader could take for something else."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from mews_assets.cli import main
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.cli.records import json_lines, order_item
from mews_assets_tests.cli.stage import point_at
from mews_assets_tests.lake.named import NAMES, WORST

pytestmark = pytest.mark.usefixtures("elsewhere")
WINDOWS = ["--start", "2025-03-07", "--end", "2025-03-10"]
MADE_UP = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+|\d+ bytes|\d\d:\d\d UTC")
"""Of a run: its captures' names, how they compress, and the time of day."""
COUNTED = "SELECT count(*) AS rows, count(last_name) AS shown FROM changes.customers"


def answers(capsys: pytest.CaptureFixture[str], lake: str) -> dict[str, str]:
    """What every command says of a lake that was pulled twice, as if it had been `lake`."""
    os.environ["MEWS_LAKE"] = lake
    found = {}

    def ask(*arguments: str) -> None:
        code = main([*arguments])
        said = capsys.readouterr()
        text = f"{code}\n{said.out}".replace(str(Path(lake).absolute()), "lake")
        found[f"{len(found)} {arguments[0]}"] = MADE_UP.sub("", text)

    ask("pull", "customers", *WINDOWS)
    ask("pull", "payments", *WINDOWS)
    ask("pull", "payments", *WINDOWS)
    ask("sql", 'SELECT id, updated_utc, scope, "window" FROM changes.customers ORDER BY ALL', "--csv")
    ask("sql")
    ask("status", "--json")
    told = json.loads(found.pop("5 status").partition("\n")[2])["tables"]
    found["5 status"] = str([(one["table"], one["scope"], one["rows"], one["windows"]) for one in told])
    guest = found["3 sql"].splitlines()[2].split(",")[0]
    ask("forget", "--customer", guest)
    os.environ["MEWS_PII"] = "drop"
    ask("repolicy")
    ask("sql", COUNTED, "--json")
    os.environ["MEWS_PII"] = "keep"
    ask("repolicy")
    ask("sql", COUNTED, "--json")
    ask("expire")
    return found


@pytest.mark.slow
def test_every_command_says_the_same_of_a_lake_by_any_name(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    point_at(mews, MEWS_START_DATE="2025-03-07", MEWS_TABLES="customers,payments", MEWS_LANDING_DAYS="30")
    wanted = answers(capsys, "plain")
    assert wanted["3 sql"].count("\n") > 3 and all(text[0] in "0[" for text in wanted.values()), wanted
    hidden, shown = (json.loads(wanted[name].splitlines()[1]) for name in ("8 sql", "10 sql"))
    assert hidden["shown"] <= 1 < shown["shown"]  # the one who was forgotten reads `forgotten`
    shutil.copytree("plain", "a1/lake")
    assert answers(capsys, f"{WORST}/lake") == wanted


@pytest.mark.parametrize("name", [*NAMES, WORST])
def test_a_file_is_converted_by_the_name_it_was_given(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = name.replace("/", "-")
    neighbour = {**NAMES, WORST: "a1"}.get(name, "b")
    Path(f"{neighbour}.jsonl").write_bytes(json_lines(order_item(1), order_item(2)))
    Path(f"{name}.jsonl").write_bytes(json_lines(order_item(3)))
    assert main(["convert", "order_items", f"{name}.jsonl", f"{name}.parquet"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}.parquet: 1 rows, ")
    assert sorted(path.name for path in Path().iterdir()) == sorted(
        [f"{neighbour}.jsonl", f"{name}.jsonl", f"{name}.parquet"]
    )
