"""A deployment on Celery: what `mews-assets init` lays, and workers with folders of their own.

Lives here: laying a home for each machine, starting and killing workers. Not here: the servers (`servers`, `s3`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from mews_assets.cli import main
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests import ROOT
from mews_assets_tests.defs.daemon import Home
from mews_assets_tests.services.machines import LAKE
from mews_assets_tests.services.s3 import BUCKET, S3Server
from mews_assets_tests.services.servers import running_postgres, running_redis

MONITORING = {"poll_interval_seconds": 2, "free_slots_after_run_end_seconds": 2}
SILENT_SECONDS = 6
LOGS = "dagster-logs"
"""The folder of the bucket that the output of runs goes to."""


@dataclass(frozen=True)
class Worker:
    """A Celery worker, which is a machine of its own: killed with all that it started."""

    process: subprocess.Popen[bytes]
    output: Path

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def is_ready(self) -> str | None:
        return "ready" if b" ready." in self.output.read_bytes() else None


@dataclass(frozen=True)
class Deployment:
    """The home of the daemon, and how workers are started beside it."""

    home: Home

    @contextmanager
    def worker(self, name: str) -> Iterator[Worker]:
        folder = self.home.folder / name
        (folder / "tmp").mkdir(parents=True)
        _lay(folder / "dagster")
        environment = {
            **self.home.environment,
            "DAGSTER_HOME": str(folder / "dagster"),
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
        }
        command = [str(Path(sys.executable).with_name("dagster-celery")), "worker", "start"]
        command += ["-A", "dagster_celery.app", "-y", str(folder / "dagster/celery.yaml"), "-q", "dagster"]
        command += ["-n", name, "--", "--concurrency", "1"]
        with (folder / "worker.out").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment
                | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = Worker(process, folder / "worker.out")
        try:
            self.home.wait(lambda: worker.is_ready, 60, f"the worker {name} to be ready")
            yield worker
        finally:
            if process.poll() is None:
                worker.kill()


def _lay(home: Path) -> None:
    assert main(["init", "--production", "celery", "--logs", f"s3://{BUCKET}/{LOGS}", str(home)]) == 0
    file = home / "dagster.yaml"
    config = yaml.safe_load(file.read_text())
    config["run_monitoring"].update(MONITORING)
    file.write_text(yaml.safe_dump(config))


@contextmanager
def deployment(mews: RunningSandbox, server: S3Server, folder: Path, **more: str) -> Iterator[Deployment]:
    """Postgres, Redis and a laid home on a lake in an object store; no process of Dagster yet."""
    with ExitStack() as stack:
        redis, postgres = stack.enter_context(running_redis()), stack.enter_context(running_postgres())
        kept = {name: one for name, one in os.environ.items() if not name.startswith(("MEWS_", "DAGSTER_"))}
        environment = {
            **kept,
            **server.environment,
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_POSTGRES_URL": postgres,
            "CELERY_BROKER": f"{redis}/0",
            "CELERY_BACKEND": f"{redis}/1",
            "MEWS_PLATFORM_ADDRESS": mews.address,
            "MEWS_CLIENT_TOKEN": mews.client_token,
            "MEWS_ACCESS_TOKEN": mews.access_token,
            "MEWS_LAKE": LAKE,
            "MEWS_WORKER_SILENT_SECONDS": str(SILENT_SECONDS),
            **more,
        }
        _lay(folder / "dagster")
        before = dict(os.environ)
        os.environ.update(environment)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(folder / "dagster")))
        yield Deployment(Home(folder, environment, instance))
