"""What a merge did: every partition it touched or found, and where every line of a capture went.

Lives here: plain values, for metadata and checks. Not here: merging (`changes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.lake.changes.partition_writer import Restated
from mews_assets.lake.conversion.check_file import FileFindings
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.landing.unmerged_captures import UnmergedError
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import Measures


@dataclass(frozen=True)
class MergedPartition:
    """A partition after the merge. `arrived` rows came with the captures, `held` stood there before.

    `stood` says whether there was a file before, `is_written` whether there is another one now: a partition that
    nothing new came for is left as it stands.
    """

    partition: Partition
    name: str
    rows_arrived: int
    rows_before: int
    measures: Measures
    restated: Restated = field(default_factory=Restated)
    """Versions that came with other content than before, under the same id and stamp."""
    stood: bool = False
    is_written: bool = True

    @property
    def late(self) -> int:
        """Rows that came when the partition had landed before, without them."""
        return max(0, self.measures.rows - self.rows_before) if self.stood else 0

    @property
    def repeats(self) -> int:
        """Arrived rows that were there already, or came more than once."""
        return self.rows_before + self.rows_arrived - self.measures.rows


@dataclass(frozen=True)
class MergedCapture:
    """Where a capture's lines went: into partitions, to the boundary, or nowhere it asked about.

    `aside` are those of a capture that was merged before, of partitions that it was not read for this time.
    """

    manifest: Manifest
    findings: FileFindings
    rows_assigned: int
    edge_rows: int
    unexplained: int
    aside: int = 0

    @property
    def is_reconciled(self) -> bool:
        lines = self.manifest.lines
        records = lines - self.findings.blank_lines
        explained = self.rows_assigned + self.edge_rows + self.aside
        return not self.unexplained and records == self.findings.lines == explained


@dataclass
class MergeResult:
    """What a merge did."""

    partitions: dict[Partition, MergedPartition] = field(default_factory=dict)
    captures: dict[str, MergedCapture] = field(default_factory=dict)
    rejected: dict[str, RecordError] = field(default_factory=dict)
    unmerged: dict[str, UnmergedError] = field(default_factory=dict)
    """Captures that were not merged through no fault of a record, and why."""

    def problem(self, capture: str) -> RecordError | UnmergedError | None:
        """Why a capture was not merged; None where it was."""
        return self.rejected.get(capture) or self.unmerged.get(capture)
