"""SQL over the lake: a view for every table, in a DuckDB file in the lake and in our own connections.

Lives here: the views, the file with them, and running one query. The paths in the file's views are relative to the
lake, so that it can be moved: DuckDB resolves them against its setting `file_search_path`, or else its working
directory. Not here: names for ids (`readable_views`), paths in SQL (`storage.duckdb_paths`), printing (`cli`).
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
from mews_assets.catalog.entities.series import SERIES
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_rows import reference_schema
from mews_assets.lake.landing.series_rows import newest, series_schema
from mews_assets.lake.reading.python_values import python_values
from mews_assets.lake.reading.readable_views import READABLE, readable_query
from mews_assets.lake.reading.remote_tables import remote_table
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet_partitions, plain_name, plain_workspace, sql_type
from mews_assets.lake.storage.duckdb_session import identifier, literal
from mews_assets.lake.storage.lake import Lake

SCHEMAS = (layout.CHANGES, layout.CURRENT, layout.REFERENCE, layout.SERIES, layout.MARTS, READABLE)
_BATCH_ROWS = 2048
_READS = ("SELECT", "EXPLAIN")
"""Types of statements that change nothing; DESCRIBE, SHOW, SUMMARIZE and VALUES count as SELECT."""


class SqlError(LakeError):
    """A query that cannot be run."""


@dataclass(frozen=True)
class View:
    """A table in SQL. `files` is how many files it reads; a view of no files has its columns and no rows."""

    schema: str
    name: str
    query: str
    files: int

    @property
    def statement(self) -> str:
        return f"CREATE VIEW {identifier(self.schema)}.{identifier(self.name)} AS {self.query}"


@dataclass(frozen=True)
class _Source:
    """The source of a view: a folder of the lake, the keys of the folders in it, and its columns.

    `only` is SQL after the FROM that leaves some of the rows.
    """

    schema: str
    name: str
    folder: str
    keys: tuple[str, ...]
    columns: pa.Schema
    only: str = ""


def views(lake: Lake, within: str = "") -> list[View]:
    """A view for every table of the catalog, with or without files, and for every mart with a file.

    Their paths are relative to the lake, or begin with the folder `within`.
    """
    return _with_names([_view(lake, source, within) for source in _sources(lake)])


def _with_names(made: list[View]) -> list[View]:
    """The views, and those over them that put names to ids. They stand last, because they read the others."""
    files = {view.name: view.files for view in made if view.schema == layout.CURRENT}
    queries = {table.name: readable_query(table) for table in catalog.TABLES}
    return made + [View(READABLE, name, text, files[name]) for name, text in queries.items() if text]


def _sources(lake: Lake) -> Iterator[_Source]:
    for table in catalog.TABLES:
        columns = arrow_schema(table)
        folder = layout.changes_folder(table.name)
        yield _Source(layout.CHANGES, table.name, folder, ("scope", "window"), columns)
        yield _Source(layout.CURRENT, table.name, layout.current_folder(table.name), ("scope",), columns)
    for reference in REFERENCES:
        folder = layout.reference_file(reference.name).rpartition("/")[0]
        yield _Source(layout.REFERENCE, reference.name, folder, (), reference_schema(reference))
    for series in SERIES:
        columns, folder, keys = series_schema(series), layout.series_folder(series.name), ("scope", "window")
        yield _Source(layout.SERIES, series.name, folder, keys, columns)
        yield _Source(layout.CURRENT, series.name, folder, keys, columns, newest(series))
    for name in lake.folders(layout.MARTS):
        file = layout.mart_file(name)
        if lake.exists(file):
            with lake.open_input_file(file) as content:
                columns = pq.read_schema(content)  # a mart's columns are its own
            yield _Source(layout.MARTS, name, file.rpartition("/")[0], (), columns)


def _files(lake: Lake, source: _Source) -> list[str]:
    names = lake.files(source.folder, recursive=bool(source.keys))
    return [name for name in names if name.endswith(f"/{layout.ROWS_FILE}")]


def _empty_view(source: _Source) -> View:
    columns = [f"NULL::{sql_type(field.type)} AS {identifier(field.name)}" for field in source.columns]
    columns += [f"NULL::VARCHAR AS {identifier(key)}" for key in source.keys]
    return View(source.schema, source.name, f"SELECT {', '.join(columns)} WHERE false", 0)


def _view(lake: Lake, source: _Source, within: str) -> View:
    files = len(_files(lake, source))
    names = [identifier(name) for name in source.columns.names]
    if not files:
        return _empty_view(source)
    folder = f"{within}/{source.folder}" if within else source.folder
    # Files may be written by older versions of the catalog: the columns are today's, matched in each file by name. To
    # read the columns of all files would take seconds per 10,000 files, at every query.
    keys, rows = parquet_partitions(folder, source.keys, layout.ROWS_FILE, source.columns)
    return View(
        source.schema,
        source.name,
        f"SELECT {', '.join([*names, *keys])} FROM {rows} {source.only}".rstrip(),
        files,
    )


def write_catalog(lake: Lake) -> list[View]:
    """Write a DuckDB file with all views into the lake, and return them.

    Nothing is written into an object store: DuckDB opens a database in a folder only. There `query` reads the tables.
    """
    if lake.local_root is None:
        return views(lake)
    written = views(lake)
    with lake.lock("catalog"), plain_workspace() as workspace, plain_name(lake.local_root) as root:
        aside = workspace / layout.catalog_file()
        with duckdb.connect(str(aside)) as connection:
            _set_up(connection, root)
            _create(connection, written)
        # A tool that wrote to the file and was killed has left a log in its folder, with which DuckDB would refuse to
        # open the new file. It is removed first, because the existing file opens without it.
        for name in lake.files(""):
            if name.startswith(f"{layout.catalog_file()}.wal"):
                lake.delete(name)
        lake.put(aside, layout.catalog_file())
    return written


@contextmanager
def open_sql(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory with a view for every table, for any working directory."""
    if lake.local_root is None:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            _create(connection, _remote_views(lake, connection))
            yield connection
        return
    with plain_name(lake.local_root) as root, duckdb.connect(":memory:") as connection:
        _set_up(connection, root)
        _create(connection, views(lake, str(root)))
        yield connection


def _remote_views(lake: Lake, connection: duckdb.DuckDBPyConnection) -> list[View]:
    """Views over tables in an object store, which are registered with the connection."""
    found = []
    for source in _sources(lake):
        files = _files(lake, source)
        if not files:
            found.append(_empty_view(source))
            continue
        registered = f"{source.schema}_{source.name}_in_object_store"
        connection.register(registered, remote_table(lake, files, source.keys, source.columns))
        names = ", ".join(identifier(name) for name in (*source.columns.names, *source.keys))
        text = f"SELECT {names} FROM main.{identifier(registered)} {source.only}".rstrip()
        found.append(View(source.schema, source.name, text, len(files)))
    return _with_names(found)


@contextmanager
def query(lake: Lake, text: str) -> Iterator[Any]:
    """The result of one query that changes nothing. Raises SqlError on any other statement, and on a wrong query."""
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
    """The names of a result's columns, and its rows as Python values, read batch by batch."""
    reader = result.to_arrow_reader(_BATCH_ROWS)

    def rows() -> Iterator[list[Any]]:
        for batch in reader:
            # By column: two columns may have the same name.
            yield from map(list, zip(*(python_values(column) for column in batch.columns), strict=True))

    return reader.schema.names, rows()


def _set_up(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    connection.execute(f"SET file_search_path = {literal(str(root))}")
    connection.execute("SET TimeZone = 'UTC'")


def _create(connection: duckdb.DuckDBPyConnection, views_to_create: list[View]) -> None:
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {identifier(schema)}")
    for view in views_to_create:
        connection.execute(view.statement)
