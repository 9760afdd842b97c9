"""Checks on changes: what each looks at, how grave it is and why, and its verdict on one partition.

Lives here: the checks as pure functions over evidence, which of them a table has (told by its row in the
catalog), and their Dagster specs. They are evaluated in the run that writes the rows, from what stands on disk.
Not here: gathering the evidence and telling Dagster (`verdicts`).
"""

from __future__ import annotations

import warnings
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.checks.contract import CONTRACT_CHECKS
from mews_assets.defs.checks.late import LATE_CHECKS
from mews_assets.defs.checks.model import Check, Evidence, Verdict, markdown
from mews_assets.defs.checks.money import MONEY_CHECKS
from mews_assets.defs.checks.neighbours import NEIGHBOUR_CHECKS
from mews_assets.defs.checks.rows import ROW_CHECKS

__all__ = ["CHECKS", "Check", "Evidence", "Verdict", "check_specs", "checks_of", "markdown"]

CHECKS: tuple[Check, ...] = (*ROW_CHECKS, *CONTRACT_CHECKS, *MONEY_CHECKS, *NEIGHBOUR_CHECKS, *LATE_CHECKS)


def checks_of(table: Table) -> list[Check]:
    """The checks that a table's row in the catalog asks for."""
    return [check for check in CHECKS if check.applies(table)]


def check_specs(table: Table, partitions: dg.PartitionsDefinition[Any]) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks.

    Those whose verdict is not stored for every partition are told to Dagster without partitions: it would
    announce a verdict on each, and wait for it for ever.
    """
    with warnings.catch_warnings():
        # Partitioned checks are in preview in Dagster 1.13; the constraints file holds the version this was seen with.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.name,
                asset=dg.AssetKey(["changes", table.name]),
                description=check.description,
                blocking=check.blocking,
                partitions_def=partitions if check.every_partition else None,
            )
            for check in checks_of(table)
        ]
