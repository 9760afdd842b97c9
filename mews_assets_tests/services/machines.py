"""Machines that share nothing but an object store: processes with their own home, temporary folder and host name.

Lives here: starting one with a piece of work, waiting for it, and searching the objects that it left. Not here: the
object store (`s3`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.planted import unpacked
from mews_assets_tests.services.s3 import BUCKET, S3Server

LAKE = f"s3://{BUCKET}/lake"

_BEGIN = """
import sys
from datetime import timedelta
from mews_assets import catalog
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.storage import leases
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import *
from mews_assets_tests.lake.planted import *
if {sleeps}:  # a machine that sleeps for longer than its lease
    leases.RENEWED_EVERY = timedelta(hours=1)
leases.TAKEN_OVER_AFTER = timedelta(seconds={waits_seconds})
lake = open_lake({lake!r}, Grain.DAILY)
"""


@dataclass(frozen=True)
class Machine:
    """A machine with its own folders. `waits_seconds` for a lease that nobody renews; `sleeps` lets it renew none."""

    name: str
    folder: Path
    server: S3Server
    waits_seconds: float = 75.0
    sleeps: bool = False

    def start(self, work: str) -> subprocess.Popen[str]:
        """Start a process that does the work in Python, with the lake as `lake`."""
        home, temporary = self.folder / self.name / "home", self.folder / self.name / "tmp"
        for folder in (home, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self.server.environment,
            "HOME": str(home),
            "TMPDIR": str(temporary),
        }
        begin = _BEGIN.format(lake=LAKE, waits_seconds=self.waits_seconds, sleeps=self.sleeps)
        return subprocess.Popen(
            [sys.executable, "-c", begin + work],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def ended(process: subprocess.Popen[str], code: int | None = 0) -> str:
    """Wait for a process. Gives what it printed; with another exit code than expected its error is shown."""
    printed, problems = process.communicate(timeout=120)
    assert code is None or process.returncode == code, problems
    return printed + problems


def objects_with(lake: Lake, text: bytes) -> list[str]:
    """The files that hold a text, unpacked. Not the list of ids, nor leases."""
    found = []
    with lake.workspace() as workspace:
        for name in lake.files("", recursive=True):
            path = lake.local_copy(name, workspace)
            if text in unpacked(path):
                found.append(name)
    return found
