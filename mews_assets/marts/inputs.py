"""The tables and functions of a mart's query: views over the lake, hotels with their clocks, and exact money.

Lives here: setting up one DuckDB for one mart. Not here: the queries.

A query finds

- `changes.<table>`, `current.<table>` and `reference.<table>`, the first two with the column `scope`, the last with one
  row per id;
- `hotels` (enterprise_id, enterprise, clock, fault, today, whole_from, final_before), from reference/enterprises, and
  `clocks`, from which business days are computed (see the module `clocks`); the clock of a hotel with a `fault` cannot
  be read, and then its days are null;
- `snapshots` (of_table, scope): the tables and hotels of which a snapshot brought all records;
- `gaps` (enterprise_id, business_day): days of which order items are known to be missing (see the module `gaps`);
- `as_of()`, the instant of the mart;
- `money(value, exact, place)`: a double as the decimal that Mews wrote; `exact` is `_exact_numbers`, which has the
digits
  that a double cannot hold, and `place` is the path of the number in the record. `times(amount, count)`: their product.
  `bounded(amount)`: the decimal. Each is null for null, and for 10^18 and more, which cannot be added up;
- `total(amount)`: the sum, exact to the 18th place and then rounded to the 10th. In two steps: `wholes(amount)` and
  `fractions(amount)` are sums that can be added up again, and `whole_and_fraction(wholes, fractions)` is the total;
- `per(amount, number)`: the quotient of a decimal and a whole number, rounded half up to the 10th place; null for zero;
- `first_text(texts)`: of a name by language, the first;
- `micros(instant)`: microseconds since 1970; `out_of_range(instant)`: whether it is outside of the instants that marts
  compute with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import snake_case
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_rows import SENT_AT, reference_schema
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import DECIMAL_TYPE, create_temp_table, identifier, literal
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import plain
from mews_assets.marts import zones
from mews_assets.marts.gaps import make_gaps
from mews_assets.marts.hotels import make_hotels

_MACROS = f"""
CREATE MACRO micros(moment) AS CASE WHEN isfinite(moment) THEN epoch_us(moment) END;
CREATE MACRO out_of_range(moment) AS
    moment < TIMESTAMPTZ {literal(zones.FIRST.isoformat())} OR moment >= TIMESTAMPTZ {literal(zones.LAST.isoformat())};
CREATE MACRO bounded(amount) AS
    CASE WHEN abs(CAST(amount AS {DECIMAL_TYPE})) < CAST('{10**18}' AS {DECIMAL_TYPE})
    THEN CAST(amount AS {DECIMAL_TYPE}) END;
CREATE MACRO money(value, exact, place) AS
    bounded(TRY_CAST(coalesce(exact[place], CAST(value AS VARCHAR)) AS {DECIMAL_TYPE}));
CREATE MACRO times(amount, number) AS bounded(TRY(amount * number));
CREATE MACRO wholes(amount) AS CAST(sum(floor(amount)) AS DECIMAL(38, 0));
CREATE MACRO fractions(amount) AS CAST(sum(amount - floor(amount)) AS {DECIMAL_TYPE});
CREATE MACRO whole_and_fraction(whole, fraction) AS CASE
    WHEN abs(whole) < {10**19}
    THEN CAST(CAST(whole AS {DECIMAL_TYPE}) + fraction AS DECIMAL(38, 10))
    ELSE CAST(whole AS DECIMAL(38, 10)) + CAST(fraction AS DECIMAL(38, 10))
END;
CREATE MACRO total(amount) AS whole_and_fraction(sum(floor(amount)), sum(amount - floor(amount)));
CREATE MACRO tenths_of_billionths(amount) AS CAST((amount - floor(amount)) * {10**10} AS HUGEINT);
CREATE MACRO per_positive(amount, number) AS CAST(CAST(floor(amount) AS HUGEINT) // number AS DECIMAL(38, 10))
    + CAST(
        (2 * ((CAST(floor(amount) AS HUGEINT) % number) * {10**10} + tenths_of_billionths(amount)) + number)
        // (2 * number) AS DECIMAL(12, 0)
    ) * CAST('0.0000000001' AS DECIMAL(10, 10));
CREATE MACRO per(amount, number) AS CASE
    WHEN number = 0 THEN NULL
    WHEN amount < 0 THEN -per_positive(-amount, CAST(number AS HUGEINT))
    ELSE per_positive(amount, CAST(number AS HUGEINT))
END;
CREATE MACRO first_text(texts) AS
    CASE WHEN json_valid(texts) THEN json_extract_string(texts, '$.*')[1] END;
"""
# A sum of 10^10 rows below 10^18 is below 10^28, the limit of 38 digits with 10 places. Whole numbers and fractions are
# added up separately, because a sum with 18 places has room for 20 digits before the point only.

ENTERPRISES = "reference/enterprises"
"""An input of every mart: a hotel's days are those of its own clock."""


def open_inputs(
    engine: duckdb.DuckDBPyConnection,
    lake: Lake,
    workspace: Path,
    inputs: Iterable[str],
    as_of: datetime,
    since: datetime | None = None,
    *,
    without: Collection[str] = (),
) -> None:
    """Make everything a query finds, without the rows of some hotels.

    From `since` on, where it is known, the lake holds all updates. Raises LakeError where a reference is missing.
    """
    engine.execute(f"CREATE MACRO as_of() AS TIMESTAMPTZ {literal(as_of.isoformat())}")
    engine.execute(_MACROS)
    inputs = tuple(inputs)
    for name in dict.fromkeys((*inputs, ENTERPRISES)):
        layer, _, table = name.partition("/")
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(layer)}")
        if layer == layout.REFERENCE:
            _view_reference(engine, lake, workspace, table)
        else:
            files = [file for file in files_of(lake, name) if layout.scope_of(file) not in without]
            _view_partitions(engine, lake, workspace, name, files)
    _make_snapshots(engine, lake, inputs)
    make_hotels(engine, as_of, since)
    make_gaps(engine, inputs, since)


def files_of(lake: Lake, name: str) -> list[str]:
    """The files of an input, such as `current/order_items`."""
    layer, _, table = name.partition("/")
    if layer == layout.REFERENCE:
        file = layout.reference_file(table)
        return [file] if lake.exists(file) else []
    folder = layout.changes_folder(table) if layer == layout.CHANGES else layout.current_folder(table)
    return [file for file in lake.files(folder, recursive=True) if file.endswith(f"/{layout.ROWS_FILE}")]


def schema_of(name: str) -> pa.Schema:
    """The columns of an input."""
    layer, _, table = name.partition("/")
    if layer == layout.REFERENCE:
        return reference_schema(next(reference for reference in REFERENCES if reference.name == table))
    return arrow_schema(catalog.table(table))


def _view_reference(engine: duckdb.DuckDBPyConnection, lake: Lake, workspace: Path, table: str) -> None:
    name = layout.reference_file(table)
    if not lake.exists(name):
        raise LakeError(f"{lake.uri(name)} does not exist: materialise reference/{table} first")
    source = parquet([lake.local_copy(name, workspace)], schema_of(f"{layout.REFERENCE}/{table}"))
    # An id that came twice would double every row that refers to it, in other hotels too.
    engine.execute(
        f"CREATE VIEW reference.{identifier(table)} AS FROM {source} "
        f"QUALIFY row_number() OVER (PARTITION BY {_key(table)} ORDER BY {SENT_AT} DESC) = 1"
    )


def _key(table: str) -> str:
    """The key of a reference table, in SQL."""
    reference = next(reference for reference in REFERENCES if reference.name == table)
    day = [f"CAST({SENT_AT} AS DATE)"] if reference.daily else []
    return ", ".join(
        [".".join(identifier(snake_case(name)) for name in path.split(".")) for path in reference.key] + day
    )


def _view_partitions(
    engine: duckdb.DuckDBPyConnection, lake: Lake, workspace: Path, name: str, names: list[str]
) -> None:
    """The files of an input as one view. Without files it has the columns and no rows."""
    schema, _, table = name.partition("/")
    view = f"{identifier(schema)}.{identifier(table)}"
    if not names:
        empty = plain(schema_of(name)).empty_table()
        engine.register(f"no_{schema}_{table}", empty.append_column("scope", pa.array([], pa.string())))
        engine.execute(f"CREATE VIEW {view} AS FROM no_{schema}_{table}")
        return
    paths = [lake.local_copy(name, workspace) for name in names]
    files = pa.table(
        {
            "filename": [str(path) for path in paths],
            "scope": [layout.scope_of(name) for name in names],
        }
    )
    engine.register(f"files_{schema}_{table}", files)
    engine.execute(
        f"CREATE VIEW {view} AS "
        f"SELECT rows.* EXCLUDE (filename), files.scope "
        f"FROM {parquet(paths, schema_of(name), file_as='filename')} rows "
        f"JOIN files_{schema}_{table} files USING (filename)"
    )


def _make_snapshots(engine: duckdb.DuckDBPyConnection, lake: Lake, inputs: Iterable[str]) -> None:
    tables = [name.partition("/")[2] for name in inputs if name.startswith(f"{layout.CURRENT}/")]
    snapshots = [
        (table, layout.scope_of(name))
        for table in tables
        for name in lake.files(layout.snapshot_folder(table), recursive=True)
        if name.endswith(f"/{layout.ROWS_FILE}")
    ]
    columns = {"of_table": [table for table, _ in snapshots], "scope": [scope for _, scope in snapshots]}
    create_temp_table(
        engine,
        "snapshots",
        pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}),
    )
