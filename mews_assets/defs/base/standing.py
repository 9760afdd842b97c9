"""Which partitions stand in the lake, as the sensors ask at every tick.

Lives here: the partitions that have a file, from one listing of a table's folder that is kept between ticks; no file is
opened. Not here: which windows should stand (`ingest.due`), and which of them Dagster knows (`adoption`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from mews_assets.catalog.model import Table
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

RELIST_SECONDS = 600.0
"""Until a file that was removed by hand is noticed. A bucket lists 1,000 files per request, so a table of 70,000
partitions takes 70 requests; at every tick of every table that would be a million a day."""
FEW = 200
"""So many missing files are looked for by name; for more the folder is listed."""


Key: TypeAlias = tuple[str, str]
"""A partition by its scope and the key of its window."""


@dataclass
class _Listing:
    keys: set[Key]
    at: float


@dataclass
class StandingPartitions:
    """The standing partitions of all tables, kept in this process from one tick to the next."""

    clock: Callable[[], float] = time.monotonic
    _listings: dict[tuple[str, str], _Listing] = field(default_factory=dict)

    def keys(self, lake: Lake, table: Table) -> set[Key]:
        """The partitions whose file stood when the folder was listed, at most ten minutes ago."""
        place = (lake.uri(""), table.name)
        known = self._listings.get(place)
        if known is None or self.clock() - known.at > RELIST_SECONDS:
            known = self._listings[place] = _Listing(list_keys(lake, table), self.clock())
        return known.keys

    def missing(
        self, lake: Lake, tables: Iterable[Table], partitions: Collection[Partition]
    ) -> list[Partition]:
        """Those of the partitions that have no file in one of the tables, as of now."""
        missing = set[Partition]()
        for table in tables:
            listed = self.keys(lake, table)
            unknown = [partition for partition in partitions if _key(lake, partition) not in listed]
            missing.update(self._absent(lake, table, unknown))
        return [partition for partition in partitions if partition in missing]

    def _absent(self, lake: Lake, table: Table, unknown: list[Partition]) -> list[Partition]:
        """Those that were not listed and still have no file."""
        if not unknown:
            return []
        listing = self._listings[lake.uri(""), table.name]
        if len(unknown) > FEW:
            listing.keys, listing.at = list_keys(lake, table), self.clock()
        else:
            keys = {
                layout.changes_file(table.name, *key): key for key in (_key(lake, one) for one in unknown)
            }
            listing.keys.update(keys[name] for name in lake.existing(list(keys)))
        return [partition for partition in unknown if _key(lake, partition) not in listing.keys]


STANDING = StandingPartitions()
"""Of the process that evaluates the sensors."""


def list_keys(lake: Lake, table: Table) -> set[Key]:
    """All partitions of a table that have a file, from one listing."""
    names = lake.files(layout.changes_folder(table.name), recursive=True)
    return {layout.partition_of(name) for name in names if name.endswith(f"/{layout.ROWS_FILE}")}


def _key(lake: Lake, partition: Partition) -> Key:
    return partition.scope, partition.key(lake.grain)
