"""JSON Lines to one typed Parquet file.

Lives here: one conversion, checked line by line while it runs. It knows a table of the catalog, files on the
local disk, and nothing of partitions or captures.

The check (`lines`) and the parser (DuckDB) read the file side by side: the parser is fast but lenient, the
check says what the parser would not. A file is written aside and put in place only when both are content.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.model import Table
from mews_assets.lake.engine import identifier, literal, open_engine, path_list, read_types, select_columns
from mews_assets.lake.errors import RecordError
from mews_assets.lake.lines import MAX_LINE_BYTES, Findings, check_file, open_lines
from mews_assets.lake.records import FieldError, inspect

PARQUET_OPTIONS = (
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 32768, "
    "WRITE_BLOOM_FILTER false, DICTIONARY_SIZE_LIMIT 1000"
)
"""Row groups of 32,768 rows bound the writer's memory; level 1 saves a tenth in time for 2 % in size."""
_USUAL_LINE_BYTES = 1 << 20
"""DuckDB's read buffers are twice this long; it is raised only for a file that needs it."""


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote and what its check found."""

    rows: int
    findings: Findings


def convert(
    table: Table,
    sources: list[Path],
    target: Path,
    *,
    own: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> Converted:
    """Convert JSON Lines files (plain, .gz or .zst) of one table to one Parquet file.

    `own` are columns to add, as SQL expressions over Mews' names. Raises RecordError naming file, line and
    field on the first record that cannot become a row; nothing is then left at the target, and what stood
    there before still stands.
    """
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}.aside")
    try:
        findings = _convert_aside(table, sources, aside, own or {}, threads)
        rows = _verify(table, sources, aside, findings)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return Converted(rows, findings)


def _convert_aside(
    table: Table, sources: list[Path], aside: Path, own: Mapping[str, str], threads: int | None
) -> Findings:
    with TemporaryDirectory(dir=aside.parent, prefix=".spill-") as spill, ThreadPoolExecutor(1) as checker:
        checking = checker.submit(_check, table, sources)
        failure = None
        try:
            _copy(table, sources, aside, own, threads, Path(spill), Findings())
        except duckdb.Error as error:
            failure = error
        findings = checking.result()  # raises RecordError, which says more than the parser's own error
        if failure is not None:
            _locate(table, sources, failure)
        if findings.exact_numbers:
            _copy(table, sources, aside, own, threads, Path(spill), findings)
        return findings


def _check(table: Table, sources: list[Path]) -> Findings:
    findings = Findings()
    for path in sources:
        findings.add(check_file(table, path))
    return findings


def _copy(
    table: Table,
    sources: list[Path],
    aside: Path,
    own: Mapping[str, str],
    threads: int | None,
    spill: Path,
    findings: Findings,
) -> None:
    with open_engine(spill, threads=threads) as engine:
        exact = _register_exact(engine, findings)
        numbers = "exact.__numbers" if exact else None  # no name of Mews begins so
        columns = select_columns(table, numbers)
        columns += [f"{expression} AS {identifier(name)}" for name, expression in own.items()]
        columns.append(f"{numbers or 'NULL::MAP(VARCHAR, VARCHAR)'} AS _exact_numbers")
        join = (
            f'LEFT JOIN exact ON record."Id" = exact.__id AND record.{identifier(table.version_column)}'
            " IS NOT DISTINCT FROM exact.__version"
            if exact
            else ""
        )
        for line_bytes in (_USUAL_LINE_BYTES, MAX_LINE_BYTES):
            source = (
                f"read_json({path_list(sources)}, format = 'newline_delimited', "
                f"columns = {read_types(table.kept_columns)}, maximum_object_size = {line_bytes})"
            )
            statement = (
                f"COPY (SELECT {', '.join(columns)} FROM {source} AS record {join}) "
                f"TO {literal(str(aside))} ({PARQUET_OPTIONS})"
            )
            try:
                engine.execute(statement)
                return
            except duckdb.InvalidInputException as error:
                if "maximum_object_size" not in str(error) or line_bytes == MAX_LINE_BYTES:
                    raise


def _register_exact(engine: duckdb.DuckDBPyConnection, findings: Findings) -> bool:
    if not findings.exact_numbers:
        return False
    rows = [
        {"id": key[0], "version": key[1], "numbers": list(numbers.items())}
        for key, numbers in findings.exact_numbers.items()
    ]
    schema = pa.schema(
        [("id", pa.string()), ("version", pa.string()), ("numbers", pa.map_(pa.string(), pa.string()))]
    )
    engine.register("exact_text", pa.Table.from_pylist(rows, schema))
    engine.execute(
        # Two spellings of one instant are one version: a second match would double the row.
        "CREATE TEMP TABLE exact AS SELECT id AS __id, version::TIMESTAMPTZ AS __version, "
        "any_value(numbers) AS __numbers FROM exact_text GROUP BY ALL"
    )
    return True


def _verify(table: Table, sources: list[Path], aside: Path, findings: Findings) -> int:
    """The rows of the file just written: as many as there were lines, each with an Id."""
    metadata = pq.read_metadata(aside)
    ids = [metadata.row_group(group).column(0).statistics for group in range(metadata.num_row_groups)]
    without_id = sum(group.null_count or group.min == "" for group in ids)
    if without_id or metadata.num_rows != findings.lines:
        problem = f"{metadata.num_rows} rows came of {findings.lines} lines, {without_id} of them without Id"
        _locate(table, sources, problem)
    return int(metadata.num_rows)


def _locate(table: Table, sources: list[Path], problem: object) -> None:
    """Find the record behind a failure by looking at every one. Always raises."""
    for path in sources:
        with open_lines(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    inspect(line, table)
                except FieldError as error:
                    raise RecordError(table.name, path, number, error.path, error.problem) from None
    raise RecordError(table.name, sources[0] if sources else "no file", 0, None, str(problem))
