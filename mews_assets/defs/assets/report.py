"""Events: what a run tells Dagster of the partitions it made.

Lives here: materialisations from a result of `ingest`, and what the checks are told of it. One event per partition,
yielded singly: the per-partition metadata call of Dagster grows with the square of the partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import dagster as dg

from mews_assets.api import MewsError
from mews_assets.catalog.model import Table
from mews_assets.defs.assets.requested_partitions import RequestedPartitions
from mews_assets.defs.base.asset_specs import changes_key, landing_key
from mews_assets.defs.base.metadata_keys import CAUSES, FAILED_PULLS, RETRYABLE
from mews_assets.defs.base.metadata_keys import FAILED_PARTITIONS as FAILED_PARTITIONS
from mews_assets.defs.base.partitions import to_dagster_key
from mews_assets.defs.checks import Evidence
from mews_assets.defs.checks.evaluate import CheckReporter
from mews_assets.defs.checks.unmerged import CAPTURES_MERGED, captures_merged
from mews_assets.ingest.materialise import Materialised
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition, MergeResult
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.reading.inventory import rows_by_capture
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import to_api

Capture = TypeVar("Capture")


def report(
    context: dg.AssetExecutionContext,
    group: tuple[Table, ...],
    result: Materialised,
    wanted: RequestedPartitions,
    lake: Lake,
    names: Mapping[str, str],
) -> Iterator[Any]:
    """Everything there is to tell, then a Failure that names the partitions that failed, if any did.

    Of a window that was looked at again and that nothing new came for there is nothing to tell.
    """
    failed = {partition for partitions, _ in result.failed for partition in partitions}
    for table in group:
        if dg.AssetCheckKey(changes_key(table), CAPTURES_MERGED) in context.selected_asset_check_keys:
            yield captures_merged(table, lake)
        merged = result.merged.get(table.name)
        if merged is None:
            continue
        chosen, quiet = _told_and_quiet(wanted, merged, failed)
        told = _Report(
            context,
            table,
            merged,
            lake,
            names,
            _by_scope(merged.captures.values(), lambda one: one.manifest),
            _by_scope(result.found.get(table.name, ()), lambda one: one),
        )
        if landing_key(table) in context.selected_asset_keys:
            yield from (told.landed(partition) for partition in chosen)
        if changes_key(table) in context.selected_asset_keys:
            yield from (told.changed(partition) for partition in chosen)
            rejected = [
                Evidence(table, one, rejected=(error,))
                for partitions, error in result.failed
                if isinstance(error, RecordError) and error.table == table.name
                for one in partitions
            ]
            # After the materialisations: a verdict is about one.
            looked_at = [replace(one, is_quiet=True) for one in told.evidence(quiet)]
            yield from CheckReporter(context, table, lake, names).evaluations(
                [*told.evidence(chosen), *looked_at, *rejected]
            )
    if result.failed:
        raise failure(group, result)


def _told_and_quiet(
    wanted: RequestedPartitions, merged: MergeResult, failed: set[Partition]
) -> tuple[list[MergedPartition], list[MergedPartition]]:
    """The partitions to tell of: those asked for, and those looked at again that something new came for; and the
    others that were looked at again. What other runs want is theirs to tell."""
    every = merged.partitions
    asked = [every[one] for one in wanted.partitions if one in every and one not in failed]
    known = {*wanted.partitions, *wanted.also, *failed}
    again = [one for one in every.values() if one.existed and one.partition not in known]
    chosen = [one for one in asked if one.is_written or one.partition not in wanted.again]
    chosen += sorted((one for one in again if one.is_written), key=lambda one: one.partition)
    quiet = [one for one in asked if not one.is_written and one.partition in wanted.again]
    return chosen, quiet + [one for one in again if not one.is_written]


def failure(group: tuple[Table, ...], result: Materialised) -> dg.Failure:
    """One failure for all that failed. It may be retried only if every cause may pass."""
    causes = [f"{len(partitions)} partitions: {error}" for partitions, error in result.failed]
    failed = sorted({str(partition) for partitions, _ in result.failed for partition in partitions})
    shown = ", ".join(failed[:10]) + (f" and {len(failed) - 10} more" if len(failed) > 10 else "")
    retryable = all(getattr(error, "retryable", False) for _, error in result.failed)
    return dg.Failure(
        f"{group[0].name}: {len(failed)} partitions failed, the others are in place: {shown}. "
        + " ".join(causes),
        metadata={
            FAILED_PARTITIONS: dg.MetadataValue.json(failed),
            CAUSES: dg.MetadataValue.json(causes),
            FAILED_PULLS: dg.MetadataValue.json([_failed_pull(*one) for one in result.failed if one[0]]),
            RETRYABLE: retryable,
        },
        allow_retries=retryable,
    )


def _failed_pull(partitions: list[Partition], error: Exception) -> dict[str, Any]:
    return {
        "scopes": sorted({one.scope for one in partitions}),
        "start_utc": to_api(min(one.window.start for one in partitions)),
        "end_utc": to_api(max(one.window.end for one in partitions)),
        "cause": str(error),
        RETRYABLE: bool(getattr(error, "retryable", False)),
    }


@contextmanager
def raise_as_dagster_failure(table: Table) -> Iterator[None]:
    """Errors that stop a run before it could begin, told as a failure that says whether again may help."""
    try:
        yield
    except (MewsError, LakeError, LookupError, ValueError) as error:
        retryable = bool(getattr(error, "retryable", False))
        raise dg.Failure(
            f"{table.name}: {error}",
            metadata={RETRYABLE: retryable},
            allow_retries=retryable,
        ) from error


@dataclass(frozen=True)
class _Report:
    context: dg.AssetExecutionContext
    table: Table
    merged: MergeResult
    lake: Lake
    names: Mapping[str, str]
    captures: Mapping[str, list[MergedCapture]]
    """By scope: a run over many hotels may have a capture for each."""
    found: Mapping[str, list[Manifest]]
    """By scope: captures that other runs had landed and merged."""
    _rows: dict[str, dict[str, int]] = field(default_factory=dict)

    def landed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        captures = [self._capture_metadata(one.manifest) for one in self._captures_of(partition)]
        arrived = partition.rows_arrived
        if not captures:
            rows = self._rows_of(partition)
            captures = [
                {**self._capture_metadata(one), "rows": rows.get(one.capture, 0)}
                for one in self._found_of(partition)
            ]
            arrived = sum(one["rows"] for one in captures)
        return dg.AssetMaterialization(
            landing_key(self.table),
            partition=self._key(partition),
            metadata={
                **self._common(partition),
                **({"dagster/partition_row_count": arrived} if captures else {}),
                # Lines and bytes are of a capture that many partitions share, so no numbers of this partition's.
                "captures": dg.MetadataValue.json(captures),
            },
        )

    def changed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        measures = partition.measures
        captures = self._captures_of(partition)
        manifests = [one.manifest for one in captures] or self._found_of(partition)
        arrived = partition.rows_arrived
        if not captures and manifests:
            rows = self._rows_of(partition)
            arrived = sum(rows.get(one.capture, 0) for one in manifests)
        others = {run for one in manifests if (run := one.source.get("run_id"))} - {self.context.run.run_id}
        unknown = {path: seen.count for one in captures for path, seen in one.findings.unknown.items()}
        empty = {path: count for one in captures for path, count in one.findings.empty.items()}
        return dg.AssetMaterialization(
            changes_key(self.table),
            partition=self._key(partition),
            metadata={
                **self._common(partition),
                "dagster/partition_row_count": measures.rows,
                "dagster/uri": self.lake.uri(partition.name),
                "size_bytes": measures.size_bytes,
                "rows_arrived": arrived,
                "repeats": partition.repeats,
                "versions_restated": partition.restated.count,
                "newest_utc": to_api(measures.newest) if measures.newest else "no rows",
                "captures": dg.MetadataValue.json([one.capture for one in manifests]),
                **({"landed_by_run": ", ".join(sorted(others))} if others else {}),
                "unknown_fields": dg.MetadataValue.json(unknown),
                **({"empty_dates": dg.MetadataValue.json(empty)} if empty else {}),
            },
        )

    def evidence(self, partitions: list[MergedPartition]) -> list[Evidence]:
        """What the checks are told of the partitions of this run."""
        return [Evidence(self.table, one.partition, one, tuple(self._captures_of(one))) for one in partitions]

    def _rows_of(self, partition: MergedPartition) -> dict[str, int]:
        """The rows that stand in the partition, by the capture that brought them first."""
        if partition.name not in self._rows:
            self._rows[partition.name] = rows_by_capture(self.lake, partition.name)
        return self._rows[partition.name]

    def _found_of(self, partition: MergedPartition) -> list[Manifest]:
        one = partition.partition
        return [manifest for manifest in self.found.get(one.scope, ()) if manifest.window.covers(one.window)]

    def _capture_metadata(self, manifest: Manifest) -> dict[str, Any]:
        return {
            "uri": self.lake.uri(layout.capture_folder(self.table.name, manifest.capture)),
            "lines": manifest.lines,
            "bytes": manifest.size_bytes,
            "connection": manifest.connection,
            "captured_at": to_api(manifest.captured_at),
            **manifest.source,
        }

    def _key(self, partition: MergedPartition) -> dg.MultiPartitionKey:
        return to_dagster_key(self.table.scope, partition.partition, self.lake.grain)

    def _captures_of(self, partition: MergedPartition) -> list[MergedCapture]:
        one = partition.partition
        return [
            capture
            for capture in self.captures.get(one.scope, ())
            if capture.manifest.window.covers(one.window)
        ]

    def _common(self, partition: MergedPartition) -> dict[str, Any]:
        scope = partition.partition.scope
        return {self.table.scope.value: self.names.get(scope, scope)}


def _by_scope(
    captures: Iterable[Capture], manifest_of: Callable[[Capture], Manifest]
) -> dict[str, list[Capture]]:
    found: dict[str, list[Capture]] = {}
    for capture in captures:
        for scope in manifest_of(capture).scopes:
            found.setdefault(scope, []).append(capture)
    return found
