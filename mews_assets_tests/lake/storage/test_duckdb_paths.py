"""How DuckDB is told of files: one path is one file, one schema is all columns."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_rows import reference_schema
from mews_assets.lake.storage import duckdb_paths
from mews_assets.lake.storage.duckdb_paths import (
    json_lines,
    only_match,
    parquet,
    plain_name,
    plain_workspace,
    sql_type,
)
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.parquet import plain
from mews_assets_tests.lake.named import NAMES, WORST

EVERY = {**NAMES, WORST: "a1"}
SCHEMA = pa.schema([("id", pa.string()), ("state", pa.string())])


def write(folder: Path, **columns: list[object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    return folder / "rows.parquet"


@pytest.mark.parametrize("takes_literals", [True, False] if duckdb_paths._TAKES_LITERALS else [False])
@pytest.mark.parametrize("name", EVERY)
def test_a_path_is_one_file(
    name: str, takes_literals: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_paths, "_TAKES_LITERALS", takes_literals)
    write(tmp_path / EVERY[name], id=["of the neighbour"], state=["x"])
    file = write(tmp_path / name, id=["ours"], state=["x"])
    found = duckdb.sql(f"SELECT id, state, path FROM {parquet([file], SCHEMA, file_as='path')}").fetchall()
    assert found == [("ours", "x", str(file))]
    assert duckdb.sql(f"FROM {parquet([file])}").fetchall() == [("ours", "x")]


def test_before_2_0_a_pattern_with_a_backslash_is_refused_and_not_guessed_at() -> None:
    assert only_match("/lakes/a[1]/*?/b\u00e9") == "/lakes/a[[]1]/[*][?]/b\u00e9"
    assert only_match("/lakes/a\\b") == "/lakes/a\\b"
    with pytest.raises(LakeError, match=r"2\.0 or later"):
        only_match("/lakes/a\\b/c[1]")


def test_columns_that_a_file_lacks_are_empty_and_those_it_has_beyond_are_left_out(tmp_path: Path) -> None:
    nested = pa.struct([("x", pa.int64()), ("y", pa.float64())])
    schema = pa.schema([*SCHEMA, ("inner", nested), ("many", pa.list_(nested))])
    files = [
        write(tmp_path / "1", id=["a"], state=["s"], old=[1]),
        write(tmp_path / "2", inner=[{"y": 0.5, "z": "old"}], id=["b"]),
        write(tmp_path / "3", id=["c"], many=[[{"x": 1}]]),
    ]
    assert duckdb.sql(f"FROM {parquet(files, schema)} ORDER BY id").fetchall() == [
        ("a", "s", None, None),
        ("b", None, {"x": None, "y": 0.5}, None),
        ("c", None, None, [{"x": 1, "y": None}]),
    ]


def test_types_are_called_what_duckdb_calls_them() -> None:
    schemas = [arrow_schema(table) for table in catalog.TABLES]
    schemas += [reference_schema(reference) for reference in REFERENCES]
    with duckdb.connect() as connection:
        for schema in schemas:
            types = connection.from_arrow(plain(schema).empty_table()).types
            named = connection.sql(
                "SELECT "
                + ", ".join(f"NULL::{sql_type(field.type)} AS c{at}" for at, field in enumerate(schema))
            ).types
            assert [str(one) for one in named] == [str(one) for one in types]


def test_files_compressed_in_different_ways_are_not_read_as_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gzip and uncompressed"):
        json_lines([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"], "{'Id': 'VARCHAR'}", 1000)


def test_a_folder_has_a_name_that_duckdb_takes_as_it_is(tmp_path: Path) -> None:
    for name in EVERY:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "mark").write_text(name)
        with plain_name(folder) as found:
            assert (found / "mark").read_text() == name
            assert not any(mark in str(found) for mark in "*?[,\\")
        assert not found.is_symlink(), "the link goes with the block"


def test_where_no_name_is_plain_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a,b"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with pytest.raises(LakeError, match="Set TMPDIR to another folder"), plain_workspace():
        pass
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["a\\b", WORST])
def test_an_engine_spills_whatever_its_workspace_is_called(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    query = (
        "CREATE TEMP TABLE t AS SELECT range AS i, repeat(md5(range::VARCHAR), 20) AS text FROM range(200000)"
    )
    with open_duckdb(folder, threads=1, memory=60_000_000) as engine:
        engine.execute(query)
        assert engine.execute("SELECT count(*), count(DISTINCT text[:32]) FROM t").fetchall() == [
            (200_000, 200_000)
        ]
