"""Events: what a run tells Dagster of the partitions it made.

Lives here: materialisations from a result of `ingest`, and what the checks are told of it. One event per partition,
yielded singly: the per-partition metadata call of Dagster grows with the square of the partitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from mews_assets.api import MewsError
from mews_assets.catalog.model import Table
from mews_assets.defs.checks import Evidence
from mews_assets.defs.checks.model import FAILED_PARTITIONS as FAILED_PARTITIONS
from mews_assets.defs.partitions import to_dagster_key
from mews_assets.defs.specs import changes_key, landing_key
from mews_assets.defs.verdicts import Verdicts
from mews_assets.defs.wanted import Wanted
from mews_assets.ingest.materialise import Materialised
from mews_assets.lake import layout
from mews_assets.lake.dealing import Partition
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets.lake.merged import Merged, MergedCapture, MergedPartition
from mews_assets.lake.store import Lake
from mews_assets.windows import to_api

AGAIN_MAY_HELP = "again_may_help"
"""In a failure's metadata: whether the same run, launched again, could succeed without a person's help."""

CAUSES = "causes"
"""In a failure's metadata: one sentence for each cause."""

FAILED_PULLS = "failed_pulls"
"""In a failure's metadata: what each failed pull asked for, its cause, and whether again may help there."""


def report(
    context: dg.AssetExecutionContext,
    group: tuple[Table, ...],
    result: Materialised,
    wanted: Wanted,
    lake: Lake,
    names: Mapping[str, str],
) -> Iterator[Any]:
    """Everything there is to tell, then a Failure that names the partitions that failed, if any did.

    Of a window that was looked at again and that nothing new came for there is nothing to tell.
    """
    failed = {partition for partitions, _ in result.failed for partition in partitions}
    for table in group:
        merged = result.merged.get(table.name)
        if merged is None:
            continue
        chosen, quiet = _told_and_quiet(wanted, merged, failed)
        told = _Report(context, table, merged, lake, names, _captures_by_scope(merged))
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
            yield from Verdicts(context, table, lake, names).of(
                [*told.evidence(chosen), *looked_at, *rejected]
            )
    if result.failed:
        raise failure(group, result)


def _told_and_quiet(
    wanted: Wanted, merged: Merged, failed: set[Partition]
) -> tuple[list[MergedPartition], list[MergedPartition]]:
    """The partitions to tell of: those asked for, and those looked at again that something new came for; and the
    others that were looked at again. What other runs want is theirs to tell."""
    every = merged.partitions
    asked = [every[one] for one in wanted.partitions if one in every and one not in failed]
    known = {*wanted.partitions, *wanted.also, *failed}
    again = [one for one in every.values() if one.stood and one.partition not in known]
    chosen = [one for one in asked if one.is_written or one.partition not in wanted.again]
    chosen += sorted((one for one in again if one.is_written), key=lambda one: one.partition)
    quiet = [one for one in asked if not one.is_written and one.partition in wanted.again]
    return chosen, quiet + [one for one in again if not one.is_written]


def failure(group: tuple[Table, ...], result: Materialised) -> dg.Failure:
    """One failure for all that failed. It may be retried only if every cause may pass."""
    causes = [f"{len(partitions)} partitions: {error}" for partitions, error in result.failed]
    failed = sorted({str(partition) for partitions, _ in result.failed for partition in partitions})
    shown = ", ".join(failed[:10]) + (f" and {len(failed) - 10} more" if len(failed) > 10 else "")
    again_may_help = all(getattr(error, "is_transient", False) for _, error in result.failed)
    return dg.Failure(
        f"{group[0].name}: {len(failed)} partitions failed, the others are in place: {shown}. "
        + " ".join(causes),
        metadata={
            FAILED_PARTITIONS: dg.MetadataValue.json(failed),
            CAUSES: dg.MetadataValue.json(causes),
            FAILED_PULLS: dg.MetadataValue.json([_failed_pull(*one) for one in result.failed if one[0]]),
            AGAIN_MAY_HELP: again_may_help,
        },
        allow_retries=again_may_help,
    )


def _failed_pull(partitions: list[Partition], error: Exception) -> dict[str, Any]:
    return {
        "scopes": sorted({one.scope for one in partitions}),
        "start_utc": to_api(min(one.window.start for one in partitions)),
        "end_utc": to_api(max(one.window.end for one in partitions)),
        "cause": str(error),
        AGAIN_MAY_HELP: bool(getattr(error, "is_transient", False)),
    }


@contextmanager
def failures_said(table: Table) -> Iterator[None]:
    """Errors that stop a run before it could begin, told as a failure that says whether again may help."""
    try:
        yield
    except (MewsError, LakeError, LookupError, ValueError) as error:
        again_may_help = bool(getattr(error, "is_transient", False))
        raise dg.Failure(
            f"{table.name}: {error}",
            metadata={AGAIN_MAY_HELP: again_may_help},
            allow_retries=again_may_help,
        ) from error


@dataclass(frozen=True)
class _Report:
    context: dg.AssetExecutionContext
    table: Table
    merged: Merged
    lake: Lake
    names: Mapping[str, str]
    captures: Mapping[str, list[MergedCapture]]
    """By scope: a run over many hotels may have a capture for each."""

    def landed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        captures = self._captures_of(partition)
        return dg.AssetMaterialization(
            landing_key(self.table),
            partition=self._key(partition),
            metadata={
                **self._common(partition),
                # Nothing arrived in this run where another run of the same backfill had landed it.
                **({"dagster/partition_row_count": partition.arrived} if captures else {}),
                # Of a capture that many partitions share, so no number of this partition's.
                "captures": dg.MetadataValue.json([self._told(one) for one in captures]),
            },
        )

    def changed(self, partition: MergedPartition) -> dg.AssetMaterialization:
        measures = partition.measures
        captures = self._captures_of(partition)
        unknown = {path: seen.count for one in captures for path, seen in one.findings.unknown.items()}
        return dg.AssetMaterialization(
            changes_key(self.table),
            partition=self._key(partition),
            metadata={
                **self._common(partition),
                "dagster/partition_row_count": measures.rows,
                "dagster/uri": self.lake.uri(partition.name),
                "size_bytes": measures.size_bytes,
                "rows_arrived": partition.arrived,
                "repeats": partition.repeats,
                "newest_utc": to_api(measures.newest) if measures.newest else "no rows",
                "captures": dg.MetadataValue.json([one.manifest.capture for one in captures]),
                "unknown_fields": dg.MetadataValue.json(unknown),
            },
        )

    def evidence(self, partitions: list[MergedPartition]) -> list[Evidence]:
        """What the checks are told of the partitions of this run."""
        return [Evidence(self.table, one.partition, one, tuple(self._captures_of(one))) for one in partitions]

    def _told(self, capture: MergedCapture) -> dict[str, Any]:
        manifest = capture.manifest
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


def _captures_by_scope(merged: Merged) -> dict[str, list[MergedCapture]]:
    found: dict[str, list[MergedCapture]] = {}
    for capture in merged.captures.values():
        for scope in capture.manifest.scopes:
            found.setdefault(scope, []).append(capture)
    return found
