"""The commands that look after personal data, on a lake filled from a sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.cli import main
from mews_assets.lake.conversion.check_file import open_lines
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_standing
from mews_assets.publish.delta_tables import DeltaSource, publish_scopes
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.cli.stage import point_at

pytestmark = pytest.mark.usefixtures("elsewhere")
WINDOWS = ["--start", "2025-03-07", "--end", "2025-03-10"]
KEY = "zq7-a-key-that-nobody-may-see"


def pulled(mews: RunningSandbox, *tables: str, **more: str) -> Path:
    point_at(mews, **more)
    for table in tables:
        assert main(["pull", table, *WINDOWS]) == 0
    return Path("lake")


def landed(lake: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((lake / "landing" / table).rglob("*.zst")):
        with open_lines(path) as source:
            found += [json.loads(line) for line in source]
    return found


def holding(lake: Path, text: str) -> list[str]:
    """The files that hold a text, unpacked here and not by what is tried."""
    found = []
    for path in (one for one in lake.rglob("*") if one.is_file()):
        if path.suffix == ".zst":
            with open_lines(path) as source:
                content = source.read()
        elif path.suffix == ".parquet":
            rows = pq.read_table(path, partitioning=None).to_pylist()
            content = json.dumps(rows, default=str, ensure_ascii=False).encode()
        else:
            content = path.read_bytes()
        if text.encode() in content:
            found.append(str(path))
    return found


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


@pytest.mark.slow
def test_a_guest_is_forgotten_and_the_proof_is_printed(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = pulled(mews, "customers", "bills", "order_items", "reservations")
    accounts = {one["AccountId"] for one in landed(lake, "bills")} & {
        one["AccountId"] for one in landed(lake, "order_items")
    }
    guest = next(one for one in landed(lake, "customers") if one["Id"] in accounts and one["Email"])
    assert {Path(one).parts[1] for one in holding(lake, guest["Email"])} == {"landing", "changes"}
    told(capsys)
    assert main(["forget", "--customer", guest["Id"]]) == 0
    report = told(capsys)
    assert re.search(r"^  landing: \d+ files rewritten, [1-9]\d* records$", report, re.M)
    assert re.search(r"^  changes: \d+ files rewritten, [1-9]\d* records$", report, re.M)
    assert re.search(r"^searched: [1-9]\d* files, \d+ bytes, for [1-9]\d* texts", report, re.M)
    assert re.search(r"^left: 0 records$", report, re.M)
    assert guest["Email"] not in report and guest["LastName"] not in report
    assert holding(lake, guest["Email"]) == []
    assert main(["pull", "customers", *WINDOWS]) == 0  # the sandbox knows her still, and sends her again
    assert guest["Id"] in {one["Id"] for one in landed(lake, "customers")}
    assert holding(lake, guest["Email"]) == []


def test_what_forgetting_leaves_ends_with_1(mews: RunningSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    lake = pulled(mews, "customers")
    guest = next(one for one in landed(lake, "customers") if one["Email"])
    (lake / "notes.txt").write_text(f"call {guest['Email']}")
    told(capsys)
    assert main(["forget", "--customer", guest["Id"]]) == 1
    report = told(capsys)
    assert (
        "left: 1 records\n  notes.txt: 1\n" in report
        and "not finished: correct that and run this again" in report
    )
    (lake / "notes.txt").unlink()
    assert main(["forget", "--customer", guest["Id"].upper()]) == 0
    report = told(capsys)
    assert "left: 0 records" in report and re.search(r"^searched: [1-9]\d* files", report, re.M)
    assert main(["forget", "--customer", guest["Id"]]) == 0
    report = told(capsys)
    assert "nothing to erase: on the erasure list since" in report and "left: 0 records" in report
    assert not (lake / "state/forgetting").exists() or not list((lake / "state/forgetting").iterdir())


def test_the_delta_tables_are_searched_older_versions_too_and_what_they_hold_is_left(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = pulled(mews, "customers", MEWS_PUBLISH="delta")
    guest = next(one for one in landed(lake, "customers") if one["Email"])
    published(lake)
    published(lake)
    delta = Path("lake-delta")
    before = holding(delta, guest["Email"])
    assert len(before) == 2 and len(set(before)) == 2, "in both versions of the Delta table"
    # Of no Delta table, so that no vacuum removes it.
    shutil.copy(before[0], delta / "notes.parquet")
    told(capsys)
    assert main(["forget", "--customer", guest["Id"]]) == 1
    report = told(capsys)
    assert "1 published again, their older versions removed" in report
    assert re.search(r"^searched: \d+ files, [1-9]\d* of them of the Delta tables", report, re.M)
    assert "left: 1 records\n  delta/notes.parquet: 1\n" in report
    assert holding(delta, guest["Email"]) == [str(delta / "notes.parquet")]
    (delta / "notes.parquet").unlink()
    assert main(["forget", "--customer", guest["Id"]]) == 0
    assert "left: 0 records" in told(capsys)


def published(lake: Path) -> None:
    """Publish the customers of each chain, made current before."""
    opened, table = open_standing(str(lake)), catalog.table("customers")
    scopes = opened.folders(layout.changes_folder(table.name))
    found = {scope.removeprefix("scope="): "" for scope in scopes}
    for scope in found:
        update_current(opened, table, scope)
        found[scope] = layout.current_file(table.name, scope)
    publish_scopes(
        opened, DeltaSource("lake-delta", table.name, table.description, arrow_schema(table)), found
    )


@pytest.mark.parametrize("also", [[], ["--also", "Nickname"]])
def test_a_mistyped_id_ends_with_2_and_says_that_nothing_was_found(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str], also: list[str]
) -> None:
    lake = pulled(mews, "customers")
    guest = next(one for one in landed(lake, "customers"))["Id"]
    mistyped = guest[:-1] + ("0" if guest[-1] != "0" else "1")
    told(capsys)
    for _ in range(2):
        assert main(["forget", "--customer", mistyped, *also]) == 2
        report = told(capsys)
        assert "nothing found: no record in" in report and mistyped in report
        assert "left:" not in report and "forgotten:" not in report


def test_a_mention_in_anothers_note_is_told_with_its_file_and_ends_with_0(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = pulled(mews, "customers")
    guest = next(one for one in landed(lake, "customers") if one["Email"])
    note = {"Id": "b1", "EnterpriseId": "e", "Notes": f"with {guest['Email'].upper().replace('@', '%40')}"}
    (lake / "others.jsonl").write_text(json.dumps(note))
    told(capsys)
    assert main(["forget", "--customer", guest["Id"]]) == 0
    assert "check them (a note, or a namesake):\n  others.jsonl: 1\n" in told(capsys)


@pytest.mark.parametrize("policy", ["hash", "drop"])
def test_no_guest_is_told_by_tables_under_a_policy_and_repolicy_changes_it(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    lake = pulled(mews, "customers", MEWS_PII=policy, MEWS_PII_KEY=KEY)
    emails = [one["Email"] for one in landed(lake, "customers") if one["Email"]]
    assert {Path(one).parts[1] for email in emails[:5] for one in holding(lake, email)} == {"landing"}
    os.environ["MEWS_PII"] = "keep"
    told(capsys)
    assert main(["pull", "customers", *WINDOWS]) == 1
    assert "run `mews-assets repolicy`" in capsys.readouterr().err
    assert main(["repolicy"]) == 0
    assert "rebuilt from the landing" in told(capsys)
    assert {Path(one).parts[1] for one in holding(lake, emails[0])} == {"landing", "changes"}
    assert main(["repolicy"]) == 0
    assert "nothing to do" in told(capsys)
    assert holding(lake, KEY) == []


def test_old_captures_are_removed_as_the_setting_says(
    mews: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = pulled(mews, "customers")
    told(capsys)
    assert main(["expire"]) == 1
    assert "MEWS_LANDING_DAYS is not set" in capsys.readouterr().err
    os.environ["MEWS_LANDING_DAYS"] = "30"
    assert main(["expire"]) == 0  # by the clock here the sandbox's captures are long past
    assert re.search(r"customers: [1-9]\d* captures, \d+ bytes removed", told(capsys))
    assert not list(lake.rglob("*.zst"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["forget", "--customer", "c0ffee00-0000"], "there is no lake at"),
        (["repolicy"], "there is no lake at"),
        (["forget", "--customer", "c0ffee00-0000", "--also", " "], "--also is empty"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(arguments) == 1
    assert expected in capsys.readouterr().err


def test_a_file_converted_by_hand_is_under_the_policy_too(tmp_path: Path) -> None:
    record = {"Id": "c", "ChainId": "x", "LastName": "Nováková", "UpdatedUtc": "2025-03-08T00:00:00Z"}
    Path("in.jsonl").write_text(json.dumps(record))
    os.environ["MEWS_PII"] = "drop"
    assert main(["convert", "customers", "in.jsonl", "out.parquet"]) == 0
    assert pq.read_table("out.parquet").column("last_name").to_pylist() == [None]
