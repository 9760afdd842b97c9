"""Snapshots: all records of a scope, exported, landed, and merged into the scope's file.

Lives here: the one way to make snapshots, for a Dagster run, the command and tests. Runs without Dagster. Not here: the
snapshot file (`lake.current.snapshot`). One export for each scope: it holds all of a hotel's history, and an export of
several hotels would be repeated for all of them when one fails.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from mews_assets.api import MewsClient, MewsError
from mews_assets.catalog.model import Export, Table
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.find_scope import UnknownScopeError
from mews_assets.ingest.materialise import CONNECTIONS_AT_ONCE
from mews_assets.ingest.plan import Pull
from mews_assets.ingest.pull import Puller
from mews_assets.lake.current.snapshot import Snapshot, merge_snapshots, pending
from mews_assets.lake.errors import LakeError
from mews_assets.windows import ALL_TIME, to_api

log = logging.getLogger(__name__)

STILL_GOOD = timedelta(days=1)
"""A younger snapshot that landed and was not merged, for its run was killed, is merged and not exported again."""


class NoSnapshotError(ValueError):
    """A snapshot was requested for a table that has none."""

    def __init__(self, table: Table) -> None:
        if isinstance(table.fetch, Export):
            why = f"an export of {table.fetch.entity_type} must name its {table.fetch.filter}"
        else:
            why = "it is fetched by pages, which need a window"
        super().__init__(
            f"{table.name} has no snapshot: {why}. Set MEWS_START_DATE back to reach what is older"
        )


def take_snapshots(
    table: Table,
    scopes: Iterable[str],
    clients: Mapping[str, MewsClient],
    directory: Directory,
    puller: Puller,
    *,
    threads: int | None = None,
) -> Iterator[tuple[str, Snapshot | Exception]]:
    """Each scope with its snapshot or the error; all connections at once.

    Raises NoSnapshotError before any request.
    """
    if not table.has_snapshot:
        raise NoSnapshotError(table)
    by_connection: dict[str, list[str]] = {}
    for scope in dict.fromkeys(scopes):
        try:
            by_connection.setdefault(directory.connection_of(table.scope, scope), []).append(scope)
        except UnknownScopeError as error:
            yield scope, error

    def of_connection(name: str) -> list[tuple[str, Snapshot | Exception]]:
        return [
            (scope, _take_one(table, scope, name, clients[name], puller, threads))
            for scope in by_connection[name]
        ]

    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE, thread_name_prefix="connection") as pool:
        for done in pool.map(of_connection, by_connection):
            yield from done


def _take_one(
    table: Table, scope: str, connection: str, client: MewsClient, puller: Puller, threads: int | None
) -> Snapshot | Exception:
    lake = puller.lake
    pull = Pull(connection, (scope,), ALL_TIME)
    try:
        # One run at a time: Mews allows one export per entity type, and the next run may continue with it.
        with lake.lock(f"pull-{pull.landing_of(table)}-{connection}"), lake.workspace() as workspace:
            raw = {}
            landed = [
                manifest
                for manifest in pending(lake, table, scope)
                if puller.now() - manifest.captured_at < STILL_GOOD
            ]
            if landed:
                log.info("%s: merging the snapshot of %s", table.name, to_api(landed[-1].captured_at))
            else:
                log.info("%s: exporting a snapshot of %s", table.name, scope)
                pulled = puller.pull(table, pull, client, workspace)
                raw = {pulled.manifests[table.name].capture: pulled.raw[table.name]}
            return merge_snapshots(lake, table, scope, raw=raw, threads=threads)
    except (MewsError, LakeError) as error:
        log.error("%s: the snapshot of %s failed: %s", table.name, scope, error)
        return error
