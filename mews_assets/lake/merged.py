"""What a merge did: every partition it touched or found, and where every line of a capture went.

Lives here: plain values, for metadata and checks. Not here: merging (`changes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.lake.dealing import Partition
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing import Manifest
from mews_assets.lake.left import LeftError
from mews_assets.lake.lines import Findings
from mews_assets.lake.measures import Measures
from mews_assets.lake.partition_files import Restated


@dataclass(frozen=True)
class MergedPartition:
    """A partition after the merge. `arrived` rows came with the captures, `held` stood there before.

    `stood` says whether there was a file before, `is_written` whether there is another one now: a partition that
    nothing new came for is left as it stands.
    """

    partition: Partition
    name: str
    arrived: int
    held: int
    measures: Measures
    restated: Restated = field(default_factory=Restated)
    """Versions that came with other content than before, under the same id and stamp."""
    stood: bool = False
    is_written: bool = True

    @property
    def late(self) -> int:
        """Rows that came when the partition had landed before, without them."""
        return max(0, self.measures.rows - self.held) if self.stood else 0

    @property
    def repeats(self) -> int:
        """Arrived rows that were there already, or came more than once."""
        return self.held + self.arrived - self.measures.rows


@dataclass(frozen=True)
class MergedCapture:
    """Where a capture's lines went: into partitions, to the boundary, or nowhere it asked about.

    `aside` are those of a capture that was merged before, of partitions that it was not read for this time.
    """

    manifest: Manifest
    findings: Findings
    dealt: int
    boundary: int
    unexplained: int
    aside: int = 0

    @property
    def is_reconciled(self) -> bool:
        lines = self.manifest.lines
        records = lines - self.findings.blank_lines
        explained = self.dealt + self.boundary + self.aside
        return not self.unexplained and records == self.findings.lines == explained


@dataclass
class Merged:
    """What a merge did."""

    partitions: dict[Partition, MergedPartition] = field(default_factory=dict)
    captures: dict[str, MergedCapture] = field(default_factory=dict)
    rejected: dict[str, RecordError] = field(default_factory=dict)
    left: dict[str, LeftError] = field(default_factory=dict)
    """Captures that were not merged through no fault of a record, and why."""

    def problem(self, capture: str) -> RecordError | LeftError | None:
        """Why a capture was not merged; None where it was."""
        return self.rejected.get(capture) or self.left.get(capture)
