"""A stage for real Dagster runs over the sandbox: settings, runs, and what Dagster remembers of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.assets.landing_and_changes import op_name
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks import checks_of
from mews_assets.defs.checks.unmerged import CAPTURES_MERGED
from mews_assets.ingest.directory import Directory, save_directory
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import Settings, read_settings
from mews_assets_tests.defs.keys import PLAIN, directory_of, key_of

DAYS = ("2025-03-08", "2025-03-09")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@dataclass(frozen=True)
class Stage:
    """One lake of one test, the shared sandbox and the shared instance."""

    mews: RunningSandbox
    instance: dg.DagsterInstance
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    @property
    def lake(self) -> Lake:
        return open_lake(self.settings.lake, self.settings.grain)

    @property
    def enterprises(self) -> list[str]:
        return list(self.mews.sandbox.store.enterprises())

    @property
    def chains(self) -> list[str]:
        return list(dict.fromkeys(self.mews.sandbox.store.enterprises().values()))

    def keys(self, scopes: Iterable[str] | None = None, days: Iterable[str] = DAYS) -> list[str]:
        """The partition keys of some hotels, by their ids, and some days."""
        return [self.key(scope, day) for scope in scopes or self.enterprises for day in days]

    def key(self, scope: str, day: str = "") -> str:
        """The partition key of a scope and a day, or of the scope alone."""
        return key_of(self.directory, scope, day)

    @cached_property
    def directory(self) -> Directory:
        return directory_of(self.mews)

    @property
    def partition_keys(self) -> PartitionKeys:
        return PartitionKeys(self.directory.scope_keys, self.settings.grain)

    @property
    def enterprise_keys(self) -> list[str]:
        return [self.key(scope) for scope in self.enterprises]

    @property
    def chain_keys(self) -> list[str]:
        return [self.key(scope) for scope in self.chains]

    def save_directory(self) -> None:
        """Know the hotels without asking for them."""
        save_directory(self.lake, self.directory, datetime.now(UTC))

    def run(
        self,
        job: str,
        keys: Iterable[str] = (),
        *,
        tags: dict[str, str] | None = None,
        only: Iterable[dg.AssetKey] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """A run of a job; its partitions named in run config."""
        ops: dict[str, Any] = {}
        if keys:
            ops = {op_name(catalog.table(job), PLAIN): {"config": {"partitions": list(keys)}}}
        definitions = build_definitions(self.settings)
        return definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={"ops": ops, "loggers": QUIET},
            tags=tags,
            asset_selection=list(only) if only else None,
            raise_on_error=False,
        )


def stage_of(
    mews: RunningSandbox, instance: dg.DagsterInstance, folder: Path, monkeypatch: Any, **more: str
) -> Stage:
    """The stage of one test; the tokens are in the process's environment, where runs look for them."""
    environment = {
        "MEWS_PLATFORM_ADDRESS": mews.address,
        "MEWS_CLIENT_TOKEN": mews.client_token,
        "MEWS_ACCESS_TOKEN": mews.access_token,
        "MEWS_START_DATE": "2025-03-07",
        "MEWS_LAKE": str(folder / "lake"),
        **more,
    }
    for name in ("MEWS_CLIENT", "MEWS_WINDOW", "MEWS_TABLES", "MEWS_FETCH", "MEWS_CONNECTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Stage(mews, instance, environment)


def materialisations(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, dict[str, Any]]:
    """The metadata of each partition's one materialisation."""
    found: dict[str, dict[str, Any]] = {}
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key == key:
            assert event.partition is not None
            assert event.partition not in found, f"{event.partition} was told twice"
            found[event.partition] = {
                name: value.value for name, value in event.materialization.metadata.items()
            }
    return found


def observations(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> list[dict[str, Any]]:
    """The metadata of each observation of an asset."""
    return [
        {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION and event.asset_key == key
    ]


def evaluations(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[tuple[str, str | None], bool]:
    """Each verdict, by check and partition; the summary's partition is None."""
    found: dict[tuple[str, str | None], bool] = {}
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            one = event.asset_check_evaluation_data
            if one.asset_key == key:
                assert (one.check_name, one.partition) not in found
                found[one.check_name, one.partition] = one.passed
    return found


def expected_verdicts(table: Table | str) -> set[tuple[str, str | None]]:
    """The events of a run whose partitions all pass: for each check its summary, whose partition is None."""
    checks = checks_of(catalog.table(table) if isinstance(table, str) else table)
    return {(check.name, None) for check in checks} | {(CAPTURES_MERGED, None)}


def failure_of(result: dg.ExecuteInProcessResult) -> Any:
    """The data of the run's one failed step."""
    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert len(failed) == 1
    return failed[0]
