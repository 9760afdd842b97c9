"""dbt's description of the tables: sources with columns, tests and freshness, from the catalog.

Lives here: `lake_sources` for dbt-duckdb, which reads the lake's Parquet files, and `warehouse_sources` for tables that
somebody loaded into a schema of a warehouse. Each source table carries the key of our Dagster asset, so that
dagster-dbt draws dbt's models below it. Not here: the YAML file and the command line (`cli.commands.dbt_sources`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mews_assets.catalog.arrow import OWN_COLUMNS
from mews_assets.catalog.model import Column, Kind, RecordType, Table, snake_case
from mews_assets.catalog.reference_model import Reference
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet_of_lake
from mews_assets.marts import MARTS
from mews_assets.marts.model import Mart

CURRENT, REFERENCE = layout.CURRENT, layout.REFERENCE
_FILES = {
    CURRENT: f"scope=*/{layout.ROWS_FILE}",
    REFERENCE: layout.ROWS_FILE,
    layout.MARTS: layout.ROWS_FILE,
}
StaleAfter: TypeAlias = Callable[[RecordType], int]
_CAPTURED_AT = "_captured_at_utc"


@dataclass(frozen=True)
class _Source:
    """One source of dbt: its name, and its tables as (name, description, columns)."""

    name: str
    description: str
    tables: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Home:
    """The source in which a table is, and the column that others refer to."""

    source: str
    key: str


@dataclass(frozen=True)
class SourceOptions:
    """`stale_after` gives the age of a table's newest capture, in hours, at which `dbt source freshness` warns;
    `key_prefix` are the first parts of the assets' keys in Dagster."""

    stale_after: StaleAfter
    key_prefix: tuple[str, ...] = ()


def lake_sources(
    lake: str, tables: Sequence[Table], references: Sequence[Reference], options: SourceOptions
) -> dict[str, Any]:
    """The sources `current`, `reference` and `marts` for dbt-duckdb, which reads the lake where it stands.

    `lake` is the lake's folder or URI; dbt's environment may name another one by MEWS_LAKE. Raises LakeError for a
    folder whose name DuckDB would take for a pattern.
    """
    root = f"{{{{ env_var('MEWS_LAKE', '{lake}') }}}}"
    return _document(
        {
            "name": source.name,
            "description": source.description,
            "config": {
                "external_location": parquet_of_lake(
                    lake, root, f"{source.name}/{{name}}/{_FILES[source.name]}"
                )
            },
            "tables": list(source.tables),
        }
        for source in _sources(tables, references, options, {CURRENT: CURRENT, REFERENCE: REFERENCE})
    )


def warehouse_sources(
    schema: str, tables: Sequence[Table], references: Sequence[Reference], options: SourceOptions
) -> dict[str, Any]:
    """One source, `mews`, for the current, reference and mart tables loaded into one schema under their own names."""
    sources = _sources(tables, references, options, {CURRENT: "mews", REFERENCE: "mews"})
    return _document(
        [
            {
                "name": "mews",
                "description": "Tables of mews_assets, loaded into a warehouse.",
                "schema": schema,
                "tables": [table for source in sources for table in source.tables],
            }
        ]
    )


def _document(sources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 2, "sources": list(sources)}


def _sources(
    tables: Sequence[Table],
    references: Sequence[Reference],
    options: SourceOptions,
    named: dict[str, str],
) -> list[_Source]:
    """`named` is the name of the source in which the tables of a layer are."""
    homes = {table.name: _Home(named[CURRENT], "id") for table in tables}
    homes |= {one.name: _Home(named[REFERENCE], snake_case(one.key[0])) for one in references}
    return [
        _Source(
            CURRENT,
            "The newest version of each record.",
            tuple(_table(CURRENT, table, homes, options) for table in tables),
        ),
        _Source(
            REFERENCE,
            "What the ids of the other tables mean.",
            tuple(_table(REFERENCE, reference, homes, options) for reference in references),
        ),
        _Source(layout.MARTS, "Figures per business day.", tuple(_mart(mart, options) for mart in MARTS)),
    ]


def _table(layer: str, table: RecordType, homes: dict[str, _Home], options: SourceOptions) -> dict[str, Any]:
    return {
        "name": table.name,
        "description": table.description,
        "config": {
            "meta": {"dagster": {"asset_key": [*options.key_prefix, layer, table.name]}},
            "loaded_at_field": _CAPTURED_AT,
            "freshness": {"warn_after": {"count": options.stale_after(table), "period": "hour"}},
        },
        "columns": [
            *(_column(column, homes, _unique_key(table)) for column in table.kept_columns),
            *(
                {"name": own.name, "description": own.description}
                for own in OWN_COLUMNS
                if layer == CURRENT or own.name == _CAPTURED_AT
            ),
        ],
    }


def _unique_key(table: RecordType) -> tuple[str, ...]:
    """The columns that are unique together; none where each day has rows of its own."""
    return () if isinstance(table, Reference) and table.daily else table.key


def _column(column: Column, homes: dict[str, _Home], key: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.field_name}
    if column.description:
        found["description"] = column.description
    if column.pii:
        found["config"] = {"meta": {"personal": True}}
    if tests := _tests(column, homes, key):
        found["data_tests"] = tests
    return found


def _tests(column: Column, homes: dict[str, _Home], key: tuple[str, ...]) -> list[Any]:
    """What dbt tests of a column. Values and records that are new at Mews warn; a missing key fails."""
    tests: list[Any] = []
    if key == (column.name,):
        tests.append("unique")
    if column.required and not column.pii:  # a personal value can be hidden or forgotten
        tests.append("not_null")
    if column.kind is Kind.ENUM and not column.is_list and not column.pii:
        tests.append(_warning("accepted_values", values=list(column.values)))
    if home := homes.get(column.refers_to):
        source = f"source('{home.source}', '{column.refers_to}')"
        tests.append(_warning("relationships", to=source, field=home.key))
    return tests


def _warning(test: str, **arguments: Any) -> dict[str, Any]:
    return {test: {"arguments": arguments, "config": {"severity": "warn"}}}


def _mart(mart: Mart, options: SourceOptions) -> dict[str, Any]:
    return {
        "name": mart.name,
        "description": mart.summary,
        "config": {"meta": {"dagster": {"asset_key": [*options.key_prefix, layout.MARTS, mart.name]}}},
        "columns": [{"name": column.name, "description": column.description} for column in mart.columns],
    }
