"""Evaluating the checks of a table in the run that writes its rows.

Lives here: gathering the evidence on the partitions of a run and letting each check judge it. A failing blocking check
holds back the assets that are made from the table (its spec says so), but not this run: Dagster would fail the step,
and sensors launch no more runs after one that cannot succeed. Not here: which verdicts are stored (`stored_verdicts`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import dagster as dg

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.fields import references
from mews_assets.catalog.model import Table
from mews_assets.defs.base.partitions import PartitionLabels
from mews_assets.defs.checks import Check, Evidence, checks_of
from mews_assets.defs.checks.late import LATE_ROWS
from mews_assets.defs.checks.stored_verdicts import StoredVerdicts, newest_materialisations
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.references import ReferenceResult, lead_in, resolve
from mews_assets.lake.quality.volume import volumes
from mews_assets.lake.storage.lake import Lake

Refresh = Callable[[Collection[str]], bool]
"""Reads reference tables again that are older than the rows of the run; returns whether any was."""


def gather_evidence(
    lake: Lake, table: Table, evidence: Iterable[Evidence], refresh: Refresh | None = None
) -> list[Evidence]:
    """The evidence, completed from other files: references, volume, and the windows before as far as they refer.

    Where ids of reference tables are of no record, these are refreshed, and looked into again.
    """
    own = list(evidence)
    merged = [item.partition for item in own if item.merged is not None and not item.is_quiet]
    earlier = lead_in(lake, table, merged) if references(table) else []
    found = resolve(lake, table, [*merged, *earlier])
    if refresh is not None and (outdated := _outdated(found)) and refresh(outdated):
        found = resolve(lake, table, [*merged, *earlier])
    usual = volumes(lake, table, merged)
    return [
        *(
            replace(item, references=tuple(found.get(item.partition, ())), volume=usual.get(item.partition))
            for item in own
        ),
        *(
            Evidence(table, partition, references=tuple(found.get(partition, ())), is_beside=True)
            for partition in earlier
        ),
    ]


def _outdated(found: Mapping[Partition, Iterable[ReferenceResult]]) -> set[str]:
    """The reference tables that lack records which rows refer to."""
    whole = {reference.name for reference in REFERENCES}
    return {one.table for results in found.values() for one in results if one.unresolved} & whole


@dataclass(frozen=True)
class CheckReporter:
    """The checks of one table in one run."""

    context: dg.AssetExecutionContext
    table: Table
    lake: Lake
    labels: PartitionLabels
    refresh: Refresh | None = None

    def evaluations(self, evidence: Iterable[Evidence]) -> Iterator[dg.AssetCheckEvaluation]:
        """The events to store for every check that is selected in this run."""
        asset = self.labels.namespace.changes(self.table)
        selected = {key.name for key in self.context.selected_asset_check_keys if key.asset_key == asset}
        checks = [check for check in checks_of(self.table) if check.name in selected]
        if not checks:
            return
        everything = gather_evidence(self.lake, self.table, evidence, self.refresh)
        keys = {item.partition: self.labels.keys.text(item.partition) for item in everything}
        instance, run = self.context.instance, self.context.run.run_id
        about = newest_materialisations(instance, asset, set(keys.values()), run, time.time())
        beside = frozenset(keys[item.partition] for item in everything if item.is_beside)
        stored = StoredVerdicts(instance, asset, self._describe, about, self.labels.keys, beside)
        for check in checks:
            verdicts = {
                keys[item.partition]: check.judge(item) for item in everything if _concerns(check, item)
            }
            yield from stored.events(check.name, check.severity, verdicts)

    def _describe(self, key: str) -> dict[str, str]:
        scope, window = self.labels.keys.split(key)
        return {self.table.scope.value: self.labels.names.get(scope, scope), "window": window}


def _concerns(check: Check, evidence: Evidence) -> bool:
    """Whether the check judges this partition.

    Of a capture that could not be merged only its schema is judged; of a partition that this run did not write, only
    its references; of one that was captured again without news, only late rows, which pass when no more came.
    """
    if evidence.is_quiet:
        return check.name == LATE_ROWS
    if evidence.merged is not None:
        return True
    if evidence.rejected:
        return check.name == "schema_drift"
    return check.name == "references_resolve"
