"""Paths in SQL for DuckDB: every path is a literal, and no folder above the lake becomes a column.

Lives here: all SQL that names files. No other module writes `read_parquet` or `read_json` (a test of the architecture
checks this), because DuckDB by default

- reads a path with `*`, `?` or `[` as a pattern, and reads the files that match;
- turns a folder `state=prod` anywhere above a file into a column of that name, instead of the file's own;
- looks for the suffix of a compressed file before the first `?` of the whole path;
- splits `file_search_path` at commas, and looks for a path without a pattern in its working directory first;
- reads `\\` as `/` in a pattern, in the name of a database, and in the name of the folder it spills to.

Not here: the queries over the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import duckdb
import pyarrow as pa

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.duckdb_session import identifier, literal
from mews_assets.lake.storage.parquet import plain

_PATTERN = "*?["
_NOT_PLAIN = (*_PATTERN, "\\", ",")
_TAKES_LITERALS = int(duckdb.__version__.partition(".")[0]) >= 2
"""From 2.0 on a file can be named by a struct, which is never a pattern. Before, a pattern that only it matches."""
_COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
_NOT_COMPRESSED = "uncompressed"
_FILE = "__file"


def parquet(
    files: Sequence[Path], schema: pa.Schema | None = None, *, file_as: str = "", row_numbers: bool = False
) -> str:
    """A table function over these files and no others, for SQL: `FROM {parquet(...)}`.

    The columns are those of `schema`; a column that a file lacks is null, and other columns are left out.
    Without a schema all files have the columns of the first. `file_as` names a column with the absolute path of the
    row's file; `row_numbers` adds the column `file_row_number`, the row's number in its file.
    """
    options = [f"filename = {literal(file_as)}"] if file_as else []
    options += ["file_row_number = true"] if row_numbers else []
    return _read_parquet(_files(files), schema, options)


def parquet_partitions(
    folder: str, keys: Sequence[str], file: str, schema: pa.Schema
) -> tuple[list[str], str]:
    """All partitions of a table, future ones too: expressions for the keys, and the table function to select from.

    `folder` is the table's, with a folder `<key>=...` for each of the keys below it, and a file in the last. It is
    relative, or begins with the result of `plain_name`. The keys come from the last folders of a file's path, never
    from folders above. DuckDB opens only the files that a condition on them leaves.
    """
    levels = "".join(f"/{key}=*" for key in keys)
    # A class of one letter matches that letter and makes the path a pattern: DuckDB resolves patterns against
    # `file_search_path`, and other paths against its working directory first.
    pattern = literal(f"{folder}{levels}/[{file[0]}]{file[1:]}")
    selected = [
        f"substr(split_part({_FILE}, '/', {place - len(keys) - 1}), {len(key) + 2}) AS {identifier(key)}"
        for place, key in enumerate(keys)
    ]
    options = [f"filename = '{_FILE}'"] if keys else []
    return selected, _read_parquet(pattern, schema, options)


def parquet_of_lake(lake: str, root: str, files: str) -> str:
    """The rows of a table's files, for a tool of others that runs DuckDB over a lake elsewhere.

    `lake` is the lake's folder or URI, `root` what the tool puts before `files`, a path below it in which `*` is any
    name. Raises LakeError where the lake's name would be a pattern, or could not be quoted by such a tool.
    """
    if found := [mark for mark in f"{_PATTERN}{{}}'" if mark in lake]:
        raise LakeError(
            f"the lake {lake!r} cannot be named to DuckDB in another tool, which takes {' '.join(found)} for a pattern "
            "or a quote. Move the lake, or let the tool attach its lake.duckdb"
        )
    return f"read_parquet('{root}/{files}', hive_partitioning = false, union_by_name = true)"


def json_lines(files: Sequence[Path], columns: str, line_bytes: int) -> str:
    """A table function over JSON Lines files of one compression; `columns` are names and types as SQL."""
    compressions = {_COMPRESSION.get(file.suffix, _NOT_COMPRESSED) for file in files}
    if len(compressions) > 1:
        raise ValueError(f"files compressed by {' and '.join(sorted(compressions))} cannot be read together")
    compression = compressions.pop() if compressions else _NOT_COMPRESSED
    return (
        f"read_json({_files(files)}, format = 'newline_delimited', columns = {columns}, hive_partitioning = false, "
        f"compression = '{compression}', maximum_object_size = {line_bytes})"
    )


@contextmanager
def plain_name(folder: Path) -> Iterator[Path]:
    """A path of the folder that DuckDB reads literally, alone and before a pattern: its own, or a link's."""
    if _is_plain(folder):
        yield folder
        return
    with plain_workspace() as parent:
        link = parent / "lake"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


@contextmanager
def plain_workspace() -> Iterator[Path]:
    """A temporary folder, on any disk, whose path DuckDB reads literally."""
    with TemporaryDirectory(prefix="mews_assets-") as folder:
        if not _is_plain(Path(folder)):
            raise LakeError(
                f"{gettempdir()} cannot be used for DuckDB's files, because DuckDB gives {' '.join(_NOT_PLAIN)} in a "
                "path another meaning. Set TMPDIR to another folder"
            )
        yield Path(folder)


def _is_plain(path: Path) -> bool:
    return not any(mark in str(path) for mark in _NOT_PLAIN)


def _read_parquet(files: str, schema: pa.Schema | None, options: list[str]) -> str:
    arguments = [files, "hive_partitioning = false", *options]
    if schema is not None:
        arguments.append(f"schema = {_columns(plain(schema))}")  # Arrow 18 cannot hash descriptions
    return f"read_parquet({', '.join(arguments)})"


def _files(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_file(str(file.absolute())) for file in files) + "]"


def _file(path: str) -> str:
    if _TAKES_LITERALS:
        return f"{{'filename': {literal(path)}}}"
    return literal(only_match(path))


def only_match(path: str) -> str:
    """The pattern that matches this path only. Raises LakeError where there is none."""
    if not any(mark in path for mark in _PATTERN):
        return path
    if "\\" in path:
        raise LakeError(
            f"{path}: DuckDB {duckdb.__version__} cannot read a path with a backslash and one of {_PATTERN} in it. "
            "Install DuckDB 2.0 or later, or rename it"
        )
    return "".join(f"[{letter}]" if letter in _PATTERN else letter for letter in path)


@cache
def _columns(schema: pa.Schema) -> str:
    """A schema as the argument `schema` of `read_parquet`: columns are matched by name."""
    columns = (
        f"{literal(field.name)}: {{name: {literal(field.name)}, type: {literal(sql_type(field.type))}, "
        "default_value: NULL}"
        for field in schema
    )
    return f"MAP {{{', '.join(columns)}}}"


_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
}


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of a type of the catalog."""
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{identifier(field.name)} {sql_type(field.type)}' for field in kind)})"
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({sql_type(kind.key_type)}, {sql_type(kind.item_type)})"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return _TYPES[kind]
