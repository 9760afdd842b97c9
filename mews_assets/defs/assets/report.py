"""Events of a run over the tables of one request: materialisations, the captures, the checks, and the failure.

Lives here: one event per partition and layer. (Dagster's call that adds metadata to a partition expands the whole
range each time, so the events are made here.) What many partitions share stands once: the captures of a run in one
observation of the landing asset, from which the materialisations name them by id. Not here: judging
(`checks.evaluate`) and storing many events at once (`base.event_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.assets import run_failures, run_log
from mews_assets.defs.assets.requested_partitions import RequestedPartitions
from mews_assets.defs.base.event_tables import store_in_run
from mews_assets.defs.base.metadata_keys import size_text
from mews_assets.defs.base.partitions import PartitionLabels
from mews_assets.defs.checks import Evidence
from mews_assets.defs.checks.evaluate import CheckReporter, Refresh
from mews_assets.defs.checks.unmerged import CAPTURES_MERGED, captures_merged
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.materialise import Materialised
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition, MergeResult
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.metrics import count_landed, count_merged
from mews_assets.windows import to_api

_SHOWN_CAPTURES = 200
"""In one observation; every capture's manifest in the landing holds as much and more."""
_SHOWN_FIELDS = 20

Capture = TypeVar("Capture")


def report(
    context: dg.AssetExecutionContext,
    group: tuple[Table, ...],
    result: Materialised,
    requested: RequestedPartitions,
    lake: Lake,
    labels: PartitionLabels,
    refresh: Refresh | None = None,
) -> Iterator[Any]:
    """All events of the run; last a Failure that names the partitions that failed, if any did.

    A partition that was captured again without news has no event. `refresh` reads reference tables again that
    rows have outrun.
    """
    failed = {partition for partitions, _ in result.failed for partition in partitions}
    for table in group:
        landing, changes = labels.namespace.landing(table), labels.namespace.changes(table)
        if dg.AssetCheckKey(changes, CAPTURES_MERGED) in context.selected_asset_check_keys:
            yield captures_merged(table, lake, labels.namespace)
        merged = result.merged.get(table.name)
        if merged is None:
            continue
        count_landed(table.name, sum(manifest.size_bytes for manifest in result.landed.get(table.name, ())))
        count_merged(
            table.name, sum(one.measures.rows for one in merged.partitions.values() if one.is_written)
        )
        chosen, quiet = _split_by_news(requested, merged, failed)
        context.log.info(run_log.merged(table, [*chosen, *quiet]))
        events = _PartitionEvents(
            context.run.run_id,
            table,
            lake,
            labels,
            _by_scope(merged.captures.values(), lambda capture: capture.manifest),
            _by_scope(result.found.get(table.name, ()), lambda manifest: manifest),
        )
        if landing in context.selected_asset_keys:
            if landed := result.landed.get(table.name):
                yield captures_observation(table, lake, landed, merged, labels.namespace)
            yield from store_in_run(context, (events.landed(partition) for partition in chosen))
        if changes in context.selected_asset_keys:
            yield from store_in_run(context, (events.changed(partition) for partition in chosen))
            rejected = [
                Evidence(table, partition, rejected=(error,))
                for partitions, error in result.failed
                if isinstance(error, RecordError) and error.table == table.name
                for partition in partitions
            ]
            unchanged = [replace(evidence, is_quiet=True) for evidence in events.evidence(quiet)]
            asked = set(requested.partitions)
            judged = [
                replace(evidence, is_beside=evidence.partition not in asked)
                for evidence in (*events.evidence(chosen), *unchanged, *rejected)
            ]
            # After the materialisations: a verdict names the one it is about.
            reporter = CheckReporter(context, table, lake, labels, refresh)
            evaluations = reporter.evaluations(judged)
            yield from run_log.and_count(table, context.log, evaluations)
    if result.failed:
        raise run_failures.failure(group, result, labels.keys)


def _split_by_news(
    requested: RequestedPartitions, merged: MergeResult, failed: set[Partition]
) -> tuple[list[MergedPartition], list[MergedPartition]]:
    """The partitions with a materialisation, and those that were captured again without news.

    With a materialisation: those asked for, and earlier windows that were captured again and changed. Partitions that
    other runs ask for are reported by these.
    """
    every = merged.partitions
    asked = [every[one] for one in requested.partitions if one in every and one not in failed]
    known = {*requested.partitions, *requested.also, *failed}
    earlier = [item for item in every.values() if item.existed and item.partition not in known]
    chosen = [item for item in asked if item.is_written or item.partition not in requested.again]
    chosen += sorted((item for item in earlier if item.is_written), key=lambda item: item.partition)
    quiet = [item for item in asked if not item.is_written and item.partition in requested.again]
    return chosen, quiet + [item for item in earlier if not item.is_written]


def captures_observation(
    table: Table, lake: Lake, manifests: Iterable[Manifest], merged: MergeResult, namespace: Namespace
) -> dg.AssetObservation:
    """The captures of a run, by id: what was asked, what came, and fields that the catalog does not know."""
    landed = sorted(manifests, key=lambda manifest: manifest.capture)
    unknown: dict[str, int] = {}
    empty: dict[str, int] = {}
    for capture in merged.captures.values():
        for path, seen in capture.findings.unknown.items():
            unknown[path] = unknown.get(path, 0) + seen.count
        for path, count in capture.findings.empty.items():
            empty[path] = empty.get(path, 0) + count
    shown = {manifest.capture: _capture_metadata(manifest) for manifest in landed[:_SHOWN_CAPTURES]}
    lines = sum(manifest.lines for manifest in landed)
    return dg.AssetObservation(
        namespace.landing(table),
        description=f"{len(landed)} captures landed: {lines:,} lines",
        metadata={
            "captures": dg.MetadataValue.json(shown),
            "captures_landed": len(landed),
            "lines": lines,
            "bytes": sum(manifest.size_bytes for manifest in landed),
            "size": size_text(sum(manifest.size_bytes for manifest in landed)),
            "dagster/uri": lake.uri(layout.landing_folder(table.name)),
            **({"unknown_fields": dg.MetadataValue.json(_largest(unknown))} if unknown else {}),
            **({"empty_dates": dg.MetadataValue.json(_largest(empty))} if empty else {}),
        },
    )


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN_FIELDS])


def _capture_metadata(manifest: Manifest) -> dict[str, Any]:
    source = {name: value for name, value in manifest.source.items() if name not in ("request_ids", "run_id")}
    if request_ids := manifest.source.get("request_ids"):
        source |= {"requests": len(request_ids), "first_request_id": request_ids[0]}
    return {
        "connection": manifest.connection,
        "scopes": len(manifest.scopes),
        "window": str(manifest.window),
        "captured_at": to_api(manifest.captured_at),
        "lines": manifest.lines,
        "bytes": manifest.size_bytes,
        **source,
    }


@dataclass(frozen=True)
class _PartitionEvents:
    """The materialisations of one table in one run."""

    run_id: str
    table: Table
    lake: Lake
    labels: PartitionLabels
    captures: Mapping[str, list[MergedCapture]]
    """By scope: a run over many hotels may have a capture for each."""
    found: Mapping[str, list[Manifest]]
    """By scope: captures that other runs had landed and merged."""

    def landed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        manifests, rows = self._manifests_and_rows(partition)
        return dg.AssetMaterialization(
            self.labels.namespace.landing(self.table),
            partition=self._key(partition),
            metadata={
                **self._scope(partition),
                # Lines and bytes are of a capture that many partitions share, so this partition has none of its own.
                **({"dagster/partition_row_count": rows} if manifests else {}),
                "captures": dg.MetadataValue.json([manifest.capture for manifest in manifests]),
                **self._landed_by(manifests),
            },
        )

    def changed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        manifests, rows = self._manifests_and_rows(partition)
        measures = partition.measures
        return dg.AssetMaterialization(
            self.labels.namespace.changes(self.table),
            partition=self._key(partition),
            metadata={
                **self._scope(partition),
                "dagster/partition_row_count": measures.rows,
                "dagster/uri": self.lake.uri(partition.name),
                "size_bytes": measures.size_bytes,
                "newest_utc": to_api(measures.newest) if measures.newest else "no rows",
                "captures": dg.MetadataValue.json([manifest.capture for manifest in manifests]),
                **_kept(partition),
                # The numbers behind the verdicts, which are stored only where a partition fails.
                "numbers": dg.MetadataValue.json(
                    {
                        "rows_arrived": rows,
                        "duplicate_keys": measures.duplicate_keys,
                        "missing": sum(measures.missing.values()),
                        "outside_window": measures.rows_outside_window,
                        "repeats": partition.repeats,
                        "restated": partition.restated.count,
                        "late": partition.late,
                        **{rule: sum(one.count for one in found) for rule, found in measures.broken.items()},
                    }
                ),
                **self._landed_by(manifests),
            },
        )

    def evidence(self, partitions: list[MergedPartition]) -> list[Evidence]:
        """The evidence for the checks, from the partitions of this run."""
        return [Evidence(self.table, one.partition, one, tuple(self._captures_of(one))) for one in partitions]

    def _manifests_and_rows(self, partition: MergedPartition) -> tuple[list[Manifest], int]:
        """The captures that brought the partition, and the rows that arrived with them. Where another run merged
        them, its rows are those that stand: how many came again is in that run's event."""
        if captures := self._captures_of(partition):
            return [capture.manifest for capture in captures], partition.rows_arrived
        found = [
            manifest
            for manifest in self.found.get(partition.partition.scope, ())
            if manifest.window.covers(partition.partition.window)
        ]
        return found, partition.measures.rows if found else partition.rows_arrived

    def _landed_by(self, manifests: Iterable[Manifest]) -> dict[str, str]:
        """The other runs that landed the captures, if any did."""
        runs = {run for manifest in manifests if (run := manifest.source.get("run_id"))} - {self.run_id}
        return {"landed_by_run": ", ".join(sorted(runs))} if runs else {}

    def _key(self, partition: MergedPartition) -> dg.MultiPartitionKey:
        return self.labels.keys.dagster_key(self.table.scope, partition.partition)

    def _captures_of(self, partition: MergedPartition) -> list[MergedCapture]:
        return [
            capture
            for capture in self.captures.get(partition.partition.scope, ())
            if capture.manifest.window.covers(partition.partition.window)
        ]

    def _scope(self, partition: MergedPartition) -> dict[str, str]:
        scope = partition.partition.scope
        return {self.table.scope.value: self.labels.names.get(scope, scope)}


def _kept(partition: MergedPartition) -> dict[str, str]:
    """Why rows name other captures than the event does."""
    if not partition.existed or not partition.rows_before:
        return {}
    return {
        "rows_kept": f"{partition.rows_before} rows stood before: those that these captures brought again unchanged "
        "keep the _landing_id of the capture that brought them first"
    }


def _by_scope(
    captures: Iterable[Capture], manifest_of: Callable[[Capture], Manifest]
) -> dict[str, list[Capture]]:
    found: dict[str, list[Capture]] = {}
    for capture in captures:
        for scope in manifest_of(capture).scopes:
            found.setdefault(scope, []).append(capture)
    return found
