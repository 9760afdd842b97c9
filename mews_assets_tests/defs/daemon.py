"""A real Dagster daemon over a real sandbox, in a folder of its own: what tests and benchmarks drive.

Lives here: starting and ending the daemon, launching a backfill as the UI does, reading what came of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import httpx
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, PartitionBackfill

from mews_assets.defs.base.partitions import register_scopes
from mews_assets.defs.base.resources import MewsResource
from mews_assets.defs.build import build_definitions
from mews_assets.ingest.directory import save_directory
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import read_settings
from mews_assets_tests import ROOT
from mews_assets_tests.defs.keys import PLAIN, scopes_of

_LAUNCH = """
mutation Launch($wanted: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $wanted) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message stack }
    ... on PartitionKeysNotFoundError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Home:
    """A Dagster home, its lake, and the environment that processes get."""

    folder: Path
    environment: dict[str, str]
    instance: dg.DagsterInstance

    @property
    def output(self) -> str:
        return (self.folder / "daemon.out").read_text(errors="replace")

    def discover(self) -> list[str]:
        """Fill the partition sets as the discovery sensor does; the keys of the enterprises."""
        settings = read_settings(self.environment)
        with MewsResource.of(settings).open() as platform:
            lake = open_lake(settings.lake, settings.grain)
            directory = save_directory(lake, platform.directory, platform.now())
            register_scopes(self.instance, directory, PLAIN)
            return scopes_of(directory)

    def launch_backfill(self, address: str, tables: Iterable[str], keys: Iterable[str]) -> str:
        """Launch a backfill of landing and changes of some tables by what the UI's launch button sends."""
        chosen = [{"path": [layer, table]} for table in tables for layer in ("landing", "changes")]
        answer = httpx.post(
            f"{address}/graphql",
            json={
                "query": _LAUNCH,
                "variables": {"wanted": {"assetSelection": chosen, "partitionNames": list(keys), "tags": []}},
            },
            timeout=120,
        ).json()
        launched = answer["data"]["launchPartitionBackfill"] if answer.get("data") else answer
        assert "backfillId" in launched, launched
        return str(launched["backfillId"])

    def backfill(self, table: str, keys: Iterable[str]) -> str:
        """Launch a backfill of landing and changes with the same call that the UI's launch button makes."""
        assets = [dg.AssetKey(["landing", table]), dg.AssetKey(["changes", table])]
        graph = build_definitions(read_settings(self.environment)).get_repository_def().asset_graph
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=uuid.uuid4().hex[:8],
            asset_graph=graph,
            partition_names=list(keys),
            asset_selection=assets,
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        return backfill.backfill_id

    def runs_of(self, backfill: str) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill})))

    def wait_for_backfill(self, backfill: str, seconds: float) -> str:
        """How the backfill ended."""

        def status() -> str | None:
            found = self.instance.get_backfill(backfill)
            ended = found is not None and found.status in BULK_ACTION_TERMINAL_STATUSES
            return found.status.value if found is not None and ended else None

        return self.wait(status, seconds, f"the backfill {backfill} to end")

    def wait(self, what: Callable[[], str | None], seconds: float, name: str) -> str:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := what():
                return found
            time.sleep(0.5)
        raise AssertionError(
            f"waited {seconds:.0f} s in vain for {name}; the daemon said:\n{self.output[-6000:]}"
        )

    def materialised(self, *key: str) -> set[str]:
        return self.instance.get_materialized_partitions(dg.AssetKey(list(key)))


@contextmanager
def home_of(mews: RunningSandbox, folder: Path, **more: str) -> Iterator[Home]:
    """A home whose storage stands before any process opens it: two that make it together spoil it."""
    dagster_home = folder / "dagster"
    dagster_home.mkdir(parents=True)
    shutil.copy(ROOT / "dagster.yaml", dagster_home / "dagster.yaml")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEWS_", "DAGSTER_"))}
    environment = {
        **kept,
        "DAGSTER_HOME": str(dagster_home),
        "MEWS_PLATFORM_ADDRESS": mews.address,
        "MEWS_CLIENT_TOKEN": mews.client_token,
        "MEWS_ACCESS_TOKEN": mews.access_token,
        "MEWS_LAKE": str(folder / "lake"),
        **more,
    }
    os.environ.update({name: value for name, value in environment.items() if name.startswith("MEWS_")})
    try:
        with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
            yield Home(folder, environment, instance)
    finally:
        for name in environment:
            if name.startswith("MEWS_"):
                del os.environ[name]


@contextmanager
def running_webserver(home: Home) -> Iterator[str]:
    """The webserver, on a free port, ended by its own id; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = ["dagster_webserver", "-m", "mews_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
    with (home.folder / "webserver.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=home.folder,
            env=home.environment | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            home.wait(lambda: _answers(address), 60, "the webserver to answer")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answers(address: str) -> str | None:
    try:
        return "yes" if httpx.get(f"{address}/server_info").is_success else None
    except httpx.TransportError:
        return None


@contextmanager
def running_daemon(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, with the code server it starts; both ended by their own ids."""
    # A shell's background jobs ignore SIGINT and Dagster stops on nothing else: the default is put back.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from dagster._daemon.cli import main; sys.argv = ['dagster-daemon', 'run', '-m', "
        "'mews_assets.definitions']; main()"
    )
    with (home.folder / "daemon.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=home.folder,
            env=home.environment | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
