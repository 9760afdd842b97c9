"""Versions of records by pages, for one hotel or chain: nothing of them is kept.

Lives here: `versions_by_pages`. Not here: landing pages (`ingest.pull`), comparing versions (`defs.checks`).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from mews_assets.api import MewsClient
from mews_assets.api import Pages as MewsPages
from mews_assets.catalog.model import FetchMethod, Pages, Table
from mews_assets.ingest.plan import Pull
from mews_assets.ingest.pull import filter_of, owned_ids, page_requests
from mews_assets.windows import Window, from_api


def versions_by_pages(table: Table, client: MewsClient, scope: str, window: Window) -> dict[str, datetime]:
    """By id: the version of each record whose stamp lies in the window. Raises MewsError."""
    paged = table.fetched_by(FetchMethod.PAGES)
    fetch = paged.fetch
    assert isinstance(fetch, Pages)
    assert paged.version_column is not None
    pull = Pull(client.connection, (scope,), window)
    found: dict[str, datetime] = {}
    for piece, filtered_by, request in page_requests(fetch, pull, owned_ids(paged, fetch, pull, client)):
        body = {**request, filtered_by: filter_of(fetch, piece)}
        for page in MewsPages(client, fetch.operation, (fetch.records_key,), body):
            for raw in page.records[fetch.records_key]:
                record = msgspec.json.decode(raw)
                version = from_api(record[paged.version_column])
                if window.contains(version):
                    found[record["Id"]] = max(version, found.get(record["Id"], version))
    return found
