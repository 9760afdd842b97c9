"""The names under which runs keep values in Dagster's metadata, for the modules that read them back.

Lives here: every metadata key that one module writes and another reads. Not here: keys that only people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

RETRYABLE = "retryable"
"""In a failure's metadata: whether the same run, launched again, could succeed without a person's help."""


CAUSES = "causes"
"""In a failure's metadata: one sentence for each cause."""


FAILED_PULLS = "failed_pulls"
"""In a failure's metadata: what each failed pull asked for, its cause, and whether again may help there."""


FAILED_PARTITIONS = "failed_partitions"
"""In a failure's metadata and in a check's summary: the keys of the partitions."""


FAILED_ASSETS = "failed_assets"
"""In the failure of a step that makes several assets: the cause for each asset that failed, as Dagster spells it."""


PARTITIONS = "partitions"
"""In a check's summary: how many of the partitions that the run was asked for it judged."""


LOOKED_AT_AGAIN = "partitions_looked_at_again"
"""In a check's summary: how many partitions the run judged beside those that it was asked for."""


STILL_FAILING = "still_failing"
"""In a check's summary: keys of partitions outside the run whose latest stored verdict is a failure; at most 50."""


LATE_SCOPES = "late_scopes"
"""In an evaluation's metadata: a row for each hotel that is behind, with its `scope` and by how many hours."""


LATE_HOURS = "late_hours"


GIVEN_UP = "given_up"
"""In an observation's metadata: true when a question was given up, false when what it asked for is there."""


QUESTION = "question"
"""In an observation's metadata: connection, scopes and window of what was asked."""


REASON = "reason"


TABLE_TAG = "mews/table"


EXPORT_TAG = "mews/export"


def size_text(size_bytes: int) -> str:
    """A size for people: `2.1 MB`; the same in bytes stands beside it, for plots."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def plain_values(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    """The values of an event's metadata."""
    return {name: value.value for name, value in metadata.items()}
