"""SQL over the lake: a view for every table, in a DuckDB file beside them and in connections of our own.

Lives here: the views, the file that holds them, and running one query. The paths in the views are relative to
the lake, so that it can be moved: DuckDB looks for them in the folder it was started in and in its setting
`file_search_path`. Not here: printing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.reference import REFERENCES
from mews_assets.lake import layout
from mews_assets.lake.engine import arrow_batches, identifier, literal
from mews_assets.lake.errors import LakeError
from mews_assets.lake.parquet import plain
from mews_assets.lake.reference import reference_schema
from mews_assets.lake.store import Lake

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


def views(lake: Lake) -> list[View]:
    """A view for every table there is or could be; for marts, for those there are."""
    with duckdb.connect(":memory:") as connection:
        return _Views(lake, connection).all()


class _Views:
    """The views of a lake; the connection only tells what DuckDB calls the types of a table without rows."""

    def __init__(self, lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
        self.lake, self.connection = lake, connection

    def all(self) -> list[View]:
        found = []
        for table in catalog.TABLES:
            schema = arrow_schema(table)
            changes, current = layout.changes_folder(table.name), layout.current_folder(table.name)
            found.append(self._view(layout.CHANGES, table.name, changes, ("scope", "window"), schema))
            found.append(self._view(layout.CURRENT, table.name, current, ("scope",), schema))
        for reference in REFERENCES:
            folder = layout.reference_file(reference.name).rpartition("/")[0]
            found.append(
                self._view(layout.REFERENCE, reference.name, folder, (), reference_schema(reference))
            )
        for name in self.lake.folders(layout.MARTS):
            if self.lake.exists(layout.mart_file(name)):
                folder = layout.mart_file(name).rpartition("/")[0]
                found.append(self._view(layout.MARTS, name, folder, (), pa.schema([])))
        return found

    def _view(self, schema: str, name: str, folder: str, keys: tuple[str, ...], columns: pa.Schema) -> View:
        written = _written(self.lake, folder)
        if not written:
            return View(schema, name, self._no_rows(plain(columns), keys), 0)
        # Files are written by one version of the catalog after another: the first and the last tell whether their
        # columns differ. Looking into all of them, as union_by_name does at every query, takes seconds per 10,000.
        first, last = (pq.read_schema(self.lake.path(name)).names for name in (written[0], written[-1]))
        known = [one for one in columns.names if one in first or one in last]
        chosen = known or first
        read = [f"{literal(folder + '/*' * len(keys) + '/' + layout.ROWS_FILE)}"]
        if keys:
            types = ", ".join(f"{literal(key)}: VARCHAR" for key in keys)
            read += ["hive_partitioning = true", f"hive_types = {{{types}}}"]
        else:
            read.append("hive_partitioning = false")
        if first != last:
            read.append("union_by_name = true")
        selected = ", ".join(identifier(one) for one in (*chosen, *keys))
        return View(schema, name, f"SELECT {selected} FROM read_parquet({', '.join(read)})", len(written))

    def _no_rows(self, columns: pa.Schema, keys: tuple[str, ...]) -> str:
        """A query with the columns of a table that nothing has landed of yet."""
        relation = self.connection.from_arrow(columns.empty_table())
        types = zip(relation.columns, relation.types, strict=True)
        selected = [f"NULL::{kind} AS {identifier(name)}" for name, kind in types]
        selected += [f"NULL::VARCHAR AS {identifier(key)}" for key in keys]
        return f"SELECT {', '.join(selected)} WHERE false"


def write_catalog(lake: Lake) -> list[View]:
    """Put a DuckDB file with all views into the lake. Raises LakeError where the lake is no folder."""
    if lake.local_root is None:
        raise LakeError(
            f"{lake.uri(layout.catalog_file())}: DuckDB opens a database in a folder only; copy the tables, or "
            f"read {lake.uri(layout.CURRENT)} with an engine that knows the bucket"
        )
    made = views(lake)
    with lake.lock("catalog"), lake.workspace() as workspace:
        aside = workspace / layout.catalog_file()
        with duckdb.connect(str(aside)) as connection:
            _set_up(connection, lake)
            _create(connection, made)
        lake.put(aside, layout.catalog_file())
    return made


@contextmanager
def open_sql(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory that sees all tables as they are now, from whatever folder it is used in."""
    if lake.local_root is None:
        raise LakeError(f"{lake.root}: queries run over a lake in a folder; this one is in a bucket")
    with duckdb.connect(":memory:") as connection:
        _set_up(connection, lake)
        _create(connection, views(lake))
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
    reader = arrow_batches(result, _BATCH_ROWS)

    def rows() -> Iterator[list[Any]]:
        for batch in reader:
            # By column: two of them may have one name.
            yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))

    return reader.schema.names, rows()


def _set_up(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    connection.execute(f"SET file_search_path = {literal(str(lake.local_root))}")
    connection.execute("SET TimeZone = 'UTC'")


def _create(connection: duckdb.DuckDBPyConnection, made: list[View]) -> None:
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {identifier(schema)}")
    for view in made:
        connection.execute(view.statement)


def _written(lake: Lake, folder: str) -> list[str]:
    """The files of a table, in the order they were written."""
    selector = pafs.FileSelector(lake.path(folder), allow_not_found=True, recursive=True)
    files = [info for info in lake.filesystem.get_file_info(selector) if info.base_name == layout.ROWS_FILE]
    start = len(lake.root) + 1
    return [info.path[start:] for info in sorted(files, key=lambda info: info.mtime_ns)]
