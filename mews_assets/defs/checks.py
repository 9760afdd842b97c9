"""Checks on changes: what each looks at, how grave it is and why, and its verdict on one partition.

Lives here: the checks as pure functions over measures, and their Dagster specs. They are evaluated in the run
that writes the rows, from what stands on disk, and stored partition by partition.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.lake.merged import MergedCapture, MergedPartition


@dataclass(frozen=True)
class Verdict:
    """One check of one partition."""

    passed: bool
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """A check every table has. The description says why the severity is what it is."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    judge: Callable[[MergedPartition, list[MergedCapture]], Verdict]


def _key_unique(partition: MergedPartition, captures: list[MergedCapture]) -> Verdict:
    duplicates = partition.measures.duplicate_keys
    return Verdict(duplicates == 0, {"rows": partition.measures.rows, "duplicate_keys": duplicates})


def _required_present(partition: MergedPartition, captures: list[MergedCapture]) -> Verdict:
    missing = partition.measures.missing
    return Verdict(not missing, {"rows": partition.measures.rows, "missing": dict(missing)})


def _rows_in_window(partition: MergedPartition, captures: list[MergedCapture]) -> Verdict:
    outside = partition.measures.rows_outside_window
    return Verdict(outside == 0, {"rows": partition.measures.rows, "rows_outside_window": outside})


def _rows_reconciled(partition: MergedPartition, captures: list[MergedCapture]) -> Verdict:
    unexplained = sum(
        abs(one.manifest.lines - one.findings.blank_lines - one.dealt - one.boundary)
        for one in captures
        if partition.partition.scope in one.manifest.scopes
    )
    return Verdict(
        unexplained == 0 and partition.repeats >= 0,
        {
            "rows_held_before": partition.held,
            "rows_arrived": partition.arrived,
            "repeats": partition.repeats,
            "rows_written": partition.measures.rows,
            "lines_unexplained": unexplained,
        },
    )


CHECKS = (
    Check(
        "key_unique",
        "No two rows share id and version. ERROR: sums over the table would count money twice.",
        dg.AssetCheckSeverity.ERROR,
        _key_unique,
    ),
    Check(
        "required_present",
        "Every column that Mews requires is filled. ERROR: a required field that is gone is a broken contract.",
        dg.AssetCheckSeverity.ERROR,
        _required_present,
    ),
    Check(
        "rows_in_window",
        "Every row's stamp lies in the partition's window. ERROR: a row elsewhere is missing where it belongs.",
        dg.AssetCheckSeverity.ERROR,
        _rows_in_window,
    ),
    Check(
        "rows_reconciled",
        "Lines landed, but for blank ones, = rows written + rows of the next window + repeats. ERROR: a line "
        "unexplained is a row lost.",
        dg.AssetCheckSeverity.ERROR,
        _rows_reconciled,
    ),
)


def check_specs(table: Table, partitions: dg.PartitionsDefinition[Any]) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks."""
    with warnings.catch_warnings():
        # Partitioned checks are in preview in Dagster 1.13; the constraints file holds the version this was seen with.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.name,
                asset=dg.AssetKey(["changes", table.name]),
                description=check.description,
                partitions_def=partitions,
            )
            for check in CHECKS
        ]
