"""The partition that a night looks at, as a pure function: another each night, and the same when asked again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from mews_assets.lake.partition import Partition


def choose(table: str, night: date, partitions: Sequence[Partition]) -> Partition | None:
    """One of the partitions; None if there is none."""
    if not partitions:
        return None
    digest = hashlib.sha256(f"{table}/{night}".encode()).digest()
    return sorted(partitions)[int.from_bytes(digest[:8], "big") % len(partitions)]
