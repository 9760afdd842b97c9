"""What many partitions cost: loading definitions, a sensor's tick, a run's events, the asset page's query.

    python -m benchmarks.scale            1,000 enterprises x 3 years of months, and 50 x 2 years of days
    python -m benchmarks.scale --run      also one run that fills 1,500 partitions

Each case runs in a process of its own, so that peak memory is its own. 95 % of the partitions have a file in the lake
and an event in the instance; the sensor finds the rest. Numbers are seconds and MB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.event_tables import store_materialisations
from mews_assets.defs.base.partitions import join_key, keys_in, register_scopes
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.defs.build import build_definitions
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import load_directory, save_directory
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, running_sandbox
from mews_assets.settings import Settings, read_settings
from mews_assets.windows import settled_windows, to_key
from mews_assets_tests.sandbox.made import made_id

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
CASES = {
    "1,000 x 3 years of months": (1000, "2023-01-01", "monthly"),
    "50 x 2 years of days": (50, "2024-01-01", "daily"),
    "100 access tokens x 1 year of months": (100, "2025-01-01", "monthly"),
}
TABLES = ("order_items", "availability_adjustments", "outlet_items")
"""Tables of one export for all hotels, of one export per hotel, and of pages."""


def hotels(count: int) -> Iterator[Version]:
    """The records of hotels without anything in them."""
    for number in range(count):
        scope = made_id(f"hotel {number}")
        record = {
            "Id": scope,
            "ChainId": made_id(f"chain {number % 20}"),
            "Name": f"Hotel {number}",
            "UpdatedUtc": "2020-01-01T00:00:00Z",
        }
        yield Version("Enterprise", scope, scope, 0, msgspec.json.encode(record))


@contextmanager
def stage(
    count: int, start: str, grain: str, *, by_token: bool = False
) -> Iterator[tuple[RunningSandbox, Settings, dg.DagsterInstance]]:
    """A sandbox of these hotels, a lake and an instance that know them."""
    with (
        tempfile.TemporaryDirectory(prefix="scale-") as folder,
        running_sandbox(
            hotels(count), now=NOW, export_seconds=600, limits=ServerLimits(requests=100_000)
        ) as mews,
    ):
        mews.set_clock(NOW, running=False)
        environment = {
            "MEWS_PLATFORM_ADDRESS": mews.address,
            "MEWS_CLIENT_TOKEN": mews.client_token,
            "MEWS_ACCESS_TOKEN": mews.access_token,
            "MEWS_START_DATE": start,
            "MEWS_WINDOW": grain,
            "MEWS_LAKE": f"{folder}/lake",
        }
        Path(folder, "dagster.yaml").write_text("telemetry: {enabled: false}")
        if by_token:
            environment["MEWS_CONNECTIONS"] = f"{folder}/connections.toml"
            tokens = {f"TOKEN_{number}": token for number, token in enumerate(mews.hotel_tokens)}
            rows = [f'[[connections]]\nname = "{one}"\naccess_token_variable = "{one}"\n' for one in tokens]
            Path(environment["MEWS_CONNECTIONS"]).write_text("".join(rows))
            os.environ.update(tokens)
        os.environ.update(environment, DAGSTER_HOME=folder)
        settings = read_settings(environment)
        with dg.DagsterInstance.from_config(folder) as instance:
            yield mews, settings, instance


def fill(instance: dg.DagsterInstance, settings: Settings, share: float) -> int:
    """Let a share of the partitions of three tables and their partners stand in the lake, known to Dagster."""
    lake = open_lake(settings.lake, settings.grain)
    scopes, keys = (
        instance.get_dynamic_partitions("enterprises"),
        keys_in(instance, load_directory(lake), settings.grain, Namespace()),
    )
    settled = settled_windows(settings.start, NOW, settings.grain, by_day=False)
    windows = [to_key(window, settings.grain) for window in settled]
    wanted = [(scope, window) for window in windows for scope in scopes]
    chosen = wanted[: int(len(wanted) * share)]
    for name in TABLES:
        for table in catalog.partners(catalog.table(name)):
            for hotel, window in chosen:
                scope = keys.scopes.scope_of(hotel)
                file = Path(lake.path(layout.changes_file(table.name, scope, window)))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()  # sensors list files and open none
            for key in (Namespace().landing(table), Namespace().changes(table)):
                events = (
                    dg.AssetMaterialization(key, partition=join_key(*partition)) for partition in chosen
                )
                store_materialisations(instance, events)
    return len(wanted)


def tick(instance: dg.DagsterInstance, settings: Settings, name: str, cursor: str | None = None) -> Any:
    repository = build_definitions(settings).get_repository_def()
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_def=repository,
        sensor_name=name,
        resources={"mews": MewsResource.of(settings), "lake": LakeResource.of(settings)},
    )
    sensor = repository.get_sensor_def(name)
    return timed(f"tick of {name}", lambda: sensor.evaluate_tick(context))


def timed(name: str, work: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = work()
    print(f"  {time.perf_counter() - began:8.2f} s  {name}", flush=True)
    return result


def health(instance: dg.DagsterInstance, settings: Settings) -> None:
    """The asset page's question, answered by the schema that the web server serves, in this process."""
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import PythonFileTarget
    from dagster_graphql.schema import create_schema

    query = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
        partitionStats { numMaterialized numPartitions }
        assetPartitionStatuses { ... on MultiPartitionStatuses { ranges { primaryDimStartKey } } } } } }"""
    target = PythonFileTarget(
        str(Path(__file__).parents[1] / "mews_assets" / "definitions.py"), "defs", None, "mews_assets"
    )
    with WorkspaceProcessContext(instance, target, version="") as process:
        schema = create_schema()
        for name in ("the asset page's partition health, first", "the same again"):
            context = process.create_request_context()
            key = {"path": Namespace().changes(catalog.table("order_items")).path}
            asked = partial(schema.execute_async, query, context_value=context, variables={"key": key})
            answer = timed(name, lambda: asyncio.run(asked()))  # noqa: B023
            if answer.errors:
                raise RuntimeError(answer.errors)
            print(f"              {answer.data['assetNodeOrError']['partitionStats']}")


def case(name: str) -> None:
    count, start, grain = CASES[name]
    with stage(count, start, grain, by_token="tokens" in name) as (mews, settings, instance):
        definitions = timed("definitions load", lambda: build_definitions(settings))
        timed("and resolve", lambda: definitions.get_repository_def().get_all_jobs())
        with MewsResource.of(settings).open() as platform:
            lake = open_lake(settings.lake, settings.grain)
            register_scopes(instance, save_directory(lake, platform.directory, platform.now()), Namespace())
        for sensor in ("export_order_items", "export_availability_adjustments", "pages_outlet_items"):
            tick(instance, settings, sensor)
        print("  of nothing there, as above; of 95 % there:")
        total = fill(instance, settings, 0.95)
        for sensor in (
            "discovery",
            "export_order_items",
            "export_availability_adjustments",
            "pages_outlet_items",
        ):
            told = tick(instance, settings, sensor)
        tick(instance, settings, "export_order_items", told.cursor)
        print(f"  {total} partitions a table; requests {mews.requests()['Counts']}")
        health(instance, settings)


def one_run(partitions: int) -> None:
    """One run that fills this many partitions, with 50 hotels: the events are what it costs."""
    with stage(50, "2025-01-01", "daily") as (mews, settings, instance):
        mews.sandbox.exports._length_us = 0
        mews.set_clock(NOW, running=True)
        with MewsResource.of(settings).open() as platform:
            register_scopes(instance, platform.directory, Namespace())
            scopes = instance.get_dynamic_partitions(Namespace().scope_set(ScopeKind.ENTERPRISE))
        first = NOW.replace(hour=0) - timedelta(days=partitions // 50)
        days = [(first + timedelta(days=day)).date().isoformat() for day in range(partitions // 50)]
        keys = [join_key(scope, day) for day in days for scope in scopes]
        job = build_definitions(settings).resolve_job_def("order_items")
        config = {
            "ops": {"pull_order_items": {"config": {"partitions": keys}}},
            "loggers": {"console": {"config": {"log_level": "ERROR"}}},
        }
        result = timed(
            f"a run of {len(keys)} empty partitions",
            lambda: job.execute_in_process(instance=instance, run_config=config, raise_on_error=False),
        )
        assert result.success
        print(f"  {len(result.all_events)} events")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="store_true", help="also one run of 1,500 partitions")
    parser.add_argument("--partitions", type=int, default=1500)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case == "run":
        one_run(chosen.partitions)
    elif chosen.case:
        case(chosen.case)
    else:
        for name in [*CASES, *(["run"] if chosen.run else [])]:
            print(f"{name}:", flush=True)
            more = ["--partitions", str(chosen.partitions)]
            subprocess.run([sys.executable, "-m", "benchmarks.scale", "--case", name, *more], check=True)
        return
    print(f"  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB peak, the sandbox in it")


if __name__ == "__main__":
    main()
