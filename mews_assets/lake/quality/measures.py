"""Counts over partition files: rows, duplicates, missing values, and rows that break rules.

Lives here: one query over many partition files, and further queries for the rows that break a rule. The checks and the
metadata of a partition come from it: they count what is on disk. Not here: the rules (`rules`, `double_entry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mews_assets.catalog.arrow import UTC_MICROSECONDS, arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.quality.double_entry import unbalanced
from mews_assets.lake.quality.rules import BALANCE, DUPLICATES, Rule, outside_rule, required_rule, row_rules
from mews_assets.lake.quality.tax_precision import DEFAULT_DECIMALS
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import create_temp_table, identifier, literal
from mews_assets.windows import Window

WORST_ROWS = 5
"""Rows shown for each rule and file."""
WORST_FILES = 10
"""Files whose rows are shown for each rule: a backfill may break a rule in a thousand files."""
VALUES_KEPT = 20
"""Unknown values kept for each field: the most frequent."""


@dataclass(frozen=True)
class Violation:
    """How many rows break one rule at one field, and the values that do, where the rule is about values."""

    at: str
    count: int
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Measures:
    """The counts of one partition file. `missing` has the number of nulls of each required column that has any."""

    rows: int
    size_bytes: int
    duplicate_keys: int
    rows_outside_window: int
    missing: dict[str, int]
    newest: datetime | None
    """Its latest version stamp; None without rows."""
    broken: Mapping[str, tuple[Violation, ...]] = field(default_factory=dict)
    """By the rule's name, for broken rules only."""
    worst: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    """By the rule's name: a few rows that break it. Empty for some files where many files break it."""


def measure(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    files: list[tuple[Path, Window]],
    decimals: Iterable[int] | None = None,
) -> list[Measures]:
    """Count over partition files, each with its window, in the order given.

    `decimals` are the decimal places of each file's taxes.
    """
    if not files:
        return []
    _register_files(engine, files, decimals)
    paths = [path for path, _ in files]
    version = identifier(table.version_field)
    required = [column.field_name for column in table.required_columns]
    missing = [f"count(*) - count(row.{identifier(name)})" for name in required]
    rules = row_rules(table)
    found = engine.execute(
        "SELECT measured.number, count(*), "
        f"count(*) - count(DISTINCT (row.id, row.{version})), "
        f"{outside_rule().count}, "
        f"max(row.{version}), [{', '.join(missing)}]{''.join(f', {rule.count}' for rule in rules)} "
        f"FROM {_source(table, paths)} GROUP BY measured.number"
    ).fetchall()
    by_number = {row[0]: row[1:] for row in found}
    unbalanced_files = unbalanced(engine, table.balance, _source(table, paths)) if table.balance else {}
    results = []
    for number, (path, _) in enumerate(files):
        rows, duplicates, outside, newest, nulls, *counts = by_number.get(number, (0, 0, 0, None, []))
        broken = _broken(rules, counts)
        if number in unbalanced_files:
            broken[BALANCE] = (Violation("transactions", unbalanced_files[number][0]),)
        results.append(
            Measures(
                rows=rows,
                size_bytes=path.stat().st_size,
                duplicate_keys=duplicates,
                rows_outside_window=outside,
                missing={name: count for name, count in zip(required, nulls, strict=False) if count},
                newest=newest,
                broken=broken,
                worst={BALANCE: tuple(unbalanced_files[number][1])} if number in unbalanced_files else {},
            )
        )
    results = _with_values(engine, table, paths, rules, results)
    return _with_worst(engine, table, paths, rules, results)


def _broken(rules: list[Rule], counts: list[Any]) -> dict[str, tuple[Violation, ...]]:
    found: dict[str, tuple[Violation, ...]] = {}
    for rule, count in zip(rules, counts, strict=False):
        if count:
            found[rule.name] = (*found.get(rule.name, ()), Violation(rule.at, count))
    return found


def _with_values(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    paths: list[Path],
    rules: list[Rule],
    measured: list[Measures],
) -> list[Measures]:
    """The same, with the values that break rules, counted in a second query over the files that have any.

    Not in the first query: collecting values would take longer than all the rest, and mostly there are none.
    """
    counted: dict[tuple[int, str, str], dict[str, int]] = {}
    for rule in rules:
        broken_paths = [
            path for path, measures in zip(paths, measured, strict=True) if _breaks(rule, measures)
        ]
        if not rule.values or not broken_paths:
            continue
        rows = engine.execute(
            f"SELECT measured.number, {rule.values} AS value, count(*) AS times FROM {_source(table, broken_paths)} "
            f"WHERE {rule.broken} GROUP BY ALL ORDER BY times DESC, value"
        ).fetchall()
        for number, value, times in rows:
            values = counted.setdefault((number, rule.name, rule.at), {})
            if len(values) < VALUES_KEPT:
                values[value] = times
    return [
        replace(
            measures,
            broken={
                name: tuple(
                    replace(violation, values=counted.get((number, name, violation.at), {}))
                    for violation in violations
                )
                for name, violations in measures.broken.items()
            },
        )
        for number, measures in enumerate(measured)
    ]


@dataclass(frozen=True)
class _WorstRowsQuery:
    """A query for the rows that break one rule at one field, and a test for the files that have any."""

    name: str
    select: str
    rest: str
    worst_first: str
    is_broken: Callable[[Measures], object]

    def query(self, table: Table, paths: list[Path]) -> str:
        """The query: the worst rows of each file, with the file's number in the first column."""
        rank = f"row_number() OVER (PARTITION BY measured.number ORDER BY {self.worst_first})"
        return (
            f"SELECT measured.number AS file, {self.select} FROM {_source(table, paths)} {self.rest} "
            f"QUALIFY {rank} <= {WORST_ROWS} ORDER BY measured.number, {self.worst_first}"
        )


def _with_worst(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    paths: list[Path],
    rules: list[Rule],
    measured: list[Measures],
) -> list[Measures]:
    """The same, with rows of the first few files that break a rule: one query for each broken rule."""
    worst = [{name: list(rows) for name, rows in measures.worst.items()} for measures in measured]
    for query in _worst_rows_queries(table, rules):
        numbers = [number for number, measures in enumerate(measured) if query.is_broken(measures)][
            :WORST_FILES
        ]
        if numbers:
            found = engine.execute(query.query(table, [paths[number] for number in numbers]))
            names = [column[0] for column in found.description or []]
            for number, *values in found.fetchall():
                row = dict(zip(names[1:], values, strict=True))
                worst[number].setdefault(query.name, []).append(row)
    return [
        replace(measures, worst={name: tuple(rows[:WORST_ROWS]) for name, rows in found.items()})
        for measures, found in zip(measured, worst, strict=True)
    ]


def _worst_rows_queries(table: Table, rules: list[Rule]) -> Iterator[_WorstRowsQuery]:
    version = f"row.{identifier(table.version_field)}"
    yield _WorstRowsQuery(
        DUPLICATES,
        f"row.id AS id, {version} AS version, count(*) AS times",
        f"GROUP BY measured.number, row.id, {version} HAVING count(*) > 1",
        "times DESC, id",
        lambda measures: measures.duplicate_keys,
    )
    yield _worst_rows_query(required_rule(table), lambda measures: measures.missing)
    yield _worst_rows_query(outside_rule(), lambda measures: measures.rows_outside_window)
    for rule in rules:
        if rule.shown:
            yield _worst_rows_query(rule, partial(_breaks, rule))


def _worst_rows_query(rule: Rule, is_broken: Callable[[Measures], object]) -> _WorstRowsQuery:
    shown = ", ".join(f"{expression} AS {identifier(name)}" for name, expression in rule.shown.items())
    select = f'{literal(rule.at)} AS "at", {shown}'
    return _WorstRowsQuery(rule.name, select, f"WHERE {rule.broken}", f"{rule.size} DESC, row.id", is_broken)


def _breaks(rule: Rule, measures: Measures) -> bool:
    return any(violation.at == rule.at for violation in measures.broken.get(rule.name, ()))


def _source(table: Table, paths: list[Path]) -> str:
    rows = parquet(paths, arrow_schema(table), file_as="file_path")
    return f"{rows} AS row JOIN measured ON measured.path = row.file_path"


def _register_files(
    engine: duckdb.DuckDBPyConnection, files: list[tuple[Path, Window]], decimals: Iterable[int] | None
) -> None:
    schema = pa.schema(
        [
            ("number", pa.int64()),
            ("path", pa.string()),
            ("start", UTC_MICROSECONDS),
            ("upto", UTC_MICROSECONDS),
            ("half_unit", pa.float64()),
        ]
    )
    decimals_of_files = list(decimals) if decimals is not None else [DEFAULT_DECIMALS] * len(files)
    rows = [
        {
            "number": number,
            "path": str(path),
            "start": window.start,
            "upto": window.end,
            "half_unit": 0.5 * 10.0**-digits,
        }
        for number, ((path, window), digits) in enumerate(zip(files, decimals_of_files, strict=True))
    ]
    create_temp_table(engine, "measured", pa.Table.from_pylist(rows, schema))
