"""DuckDB connections with the settings of every conversion and merge, and a table's columns in its SQL.

Lives here: the settings of a connection, the types that JSON Lines are read with, and the expressions that turn them
into a table's columns. Not here: the queries (`conversion.convert`, `changes`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import duckdb
import pyarrow as pa

from mews_assets.catalog.model import Column, Kind, kept

_READ_TYPES = {
    Kind.STRING: "VARCHAR",
    Kind.ENUM: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    # As text: DuckDB reads a number into a decimal through a double, and loses digits.
    Kind.DECIMAL: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.UTC: "TIMESTAMPTZ",
    Kind.DATE: "DATE",
    Kind.JSON: "JSON",
}
DECIMAL_TYPE = "DECIMAL(38, 18)"
DEFAULT_MEMORY = 1 << 30
"""Bytes, where MEWS_MEMORY is not set."""


_IDLE: list[duckdb.DuckDBPyConnection] = []
"""Databases kept for the next use. Starting one takes 50 ms, mostly to register DuckDB's functions: as long as merging
a small partition. `append` and `pop` are atomic, so no two blocks ever share a database."""
_MAX_IDLE = 2


def _close_idle() -> None:
    while _IDLE:
        _IDLE.pop().close()


os.register_at_fork(before=_close_idle)  # DuckDB's threads do not survive a fork


@contextmanager
def open_duckdb(
    workspace: Path, *, threads: int | None = None, memory: int = DEFAULT_MEMORY
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB database in memory, for this block only, which spills into the workspace.

    `memory` limits its own memory in bytes; the readers' buffers come on top. All tables made in the block are dropped
    at its end. A database is kept for the next block only after a block that raised nothing and did not spill.
    """
    engine = _IDLE.pop() if _IDLE else _start()
    connection = engine.cursor()
    is_fit = False
    try:
        engine.execute(f"SET threads = {threads or min(4, os.cpu_count() or 1)}")
        engine.execute(f"SET memory_limit = '{memory}B'")
        engine.execute(f"SET temp_directory = {literal(_spill_folder(workspace))}")
        engine.execute("ATTACH ':memory:' AS work")
        connection.execute("USE work")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
        connection.close()
        is_fit = len(_IDLE) < _MAX_IDLE and _is_left_clean(engine)
    finally:
        connection.close()
        if is_fit:
            _IDLE.append(engine)
        else:
            engine.close()


def _spill_folder(workspace: Path) -> str:
    """The workspace; the system's temporary folder where its path has a backslash, which DuckDB reads as `/`."""
    return gettempdir() if "\\" in str(workspace) else str(workspace)


def _start() -> duckdb.DuckDBPyConnection:
    """A new database. The flush thresholds return freed memory at once: without them peak memory doubles at no gain."""
    engine = duckdb.connect(":memory:")
    engine.execute("SET allocator_flush_threshold = '1MB'")
    engine.execute("SET allocator_bulk_deallocation_flush_threshold = '1MB'")
    engine.execute("SET autoinstall_known_extensions = false")
    engine.execute("SET enable_progress_bar = false")
    return engine


def _is_left_clean(engine: duckdb.DuckDBPyConnection) -> bool:
    """Whether it released its workspace: a database that has spilled does not."""
    try:
        engine.execute("DETACH work")
        engine.execute("SET temp_directory = ''")
    except duckdb.Error:
        return False
    return True


def create_temp_table(engine: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make a temporary table of the rows: its planner knows the size of a table, and guesses that of Arrow rows."""
    engine.register(f"{name}_held", rows)
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {name}_held")


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def read_types(columns: tuple[Column, ...]) -> str:
    """The argument `columns` of `read_json`: Mews' names, each with the type it is read as."""
    pairs = (f"{literal(column.name)}: {literal(_read_type(column))}" for column in columns)
    return "{" + ", ".join(pairs) + "}"


def _read_type(column: Column) -> str:
    if column.kind is Kind.OBJECT:
        fields = (f"{identifier(nested.name)} {_read_type(nested)}" for nested in kept(column.columns))
        single = f"STRUCT({', '.join(fields)})"
    else:
        single = _READ_TYPES[column.kind]
    return f"{single}[]" if column.is_list else single


def select_columns(columns: tuple[Column, ...]) -> list[str]:
    """One expression for each column, named as in the table; `rename_nested` renames nested fields later."""
    return [f"{_expression(column)} AS {identifier(column.field_name)}" for column in columns]


def _expression(column: Column) -> str:
    source = identifier(column.name)
    if column.kind is Kind.DECIMAL:
        return f"CAST({source} AS {DECIMAL_TYPE}{'[]' if column.is_list else ''})"
    return source
