"""Checks on changes: what each examines, how severe a failure is and why, and its verdict on one partition.

Lives here: the checks as pure functions over evidence, which of them a table has (its row in the catalog decides), and
their Dagster specs. They are evaluated in the run that writes the rows, from the files on disk.

model           a check, its evidence and its verdict
contract        what Mews promises: types, columns, keys, scopes
rows            rows of every table
money           amounts, taxes, ledgers
neighbours      references to other tables, volume against earlier weeks
late            rows that came after their window
per_scope       checks of what has a partition per scope
unmerged        captures that landed and could not be merged
freshness       hotels that are behind
reconciliation  the lake against Mews' own figures
evaluate        gathering the evidence, and letting every check judge it
stored_verdicts which verdicts are stored
latest_results  those that are stored, read back
overview        checks and freshness as the report shows them

Not here: the evidence itself (`evaluate`) and which verdicts are stored (`stored_verdicts`).
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
