"""What a merge did: every partition it touched or found, and where every line of a capture went.

Lives here: plain values, for metadata and checks. Not here: merging (`changes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.lake.dealing import Partition
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing import Manifest
from mews_assets.lake.lines import Findings
from mews_assets.lake.measures import Measures
from mews_assets.lake.partition_files import Restated


@dataclass(frozen=True)
class MergedPartition:
    """A partition after the merge. `arrived` rows came with the captures, `held` stood there before."""

    partition: Partition
    name: str
    arrived: int
    held: int
    measures: Measures
    restated: Restated = field(default_factory=Restated)
    """Versions that came with other content than before, under the same id and stamp."""

    @property
    def repeats(self) -> int:
        """Arrived rows that were there already, or came more than once."""
        return self.held + self.arrived - self.measures.rows


@dataclass(frozen=True)
class MergedCapture:
    """Where a capture's lines went: into partitions, to the boundary, or nowhere it asked about."""

    manifest: Manifest
    findings: Findings
    dealt: int
    boundary: int
    unexplained: int

    @property
    def is_reconciled(self) -> bool:
        lines = self.manifest.lines
        records = lines - self.findings.blank_lines
        return not self.unexplained and records == self.findings.lines == self.dealt + self.boundary


@dataclass
class Merged:
    """What a merge did."""

    partitions: dict[Partition, MergedPartition] = field(default_factory=dict)
    captures: dict[str, MergedCapture] = field(default_factory=dict)
    rejected: dict[str, RecordError] = field(default_factory=dict)
