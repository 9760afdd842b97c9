"""JSON Lines to one typed Parquet file.

Lives here: one conversion of files on the local disk, checked line by line while it runs. Not here: captures
(`landing.convert_capture`) and partitions (`changes`).

The check (`check_file`) and DuckDB read the file at the same time: DuckDB is fast but lenient, the check is strict. The
result is written to a temporary file and renamed only when both succeed.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Column, RecordType, snake_case
from mews_assets.catalog.privacy import KEEP
from mews_assets.lake.conversion.check_file import MAX_LINE_BYTES, FileFindings, check_file, open_lines
from mews_assets.lake.conversion.exact_numbers import ExactNumbers
from mews_assets.lake.conversion.find_bad_record import refused_record, wrong_record
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.conversion.repair_lines import write_repaired
from mews_assets.lake.conversion.write_masked import write_masked
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.duckdb_paths import json_lines
from mews_assets.lake.storage.duckdb_session import (
    DEFAULT_MEMORY,
    identifier,
    open_duckdb,
    read_types,
    select_columns,
)
from mews_assets.lake.storage.machine_errors import is_of_machine, is_of_memory
from mews_assets.lake.storage.parquet import (
    plain,
)

_READ_BY = ((1 << 20, 2048), (MAX_LINE_BYTES, 16))
"""The longest line, and the rows per batch of DuckDB. Its read buffers are twice as long as a line, so the second pair
is used only for a file that needs it."""
_BATCH_BYTES = 32 << 20
"""Bytes of a batch: with one thread, DuckDB holds all its rows, however long they are."""
_SAMPLE_BYTES = 1 << 20


class _ParserError(Exception):
    """DuckDB failed. The text of its error is kept only where it is about memory or a disk: others quote values."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.is_of_long_lines = "maximum_object_size" in str(error)
        is_of_machine = isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException | OSError)
        super().__init__(str(error) if is_of_machine else type(error).__name__)


@dataclass(frozen=True)
class Converted:
    """The rows that a conversion wrote, and the findings of its check."""

    rows: int
    findings: FileFindings


@dataclass(frozen=True)
class _Job:
    """The arguments of one conversion. DuckDB reads `parsed`: the sources, or repaired copies of them."""

    table: RecordType
    sources: list[Path]
    parsed: list[Path]
    aside: Path
    own: Mapping[str, str]
    masker: RowMasker
    threads: int | None
    memory: int


def convert(
    table: RecordType,
    sources: list[Path],
    target: Path,
    *,
    own: Mapping[str, str] | None = None,
    masker: RowMasker | None = None,
    threads: int | None = None,
    memory: int = DEFAULT_MEMORY,
) -> Converted:
    """Convert JSON Lines files (plain, .gz or .zst) of one table to one Parquet file.

    `own` are columns to add, as SQL expressions over Mews' names; `masker` masks personal data in the rows.
    Raises RecordError naming file, line and field on the first record that cannot become a row; an existing file at
    the target then stays as it is.
    """
    if not sources:
        raise LakeError(f"{table.name}: no file to convert was given, so {target} was not written")
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}.aside")
    try:
        job = _Job(
            table, sources, sources, aside, own or {}, masker or RowMasker(table, KEEP), threads, memory
        )
        findings = _convert_aside(job)
        rows = _verify(job, findings)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return Converted(rows, findings)


def _convert_aside(job: _Job) -> FileFindings:
    table, sources = job.table, job.sources
    with (
        TemporaryDirectory(dir=job.aside.parent, prefix=".spill-") as spill,
        ExactNumbers(Path(spill) / "exact_numbers.arrow") as exact,
        ThreadPoolExecutor(1) as checker,
    ):
        checking = checker.submit(_check, table, sources, exact)
        failure = _failure_of(job, Path(spill), None)
        findings = checking.result()  # raises RecordError, which is more precise than DuckDB's error
        if findings.mended:
            job = _repaired(job, Path(spill))
        if findings.mended or (exact.rows and failure is None):
            failure = _failure_of(job, Path(spill), exact)
        if failure is not None:
            if is_of_memory(failure.error) or is_of_machine(failure.error):
                raise failure.error
            _locate(job, Path(spill), failure)
        return findings


def _failure_of(job: _Job, spill: Path, exact: ExactNumbers | None) -> _ParserError | None:
    try:
        _copy(job, spill, exact)
    except _ParserError as error:
        return error
    return None


def _repaired(job: _Job, spill: Path) -> _Job:
    """The same job with copies of its files that DuckDB reads as they are meant."""
    copies = [spill / f"{number}.jsonl" for number in range(len(job.sources))]
    for source, copy in zip(job.sources, copies, strict=True):
        write_repaired(job.table, source, copy)
    return replace(job, parsed=copies)


def _check(table: RecordType, sources: list[Path], exact: ExactNumbers) -> FileFindings:
    findings = FileFindings()
    for path in sources:
        findings.add(check_file(table, path, partial(_keep, exact, findings.lines)))
    return findings


def _keep(exact: ExactNumbers, rows_before: int, row: int, numbers: dict[str, str]) -> None:
    exact.add(rows_before + row, numbers)


def _copy(job: _Job, spill: Path, exact: ExactNumbers | None) -> None:
    table, own = job.table, job.own
    columns = select_columns(table.kept_columns)
    columns += [f"{expression} AS {identifier(name)}" for name, expression in own.items()]
    columns.append("NULL::MAP(VARCHAR, VARCHAR) AS _exact_numbers")
    with open_duckdb(spill, threads=job.threads or _threads(), memory=job.memory) as engine:
        fitting = _BATCH_BYTES // _usual_line_bytes(job.sources)
        for line_bytes, most_rows in _READ_BY:
            source = json_lines(job.parsed, read_types(table.kept_columns), line_bytes)
            try:
                at_once = max(1, min(most_rows, fitting))
                rows = _batches(engine, f"SELECT {', '.join(columns)} FROM {source}", at_once)
                write_masked(
                    job.aside, _schema(table, own), exact.restore(rows, table) if exact else rows, job.masker
                )
                return
            except _ParserError as error:
                if not error.is_of_long_lines or line_bytes == MAX_LINE_BYTES:
                    raise


def _usual_line_bytes(sources: list[Path]) -> int:
    """The average bytes of the first lines of each file; the largest of the averages."""
    found = 1
    for path in sources:
        with suppress(EOFError, OSError), open_lines(path) as lines:  # the check reports it
            head = lines.read(_SAMPLE_BYTES)
            found = max(found, len(head) // max(1, head.count(b"\n")))
    return found


def _threads() -> int:
    """One per core, though the check and the writer run at the same time: on two cores a tenth faster than one less."""
    return min(4, os.cpu_count() or 1)


def _schema(table: RecordType, own: Mapping[str, str]) -> pa.Schema:
    """The columns of the file: the table's, the requested ones of our own, and the exact numbers.

    All are nullable here: a record without an Id is searched for and reported after writing.
    """
    every = plain(arrow_schema(table))
    names = [column.field_name for column in table.kept_columns]
    return pa.schema([every.field(name).with_nullable(True) for name in (*names, *own, "_exact_numbers")])


def _batches(engine: duckdb.DuckDBPyConnection, query: str, at_once: int) -> Iterator[pa.RecordBatch]:
    try:
        yield from engine.sql(query).to_arrow_reader(at_once)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _ParserError(error) from None


def _verify(job: _Job, findings: FileFindings) -> int:
    """The number of rows written. Raises unless they are as many as lines, each with an Id."""
    metadata = pq.read_metadata(job.aside)
    ids = [metadata.row_group(group).column(0).statistics for group in range(metadata.num_row_groups)]
    # Not `None in ids`: pyarrow crashes where statistics are compared with None.
    if any(group is None for group in ids):
        without_id = _without_nested_key(job)
    else:
        without_id = sum(bool(group.null_count or group.min == "") for group in ids)
    if without_id or metadata.num_rows != findings.lines:
        if wrong := wrong_record(job.table, job.sources):
            raise wrong
        raise LakeError(
            f"{job.table.name}: {metadata.num_rows} rows were made of {findings.lines} lines, {without_id} of them "
            f"without Id, from {_named(job.sources)}. Nothing was written"
        )
    return int(metadata.num_rows)


def _without_nested_key(job: _Job) -> int:
    """The rows without the first part of their key, where it is a nested column: these have no statistics."""
    first, *inner = (snake_case(name) for name in job.table.key[0].split("."))
    with pq.ParquetFile(job.aside) as file:
        values = file.read(columns=[".".join([first, *inner])])[first]
    for name in inner:
        values = pc.struct_field(values, name)
    return int(values.null_count + (pc.sum(pc.equal(values, "")).as_py() or 0))


def _locate(job: _Job, spill: Path, failure: _ParserError) -> None:
    """Find the record that made DuckDB fail. Always raises: RecordError where one is found, LakeError otherwise."""
    reads = partial(_reads, job, spill)
    if wrong := wrong_record(job.table, job.sources):
        raise wrong
    if wrong := refused_record(job.table, job.sources, job.parsed, reads):
        raise wrong
    raise LakeError(
        f"{job.table.name}: DuckDB could not read {_named(job.sources)}: {failure}. No record of them "
        "is wrong; nothing was written"
    )


def _reads(job: _Job, spill: Path, lines: bytes, columns: tuple[Column, ...]) -> bool:
    """Whether DuckDB reads these columns of these lines."""
    piece = spill / "piece.jsonl"
    piece.write_bytes(lines)
    chosen = ", ".join(select_columns(columns))
    source = json_lines([piece], read_types(columns), MAX_LINE_BYTES)
    with open_duckdb(spill, threads=job.threads or _threads(), memory=job.memory) as engine:
        try:
            for _ in _batches(engine, f"SELECT {chosen} FROM {source}", _READ_BY[-1][1]):
                pass
        except _ParserError:
            return False
    return True


def _named(sources: list[Path]) -> str:
    return ", ".join(path.name for path in sources)


def absent_columns(table: RecordType, file: Path) -> list[str]:
    """The required fields that no row of a converted file has: most likely the file is of another table."""
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    nulls: Counter[str] = Counter()
    for column in (group.column(at) for group in groups for at in range(metadata.num_columns)):
        if column.statistics is not None:
            nulls[column.path_in_schema] += column.statistics.null_count
    return [
        column.name for column in table.required_columns if 0 < metadata.num_rows == nulls[column.field_name]
    ]
