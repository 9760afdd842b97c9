"""The event log for one machine holds what Dagster's own would hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import DynamicPartitionsTable

from mews_assets.defs.base.local_event_log import OPEN_DATABASES, LocalEventLogStorage

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-03-01")
DEPLOYED = Path(__file__).parents[3] / "mews_assets" / "deploy"


@dg.asset(partitions_def=DAYS)
def landed() -> None:
    """An asset with partitions."""


@dg.asset(partitions_def=DAYS, deps=[landed], check_specs=[dg.AssetCheckSpec("well", asset="merged")])
def merged() -> Iterator[dg.MaterializeResult]:
    """A second asset, with a check."""
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def planned(instance: dg.DagsterInstance) -> tuple[list[tuple[str, str | None]], bool, int]:
    """Create a run over all days. What is planned, whether the second asset names the run, the number of its events."""
    job = dg.Definitions(
        assets=[landed, merged], jobs=[dg.define_asset_job("both", [landed, merged])]
    ).resolve_job_def("both")
    days = DAYS.get_partition_keys()
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    run = instance.create_run_for_job(job, tags=tags)
    found = []
    for key in (landed.key, merged.key):
        event_filter = dg.EventRecordsFilter(
            event_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, asset_key=key
        )
        records = instance.event_log_storage.get_event_records(event_filter)
        found += [(key.to_user_string(), record.partition_key) for record in records]
    latest = instance.event_log_storage.get_latest_planned_materialization_info(landed.key, partition=days[3])
    assert latest is not None and latest.run_id == run.run_id
    asset = instance.get_asset_records([merged.key])[0].asset_entry
    return sorted(found, key=str), asset.last_run_id == run.run_id, len(instance.all_logs(run.run_id))


@pytest.fixture
def deployed(tmp_path: Path) -> dg.DagsterInstance:
    """An instance with the settings that are delivered."""
    return opened(tmp_path)


def test_what_is_planned_is_what_dagsters_own_storage_says(
    deployed: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain = tmp_path_factory.mktemp("plain")
    (plain / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    own = planned(dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(plain))))
    assert planned(deployed) == own
    assert len(own[0]) == 2 * len(DAYS.get_partition_keys())


def test_planned_events_are_not_stored_one_by_one(
    deployed: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[dg.EventLogEntry] = []

    def store(self: SqliteEventLogStorage, event: dg.EventLogEntry) -> None:
        stored.append(event)
        original(self, event)

    original = SqliteEventLogStorage.store_event
    monkeypatch.setattr(LocalEventLogStorage, "store_event", store)
    planned(deployed)
    # The last one of each asset writes the asset's record; and the check's own planned event.
    assert len(stored) == 3


def test_the_files_are_those_of_dagsters_default(deployed: dg.DagsterInstance, tmp_path: Path) -> None:
    planned(deployed)
    plain = dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(tmp_path), config_dir=str(Path(__file__).parent))
    )
    assert type(plain.event_log_storage) is SqliteEventLogStorage
    (run,) = plain.get_runs()
    assert len(plain.all_logs(run.run_id)) == len(deployed.all_logs(run.run_id))


def opened(folder: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), config_dir=str(DEPLOYED)))


def test_instances_and_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    # The web server, the daemon and each run are processes of their own, with an instance each.
    instances = [opened(tmp_path) for _ in range(3)]

    def report(number: int) -> None:
        event = dg.AssetMaterialization("written", partition=str(number))
        instances[number % 3].report_runless_asset_event(event)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(report, range(60)))
    for instance in (*instances, opened(tmp_path)):
        assert instance.get_materialized_partitions(dg.AssetKey("written")) == set(map(str, range(60)))


@pytest.mark.slow
def test_more_runs_than_open_databases_are_written_and_read(deployed: dg.DagsterInstance) -> None:
    runs = [planned(deployed)[2] for _ in range(2 * OPEN_DATABASES)]
    assert [len(deployed.all_logs(run.run_id)) for run in deployed.get_runs()] == runs[::-1]


def test_a_failed_transaction_leaves_nothing_and_the_next_is_stored(deployed: dg.DagsterInstance) -> None:
    storage = deployed.event_log_storage
    assert isinstance(storage, LocalEventLogStorage)
    with pytest.raises(ZeroDivisionError), storage.index_connection() as connection:
        connection.execute(DynamicPartitionsTable.insert().values(partitions_def_name="a", partition="lost"))
        raise ZeroDivisionError
    deployed.add_dynamic_partitions("a", ["kept"])
    assert deployed.get_dynamic_partitions("a") == ["kept"]


@pytest.mark.slow
def test_a_process_that_ends_leaves_no_write_ahead_log(tmp_path: Path) -> None:
    # Each may have 4 MB, and every run has a database.
    report = (
        "import dagster as dg, sys; from dagster._core.instance.ref import InstanceRef;"
        "instance = dg.DagsterInstance.from_ref(InstanceRef.from_dir(sys.argv[1], config_dir=sys.argv[2]));"
        "instance.report_runless_asset_event(dg.AssetMaterialization('written'))"
    )
    subprocess.run([sys.executable, "-c", report, tmp_path, DEPLOYED], check=True)
    folder = tmp_path / "history" / "runs"
    assert (folder / "index.db").exists() and not list(folder.glob("*-wal"))
