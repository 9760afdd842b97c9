"""Rows by export against rows by pages: one hotel and window of each table a night.

Lives here: the comparison, a pure function, and reading what it compares. Mews sends a record in the window of its
newest version only, so a record that has changed since the window was captured is in none of its pages: it is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mews_assets.api import MewsClient
from mews_assets.catalog.model import Export, FetchMethod, Table
from mews_assets.defs.checks.reconciliation.moments import Compared, Difference
from mews_assets.ingest.sampling.ask import versions_by_pages
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.versions import versions_in
from mews_assets.lake.reading.inventory import newest_windows
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Window, from_key

BY_EXPORT, BY_PAGES = "missing by export", "missing by pages"
Versions = Mapping[str, datetime]
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, order=True)
class Place:
    """A record of a hotel or chain."""

    scope: str
    id: str


def compare_ways(
    scope: str, by_export: Versions, by_pages: Versions, changed: Collection[str]
) -> Compared[Place]:
    """The versions of one window, by both ways. Ids of records that are known to have `changed` since are left out."""
    differ = [
        Difference(Place(scope, id), BY_EXPORT, 1, 0, 1)
        for id, version in by_pages.items()
        if id not in by_export or by_export[id] < version
    ]
    differ += [
        Difference(Place(scope, id), BY_PAGES, 0, 1, -1)
        for id, version in by_export.items()
        if id not in changed and (id not in by_pages or by_pages[id] < version)
    ]
    agree = sum(by_export.get(id) == version for id, version in by_pages.items())
    return Compared(agree, tuple(differ), len({*by_export} & {*changed} - {*by_pages}))


def comes_both_ways(table: Table) -> bool:
    """Whether the table is fetched by export, and could be by pages that Mews documents."""
    return isinstance(table.fetch, Export) and FetchMethod.PAGES in table.documented_methods


def read_and_compare(
    lake: Lake, table: Table, partition: Partition, client: MewsClient, now: datetime
) -> Compared[Place]:
    """The rows of one partition, all by export, against the pages of its window. Raises MewsError."""
    scope, window = partition.scope, partition.window
    by_export = versions_in(lake, table, layout.changes_file(table.name, scope, partition.key(lake.grain)))
    by_pages = versions_by_pages(table, client, scope, window)
    absent = [id for id in by_export if id not in by_pages]
    later = versions_in(lake, table, layout.current_file(table.name, scope), absent)
    changed = {id for id in absent if later.get(id, by_export[id]) > by_export[id]}
    landed = newest_windows(lake, table, [scope], ())[scope]
    if {*absent} - changed and landed is not None:
        # What has changed since the lake's newest window, up to this moment.
        since = Window(from_key(landed, lake.grain).end, now + _MINUTE)
        changed |= versions_by_pages(table, client, scope, since).keys()
    return compare_ways(scope, by_export, by_pages, changed)
