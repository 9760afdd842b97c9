"""Captures of records far longer than usual: whether they become rows, how long that takes, and in how much memory.

    python -m benchmarks.large [--memory 1GiB] [--only "40,000 of 9 kB"]

Each case is a capture of payments landed in a lake of its own. It is merged, merged again with what stands, folded
into the current table and made anew from the landing, each in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, new_capture_id, read_manifest
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.settings import read_memory
from mews_assets.windows import Grain, Window

TABLE = catalog.table("payments")
SCOPE = "hotel"
DAY = datetime(2026, 3, 2, tzinfo=UTC)
CASES = {
    "40,000 of 9 kB": (40_000, 9 << 10),
    "150,000 of 4 kB": (150_000, 4 << 10),
    "30 of 15 MiB": (30, (15 << 20) + (900 << 10)),
}
STEPS = ("merge", "merge again", "current", "anew")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--memory", default=os.environ.get("MEWS_MEMORY", ""), help="MEWS_MEMORY of each step"
    )
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--lake", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        lake = open_lake(chosen.lake, Grain.DAILY)
        return _run(replace(lake, memory=read_memory(os.environ)), chosen.step)
    environment = {**os.environ, "MEWS_MEMORY": chosen.memory}
    for name in [chosen.only] if chosen.only else CASES:
        with tempfile.TemporaryDirectory(prefix="large-") as folder:
            print(f"{name}: {_land(open_lake(folder, Grain.DAILY), *CASES[name]) / 1e6:.0f} MB landed")
            for step in STEPS:
                _measure(step, folder, environment)
    return None


def _land(lake: Lake, count: int, size: int) -> int:
    with lake.workspace() as workspace:
        source = workspace / "part.jsonl"
        with source.open("wb") as file:
            for line in _lines(count, size):
                file.write(line)
        window = Window(DAY, DAY + timedelta(days=1))
        manifest = Manifest(new_capture_id(DAY), TABLE.name, "made", (SCOPE,), window, DAY)
        return capture_store.land(lake, manifest, [source], workspace).size_bytes


def _lines(count: int, size: int) -> Iterator[bytes]:
    for number in range(count):
        stamp = DAY + timedelta(milliseconds=(number * 7919) % count)
        record = {
            "Id": f"{number:08}",
            "EnterpriseId": SCOPE,
            "UpdatedUtc": stamp.isoformat().replace("+00:00", "Z"),
            # Text that does not shrink: packed and unpacked are of one size.
            "Notes": os.urandom(size // 2).hex(),
        }
        yield msgspec.json.encode(record) + b"\n"


def _measure(step: str, folder: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "benchmarks.large", "--lake", folder, "--step", step]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    last = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1]
    print(f"  {step:12} {last[:200]}", flush=True)


def _run(lake: Lake, step: str) -> None:
    began = time.perf_counter()
    if step == "current":
        rows = update_current(lake, TABLE, SCOPE).rows
    else:
        names = capture_store.captures(lake, TABLE.name)
        manifests = [] if step == "merge" else [read_manifest(lake, TABLE.name, one) for one in names]
        merged = merge(lake, TABLE, manifests, from_scratch=step == "anew")
        rows = sum(one.measures.rows for one in merged.partitions.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:7} rows, {time.perf_counter() - began:5.1f} s, peak {peak:5.0f} MB")


if __name__ == "__main__":
    main()
