"""The result of a merge: every partition it wrote or found unchanged, and where every row of a capture went.

Lives here: plain values, for metadata and checks. Not here: merging (`merge`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.lake.changes.partition_writer import Restated
from mews_assets.lake.conversion.check_file import FileFindings
from mews_assets.lake.errors import RecordError
from mews_assets.lake.file_statistics import FileStatistics
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.landing.unmerged_captures import UnmergedError
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import Measures


@dataclass(frozen=True)
class MergedPartition:
    """A partition after the merge. `rows_arrived` came with the captures, `rows_before` were in its file before.

    `existed` is whether it had a file before, `is_written` whether it has a new file now: a partition without new rows
    keeps its file.
    """

    partition: Partition
    name: str
    rows_arrived: int
    rows_before: int
    measures: Measures
    restated: Restated = field(default_factory=Restated)
    """Versions that came with other content than before under the same id and stamp."""
    existed: bool = False
    is_written: bool = True

    @property
    def late(self) -> int:
        """New rows of a partition that had a file before."""
        return max(0, self.measures.rows - self.rows_before) if self.existed else 0

    @property
    def repeats(self) -> int:
        """Arrived rows that the file held already, or that came more than once."""
        return self.rows_before + self.rows_arrived - self.measures.rows


@dataclass(frozen=True)
class MergedCapture:
    """Where a capture's rows went: into partitions, to the edge rows, or to no partition that it requested
    (`unexplained`).

    `aside` counts rows of a capture that was merged before, of partitions for which it is not read this time.
    """

    manifest: Manifest
    findings: FileFindings
    rows_assigned: int
    edge_rows: int
    unexplained: int
    aside: int = 0


@dataclass
class MergeResult:
    """The result of a merge, by partition and by capture id."""

    partitions: dict[Partition, MergedPartition] = field(default_factory=dict)
    captures: dict[str, MergedCapture] = field(default_factory=dict)
    rejected: dict[str, RecordError] = field(default_factory=dict)
    unmerged: dict[str, UnmergedError] = field(default_factory=dict)
    """Captures that were not merged though no record is wrong, each with its cause."""
    statistics: dict[str, FileStatistics] = field(default_factory=dict)
    """Of the files that were written, by name."""

    def problem(self, capture: str) -> RecordError | UnmergedError | None:
        """Why a capture was not merged; None where it was."""
        return self.rejected.get(capture) or self.unmerged.get(capture)
