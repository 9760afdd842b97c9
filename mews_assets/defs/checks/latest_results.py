"""Check states: what the checks said last of each hotel's partitions, as the instance remembers it.

Lives here: reading them back, table by table. Not here: the verdicts themselves (`verdicts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

from mews_assets.catalog.model import Table
from mews_assets.defs.base.asset_specs import changes_key
from mews_assets.defs.checks import checks_of


@dataclass(frozen=True)
class CheckState:
    """One scope of one table: its failing windows by check. Judged says that any of it was ever looked at."""

    judged: bool = False
    failing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Windows that fail, once for every check they fail."""
        return sum(len(windows) for windows in self.failing.values())


def check_states(instance: dg.DagsterInstance, table: Table, scopes: Iterable[str]) -> dict[str, CheckState]:
    """The last word of every check on every partition of the scopes."""
    keys = [dg.AssetCheckKey(changes_key(table), check.name) for check in checks_of(table)]
    failing: dict[str, dict[str, list[str]]] = {}
    judged = set()
    for info in instance.event_log_storage.get_asset_check_partition_info(keys):
        if info.partition_key is None or info.latest_execution_status not in (
            Status.SUCCEEDED,
            Status.FAILED,
        ):
            continue
        scope, _, window = info.partition_key.partition("|")
        judged.add(scope)
        if info.latest_execution_status is Status.FAILED:
            failing.setdefault(scope, {}).setdefault(info.check_key.name, []).append(window)
    return {
        scope: CheckState(
            scope in judged,
            {name: sorted(windows) for name, windows in sorted(failing.get(scope, {}).items())},
        )
        for scope in scopes
    }
