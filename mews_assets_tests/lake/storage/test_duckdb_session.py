"""One engine after another: nothing of one block is left for the next, though the process keeps its engines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mews_assets.lake.storage import duckdb_session as engines
from mews_assets.lake.storage.duckdb_session import open_duckdb


@pytest.fixture(autouse=True)
def no_engine_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_IDLE", [])


def setting(engine: duckdb.DuckDBPyConnection, name: str) -> str:
    ((value,),) = engine.execute(f"SELECT current_setting('{name}')::VARCHAR").fetchall()
    return str(value)


def test_an_engine_is_used_again_and_nothing_of_the_block_before_is_there(tmp_path: Path) -> None:
    with open_duckdb(tmp_path / "a", threads=1, memory=100 << 20) as engine:
        engine.execute("CREATE TEMP TABLE place AS SELECT 1 AS number; SET TimeZone = 'Asia/Tokyo'")
        engine.execute("CREATE SCHEMA changes; CREATE VIEW changes.bills AS SELECT 1 AS number")
    ((kept,),) = [engines._IDLE]
    with open_duckdb(tmp_path / "b", threads=2, memory=200 << 20) as engine:
        assert engines._IDLE == []
        with pytest.raises(duckdb.CatalogException):
            engine.execute("FROM place")
        with pytest.raises(duckdb.CatalogException):
            engine.execute("FROM changes.bills")
        assert [setting(engine, name) for name in ("threads", "memory_limit", "TimeZone")] == [
            "2",
            "200.0 MiB",
            "UTC",
        ]
        assert setting(engine, "temp_directory") == str(tmp_path / "b")
    assert [kept] == engines._IDLE


def test_two_blocks_at_once_have_an_engine_each(tmp_path: Path) -> None:
    with open_duckdb(tmp_path / "a") as one, open_duckdb(tmp_path / "b") as other:
        assert setting(one, "temp_directory") != setting(other, "temp_directory")
    with open_duckdb(tmp_path), open_duckdb(tmp_path), open_duckdb(tmp_path):
        pass
    assert len(engines._IDLE) == 2


def test_an_engine_is_not_used_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ours"), open_duckdb(tmp_path):
        raise ValueError("ours")
    assert engines._IDLE == []


def test_an_engine_that_spilled_into_its_workspace_is_not_used_again(tmp_path: Path) -> None:
    """It would go on to spill there, where the next block has no business, or nothing is any more."""
    with open_duckdb(tmp_path, threads=1, memory=60_000_000) as engine:
        engine.execute(
            "CREATE TEMP TABLE wide AS SELECT repeat('x', 100) || i AS x FROM range(2000000) AS t(i)"
        )
        assert list(tmp_path.iterdir())
    assert engines._IDLE == []
    assert not list(tmp_path.iterdir())


def test_a_child_process_inherits_no_engine(tmp_path: Path) -> None:
    """Its threads would not be there: the child would wait for them for ever."""
    script = (
        "import os, sys; from pathlib import Path; from mews_assets.lake.storage.duckdb_session import open_duckdb\n"
        "def counted():\n"
        "    with open_duckdb(Path(sys.argv[1])) as engine: return engine.execute('SELECT 42').fetchall()\n"
        "assert counted() == counted()\n"
        "if (child := os.fork()) == 0: sys.exit(0 if counted() == [(42,)] else 1)\n"
        "sys.exit(os.waitpid(child, 0)[1])"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
