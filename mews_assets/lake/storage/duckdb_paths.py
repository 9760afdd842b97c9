"""Paths as DuckDB is given them: every one a literal, and no folder above the lake a column.

Lives here: all that the package says to DuckDB about files. No other module spells `read_parquet` or `read_json`
(a test of the architecture holds it to that), for DuckDB left to itself

- takes a path with `*`, `?` or `[` in it for a pattern, and reads the files it matches;
- takes a folder `state=prod` anywhere above a file for a column of that name, over the file's own;
- looks for the ending that says how a file is compressed before the first `?` of the whole path;
- splits `file_search_path` at commas, and looks for a path that is no pattern in the folder it runs in first;
- takes `\\` for `/` in a pattern, in the name of a database, and in that of the folder it spills to.

Not here: what is done with the rows.
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
    """The rows of these files and of no others, as SQL reads them: `FROM {parquet(...)}`.

    Columns are those of `schema`; one that a file lacks is empty there, and one that only a file has is left out.
    Without a schema all files have the columns of the first. `file_as` is a column for the absolute path of a row's
    file; with `row_numbers` there is one, `file_row_number`, for its place in its file.
    """
    options = [f"filename = {literal(file_as)}"] if file_as else []
    options += ["file_row_number = true"] if row_numbers else []
    return _read_parquet(_files(files), schema, options)


def parquet_partitions(
    folder: str, keys: Sequence[str], file: str, schema: pa.Schema
) -> tuple[list[str], str]:
    """All partitions of a table, those to come too: what to select for the keys, and what to select it from.

    `folder` is the table's, with a folder `<key>=...` for each of the keys below it, and a file in the last. It is
    relative, or begins with what `plain_name` gave. The keys are read off the last folders of a file's path, never
    off those above. DuckDB opens only the files that a condition on them leaves.
    """
    levels = "".join(f"/{key}=*" for key in keys)
    # A class of one letter means that letter, and makes a pattern of a path that is none: DuckDB looks for such a
    # one where `file_search_path` says, and not in the folder that it happens to run in.
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
    """The records of these files of JSON Lines, all compressed alike; `columns` are names and types as SQL."""
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
    """A name of the folder that DuckDB takes as it is, alone and before a pattern: its own, or that of a link to it."""
    if _is_plain(folder):
        yield folder
        return
    with plain_workspace() as place:
        link = place / "lake"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


@contextmanager
def plain_workspace() -> Iterator[Path]:
    """A folder of one's own, on whatever disk, whose name means nothing to DuckDB."""
    with TemporaryDirectory(prefix="mews_assets-") as made:
        if not _is_plain(Path(made)):
            raise LakeError(
                f"{gettempdir()} cannot hold what DuckDB writes, which takes {' '.join(_NOT_PLAIN)} in a name for "
                "something else. Set TMPDIR to another folder"
            )
        yield Path(made)


def _is_plain(path: Path) -> bool:
    return not any(mark in str(path) for mark in _NOT_PLAIN)


def _read_parquet(files: str, schema: pa.Schema | None, options: list[str]) -> str:
    told = [files, "hive_partitioning = false", *options]
    if schema is not None:
        told.append(f"schema = {_columns(plain(schema))}")  # Arrow 18 cannot hash descriptions
    return f"read_parquet({', '.join(told)})"


def _files(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_file(str(file.absolute())) for file in files) + "]"


def _file(path: str) -> str:
    if _TAKES_LITERALS:
        return f"{{'filename': {literal(path)}}}"
    return literal(only_match(path))


def only_match(path: str) -> str:
    """The pattern that matches this path alone. Raises LakeError where there is none."""
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
    """A schema as DuckDB takes it beside the files: each column found by its name."""
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
    """What DuckDB calls a type of the catalog's."""
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{identifier(one.name)} {sql_type(one.type)}' for one in kind)})"
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({sql_type(kind.key_type)}, {sql_type(kind.item_type)})"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return _TYPES[kind]
