"""SQL over the lake: a view for every table, wherever the lake is moved, and nothing but reading."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.columns import string
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.reading.readable_views import READABLE, readable_query
from mews_assets.lake.reading.sql_views import SCHEMAS, SqlError, query, views, write_catalog
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests import ROOT
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, item, land
from mews_assets_tests.lake.reading.filled import fill


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return fill(tmp_path / "lake")


def ask(lake: Lake, text: str) -> list[tuple[object, ...]]:
    with query(lake, text) as result:
        return list(result.fetchall())


def test_every_table_has_its_view_and_landings_have_none(lake: Lake) -> None:
    named = {(view.schema, view.name) for view in views(lake)}
    tables = {(schema, table.name) for schema in ("changes", "current") for table in catalog.TABLES}
    references = {("reference", reference.name) for reference in REFERENCES}
    series = {(schema, table.name) for schema in ("series", "current") for table in SERIES}
    readable = {(READABLE, table.name) for table in catalog.TABLES if readable_query(table)}
    assert named == tables | references | series | readable | {("marts", "daily_revenue")}
    assert {schema for schema, _ in named} == set(SCHEMAS)


@pytest.mark.slow
def test_queries_see_versions_records_scopes_and_marts(lake: Lake) -> None:
    assert ask(lake, "SELECT count(*), count(DISTINCT id) FROM changes.order_items") == [(3, 2)]
    assert ask(lake, "SELECT id, scope FROM current.order_items ORDER BY id") == [("a", NORTH), ("s", SOUTH)]
    by_window = 'SELECT "window", count(*) FROM changes.order_items GROUP BY ALL ORDER BY ALL'
    assert ask(lake, by_window) == [("2026-03-02", 1), ("2026-03-03", 2)]
    assert ask(lake, "FROM marts.daily_revenue") == [("2026-03-02", 1.5)]


@pytest.mark.slow
def test_a_table_of_which_nothing_landed_has_its_columns_and_no_rows(lake: Lake) -> None:
    assert ask(lake, "SELECT count(*) FROM current.payments") == [(0,)]
    described = {row[0]: row[1] for row in ask(lake, "DESCRIBE changes.order_items")}
    assert {row[0]: row[1] for row in ask(lake, "DESCRIBE current.order_items")} == {
        name: kind for name, kind in described.items() if name != "window"
    }
    empty = {row[0]: row[1] for row in ask(lake, "DESCRIBE changes.payments")}
    assert empty["updated_utc"] == "TIMESTAMP WITH TIME ZONE"
    assert (empty["scope"], empty["window"]) == ("VARCHAR", "VARCHAR")
    assert [row[0] for row in ask(lake, "DESCRIBE reference.services")][-1] == "_captured_at_utc"


def test_columns_that_older_files_lack_are_empty_there(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    wider = replace(ORDER_ITEMS, columns=(*ORDER_ITEMS.columns, string("Colour", "What it looks like.")))
    monkeypatch.setattr(
        catalog, "TABLES", tuple(wider if one == ORDER_ITEMS else one for one in catalog.TABLES)
    )
    land(lake, wider, [item("n", at(4), Colour="red")], days(4, 5))
    merge(lake, wider, threads=1)
    found = ask(lake, "SELECT id, colour FROM changes.order_items ORDER BY ALL")
    assert found == [("a", None), ("a", None), ("n", "red"), ("s", None)]


def without(file: Path, column: str) -> None:
    """A file as an older version wrote it, which did not know the column."""
    pq.write_table(pq.read_table(file, partitioning=None).drop_columns([column]), file)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_copied_lake_is_read_by_its_schemas_whatever_its_files_times_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    """`cp -r` gives files times of its own. The one in the middle, by whatever order, lacks a column."""
    lake = fill(tmp_path / "lake")
    land(lake, ORDER_ITEMS, [item("n", at(4), Notes="new")], days(4, 5))
    merge(lake, ORDER_ITEMS, threads=1)
    days_of_north = sorted((tmp_path / f"lake/changes/order_items/scope={NORTH}").glob("*/rows.parquet"))
    without(days_of_north[order[1]], "notes")
    for second, place in enumerate(order):
        os.utime(days_of_north[place], (second + 1, second + 1))
    notes = (
        "SELECT id, updated_utc::DATE::VARCHAR, notes FROM changes.order_items WHERE scope = '52fd68fc-north'"
    )
    wanted = [
        ("a", "2026-03-02", None),
        ("a", "2026-03-03", None),
        ("n", "2026-03-04", "new" if order[1] < 2 else None),
    ]
    assert ask(lake, f"{notes} ORDER BY ALL") == wanted
    write_catalog(lake)
    monkeypatch.chdir(lake.root)
    with duckdb.connect("lake.duckdb", read_only=True) as connection:
        assert connection.sql(f"{notes} ORDER BY ALL").fetchall() == wanted


def test_a_column_that_no_file_has_yet_can_be_asked_for(lake: Lake) -> None:
    """As right after an update: a query does not depend on which files were written anew already."""
    for file in (Path(lake.root) / "changes/order_items").rglob("*.parquet"):
        without(file, "notes")
    assert ask(lake, "SELECT count(*), count(notes) FROM changes.order_items") == [(3, 0)]


@pytest.mark.skipif(
    duckdb.__version__ < "2", reason="before 2.0 DuckDB looks into every file for its rows' count"
)
def test_only_the_files_that_a_condition_leaves_are_opened(lake: Lake) -> None:
    broken = Path(lake.root) / layout.changes_file("order_items", SOUTH, "2026-03-03")
    broken.write_bytes(b"nothing that can be read")
    north = "SELECT count(*) FROM changes.order_items WHERE scope = '52fd68fc-north' AND \"window\" >= '2026-03-03'"
    assert ask(lake, north) == [(1,)]
    with pytest.raises(SqlError, match="scope=9cf95deb-south"):
        ask(lake, "SELECT count(*) FROM changes.order_items")


def leave_open(folder: Path) -> Path:
    """A tool that wrote into the catalog file, and was killed before its log was taken in."""
    program = (
        f"import duckdb, os; c = duckdb.connect({str(folder / 'lake.duckdb')!r}); "
        "c.execute('CREATE TABLE notes AS SELECT 1 AS i'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,) = folder.glob("lake.duckdb.wal*")
    return left


@pytest.mark.slow
def test_a_tool_that_left_the_catalog_file_open_does_not_bar_it_to_everybody(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.root)
    write_catalog(lake)
    left = leave_open(Path(lake.root))
    write_catalog(lake)
    assert asked_plainly(Path(lake.root)) == [("a", NORTH), ("s", SOUTH)]
    assert not left.exists()
    leave_open(Path(lake.root))
    assert ask(lake, "SELECT count(*) FROM current.order_items") == [(2,)]


def asked_plainly(folder: Path) -> list[tuple[object, ...]]:
    """As any tool asks that knows nothing of us."""
    with duckdb.connect(str(folder / "lake.duckdb"), read_only=True) as connection:
        return connection.sql("SELECT id, scope FROM current.order_items ORDER BY id").fetchall()


def test_the_catalog_file_works_after_the_lake_was_moved(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [("a", NORTH), ("s", SOUTH)]
    write_catalog(lake)
    moved = tmp_path / "elsewhere" / "the lake"
    shutil.move(lake.root, moved)
    monkeypatch.chdir(moved)
    assert asked_plainly(moved) == wanted
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(moved / "lake.duckdb"), read_only=True) as connection:
        connection.execute(f"SET file_search_path = '{moved}'")
        assert connection.sql("SELECT id, scope FROM current.order_items ORDER BY id").fetchall() == wanted
    assert (
        ask(open_lake(str(moved), Grain.DAILY), "SELECT id, scope FROM current.order_items ORDER BY id")
        == wanted
    )
    assert str(lake.root).encode() not in (moved / "lake.duckdb").read_bytes()


def test_new_partitions_and_hotels_are_seen_by_a_catalog_made_before(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalog(lake)
    land(lake, ORDER_ITEMS, [item("w", at(5), "west")], days(5, 6), scopes=("west",))
    merge(lake, ORDER_ITEMS, threads=1)
    update_current(lake, ORDER_ITEMS, "west", threads=1)
    monkeypatch.chdir(lake.root)
    assert asked_plainly(Path(lake.root)) == [("a", NORTH), ("s", SOUTH), ("w", "west")]


def test_a_catalog_made_again_takes_up_what_has_appeared(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalog(lake)
    outlets = next(one for one in REFERENCES if one.name == "outlets")
    record = (
        b'{"Id":"o","IsActive":true,"Name":"Bar","EnterpriseId":"%s","CreatedUtc":"2026-01-01T00:00:00Z",'
        b'"UpdatedUtc":"2026-01-01T00:00:00Z"}' % NORTH.encode()
    )
    write_reference(lake, outlets, [record], at(9), [NORTH])
    write_catalog(lake)
    monkeypatch.chdir(lake.root)
    with duckdb.connect(layout.catalog_file(), read_only=True) as connection:
        assert connection.sql("SELECT name FROM reference.outlets").fetchall() == [("Bar",)]


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO 'stolen.csv'",
        "CREATE TABLE current.x (i INT)",
        "DROP VIEW current.order_items",
        "SELECT 1; DROP VIEW current.order_items",
        "INSERT INTO current.order_items SELECT * FROM current.order_items",
        "ATTACH 'other.db'",
        "SET threads = 1",
        "",
    ],
)
def test_nothing_but_reading_is_run(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SqlError, match="the lake is only read"):
        ask(lake, text)
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


@pytest.mark.parametrize(
    "text", ["SELEC 1", "SELECT nonsense FROM current.order_items", "FROM current.nothing"]
)
def test_a_query_that_is_wrong_says_what_is(lake: Lake, text: str) -> None:
    with pytest.raises(SqlError, match=r"SELEC|nonsense|nothing"):
        ask(lake, text)


@pytest.mark.slow
def test_other_ways_of_asking_work_too(lake: Lake) -> None:
    for text in ("EXPLAIN SELECT 1", "SHOW ALL TABLES", "SUMMARIZE current.order_items", "VALUES (1)"):
        assert ask(lake, text)


@pytest.mark.slow
def test_a_lake_in_a_bucket_is_asked_as_one_in_a_folder(lake: Lake) -> None:
    remote = bucket_lake()
    for name in lake.files("", recursive=True):
        if name.endswith(".parquet"):
            remote.write(name, lake.read(name))
    assert {view.name: view.files for view in write_catalog(remote)} == {
        view.name: view.files for view in write_catalog(lake)
    }
    for text in (
        "SELECT id, updated_utc, scope FROM current.order_items ORDER BY id",
        'SELECT id, scope, "window" FROM changes.order_items WHERE scope = \'' + NORTH + "' ORDER BY ALL",
        "SELECT count(*) FROM changes.payments",
        "SELECT * FROM marts.daily_revenue",
        "SELECT id, hotel, service FROM readable.order_items ORDER BY id",
        "SUMMARIZE current.order_items",
        "DESCRIBE current.order_items",
    ):
        assert ask(remote, text) == ask(lake, text), text
    with pytest.raises(SqlError, match="only read"):
        ask(remote, "DROP VIEW current.order_items")


READING = (ROOT / "docs" / "reading.md").read_text()


def documented_lines(folder: Path) -> dict[str, str]:
    """The lines of docs/reading.md that read the demo's lake, for one that stands elsewhere, by reader and folder."""
    lines = re.findall(r"^(?:pandas|pyarrow|duckdb|polars)\..*data/demo/lake/.*$", READING, re.M)
    named = {" ".join(re.findall(r"^\w+|changes|current", line)): line for line in lines}
    return {
        name: line.replace("data/demo/lake", str(folder)).replace("2026-11", "2026-03")
        for name, line in named.items()
    }


@pytest.mark.parametrize("above", ["plain", "state=prod", "id=7", "scope=berlin/window=2020-01-01"])
def test_pandas_polars_pyarrow_and_duckdb_read_a_table_in_one_line(tmp_path: Path, above: str) -> None:
    """The lines of docs/reading.md, below folders that look like columns."""
    root = tmp_path / above / "lake"
    land(fill(root), ORDER_ITEMS, [item("z", at(20))], days(20, 21))
    merge(open_lake(str(root), Grain.DAILY), ORDER_ITEMS, threads=1)
    read = {
        name: eval(line, {"duckdb": duckdb, "pandas": pd, "pyarrow": pa, "polars": pl})
        for name, line in documented_lines(root).items()
    }
    assert set(read) == {
        "pandas current",
        "pandas changes",
        "pyarrow current",
        "duckdb current",
        "polars current",
    }
    current = [("a", NORTH), ("s", SOUTH)]
    rows = {
        "pandas current": list(
            zip(read["pandas current"]["id"], read["pandas current"]["scope"], strict=True)
        ),
        "pyarrow current": [(row["id"], row["scope"]) for row in read["pyarrow current"].to_pylist()],
        "polars current": read["polars current"].select("id", "scope").rows(),
    }
    assert {name: sorted(found) for name, found in rows.items()} == dict.fromkeys(rows, current)
    assert sorted(read["duckdb current"].project("id").fetchall()) == [("a",), ("s",)]
    assert not {"state", "scope", "window"} & set(read["duckdb current"].columns)
    late = read["pandas changes"]
    assert list(zip(late["id"], late["scope"], late["window"], strict=True)) == [("z", NORTH, "2026-03-20")]
