"""Pacing among processes and machines: requests that arrive at the sandbox in any 30 seconds, over real HTTP.

    python -m benchmarks.pacing [--processes 16] [--machines 2] [--seconds 100]     needs `make test-services`

Lives here: processes of machines with their own home and temporary folder that ask as fast as they may with one token,
on a lake in an S3 server on this machine. Ends with 1 where more arrive than Mews allows, or fewer than 85 % of the
budget.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from mews_assets.api.transport.pacing import LIMIT, SECONDS
from mews_assets.sandbox.running import RunningSandbox, running_sandbox
from mews_assets.sandbox.server.access_control import LIMIT_REQUESTS
from mews_assets.sandbox.server.request_rules import Refusal
from mews_assets_tests.services.machines import LAKE
from mews_assets_tests.services.s3 import S3Server, running_s3

ASK = """
import os, sys, time
from mews_assets.clients import client_of
from mews_assets.settings import read_settings
settings = read_settings(os.environ)
with client_of(settings, settings.connections[0]) as client:
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        client.ask("enterprises/getAll", {"Limitation": {"Count": 1}})
"""
NEEDED = 0.85


def measure(arrivals: list[float], seconds: float) -> tuple[int, float]:
    """The most arrivals in any window, and the mean per window once all have a share."""
    busiest = max(sum(one - SECONDS < other <= one for other in arrivals) for one in arrivals)
    begin, end = arrivals[0] + SECONDS, arrivals[0] + seconds
    windows = int((end - begin) // SECONDS)
    counted = sum(begin <= one < begin + windows * SECONDS for one in arrivals)
    return busiest, counted / windows


def run(mews: RunningSandbox, server: S3Server, processes: int, machines: int, seconds: float) -> bool:
    arrivals: list[float] = []
    refused: list[float] = []
    limit = mews.sandbox.limit
    take = type(limit).take

    def note(name: str) -> None:
        arrivals.append(time.monotonic())
        try:
            take(limit, name)
        except Refusal:
            refused.append(arrivals[-1])
            raise

    limit.take = note  # type: ignore[method-assign]
    server.requests.clear()
    with tempfile.TemporaryDirectory() as folder:
        running = [
            start(mews, server, Path(folder) / f"{number % machines}", seconds) for number in range(processes)
        ]
        for process in running:
            process.wait()
    arrivals.sort()
    busiest, mean = measure(arrivals, seconds)
    gaps = max(later - earlier for earlier, later in pairwise(arrivals))
    store = Counter(server.requests)
    print(
        f"{processes:3} processes on {machines} machines: {len(arrivals)} requests, {len(refused)} refused; at most "
        f"{busiest} in {SECONDS:.0f} s (Mews allows {LIMIT_REQUESTS}), {mean:.0f} on average after the first "
        f"({mean / LIMIT:.0%} of {LIMIT}); longest gap {gaps:.0f} s; object store: {store['GET']} GET, "
        f"{store['PUT']} PUT"
    )
    mews.reset()
    return busiest <= LIMIT_REQUESTS and mean >= NEEDED * LIMIT


def start(mews: RunningSandbox, server: S3Server, machine: Path, seconds: float) -> subprocess.Popen[bytes]:
    for name in ("home", "tmp"):
        (machine / name).mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **server.environment,
        "HOME": str(machine / "home"),
        "TMPDIR": str(machine / "tmp"),
        "MEWS_PLATFORM_ADDRESS": mews.address,
        "MEWS_CLIENT_TOKEN": mews.client_token,
        "MEWS_ACCESS_TOKEN": mews.access_token,
        "MEWS_START_DATE": "2026-01-01",
        "MEWS_LAKE": LAKE,
    }
    return subprocess.Popen(
        [sys.executable, "-c", ASK, str(seconds)], env=environment, start_new_session=True
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Requests per window of processes that share one token.")
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--machines", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=100.0)
    args = parser.parse_args()
    with running_s3() as server, running_sandbox([]) as mews:
        is_good = run(mews, server, 1, 1, args.seconds)
        return 0 if run(mews, server, args.processes, args.machines, args.seconds) and is_good else 1


if __name__ == "__main__":
    sys.exit(main())
