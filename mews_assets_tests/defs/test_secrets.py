"""No token is ever in what Dagster keeps: definitions, snapshots, run config, events, whatever happened."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets.defs.build import build_definitions
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.defs.stage import DAYS, Stage, failure_of, stage_of

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
