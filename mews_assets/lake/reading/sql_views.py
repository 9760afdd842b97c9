"""SQL over the lake: a view for every table, in a DuckDB file beside them and in connections of our own.

Lives here: the views, the file that holds them, and running one query. The paths in the file's views are relative
to the lake, so that it can be moved: DuckDB looks for them where its setting `file_search_path` says, or else in
the folder it was started in. Not here: how DuckDB is told of files (`duckdb_paths`), and printing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_tables import reference_schema
from mews_assets.lake.reading.python_values import python_values
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet_partitions, plain_name, plain_workspace, sql_type
from mews_assets.lake.storage.duckdb_session import identifier, literal
from mews_assets.lake.storage.lake import Lake

SCHEMAS = (layout.CHANGES, layout.CURRENT, layout.REFERENCE, layout.MARTS)
_BATCH_ROWS = 2048
_READS = ("SELECT", "EXPLAIN")
"""Kinds of statements that change nothing; DESCRIBE, SHOW, SUMMARIZE and VALUES count as SELECT."""


class SqlError(LakeError):
    """A query that cannot be run."""


@dataclass(frozen=True)
class View:
    """A table as SQL sees it. `files` is how many it reads; one of none has its columns and no rows."""

    schema: str
    name: str
    query: str
    files: int

    @property
    def statement(self) -> str:
        return f"CREATE VIEW {identifier(self.schema)}.{identifier(self.name)} AS {self.query}"


@dataclass(frozen=True)
class _Source:
    """Where the rows of a view are: a folder of the lake, the keys of the folders in it, and its columns."""

    schema: str
    name: str
    folder: str
    keys: tuple[str, ...]
    columns: pa.Schema


def views(lake: Lake, within: str = "") -> list[View]:
    """A view for every table there is or could be; for marts, for those there are.

    Paths in them are relative to the lake, or begin with the folder `within`.
    """
    return [_view(lake, source, within) for source in _sources(lake)]


def _sources(lake: Lake) -> Iterator[_Source]:
    for table in catalog.TABLES:
        columns = arrow_schema(table)
        folder = layout.changes_folder(table.name)
        yield _Source(layout.CHANGES, table.name, folder, ("scope", "window"), columns)
        yield _Source(layout.CURRENT, table.name, layout.current_folder(table.name), ("scope",), columns)
    for reference in REFERENCES:
        folder = layout.reference_file(reference.name).rpartition("/")[0]
        yield _Source(layout.REFERENCE, reference.name, folder, (), reference_schema(reference))
    for name in lake.folders(layout.MARTS):
        file = layout.mart_file(name)
        if lake.exists(file):
            with lake.filesystem.open_input_file(lake.path(file)) as content:
                columns = pq.read_schema(content)  # a mart's columns are its own
            yield _Source(layout.MARTS, name, file.rpartition("/")[0], (), columns)


def _view(lake: Lake, source: _Source, within: str) -> View:
    files = sum(
        name.endswith(f"/{layout.ROWS_FILE}")
        for name in lake.files(source.folder, recursive=bool(source.keys))
    )
    names = [identifier(name) for name in source.columns.names]
    if not files:
        nothing = [f"NULL::{sql_type(field.type)} AS {identifier(field.name)}" for field in source.columns]
        nothing += [f"NULL::VARCHAR AS {identifier(key)}" for key in source.keys]
        return View(source.schema, source.name, f"SELECT {', '.join(nothing)} WHERE false", 0)
    folder = f"{within}/{source.folder}" if within else source.folder
    # Files are written by one version of the catalog after another: the columns are those of today, found in each
    # file by their names. To look into all files for theirs would take seconds per 10,000, at every query.
    keys, rows = parquet_partitions(folder, source.keys, layout.ROWS_FILE, source.columns)
    return View(source.schema, source.name, f"SELECT {', '.join([*names, *keys])} FROM {rows}", files)


def write_catalog(lake: Lake) -> list[View]:
    """Put a DuckDB file with all views into the lake. Raises LakeError where the lake is no folder."""
    if lake.local_root is None:
        raise LakeError(
            f"{lake.uri(layout.catalog_file())}: DuckDB opens a database in a folder only; copy the tables, or "
            f"read {lake.uri(layout.CURRENT)} with an engine that knows the bucket"
        )
    made = views(lake)
    with lake.lock("catalog"), plain_workspace() as workspace, plain_name(lake.local_root) as root:
        aside = workspace / layout.catalog_file()
        with duckdb.connect(str(aside)) as connection:
            _set_up(connection, root)
            _create(connection, made)
        # A tool that wrote to the file and was killed has left its log beside it. No other file goes with that log,
        # so DuckDB would refuse to open this one. Before and not after: what stands there now opens without it.
        for left in lake.files(""):
            if left.startswith(f"{layout.catalog_file()}.wal"):
                lake.delete(left)
        lake.put(aside, layout.catalog_file())
    return made


@contextmanager
def open_sql(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory that sees all tables as they are now, from whatever folder it is used in."""
    if lake.local_root is None:
        raise LakeError(f"{lake.root}: queries run over a lake in a folder; this one is in a bucket")
    with plain_name(lake.local_root) as root, duckdb.connect(":memory:") as connection:
        _set_up(connection, root)
        _create(connection, views(lake, str(root)))
        yield connection


@contextmanager
def query(lake: Lake, text: str) -> Iterator[Any]:
    """The result of one query that changes nothing. Raises SqlError on any other, and on one that is wrong."""
    try:
        statements = duckdb.extract_statements(text)
        if len(statements) != 1 or statements[0].type.name not in _READS:
            raise SqlError("one SELECT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN is run; the lake is only read")
        with open_sql(lake) as connection:
            if statements[0].type.name == "EXPLAIN":
                yield connection.execute(statements[0])
            else:
                yield connection.sql(text)
    except duckdb.Error as error:
        raise SqlError(str(error)) from None


def rows_of(result: Any) -> tuple[list[str], Iterator[list[Any]]]:
    """The names of a result's columns, and its rows as Python values, a batch of them in memory."""
    reader = result.to_arrow_reader(_BATCH_ROWS)

    def rows() -> Iterator[list[Any]]:
        for batch in reader:
            # By column: two of them may have one name.
            yield from map(list, zip(*(python_values(column) for column in batch.columns), strict=True))

    return reader.schema.names, rows()


def _set_up(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    connection.execute(f"SET file_search_path = {literal(str(root))}")
    connection.execute("SET TimeZone = 'UTC'")


def _create(connection: duckdb.DuckDBPyConnection, made: list[View]) -> None:
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {identifier(schema)}")
    for view in made:
        connection.execute(view.statement)
