"""What it costs to keep a current table up to date: one hotel's order items, folded in day by day and made anew.

    python -m benchmarks.current [--versions 1000000] [--days 180]

Prints seconds, peak memory and bytes of: making the table from all days but the last; folding the last day
in; making it anew from all of them. Then it compares the last two row by row, and says how many of 64 groups
of ids the last day touched: why the table is one file and not one for each group.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.parquet import open_writer, plain
from mews_assets.windows import Grain

TABLE = catalog.table("order_items")
SCOPE = "hotel"
FIRST = date(2026, 1, 1)
GROUPS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--lake", help=argparse.SUPPRESS)
    parser.add_argument("--from-scratch", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.lake:
        return _run_side(chosen.lake, chosen.from_scratch)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        lake = open_lake(folder, Grain.DAILY)
        per_day = chosen.versions // chosen.days
        for day in range(chosen.days - 1):
            _write_day(lake, day, per_day)
        print(f"{chosen.versions} versions of order items in {chosen.days} days, half as many records")
        _measure("all days but the last", folder)
        _write_day(lake, chosen.days - 1, per_day)
        _measure("the last day folded in", folder)
        current = Path(lake.path(layout.current_file(TABLE.name, SCOPE)))
        folded = current.rename(current.with_name("folded.parquet"))
        _measure("all days from scratch", folder, "--from-scratch")
        print(f"rows alike: {_alike(folded, current)}")
        _print_groups(lake, chosen.days - 1, current)
    return None


def _measure(what: str, folder: str, *more: str) -> None:
    command = [sys.executable, "-m", "benchmarks.current", "--lake", folder, *more]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    seconds, processor, peak, files, versions, rows, size = map(float, told)
    print(
        f"{what:24} {seconds:7.1f} s ({processor:6.1f} s of processor), peak {peak:5.0f} MB; read {files:4.0f} files, "
        f"{versions:9.0f} versions; wrote {rows:8.0f} rows, {size / 1e6:6.1f} MB"
    )


def _run_side(folder: str, from_scratch: bool) -> None:
    began, used = time.perf_counter(), time.process_time()
    told = update_current(open_lake(folder, Grain.DAILY), TABLE, SCOPE, from_scratch=from_scratch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - began, time.process_time() - used, peak)
    print(told.files_read, told.versions_read, told.rows, told.size_bytes)


def _alike(one: Path, other: Path) -> bool:
    with pq.ParquetFile(one) as left, pq.ParquetFile(other) as right:
        pieces = zip(left.iter_batches(65_536), right.iter_batches(65_536), strict=True)
        return all(a.equals(b) for a, b in pieces)


def _print_groups(lake: Lake, day: int, current: Path) -> None:
    changed = lake.path(layout.changes_file(TABLE.name, SCOPE, _key(day)))
    (ids, groups) = duckdb.sql(
        f"SELECT count(DISTINCT id), count(DISTINCT hash(id) % {GROUPS}) FROM read_parquet('{changed}')"
    ).fetchall()[0]
    rows = pq.read_metadata(current).num_rows
    print(f"the last day changed {ids} of {rows} records, in {groups} of {GROUPS} groups of ids")


def _key(day: int) -> str:
    return (FIRST + timedelta(days=day)).isoformat()


def _write_day(lake: Lake, day: int, rows: int) -> None:
    """A day's versions: half of new records, half of records of the last days."""
    schema = plain(arrow_schema(TABLE))
    made = duckdb.sql(_versions(day, rows)).to_arrow_table()
    columns = [
        made[field.name].cast(field.type) if field.name in made.column_names else pa.nulls(rows, field.type)
        for field in schema
    ]
    table = pa.table(columns, schema=schema)
    path = Path(lake.path(layout.changes_file(TABLE.name, SCOPE, _key(day))))
    path.parent.mkdir(parents=True)
    with open_writer(path, schema, table, level=3) as writer:
        writer.write_table(table, row_group_size=65_536)


def _versions(day: int, rows: int) -> str:
    def uuid(what: str) -> str:
        return f"md5({what})::uuid::varchar"

    net, tax = "round((record % 29500) / 121.0, 2)", "round((record % 29500) / 570.0, 2)"
    amount = (
        f"{{'currency': 'EUR', 'net_value': {net}, 'gross_value': {net} + {tax}, "
        f"'tax_values': [{{'code': 'CZ-S', 'value': {tax}}}], "
        f"'breakdown': {{'items': [{{'tax_rate_code': 'CZ-S', 'net_value': {net}, 'tax_value': {tax}}}]}}}}"
    )
    recent = max(1, rows * 20)
    return f"""
        WITH version AS (
            SELECT n, CASE WHEN n % 2 = 0 THEN n ELSE greatest(0, n - 1 - 2 * (hash(n) % {recent // 2})::BIGINT) END
                AS record, make_timestamptz({FIRST.year}, 1, 1, 0, 0, 0.0, 'UTC')
                + to_seconds({day * 86_400} + (n - {day * rows}) * 86400.0 / {rows}) AS stamp
            FROM range({day * rows}, {(day + 1) * rows}) AS made(n))
        SELECT {uuid("'i' || record")} AS id, '{SCOPE}' AS enterprise_id, {uuid("'a' || record")} AS account_id,
            'Customer' AS account_type, {uuid("'s' || record % 6")} AS service_id,
            {uuid("'o' || record // 3")} AS service_order_id, {uuid("'b' || record // 5")} AS bill_id,
            {uuid("'c' || record % 20")} AS accounting_category_id, 'Night ' || record % 100 AS billing_name,
            1::BIGINT AS unit_count, {amount} AS unit_amount, {amount} AS amount, {amount} AS original_amount,
            'Service' AS revenue_type, {uuid("'p' || record % 30")} AS creator_profile_id,
            {uuid("'p' || n % 30")} AS updater_profile_id, stamp AS created_utc, stamp AS updated_utc,
            stamp AS consumed_utc, CASE WHEN n % 3 = 0 THEN stamp END AS closed_utc, stamp AS start_utc,
            'Closed' AS accounting_state, 'SpaceOrder' AS type, {{'canceled_with_reservation': false}} AS options,
            '20260701T000000Z-00000001' AS _landing_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS _captured_at_utc,
            stamp AS _window_utc
        FROM version QUALIFY row_number() OVER (PARTITION BY id, updated_utc) = 1
        ORDER BY updated_utc, id"""


if __name__ == "__main__":
    main()
