"""What checks cost, against converting the same records.

    python -m benchmarks.checks [--megabytes 300] [--runs 5]

One day of order items of one hotel becomes a partition. Timed in turn, run by run: the conversion of its JSON Lines;
reading the partition for its metadata alone; reading it with all rules of its checks; and looking up its references
and its volume. The cost of checks is what they add to the first two, as a share of the conversion.
300 MB are 190,000 items, far more than one hotel changes in a day.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.conversion import TABLE, write_records
from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.checks import Evidence
from mews_assets.defs.checks.evaluate import gather_evidence
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.changes.merge_result import MergedPartition
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.landing.capture_store import land
from mews_assets.lake.landing.manifests import Manifest, new_capture_id
from mews_assets.lake.quality import measures as measuring
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain, Window, to_api

HOTEL = "52fd68fc-86df-4fde-a615-edbf9547e8ab"
DAY = Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    table = catalog.table(TABLE)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        source = folder / f"{TABLE}.jsonl"
        rows = write_records(source, args.megabytes * 1_000_000, hotel=HOTEL, days=1)
        print(
            f"{source.stat().st_size / 1e6:.0f} MB, {rows} order items in one partition, {args.runs} runs each"
        )
        lake = open_lake(str(folder / "lake"), Grain.DAILY)
        partition = _merged(lake, table, source)
        file = folder / f"lake/changes/{TABLE}/scope={HOTEL}/window=2026-01-02/rows.parquet"
        works: dict[str, Callable[[], object]] = {
            "conversion": lambda: convert(table, [source], folder / "converted.parquet"),
            "counting alone": lambda: _measured(table, file, folder, with_rules=False),
            "counting with all rules": lambda: _measured(table, file, folder, with_rules=True),
            "references and volume": lambda: _gathered(lake, table, partition),
        }
        took: dict[str, list[float]] = {what: [] for what in works}
        for run in range(args.runs + 1):
            for what, work in works.items():
                began = time.perf_counter()
                work()
                if run:  # the first warms the page cache
                    took[what].append(time.perf_counter() - began)
    for what, seconds in took.items():
        print(
            f"{what:24} {min(seconds):6.2f} to {max(seconds):6.2f} s, median {statistics.median(seconds):6.2f} s"
        )
    shares = sorted(
        (with_rules - alone + around) / conversion
        for conversion, alone, with_rules, around in zip(*took.values(), strict=True)
    )
    print(
        f"checks add {statistics.median(shares):.1%} to the conversion ({shares[0]:.1%} to {shares[-1]:.1%}); "
        "below 30% is the aim"
    )


def _merged(lake: Lake, table: Table, source: Path) -> MergedPartition:
    (partition,) = _landed(lake, table, source, DAY)
    with lake.open_input_file(partition.name) as file:
        bills = pq.read_table(file, columns=["bill_id"]).column("bill_id").to_pylist()
    records = source.with_name("bills.jsonl")
    stamp = to_api(DAY.start)
    records.write_text(
        "".join(f'{{"Id":"{bill}","EnterpriseId":"{HOTEL}","UpdatedUtc":"{stamp}"}}\n' for bill in bills)
    )
    # From ten days before on: references are looked up only where the lake is old enough to have them.
    _landed(lake, catalog.table("bills"), records, Window(DAY.start - timedelta(days=10), DAY.end))
    return partition


def _landed(lake: Lake, table: Table, source: Path, window: Window) -> list[MergedPartition]:
    captured_at = DAY.end + timedelta(hours=1)
    manifest = Manifest(new_capture_id(captured_at), table.name, "default", (HOTEL,), window, captured_at, {})
    with lake.workspace() as workspace:
        landed = land(lake, manifest, [source], workspace)
    return list(merge(lake, table, [landed]).partitions.values())


def _measured(table: Table, file: Path, folder: Path, *, with_rules: bool) -> None:
    rules = measuring.row_rules
    try:
        if not with_rules:
            measuring.row_rules = lambda table: []
        with open_duckdb(folder) as engine:
            (found,) = measuring.measure(engine, table, [(file, DAY)])
    finally:
        measuring.row_rules = rules
    if found.broken:
        raise RuntimeError(f"the records made for this benchmark break rules: {found.broken}")


def _gathered(lake: Lake, table: Table, merged: MergedPartition) -> None:
    (found,) = gather_evidence(lake, table, [Evidence(table, merged.partition, merged)])
    if any(one.unresolved for one in found.references) or not any(not one.beside for one in found.references):
        raise RuntimeError(f"the references made for this benchmark do not resolve: {found.references}")


if __name__ == "__main__":
    main()
