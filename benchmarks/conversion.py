"""Conversion against DuckDB's own COPY on the same file, in the same run.

    python -m benchmarks.conversion [--megabytes 1000] [--runs 5]

Both sides run as processes of their own, in turn, and write zstd Parquet from the same order items. Prints the
seconds and the peak memory of each, and the ratio pair by pair: below 1 the conversion is the faster one,
though it checks every field of every line, which COPY does not.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from mews_assets import catalog

TABLE = "order_items"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--side", choices=("ours", "copy"), help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        return _run_side(args.side, args.source)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = Path(folder) / f"{TABLE}.jsonl"
        rows = write_records(source, args.megabytes * 1_000_000)
        print(
            f"{source.stat().st_size / 1e6:.0f} MB, {rows} order items, {args.runs} runs each after a warm-up"
        )
        for side in ("copy", "ours"):
            _measure(side, source)
        pairs = [(_measure("ours", source), _measure("copy", source)) for _ in range(args.runs)]
    for name, at in (("ours", 0), ("COPY", 1)):
        seconds = [pair[at][0] for pair in pairs]
        peak = max(pair[at][1] for pair in pairs)
        print(f"{name:5} {min(seconds):6.2f} to {max(seconds):6.2f} s, median {statistics.median(seconds):6.2f} s, "
              f"peak {peak:5.0f} MB")  # fmt: skip
    ratios = sorted(ours[0] / copy[0] for ours, copy in pairs)
    print(f"ratio ours / COPY: median {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return None


def _measure(side: str, source: Path) -> tuple[float, float]:
    """Seconds of the work alone, without starting Python, and peak memory in MB of its process."""
    command = [sys.executable, "-m", "benchmarks.conversion", "--side", side, "--source", str(source)]
    seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(peak)


def _run_side(side: str, source: Path) -> None:
    import duckdb

    from mews_assets.lake.conversion.convert import convert
    from mews_assets.lake.storage.duckdb_session import literal, read_types

    table = catalog.table(TABLE)
    target = source.with_name(f"{side}.parquet")
    began = time.perf_counter()
    if side == "ours":
        convert(table, [source], target)
    else:
        duckdb.connect().execute(
            f"COPY (SELECT * FROM read_json({literal(str(source))}, format = 'newline_delimited', "
            f"columns = {read_types(table.kept_columns)})) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def write_records(path: Path, size_bytes: int, *, hotel: str = "", days: int = 180) -> int:
    """Order items as Mews sends them: compact, nested amounts, nulls written out.

    Of three hotels, unless one is given, and of so many days from 2 January 2026 on.
    """
    numbers = random.Random(1)
    enterprises, services, categories, people = (
        [_id(numbers) for _ in range(count)] for count in (3, 6, 20, 30)
    )
    enterprises = [hotel] if hotel else enterprises
    rows = written = 0
    with path.open("w") as file:
        while written < size_bytes:
            day, second = numbers.randrange(1, days + 1), numbers.randrange(86400)
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + day * 86400 + second))
            gross = numbers.randrange(500, 30000) / 100
            net = round(gross / 1.21, 2)
            tax = round(gross - net, 2)
            amount = (
                f'{{"Currency":"EUR","NetValue":{net},"GrossValue":{gross},'
                f'"TaxValues":[{{"Code":"CZ-S","Value":{tax}}}],"Breakdown":{{"Items":['
                f'{{"TaxRateCode":"CZ-S","NetValue":{net},"TaxValue":{tax}}}]}}}}'
            )
            closed = f'"{stamp}"' if numbers.random() < 0.7 else "null"
            line = (
                f'{{"Id":"{_id(numbers)}","EnterpriseId":"{numbers.choice(enterprises)}",'
                f'"AccountId":"{_id(numbers)}","AccountType":"Customer",'
                f'"ServiceId":"{numbers.choice(services)}","ServiceOrderId":"{_id(numbers)}","Notes":null,'
                f'"BillId":"{_id(numbers)}","AccountingCategoryId":"{numbers.choice(categories)}",'
                f'"BillingName":"Night {day}","ExternalIdentifier":null,"UnitCount":1,'
                f'"UnitAmount":{amount},"Amount":{amount},"OriginalAmount":{amount},"RevenueType":"Service",'
                f'"CreatorProfileId":"{numbers.choice(people)}","UpdaterProfileId":"{numbers.choice(people)}",'
                f'"CreatedUtc":"{stamp}","UpdatedUtc":"{stamp}","ConsumedUtc":"{stamp}","CanceledUtc":null,'
                f'"ClosedUtc":{closed},"StartUtc":"{stamp}","ClaimedUtc":null,"AccountingState":"Closed",'
                '"Type":"SpaceOrder","Options":{"CanceledWithReservation":false},"Data":null,'
                '"TaxExemptionReason":null,"TaxExemptionLegalReference":null}\n'
            )
            file.write(line)
            written += len(line)
            rows += 1
    return rows


def _id(numbers: random.Random) -> str:
    return str(uuid.UUID(int=numbers.getrandbits(128), version=4))


if __name__ == "__main__":
    main()
