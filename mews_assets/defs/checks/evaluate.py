"""Verdicts: what a run tells Dagster of its checks.

Lives here: gathering the evidence on the partitions of a run, and storing what the checks say of it: a verdict by
partition where that is news, and a summary of all of them last. A failing blocking check holds back
what is made from the table (its spec says so), but not this run: Dagster would fail the step, and sensors pull no
more after a run that failed for good.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from mews_assets.catalog.fields import references
from mews_assets.catalog.model import Table
from mews_assets.defs.base.asset_specs import changes_key
from mews_assets.defs.base.metadata_keys import FAILED_PARTITIONS
from mews_assets.defs.base.partitions import to_dagster_key
from mews_assets.defs.checks import Check, Evidence, Verdict, checks_of, markdown
from mews_assets.defs.checks.late import LATE_ROWS
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.references import lead_in, resolve
from mews_assets.lake.quality.volume import volumes
from mews_assets.lake.storage.lake import Lake

_WORST_PARTITIONS = 10
_FEW_KEYS = 500
"""So many partitions are looked up by name; with more, all that have a verdict are read (SQLite takes 32,766 names)."""


def gather_evidence(lake: Lake, table: Table, evidence: Iterable[Evidence]) -> list[Evidence]:
    """The evidence with what other files say: references and volume, and the windows before as far as they refer."""
    own = list(evidence)
    there = [one.partition for one in own if one.merged is not None and not one.is_quiet]
    earlier = lead_in(lake, table, there) if references(table) else []
    found = resolve(lake, table, [*there, *earlier])
    usual = volumes(lake, table, there)
    return [
        *(
            Evidence(
                one.table,
                one.partition,
                one.merged,
                one.captures,
                one.rejected,
                tuple(found.get(one.partition, ())),
                usual.get(one.partition),
                one.is_quiet,
            )
            for one in own
        ),
        *(Evidence(table, one, references=tuple(found.get(one, ()))) for one in earlier),
    ]


@dataclass(frozen=True)
class CheckReporter:
    """The checks of one table in one run. `names` are the hotels', by scope."""

    context: dg.AssetExecutionContext
    table: Table
    lake: Lake
    names: Mapping[str, str]

    def evaluations(self, evidence: Iterable[Evidence]) -> Iterator[dg.AssetCheckEvaluation]:
        """What is to be stored of every check that is selected in this run."""
        selected = {
            key.name
            for key in self.context.selected_asset_check_keys
            if key.asset_key == changes_key(self.table)
        }
        checks = [check for check in checks_of(self.table) if check.name in selected]
        everything = gather_evidence(self.lake, self.table, evidence) if checks else []
        for check in checks:
            concerned = [one for one in everything if _concerns(check, one)]
            yield from self._of(check, {one.partition: check.judge(one) for one in concerned})

    def _of(self, check: Check, verdicts: Mapping[Partition, Verdict]) -> Iterator[dg.AssetCheckEvaluation]:
        before = set() if check.every_partition else self._failed_before(check, verdicts)
        # Failures last: the asset's page shows the newest row, and the summary fills one that is older.
        for partition, verdict in sorted(verdicts.items(), key=lambda pair: not pair[1].passed):
            key = self._key(partition)
            if check.every_partition or not verdict.passed or key in before:
                metadata = {**self._whose(partition), **verdict.metadata}
                if verdict.worst and not verdict.passed:
                    metadata["worst"] = markdown(verdict.worst)
                yield self._evaluation(check, verdict.passed, metadata, key, verdict.severity)
        # A run of one partition: Dagster waits for that one's verdict, where it was told of partitions.
        if not (check.every_partition and self.context.has_partition_key):
            yield self._summary(check, verdicts)

    def _summary(self, check: Check, verdicts: Mapping[Partition, Verdict]) -> dg.AssetCheckEvaluation:
        failed = {partition: one for partition, one in verdicts.items() if not one.passed}
        metadata: dict[str, Any] = {
            "partitions": len(verdicts),
            FAILED_PARTITIONS: dg.MetadataValue.json([self._key(one) for one in failed]),
            "at_fault": sum(one.at_fault for one in failed.values()),
        }
        if failed:
            worst = sorted(failed.items(), key=lambda pair: (-pair[1].at_fault, pair[0]))
            metadata["worst"] = markdown(
                {
                    **self._whose(partition),
                    "window": partition.key(self.lake.grain),
                    "at fault": verdict.at_fault,
                }
                for partition, verdict in worst[:_WORST_PARTITIONS]
            )
        errors = [one.severity for one in failed.values() if one.severity is dg.AssetCheckSeverity.ERROR]
        return self._evaluation(check, not failed, metadata, None, errors[0] if errors else None)

    def _evaluation(
        self,
        check: Check,
        passed: bool,
        metadata: Mapping[str, Any],
        key: str | None,
        severity: dg.AssetCheckSeverity | None,
    ) -> dg.AssetCheckEvaluation:
        about = (
            self._materialised.get(key) if key else max(self._materialised.values(), default=None, key=_age)
        )
        return dg.AssetCheckEvaluation(
            asset_key=changes_key(self.table),
            check_name=check.name,
            passed=passed,
            severity=severity or check.severity,
            partition=key,
            metadata=dict(metadata),
            target_materialization_data=about,
        )

    def _failed_before(self, check: Check, verdicts: Mapping[Partition, Verdict]) -> set[str]:
        """The partitions whose last stored verdict was a failure."""
        keys = [self._key(partition) for partition in verdicts]
        infos = self.context.instance.event_log_storage.get_asset_check_partition_info(
            [dg.AssetCheckKey(changes_key(self.table), check.name)],
            partition_keys=keys if len(keys) <= _FEW_KEYS else None,
        )
        failed = AssetCheckExecutionRecordStatus.FAILED
        return {
            info.partition_key
            for info in infos
            if info.partition_key and info.latest_execution_status is failed
        }

    @cached_property
    def _materialised(self) -> dict[str, AssetCheckEvaluationTargetMaterializationData]:
        """By partition, the materialisation a verdict is about: without it the UI takes the verdict for stale."""
        newest = self.context.instance.get_latest_storage_id_by_partition(
            changes_key(self.table), dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        run, now = self.context.run.run_id, time.time()
        return {
            key: AssetCheckEvaluationTargetMaterializationData(
                storage_id=storage_id, run_id=run, timestamp=now
            )
            for key, storage_id in newest.items()
        }

    def _key(self, partition: Partition) -> str:
        return str(to_dagster_key(self.table.scope, partition, self.lake.grain))

    def _whose(self, partition: Partition) -> dict[str, str]:
        return {self.table.scope.value: self.names.get(partition.scope, partition.scope)}


def _concerns(check: Check, evidence: Evidence) -> bool:
    """What could not be merged has a verdict on its schema; what this run did not write, on its references; what it
    looked at again in vain, on rows that come late: what had failed for some passes when no more came."""
    if evidence.is_quiet:
        return check.name == LATE_ROWS
    if evidence.merged is not None:
        return True
    if evidence.rejected:
        return check.name == "schema_drift"
    return check.name == "references_resolve"


def _age(about: AssetCheckEvaluationTargetMaterializationData) -> int:
    return about.storage_id
