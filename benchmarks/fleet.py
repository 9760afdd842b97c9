"""A fleet on one lake: 400 hotels on 20 tokens, runs on one Celery worker and on two, and what their history costs.

    python -m benchmarks.fleet [--hotels 400] [--tokens 20] [--runs 20]     needs what `make test-services` installs

Postgres, Redis, an S3 server, Dagster's daemon and the workers really run, as `mews-assets init --production celery`
lays them. A run fetches one window of a table for all hotels of a token. The sandbox and the S3 server share one
process here; how much of a core it had is printed, and how long the runs waited for one, because a speed-up needs a
core for each worker.

Lives here: launching the runs and measuring them. Not here: the deployment (`mews_assets_tests.services`), and the cost
of an event on SQLite (`benchmarks.history`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_graphql.schema import create_schema

from benchmarks.history import measure
from benchmarks.load_records import START, Hotel, hotels_of, versions_of
from mews_assets import catalog
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.base.partitions import join_key
from mews_assets.defs.namespace import Namespace
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, running_sandbox
from mews_assets.sandbox.server.access_control import Access
from mews_assets.settings import read_settings
from mews_assets_tests.defs.daemon import Home, running_daemon
from mews_assets_tests.services.celery_workers import Worker, deployment
from mews_assets_tests.services.s3 import running_s3
from mews_assets_tests.services.servers import running_postgres

TABLES = ("payments", "order_items", "bills", "resource_blocks")
"""Runs take them in turn: two runs of one table merge one after another, because a merge takes all that has landed."""
HOURS = 48
RECORDS_AN_HOUR = 1
"""Of each hotel and table."""
WAITED_SECONDS = 1800.0
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_LAUNCH = """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """Seconds of CPU used, and seconds of waiting for a core."""

    used: float
    waited: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.used - other.used, self.waited - other.waited)


@dataclass(frozen=True)
class Measured:
    """The runs of one number of workers. `servers` are seconds of CPU of this process."""

    workers: int
    runs: int
    seconds: float
    cpu: Cpu
    servers: float

    @property
    def per_hour(self) -> float:
        return 3600 * self.runs / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.workers} worker(s): {self.runs} runs in {self.seconds:.0f} s, {self.per_hour:.0f} an hour. A run "
            f"took {self.cpu.used / self.runs:.1f} s of CPU and waited {self.cpu.waited / self.runs:.1f} s for a core; "
            f"the sandbox and the S3 server had {self.servers / self.seconds:.2f} cores"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotels", type=int, default=400)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--runs", type=int, default=20, help="for each number of workers")
    chosen = parser.parse_args()
    hotels = hotels_of(chosen.hotels)
    groups = [hotels[number :: chosen.tokens] for number in range(chosen.tokens)]
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        one, two = fleet(hotels, groups, chosen.runs, Path(folder))
    for measured in (one, two):
        print(measured)
    print(f"speed-up of two workers: {two.per_hour / one.per_hour:.2f}")
    print_history()


def fleet(
    hotels: list[Hotel], groups: Sequence[list[Hotel]], runs: int, folder: Path
) -> tuple[Measured, Measured]:
    """The same number of runs on one worker, and on two."""
    records = versions_of(hotels, TABLES, HOURS, RECORDS_AN_HOUR, random.Random(1))
    now = START + timedelta(hours=HOURS + 1)
    limits = ServerLimits(requests=100_000)
    with ExitStack() as stack:
        server = stack.enter_context(running_s3())
        mews = stack.enter_context(running_sandbox(records, now=now, export_seconds=1, limits=limits))
        environment = connections_of(mews, groups, folder)
        deployed = stack.enter_context(
            deployment(
                mews,
                server,
                folder,
                MEWS_TABLES=",".join(TABLES),
                MEWS_START_DATE=f"{START:%Y-%m-%d}",
                **environment,
            )
        )
        deployed.home.discover()
        stack.enter_context(running_daemon(deployed.home))
        with deployed.worker("first") as first:
            # The first run of a worker loads what the others find in the disk's cache.
            run_all(deployed.home, [first], [groups[0][:1]], "2024-06-03")
            one = run_all(deployed.home, [first], chosen_groups(groups, runs), "2024-06-03")
            with deployed.worker("second") as second:
                two = run_all(deployed.home, [first, second], chosen_groups(groups, runs), "2024-06-04")
    return one, two


def chosen_groups(groups: Sequence[list[Hotel]], runs: int) -> list[list[Hotel]]:
    return [groups[number % len(groups)] for number in range(runs)]


def connections_of(mews: RunningSandbox, groups: Sequence[list[Hotel]], folder: Path) -> dict[str, str]:
    """Give each group a token of the sandbox, and write the connections. Returns the settings."""
    tokens = {f"FLEET_TOKEN_{number}": f"token-{number}" for number in range(len(groups))}
    accesses = dict(mews.sandbox.door.accesses)
    for token, hotels in zip(tokens.values(), groups, strict=True):
        ids, chains = frozenset(one.id for one in hotels), frozenset(one.chain for one in hotels)
        accesses[token] = Access(token, ids, chains)
    mews.sandbox.door.accesses = accesses
    file = folder / "connections.toml"
    file.write_text(
        "".join(f'[[connections]]\nname = "{one}"\naccess_token_variable = "{one}"\n' for one in tokens)
    )
    return {**tokens, "MEWS_CONNECTIONS": str(file)}


def run_all(home: Home, workers: Sequence[Worker], groups: Sequence[list[Hotel]], window: str) -> Measured:
    """Launch a run of one window for each group, as the UI does, and wait for all of them."""
    servers, cpu = time.process_time(), cpu_of(workers)
    runs = launch(home, [keys_of(home, group, window) for group in groups])
    filters = dg.RunsFilter(run_ids=runs)

    def ended() -> str | None:
        done = [run for run in home.instance.get_runs(filters) if run.status in ENDED]
        return "all" if len(done) == len(runs) else None

    home.wait(ended, WAITED_SECONDS, "all runs to end")
    cpu = cpu_of(workers) - cpu
    records = home.instance.get_run_records(filters)
    failed = [record.dagster_run.run_id for record in records if not record.dagster_run.is_success]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(runs)} runs failed, {failed[0]} the first")
    seconds = max(record.end_time or 0.0 for record in records) - min(
        record.start_time or 0.0 for record in records
    )
    return Measured(len(workers), len(runs), seconds, cpu, time.process_time() - servers)


def keys_of(home: Home, hotels: Sequence[Hotel], window: str) -> list[str]:
    """The partition keys of some hotels and a window, of the keys that the instance knows."""
    ids = {one.id[:8] for one in hotels}
    known = home.instance.get_dynamic_partitions("enterprises")
    return [join_key(key, window) for key in known if key.rsplit("-", 1)[-1] in ids]


def launch(home: Home, partitions: Sequence[list[str]]) -> list[str]:
    """Launch a run for each list of partitions. Returns the ids of the runs."""
    target = ModuleTarget("mews_assets.definitions", None, None, "mews_assets")
    schema, runs = create_schema(), []
    with WorkspaceProcessContext(home.instance, target, version="") as process:
        context = process.create_request_context()
        for number, keys in enumerate(partitions):
            table = TABLES[number % len(TABLES)]
            op = op_name(catalog.table(table), Namespace.of(read_settings(home.environment)))
            run = {
                "selector": {
                    "repositoryLocationName": "mews_assets",
                    "repositoryName": "__repository__",
                    "jobName": table,
                },
                "runConfigData": json.dumps({"ops": {op: {"config": {"partitions": keys}}}}),
            }
            asked = schema.execute_async(_LAUNCH, context_value=context, variables={"run": run})
            answer: Any = asyncio.run(asked)
            if answer.errors or "run" not in answer.data["launchRun"]:
                raise SystemExit(f"a run was not launched: {answer.errors or answer.data}")
            runs.append(answer.data["launchRun"]["run"]["runId"])
    return runs


def cpu_of(workers: Sequence[Worker]) -> Cpu:
    """Of some workers and all that they started. Of processes that ended the wait is not known."""
    stats = _stats()
    wanted = {worker.process.pid for worker in workers}
    while more := {pid for pid, fields in stats.items() if int(fields[1]) in wanted and pid not in wanted}:
        wanted |= more
    used = sum(sum(map(int, stats[pid][11:15])) / _CLOCK_TICKS for pid in wanted if pid in stats)
    return Cpu(used, sum(map(_waited, wanted)))


def _stats() -> dict[int, list[str]]:
    """The fields of each process's status after its name, its parent the second of them."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended
            found[int(file.parent.name)] = file.read_text().rsplit(")", 1)[1].split()
    return found


def _waited(pid: int) -> float:
    """Seconds that a process's threads were ready to run and had no core."""
    seconds = 0.0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            seconds += int(file.read_text().split()[1]) / 1e9
    return seconds


def print_history() -> None:
    """An event's cost on SQLite and on Postgres: as an op yields it, and many stored together."""
    with running_postgres() as address:
        postgres = {"storage": {"postgres": {"postgres_url": address}}}

        def size_of(_: dg.DagsterInstance) -> int:
            engine = sa.create_engine(address)
            with engine.connect() as connection:
                size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
            engine.dispose()
            return int(size)

        for count, together in ((200, False), (2000, True)):
            sqlite = measure(count, together=together)
            on_postgres = measure(count, together=together, settings=postgres, size_of=size_of)
            for name, costs in (("SQLite", sqlite), ("Postgres", on_postgres)):
                how = "stored together" if together else "yielded one by one"
                print(
                    f"an event on {name}, {how}: {1000 * costs.cpu:.2f} ms of CPU, {1000 * costs.seconds:.2f} ms, "
                    f"{costs.size:,.0f} bytes"
                )


if __name__ == "__main__":
    main()
