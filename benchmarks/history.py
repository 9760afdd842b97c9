"""What Dagster's history costs: seconds and bytes of events, and a fleet's history worked out from them.

    python -m benchmarks.history [--hotels 400] [--tables 13] [--years 2]

Measured on a SQLite instance in a temporary folder, with events such as runs write. Then worked out: events, CPU time
and bytes of a whole history, by the grain of the windows, and beside it what the same took before runs stored only
failing results and many events together.

Lives here: measuring events; `benchmarks.backfill` prints the same of a real backfill.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from mews_assets import catalog
from mews_assets.defs.base.event_tables import materialised_in, store_in_run
from mews_assets.defs.base.partitions import join_key
from mews_assets.defs.namespace import Namespace

BEFORE_EVENTS, BEFORE_BYTES = 6.07, 53_500
"""Per partition, in 3 hotels x 60 days x 3 tables, when every check stored four results for every partition: 2
materialisations and 4.07 evaluations."""
WINDOWS = {"daily": 365, "weekly": 52, "monthly": 12}
"""In a year."""
COUNT = 2000
LOCAL_EVENT_LOG = {
    "event_log_storage": {
        "module": "mews_assets.defs.base.local_event_log",
        "class": "LocalEventLogStorage",
    }
}
"""As in dagster.yaml."""


@dataclass(frozen=True)
class Costs:
    """Of one event of the kind: CPU seconds, seconds and bytes on disk."""

    cpu: float
    seconds: float
    size: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotels", type=int, default=400)
    parser.add_argument("--tables", type=int, default=len(catalog.TABLES))
    parser.add_argument("--years", type=int, default=2)
    chosen = parser.parse_args()
    dagsters = measure(COUNT // 10, together=False, settings={})
    single, together = measure(COUNT // 10, together=False), measure(COUNT, together=True)
    for name, costs in (
        ("yielded one by one, in Dagster's own event log", dagsters),
        ("yielded one by one", single),
        ("stored together", together),
    ):
        print(
            f"a materialisation {name}: {1000 * costs.cpu:.2f} ms of CPU, {1000 * costs.seconds:.2f} ms, "
            f"{costs.size:,.0f} bytes"
        )
    print(f"{chosen.hotels} hotels x {chosen.tables} tables x {chosen.years} years:")
    for grain, windows in WINDOWS.items():
        partitions = chosen.hotels * chosen.tables * chosen.years * windows
        before = partitions * BEFORE_EVENTS
        after = partitions * 2
        print(
            f"  {grain:8} {partitions:10,} partitions; before: {before:12,.0f} events, "
            f"{before * dagsters.cpu / 3600:6.1f} h, {partitions * BEFORE_BYTES / 1e9:6.1f} GB; "
            f"now: {after:11,} events, {after * together.cpu / 3600:5.2f} h, {after * together.size / 1e9:5.1f} GB"
        )


def measure(
    count: int,
    *,
    together: bool,
    settings: dict[str, Any] = LOCAL_EVENT_LOG,
    size_of: Callable[[dg.DagsterInstance], int] = lambda instance: bytes_of_history(
        Path(instance.root_directory)
    ),
) -> Costs:
    """The cost of the materialisations of one run: as an op yields them, or as our runs store many of them.
    `settings` are those of `dagster.yaml` about storage; none means SQLite with Dagster's own event log."""
    table = catalog.table("order_items")
    key = Namespace().changes(table)

    @dg.multi_asset(specs=[dg.AssetSpec(key, skippable=True)], can_subset=True, name="pull_order_items")
    def write(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
        events = (_event(key, number) for number in range(count))
        began.extend((time.process_time(), time.perf_counter()))
        yield from store_in_run(context, events) if together else events
        ended.extend((time.process_time(), time.perf_counter()))

    began: list[float] = []
    ended: list[float] = []
    with dg.instance_for_test(overrides=settings) as instance:
        size = size_of(instance)
        quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        job = dg.Definitions(assets=[write], jobs=[dg.define_asset_job("history", [key])])
        job.resolve_job_def("history").execute_in_process(instance=instance, run_config=quiet)
        instance.event_log_storage.dispose()
        size = size_of(instance) - size
        assert len(instance.get_materialized_partitions(key)) == count
    cpu, seconds = (end - begin for begin, end in zip(began, ended, strict=True))
    return Costs(cpu / count, seconds / count, size / count)


def _event(key: dg.AssetKey, number: int) -> dg.AssetMaterialization:
    partition = join_key("the-copper-kettle-new-york-eb0bdc59", f"{2000 + number // 365}-{number % 365:03}")
    uri = f"/srv/lake/changes/order_items/{partition.replace('|', '/')}/rows.parquet"
    numbers = dict.fromkeys(("duplicate_keys", "missing", "outside_window", "repeats", "restated", "late"), 0)
    return dg.AssetMaterialization(
        key,
        partition=partition,
        metadata={
            "enterprise": "The Copper Kettle New York",
            "dagster/partition_row_count": 73,
            "dagster/uri": uri,
            "size_bytes": 123_456,
            "newest_utc": "2026-09-28T23:59:59Z",
            "captures": dg.MetadataValue.json(["20261128T115650Z-a4f0c327"]),
            "numbers": dg.MetadataValue.json({"rows_arrived": 73, **numbers}),
        },
    )


def bytes_of_history(home: Path) -> int:
    """The bytes of all databases below a Dagster home."""
    return sum(path.stat().st_size for path in home.rglob("*.db*") if path.is_file())


def events_by_type(instance: dg.DagsterInstance) -> Counter[str]:
    """How many events of assets and checks all runs stored, by type."""
    found: Counter[str] = Counter()
    for run in instance.get_runs():
        found["ASSET_MATERIALIZATION"] += len(materialised_in(instance, run.run_id))
        for kind in (
            dg.DagsterEventType.ASSET_CHECK_EVALUATION,
            dg.DagsterEventType.ASSET_OBSERVATION,
            dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        ):
            found[kind.value] += len(instance.all_logs(run.run_id, of_type=kind))
    return found


if __name__ == "__main__":
    main()
