"""DuckDB, set up the way every conversion and merge here uses it, and the columns of a table in its words.

Lives here: one connection's settings, the types JSON Lines are read with, and the expressions that turn what
was read into a table's columns. Not here: what is done with them (`convert`, `changes`).
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
    # As text: DuckDB takes a number straight into a decimal by way of a double, digits and all.
    Kind.DECIMAL: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.UTC: "TIMESTAMPTZ",
    Kind.DATE: "DATE",
    Kind.JSON: "JSON",
}
DECIMAL_TYPE = "DECIMAL(38, 18)"
DEFAULT_MEMORY = 1 << 30
"""Bytes, where MEWS_MEMORY does not say."""


_IDLE: list[duckdb.DuckDBPyConnection] = []
"""Engines that wait to be used again. Starting one takes 50 ms, most of it to register DuckDB's functions: as long
as a merge of a small partition. `append` and `pop` are atomic, so no two blocks ever share one."""
_IDLE_AT_MOST = 2


def _close_idle() -> None:
    while _IDLE:
        _IDLE.pop().close()


os.register_at_fork(before=_close_idle)  # an engine's threads do not live on in a child


@contextmanager
def open_duckdb(
    workspace: Path, *, threads: int | None = None, memory: int = DEFAULT_MEMORY
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own, in memory, spilling into the workspace.

    `memory` bounds, in bytes, what it holds for itself; the readers' buffers come on top. All that is made in the block
    goes with it. An engine is used again only after a block that went well and did not spill.
    """
    engine = _IDLE.pop() if _IDLE else _start()
    connection = engine.cursor()
    is_fit = False
    try:
        engine.execute(f"SET threads = {threads or min(4, os.cpu_count() or 1)}")
        engine.execute(f"SET memory_limit = '{memory}B'")
        engine.execute(f"SET temp_directory = {literal(_spilling_place(workspace))}")
        engine.execute("ATTACH ':memory:' AS work")
        connection.execute("USE work")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
        connection.close()
        is_fit = len(_IDLE) < _IDLE_AT_MOST and _is_left_clean(engine)
    finally:
        connection.close()
        if is_fit:
            _IDLE.append(engine)
        else:
            engine.close()


def _spilling_place(workspace: Path) -> str:
    """The workspace; where its name has a backslash, which DuckDB takes for `/`, the system's place for such files."""
    return gettempdir() if "\\" in str(workspace) else str(workspace)


def _start() -> duckdb.DuckDBPyConnection:
    """The flush thresholds give freed memory back at once: without them peak memory doubles at no gain in time."""
    engine = duckdb.connect(":memory:")
    engine.execute("SET allocator_flush_threshold = '1MB'")
    engine.execute("SET allocator_bulk_deallocation_flush_threshold = '1MB'")
    engine.execute("SET autoinstall_known_extensions = false")
    engine.execute("SET enable_progress_bar = false")
    return engine


def _is_left_clean(engine: duckdb.DuckDBPyConnection) -> bool:
    """Whether it lets go of its workspace: one that has spilled there does not."""
    try:
        engine.execute("DETACH work")
        engine.execute("SET temp_directory = ''")
    except duckdb.Error:
        return False
    return True


def create_temp_table(engine: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """The rows as a temporary table, which the planner knows the size of; an Arrow table it would only guess at."""
    engine.register(f"{name}_held", rows)
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {name}_held")


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def read_types(columns: tuple[Column, ...]) -> str:
    """The `columns` argument of read_json: Mews' names with the types they are read as."""
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
    """One expression for each column, under its name in the table; `nested` renames what is below it."""
    return [f"{_expression(column)} AS {identifier(column.field_name)}" for column in columns]


def _expression(column: Column) -> str:
    source = identifier(column.name)
    if column.kind is Kind.DECIMAL:
        return f"CAST({source} AS {DECIMAL_TYPE}{'[]' if column.is_list else ''})"
    return source
