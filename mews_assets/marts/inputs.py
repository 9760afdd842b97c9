"""What a mart's query finds: views over the lake, the hotels with their clocks, and exact money.

Lives here: setting up one DuckDB for one mart. Not here: the queries.

A query finds

- `changes.<table>`, `current.<table>` and `reference.<table>`, the first two with the column `scope`;
- `hotels` (enterprise_id, enterprise, zone, closing), from reference/enterprises;
- `as_of()`, the instant as of which the mart is made: what is stamped later is not looked at;
- `business_day(instant, zone, closing)`: the hotel's wall clock at that instant, put back by the closing
  offset, as a date. A hotel that closes its day at 02:00 counts 01:30 to the day before. Without a zone UTC is taken;
- `day_ended(day, zone, closing)`: whether that business day was over as of `as_of()`;
- `money(value, exact, place)`: a double as the decimal Mews wrote; `exact` is `_exact_numbers`, which holds the
  digits a double cannot, and `place` where the number stands in the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import pyarrow as pa

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.reference import REFERENCES
from mews_assets.lake import layout
from mews_assets.lake.duckdb_paths import parquet
from mews_assets.lake.engine import identifier, literal
from mews_assets.lake.errors import LakeError
from mews_assets.lake.parquet import plain
from mews_assets.lake.reference import reference_schema
from mews_assets.lake.store import Lake

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:0Y)?(?:0M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)

_MACROS = """
CREATE MACRO business_day(moment, zone, closing) AS
    CAST(timezone(coalesce(zone, 'UTC'), moment) - coalesce(closing, INTERVAL 0 SECOND) AS DATE);
CREATE MACRO day_ended(day, zone, closing) AS
    timezone(
        coalesce(zone, 'UTC'),
        CAST(day + INTERVAL 1 DAY AS TIMESTAMP) + coalesce(closing, INTERVAL 0 SECOND)
    ) <= as_of();
CREATE MACRO money(value, exact, place) AS
    CAST(coalesce(exact[place], CAST(value AS VARCHAR)) AS DECIMAL(38, 10));
"""

ENTERPRISES = "reference/enterprises"
"""Every mart needs it: a hotel's days are those of its own clock."""


def open_inputs(
    engine: duckdb.DuckDBPyConnection, lake: Lake, workspace: Path, inputs: Iterable[str], as_of: datetime
) -> None:
    """Make everything a query finds. Raises LakeError where a reference is missing or cannot be read."""
    engine.execute(f"CREATE MACRO as_of() AS TIMESTAMPTZ {literal(as_of.isoformat())}")
    engine.execute(_MACROS)
    for name in dict.fromkeys((*inputs, ENTERPRISES)):
        layer, _, table = name.partition("/")
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(layer)}")
        if layer == layout.REFERENCE:
            _view_reference(engine, lake, workspace, table)
        else:
            folder = layout.changes_folder(table) if layer == layout.CHANGES else layout.current_folder(table)
            _view_partitions(engine, lake, workspace, f"{layer}.{table}", folder)
    _make_hotels(engine)


def _view_reference(engine: duckdb.DuckDBPyConnection, lake: Lake, workspace: Path, table: str) -> None:
    name = layout.reference_file(table)
    if not lake.exists(name):
        raise LakeError(f"{lake.uri(name)} is not there: materialise reference/{table} first")
    reference = next(one for one in REFERENCES if one.name == table)
    source = parquet([lake.hold(name, workspace)], reference_schema(reference))
    engine.execute(f"CREATE VIEW reference.{identifier(table)} AS FROM {source}")


def _view_partitions(
    engine: duckdb.DuckDBPyConnection, lake: Lake, workspace: Path, view: str, folder: str
) -> None:
    """All files of a table as one view. Without any it is empty, and has its columns all the same."""
    table = folder.rsplit("/", 1)[-1]
    names = [one for one in lake.files(folder, recursive=True) if one.endswith(f"/{layout.ROWS_FILE}")]
    schema, _, short = view.partition(".")
    quoted = f"{identifier(schema)}.{identifier(short)}"
    if not names:
        nothing = plain(arrow_schema(catalog.table(table))).empty_table()
        engine.register(f"no_{schema}_{short}", nothing.append_column("scope", pa.array([], pa.string())))
        engine.execute(f"CREATE VIEW {quoted} AS FROM no_{schema}_{short}")
        return
    paths = [lake.hold(name, workspace) for name in names]
    files = pa.table(
        {
            "filename": [str(path) for path in paths],
            "scope": [layout.scope_of(name) for name in names],
        }
    )
    engine.register(f"files_{schema}_{short}", files)
    engine.execute(
        f"CREATE VIEW {quoted} AS "
        f"SELECT rows.* EXCLUDE (filename), files.scope "
        f"FROM {parquet(paths, arrow_schema(catalog.table(table)), file_as='filename')} rows "
        f"JOIN files_{schema}_{short} files USING (filename)"
    )


def _make_hotels(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute(
        "SELECT id, name, time_zone_identifier, business_day_closing_offset FROM reference.enterprises"
    ).fetchall()
    hotels = pa.table(
        {
            "enterprise_id": pa.array([row[0] for row in rows], pa.string()),
            "enterprise": pa.array([row[1] for row in rows], pa.string()),
            "zone": pa.array([_zone(id, name, zone) for id, name, zone, _ in rows], pa.string()),
            "closing_seconds": pa.array(
                [_seconds(id, name, offset) for id, name, _, offset in rows], pa.float64()
            ),
        }
    )
    engine.register("read_hotels", hotels)
    engine.execute(
        "CREATE TABLE hotels AS SELECT enterprise_id, enterprise, zone, to_seconds(closing_seconds) AS closing "
        "FROM read_hotels"
    )
    engine.unregister("read_hotels")


def _zone(id: str, name: str | None, zone: str | None) -> str | None:
    if zone is None:
        return None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise LakeError(
            f"enterprise {name} ({id}): TimeZoneIdentifier {zone!r} is no IANA time zone known here; "
            "correct it in Mews, or update the package tzdata"
        ) from None
    return zone


def _seconds(id: str, name: str | None, offset: str | None) -> float:
    if offset is None:
        return 0.0
    try:
        return read_duration(offset).total_seconds()
    except ValueError as error:
        raise LakeError(f"enterprise {name} ({id}): BusinessDayClosingOffset: {error}") from None


def read_duration(text: str) -> timedelta:
    """An ISO 8601 duration of days and less, as Mews writes it: `P0M0DT2H0M0S`."""
    found = _DURATION.fullmatch(text)
    if not found or text.endswith(("P", "T")):
        raise ValueError(f"{text!r} is no ISO 8601 duration of days, hours, minutes and seconds")
    parts = {name: float(value or 0) for name, value in found.groupdict().items() if name != "sign"}
    return timedelta(**parts) * (-1 if found["sign"] else 1)
