"""Checks on changes: what each examines, how severe a failure is and why, and its verdict on one partition.

Lives here: the checks as pure functions over evidence, which of them a table has (its row in the catalog decides), and
their Dagster specs. They are evaluated in the run that writes the rows, from the files on disk.
Not here: gathering the evidence (`evaluate`) and which verdicts are stored (`stored_verdicts`).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.checks.contract import CONTRACT_CHECKS
from mews_assets.defs.checks.late import LATE_CHECKS
from mews_assets.defs.checks.model import Check, Evidence, Verdict, markdown
from mews_assets.defs.checks.money import MONEY_CHECKS
from mews_assets.defs.checks.neighbours import NEIGHBOUR_CHECKS
from mews_assets.defs.checks.rows import ROW_CHECKS
from mews_assets.defs.namespace import Namespace

__all__ = ["CHECKS", "Check", "Evidence", "Verdict", "check_specs", "checks_of", "markdown"]

CHECKS: tuple[Check, ...] = (*ROW_CHECKS, *CONTRACT_CHECKS, *MONEY_CHECKS, *NEIGHBOUR_CHECKS, *LATE_CHECKS)


def checks_of(table: Table) -> list[Check]:
    """The checks that a table's row in the catalog asks for."""
    return [check for check in CHECKS if check.applies(table)]


def check_specs(table: Table, namespace: Namespace) -> list[dg.AssetCheckSpec]:
    """The specs of a table's checks.

    Without partitions: of a partitioned check Dagster announces a verdict on each partition of a run, and shows it as
    pending until it comes, but a partition that passes has no event of its own (`stored_verdicts`).
    """
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=namespace.changes(table),
            description=check.description,
            blocking=check.blocking,
        )
        for check in checks_of(table)
    ]
