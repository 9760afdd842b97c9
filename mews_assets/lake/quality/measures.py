"""What is true of partitions as they stand on disk: counted from the files, not from how they were made.

Lives here: one query over many partition files, and for those that break a rule, which of their rows do. The
checks and the metadata of a partition come from it. Not here: the rules (`rules`, `balance`).
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
from mews_assets.catalog.model import Table, snake_case
from mews_assets.lake.quality.double_entry import unbalanced
from mews_assets.lake.quality.rules import BALANCE, DUPLICATES, Rule, outside_rule, required_rule, row_rules
from mews_assets.lake.quality.tax_precision import DEFAULT_DECIMALS
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import create_temp_table, identifier, literal
from mews_assets.windows import Window

WORST_ROWS = 5
"""Of one rule in one file: enough to see what is wrong."""
WORST_FILES = 10
"""Looked into for rows, for each rule: a rule that all of a backfill breaks is not looked up a thousand times."""
VALUES_KEPT = 20
"""Of the unknown values at one place: the most frequent."""


@dataclass(frozen=True)
class Violation:
    """How often one rule is broken at one place, and by which values where that is what tells."""

    at: str
    count: int
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Measures:
    """One partition file. `missing` is by required column, and holds only those with a null."""

    rows: int
    size_bytes: int
    duplicate_keys: int
    rows_outside_window: int
    missing: dict[str, int]
    newest: datetime | None
    """The newest version in it."""
    broken: Mapping[str, tuple[Violation, ...]] = field(default_factory=dict)
    """By the rule's name; a rule that holds is not in it."""
    worst: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    """By the rule's name: a few rows that break it. Not of every file where many break it."""


def measure(
    engine: duckdb.DuckDBPyConnection,
    table: Table,
    files: list[tuple[Path, Window]],
    decimals: Iterable[int] | None = None,
) -> list[Measures]:
    """Measure partition files, each against the window it stands for; in the order given.

    `decimals` are those of each file's taxes.
    """
    if not files:
        return []
    _register(engine, files, decimals)
    paths = [path for path, _ in files]
    version = identifier(snake_case(table.version_column))
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
    off = unbalanced(engine, table.balance, _source(table, paths)) if table.balance else {}
    results = []
    for number, (path, _) in enumerate(files):
        rows, duplicates, outside, newest, nulls, *counts = by_number.get(number, (0, 0, 0, None, []))
        broken = _broken(rules, counts)
        if number in off:
            broken[BALANCE] = (Violation("transactions", off[number][0]),)
        results.append(
            Measures(
                rows=rows,
                size_bytes=path.stat().st_size,
                duplicate_keys=duplicates,
                rows_outside_window=outside,
                missing={name: count for name, count in zip(required, nulls, strict=False) if count},
                newest=newest,
                broken=broken,
                worst={BALANCE: tuple(off[number][1])} if number in off else {},
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
    """The same, with the values that break rules, counted in another look at the files that hold any.

    Not in the first look: gathering values would cost it more than all the rest, and there are mostly none.
    """
    counted: dict[tuple[int, str, str], dict[str, int]] = {}
    for rule in rules:
        where = [path for path, one in zip(paths, measured, strict=True) if _breaks(rule, one)]
        if not rule.values or not where:
            continue
        found = engine.execute(
            f"SELECT measured.number, {rule.values} AS value, count(*) AS times FROM {_source(table, where)} "
            f"WHERE {rule.broken} GROUP BY ALL ORDER BY times DESC, value"
        ).fetchall()
        for number, value, times in found:
            values = counted.setdefault((number, rule.name, rule.at), {})
            if len(values) < VALUES_KEPT:
                values[value] = times
    return [
        replace(
            one,
            broken={
                name: tuple(
                    replace(broken, values=counted.get((number, name, broken.at), {})) for broken in each
                )
                for name, each in one.broken.items()
            },
        )
        for number, one in enumerate(measured)
    ]


@dataclass(frozen=True)
class _WorstRowsQuery:
    """How to find the rows that break one rule at one place, and the files that hold any."""

    name: str
    select: str
    rest: str
    worst_first: str
    is_broken: Callable[[Measures], object]

    def query(self, table: Table, paths: list[Path]) -> str:
        """The worst rows of each file, the file's number first."""
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
    """The same, with rows of the first few files that break a rule: one query for each rule that is broken."""
    worst = [{name: list(rows) for name, rows in one.worst.items()} for one in measured]
    for look in _looks(table, rules):
        where = [number for number, one in enumerate(measured) if look.is_broken(one)][:WORST_FILES]
        if where:
            found = engine.execute(look.query(table, [paths[number] for number in where]))
            names = [column[0] for column in found.description or []]
            for number, *values in found.fetchall():
                row = dict(zip(names[1:], values, strict=True))
                worst[number].setdefault(look.name, []).append(row)
    return [
        replace(one, worst={name: tuple(rows[:WORST_ROWS]) for name, rows in found.items()})
        for one, found in zip(measured, worst, strict=True)
    ]


def _looks(table: Table, rules: list[Rule]) -> Iterator[_WorstRowsQuery]:
    version = f"row.{identifier(snake_case(table.version_column))}"
    yield _WorstRowsQuery(
        DUPLICATES,
        f"row.id AS id, {version} AS version, count(*) AS times",
        f"GROUP BY measured.number, row.id, {version} HAVING count(*) > 1",
        "times DESC, id",
        lambda one: one.duplicate_keys,
    )
    yield _look(required_rule(table), lambda one: one.missing)
    yield _look(outside_rule(), lambda one: one.rows_outside_window)
    for rule in rules:
        if rule.shown:
            yield _look(rule, partial(_breaks, rule))


def _look(rule: Rule, is_broken: Callable[[Measures], object]) -> _WorstRowsQuery:
    shown = ", ".join(f"{expression} AS {identifier(name)}" for name, expression in rule.shown.items())
    select = f'{literal(rule.at)} AS "at", {shown}'
    return _WorstRowsQuery(rule.name, select, f"WHERE {rule.broken}", f"{rule.size} DESC, row.id", is_broken)


def _breaks(rule: Rule, measures: Measures) -> bool:
    return any(broken.at == rule.at for broken in measures.broken.get(rule.name, ()))


def _source(table: Table, paths: list[Path]) -> str:
    rows = parquet(paths, arrow_schema(table), file_as="file_path")
    return f"{rows} AS row JOIN measured ON measured.path = row.file_path"


def _register(
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
    of_each = list(decimals) if decimals is not None else [DEFAULT_DECIMALS] * len(files)
    rows = [
        {
            "number": number,
            "path": str(path),
            "start": window.start,
            "upto": window.end,
            "half_unit": 0.5 * 10.0**-places,
        }
        for number, ((path, window), places) in enumerate(zip(files, of_each, strict=True))
    ]
    create_temp_table(engine, "measured", pa.Table.from_pylist(rows, schema))
