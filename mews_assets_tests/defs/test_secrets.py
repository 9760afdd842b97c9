"""No token is ever in what Dagster keeps: definitions, snapshots, run config, events, whatever happened."""

from __future__ import annotations

import json
import logging
import pickle
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.build import build_definitions
from mews_assets.lake.conversion.check_file import open_lines
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import DAYS, Stage, failure_of, stage_of
from mews_assets_tests.defs.ticks import Ticks

WRONG_TOKEN = "zq7-wrong-token-that-nobody-may-see"
MARK = b"zq7-"
"""Every token of these tests begins with it, and nothing else does."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster_home")


@pytest.fixture(scope="module")
def kept_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """One on disk, so that all it keeps can be searched."""
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        yield instance


@pytest.fixture
def stage(
    mews: RunningSandbox,
    kept_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    return stage_of(mews, kept_instance, tmp_path, monkeypatch)


def kept(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file under a folder, and every value in every database, unpacked where it is packed."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".zst":
            with open_lines(path) as source:
                yield f"{path}, unpacked", source.read()
        if path.suffix == ".parquet":
            rows = pq.read_table(path, partitioning=None)
            yield f"{path}, unpacked", repr((rows.to_pylist(), rows.schema.metadata)).encode()
        if path.suffix == ".db":
            yield from values(path)


def values(database: Path) -> Iterator[tuple[str, bytes]]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    raw = value.encode() if isinstance(value, str) else value
                    if isinstance(raw, bytes):
                        yield f"{database}: {table}", unpacked(raw)


def unpacked(raw: bytes) -> bytes:
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return raw


def leaks(*folders: Path) -> list[str]:
    return [where for folder in folders for where, content in kept(folder) if MARK in content]


def test_the_search_would_find_a_token_in_a_packed_snapshot(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE snapshots (body BLOB)")
        connection.execute("INSERT INTO snapshots VALUES (?)", (zlib.compress(MARK * 9),))
    connection.close()
    assert leaks(tmp_path)


def test_a_good_run_leaves_no_token_anywhere(stage: Stage, home: Path, tmp_path: Path) -> None:
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    searched = [where for where, _ in kept(home)]
    assert any("snapshots" in where for where in searched)
    assert any("event_logs" in where for where in searched)
    assert leaks(home, tmp_path) == []


@pytest.mark.parametrize("variable", ["MEWS_CLIENT_TOKEN", "MEWS_ACCESS_TOKEN"])
def test_a_run_that_mews_turns_away_leaves_no_token_anywhere(
    stage: Stage, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, WRONG_TOKEN)
    result = stage.run("payments", stage.keys(days=DAYS[:1]))
    assert not result.success
    failure = failure_of(result)
    assert "status 401" in failure.user_failure_data.description
    assert "connection default" in failure.user_failure_data.description
    assert leaks(home, tmp_path) == []


def test_a_run_that_fails_inside_mews_leaves_no_token_anywhere(
    stage: Stage, home: Path, tmp_path: Path
) -> None:
    stage.mews.plan_fault("exports/getAll", status=403)
    assert not stage.run("payments", stage.keys(days=DAYS[:1])).success
    assert leaks(home, tmp_path) == []


def test_a_token_that_is_not_set_is_told_by_its_variable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEWS_ACCESS_TOKEN")
    result = stage.run("payments", stage.keys(days=DAYS[:1]))
    assert not result.success
    assert "MEWS_ACCESS_TOKEN is not set" in failure_of(result).user_failure_data.description


LOUD = {"console": {"config": {"log_level": "DEBUG"}}}


@pytest.mark.slow
def test_at_debug_level_runs_that_end_well_and_badly_tell_no_secret_anywhere(
    mews: RunningSandbox,
    kept_instance: dg.DagsterInstance,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Tokens, the key of the hashes and the addresses of alerts: in logs, output, events, lake and sandbox."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # the command line makes it quiet
    secrets = {
        "MEWS_PII": "hash",
        "MEWS_PII_KEY": "zq7-a-key-that-nobody-may-see",
        "MEWS_ALERT_URLS": "json://zq7-user:zq7-password@127.0.0.1:1/zq7-path xml://127.0.0.1:1/?token=zq7-token",
    }
    stage = stage_of(mews, kept_instance, tmp_path, monkeypatch, **secrets)
    run = partial(loud_run, stage)
    assert run("enterprises").success
    assert run("customers", stage.keys(stage.chains, DAYS[:1])).success
    assert run("outlet_bills", stage.keys(days=DAYS[:1])).success
    mews.plan_fault("exports/getAll", status=500)
    mews.plan_fault("exports/getAll", "reset")
    assert run("payments", stage.keys(days=DAYS[:1])).success
    mews.plan_fault("download", status=403)
    mews.plan_fault("download", "truncate")
    assert run("bills", stage.keys(days=DAYS[:1])).success
    monkeypatch.setenv("MEWS_ACCESS_TOKEN", WRONG_TOKEN)
    assert not run("payments", stage.keys(days=DAYS[1:])).success
    monkeypatch.setenv("MEWS_PII_KEY", "zq7-another-key-that-nobody-may-see")
    assert not run("customers", stage.keys(stage.chains, DAYS[:1])).success
    ticks = Ticks(stage)
    told = [str(ticks.tick("alerts")) for _ in range(2)]
    with pytest.raises(Exception) as discovered:
        ticks.tick("discovery")
    out, err = capfd.readouterr()
    texts = {
        "the log": caplog.text,
        "the terminal": out + err,
        "the sandbox's log": json.dumps(mews.requests()),
        "sensors": str(told) + str(discovered.value) + repr(discovered.value),
    }
    assert "send_request_body" in texts["the log"]
    assert {where for where, text in texts.items() if MARK.decode() in text} == set()
    assert any("state/alerts/" in where for where, _ in kept(tmp_path))
    assert leaks(home, tmp_path) == []


def loud_run(stage: Stage, job: str, keys: Iterable[str] = ()) -> dg.ExecuteInProcessResult:
    ops = {op_name(catalog.table(job), PLAIN): {"config": {"partitions": list(keys)}}} if keys else {}
    definitions = build_definitions(stage.settings)
    return definitions.resolve_job_def(job).execute_in_process(
        instance=stage.instance, run_config={"ops": ops, "loggers": LOUD}, raise_on_error=False
    )


@pytest.mark.slow
def test_no_run_leaves_objects_that_are_code_behind(stage: Stage, home: Path, tmp_path: Path) -> None:
    """A pickle that somebody can put there runs what they like when it is read."""
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    assert [
        where for folder in (home, tmp_path) for where, content in kept(folder) if is_pickle(content)
    ] == []
    assert is_pickle(pickle.dumps({"a": 1}))


def is_pickle(content: bytes) -> bool:
    """Protocols 2 to 5 begin with 0x80 and their number, and end with a full stop."""
    return content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and content[-1:] == b"."


@pytest.mark.slow
def test_what_a_code_server_tells_of_the_definitions_holds_no_token(stage: Stage) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster._serdes import serialize_value

    repository = build_definitions(stage.settings).get_repository_def()
    told: list[Any] = [serialize_value(RepositorySnap.from_def(repository))]
    told += [serialize_value(job.get_job_snapshot()) for job in repository.get_all_jobs()]
    text = json.dumps(told)
    assert "MEWS_ACCESS_TOKEN" in text  # the variable is named, so this is the place where a token would be
    assert MARK.decode() not in text


def test_resources_hide_nothing_because_they_hold_nothing(stage: Stage) -> None:
    definitions = build_definitions(stage.settings)
    assert MARK.decode() not in repr(definitions.resources)
    assert MARK.decode() not in repr(stage.settings)
