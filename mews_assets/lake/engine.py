"""DuckDB, set up the way every conversion and merge here uses it, and the columns of a table in its words.

Lives here: one connection's settings, the types JSON Lines are read with, and the expressions that turn what
was read into a table's columns. Not here: what is done with them (`convert`, `changes`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mews_assets.catalog.model import Column, Kind, Table, kept

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


@contextmanager
def open_engine(
    workspace: Path, *, threads: int | None = None, memory: str = "400MB"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own, in memory, spilling into the workspace.

    `memory` bounds what it holds for itself; the readers' buffers come on top. The flush thresholds give
    freed memory back at once: without them peak memory doubles at no gain in time.
    """
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"SET threads = {threads or min(4, os.cpu_count() or 1)}")
        connection.execute(f"SET memory_limit = '{memory}'")
        connection.execute(f"SET temp_directory = {literal(str(workspace))}")
        connection.execute("SET allocator_flush_threshold = '1MB'")
        connection.execute("SET allocator_bulk_deallocation_flush_threshold = '1MB'")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def path_list(paths: list[Path]) -> str:
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"


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


def select_columns(table: Table, exact: str | None = None) -> list[str]:
    """One expression for each kept column, under its name in the table; `nested` renames what is below it.

    `exact` names a map of numbers as text, by their place, that stand for what a double has lost of them.
    """
    return [
        f"{_expression(column, exact)} AS {identifier(column.field_name)}" for column in table.kept_columns
    ]


def _expression(column: Column, exact: str | None) -> str:
    source = identifier(column.name)
    if column.kind is Kind.DECIMAL:
        text = f"coalesce({exact}[{literal(column.name)}], {source})" if exact else source
        return f"CAST({text} AS {DECIMAL_TYPE}{'[]' if column.is_list else ''})"
    return source
