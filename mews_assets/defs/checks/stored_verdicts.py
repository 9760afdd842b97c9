"""Which verdicts of a check are stored: an event costs 14 to 17 ms, so a partition that passes has none of its own.

Lives here: turning the verdicts of one run into events. Stored are a verdict for each partition that fails, one for
each that passes again after a failure, and last a summary of the run, which the asset's page shows. The summary
passes when no partition of the asset fails: of partitions outside the run the latest stored verdict counts. A run that
judged no partition stores nothing: the last summary stays. Not here: judging (`evaluate`, `per_scope`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from mews_assets.defs.base.metadata_keys import FAILED_PARTITIONS, LOOKED_AT_AGAIN, PARTITIONS, STILL_FAILING
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.checks.latest_results import latest_results
from mews_assets.defs.checks.model import Verdict, markdown

_SHOWN_WORST = 10
_SHOWN_EARLIER = 50
_SHOWN_IN_TEXT = 3

Materialisation = AssetCheckEvaluationTargetMaterializationData


@dataclass(frozen=True)
class StoredVerdicts:
    """The events for the checks of one asset in one run.

    `describe` gives the columns that name a partition to people. `materialised` gives the materialisation that a
    verdict is about, by partition key: without it the UI takes the verdict for outdated. `beside` are partitions that
    the run looked at again beside those it was asked for: the summary counts them apart.
    """

    instance: dg.DagsterInstance
    asset: dg.AssetKey
    describe: Callable[[str], Mapping[str, str]]
    materialised: Mapping[str, Materialisation]
    keys: PartitionKeys
    beside: frozenset[str] = frozenset()

    def events(
        self, check: str, severity: dg.AssetCheckSeverity, verdicts: Mapping[str, Verdict]
    ) -> Iterator[dg.AssetCheckEvaluation]:
        """The events of one check; the verdicts are by partition key."""
        if not verdicts:
            return
        failed_before = self._failing.get(check, frozenset())
        failed = {key: verdict for key, verdict in verdicts.items() if not verdict.passed}
        # Failures last: the asset's page shows the newest row, and the summary fills one that is older.
        for key in sorted(verdicts.keys() & failed_before - failed.keys()):
            yield self._of_partition(check, severity, key, verdicts[key])
        for key, verdict in failed.items():
            yield self._of_partition(check, severity, key, verdict)
        earlier = sorted(failed_before - verdicts.keys())
        yield self._summary(check, severity, verdicts, failed, earlier)

    def _of_partition(
        self, check: str, severity: dg.AssetCheckSeverity, key: str, verdict: Verdict
    ) -> dg.AssetCheckEvaluation:
        metadata = {**self.describe(key), **verdict.metadata}
        if verdict.worst and not verdict.passed:
            metadata["worst"] = markdown(verdict.worst)
        return dg.AssetCheckEvaluation(
            asset_key=self.asset,
            check_name=check,
            passed=verdict.passed,
            severity=verdict.severity or severity,
            partition=key,
            description=f"{self._names([key])} {'passes again' if verdict.passed else 'fails'}",
            metadata=metadata,
            target_materialization_data=self.materialised.get(key),
        )

    def _summary(
        self,
        check: str,
        severity: dg.AssetCheckSeverity,
        verdicts: Mapping[str, Verdict],
        failed: Mapping[str, Verdict],
        earlier: list[str],
    ) -> dg.AssetCheckEvaluation:
        again = len(verdicts.keys() & self.beside)
        worst = sorted(failed.items(), key=lambda pair: (-pair[1].at_fault, pair[0]))
        sentence = self._sentence(verdicts.keys(), [key for key, _ in worst], earlier)
        metadata: dict[str, Any] = {
            # A run's page shows the metadata of an event, and no description.
            "result": sentence,
            PARTITIONS: len(verdicts) - again,
            **({LOOKED_AT_AGAIN: again} if again else {}),
            FAILED_PARTITIONS: dg.MetadataValue.json(list(failed)),
            "at_fault": sum(verdict.at_fault for verdict in failed.values()),
        }
        if failed:
            metadata["worst"] = markdown(
                {**self.describe(key), "at fault": verdict.at_fault} for key, verdict in worst[:_SHOWN_WORST]
            )
        if earlier:
            metadata["still_failing_count"] = len(earlier)
            metadata[STILL_FAILING] = dg.MetadataValue.json(earlier[:_SHOWN_EARLIER])
        grave = [verdict.severity for verdict in failed.values() if verdict.severity]
        return dg.AssetCheckEvaluation(
            asset_key=self.asset,
            check_name=check,
            passed=not failed and not earlier,
            severity=dg.AssetCheckSeverity.ERROR if dg.AssetCheckSeverity.ERROR in grave else severity,
            description=sentence,
            metadata=metadata,
            target_materialization_data=max(
                self.materialised.values(), default=None, key=lambda one: one.storage_id
            ),
        )

    def _sentence(self, judged: Set[str], failed: list[str], earlier: list[str]) -> str:
        own = set(judged) - self.beside
        again = set(judged) - own
        parts = [f"{len(own.difference(failed))} of {len(own)} partitions of this run pass."] if own else []
        if again:
            parts.append(
                f"{len(again.difference(failed))} of {len(again)} earlier ones looked at again pass."
            )
        if failed:
            parts.append(f"{len(failed)} fail: {self._names(failed)}.")
        if earlier:
            parts.append(f"{len(earlier)} of earlier runs still fail: {self._names(earlier)}.")
        return " ".join(parts)

    def _names(self, keys: list[str]) -> str:
        names = "; ".join(" ".join(self.describe(key).values()) for key in keys[:_SHOWN_IN_TEXT])
        return f"{names} and {len(keys) - _SHOWN_IN_TEXT} more" if len(keys) > _SHOWN_IN_TEXT else names

    @cached_property
    def _failing(self) -> Mapping[str, frozenset[str]]:
        return latest_results(self.instance, self.asset, self.keys).failing


def newest_materialisations(
    instance: dg.DagsterInstance, asset: dg.AssetKey, keys: set[str], run: str, now: float
) -> dict[str, Materialisation]:
    """The newest materialisation of each of the partitions that has one."""
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        # More names than SQLite takes in one query (32,766): then all are read.
        asset,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        partitions=keys if len(keys) <= 30_000 else None,
    )
    return {
        key: Materialisation(storage_id=storage_id, run_id=run, timestamp=now)
        for key, storage_id in newest.items()
    }
