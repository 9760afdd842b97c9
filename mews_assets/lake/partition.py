"""One partition of a table: a scope and a window.

Lives here: the value that names a partition in all packages below `defs`. Not here: Dagster's partition keys
(`defs.base.partitions`), and which rows belong to a partition (`lake.changes.assign_partitions`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mews_assets.lake.storage import layout
from mews_assets.windows import Grain, Window, to_key


@dataclass(frozen=True, order=True)
class Partition:
    """One partition of a table: a scope and one window of the lake's grain."""

    scope: str
    window: Window

    def __post_init__(self) -> None:
        layout.safe_name(self.scope)

    def key(self, grain: Grain) -> str:
        return to_key(self.window, grain)

    def __str__(self) -> str:
        return f"{self.scope} {self.window}"
