"""A sandbox in its own process, for as long as a command needs it.

Lives here: starting it, pointing the environment at it, ending it. Not here: the sandbox itself (`sandbox`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from mews_assets.cli.home import HomeError, Trial, utc_now

_STOP_SECONDS = 10


@contextmanager
def sandbox_process(trial: Trial, *, export_seconds: float, port: int = 0) -> Iterator[dict[str, str]]:
    """Start the trial's sandbox; yields the settings that point at it. Its clock shows the real time."""
    command = [sys.executable, "-m", "mews_assets.sandbox", "--now", trial.began.isoformat()]
    for name, value in (
        ("hotels", trial.hotels),
        ("days", trial.days),
        ("seed", trial.seed),
        ("export-seconds", export_seconds),
        ("port", port),
    ):
        command += [f"--{name}", str(value)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        facts = dict(word.split("=", 1) for word in greeting.split() if "=" in word)
        if "address" not in facts:
            raise HomeError("the sandbox did not start; see its output above")
        with httpx.Client(trust_env=False) as http:  # on this machine: not through a proxy
            answer = http.post(f"{facts['address']}/control/clock", json={"Now": utc_now().isoformat()})
        answer.raise_for_status()
        yield {
            "MEWS_PLATFORM_ADDRESS": facts["address"],
            "MEWS_CLIENT_TOKEN": facts["client_token"],
            "MEWS_ACCESS_TOKEN": facts["access_token"],
        }
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def point_at(settings: dict[str, str], trial: Trial) -> None:
    """Use the sandbox in this process and its children."""
    os.environ.update(settings)
    os.environ.pop("MEWS_CONNECTIONS", None)
    os.environ["MEWS_START_DATE"] = trial.start_date
