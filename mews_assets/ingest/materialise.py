"""Materialising partitions: plan, pull, land, merge.

Lives here: the one way partitions come to be, whoever asks: a Dagster run, the command, a test. Runs without
Dagster. Failures are told apart by pull: one that fails does not stop its neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mews_assets.api import MewsClient, MewsError
from mews_assets.catalog import partners
from mews_assets.catalog.model import Table
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.plan import Pull, plan
from mews_assets.ingest.pull import Puller
from mews_assets.lake.changes import Merged, merge
from mews_assets.lake.dealing import Partition
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import Manifest
from mews_assets.lake.store import Lake
from mews_assets.windows import to_api

log = logging.getLogger(__name__)


class UnsettledWindowError(ValueError):
    """A window was asked for that Mews does not answer for yet."""


@dataclass
class Materialised:
    """What came of it: what was merged, by table, and what failed: the partitions concerned and the error."""

    merged: dict[str, Merged] = field(default_factory=dict)
    landed: dict[str, list[Manifest]] = field(default_factory=dict)
    failed: list[tuple[list[Partition], Exception]] = field(default_factory=list)


def materialise(
    lake: Lake,
    table: Table,
    wanted: Iterable[Partition],
    clients: Mapping[str, MewsClient],
    directory: Directory,
    now: Callable[[], datetime],
    *,
    puller: Puller | None = None,
    threads: int | None = None,
) -> Materialised:
    """Pull the wanted partitions of a table, and of all tables that come with it, and merge what landed.

    Raises UnsettledWindowError before anything is asked; every other failure is reported with the partitions
    it concerns, and what landed in spite of it is merged.
    """
    partitions = sorted(set(wanted))
    at = now()
    for partition in partitions:
        if not partition.window.is_settled(at):
            raise UnsettledWindowError(
                f"{table.name}: the window {partition.window} has not settled at {to_api(at)}: Mews answers "
                "only for what is more than 5 minutes past. Leave this partition out, or ask again later"
            )
    result = Materialised()
    puller = puller or Puller(lake, now)
    tables = partners(table)
    pulls = plan(table, partitions, lambda scope: directory.connection_of(table.scope, scope))
    with lake.workspace() as workspace:
        raw: dict[str, dict[str, list[Path]]] = {}
        for pull in pulls:
            log.info("%s: pulling %d scopes, %s", table.name, len(pull.scopes), pull.window)
            try:
                landed = puller.pull(table, pull, clients[pull.connection], workspace)
            except MewsError as error:
                log.error("%s: %s failed: %s", table.name, pull.window, error)
                result.failed.append((_of(pull, partitions), error))
                continue
            for name, manifest in landed.manifests.items():
                result.landed.setdefault(name, []).append(manifest)
                raw.setdefault(manifest.capture, {})[name] = landed.raw[name]
        for one in tables:
            manifests = result.landed.get(one.name, [])
            try:
                merged = merge(lake, one, raw=raw, threads=threads)
            except LakeError as error:
                concerned = [partition for partition in partitions if _covered(partition, manifests)]
                result.failed.append((concerned, error))
                continue
            result.merged[one.name] = merged
            for manifest in manifests:
                if problem := merged.rejected.get(manifest.capture):
                    result.failed.append(([one for one in partitions if _covered(one, [manifest])], problem))
    return result


def rebuild(lake: Lake, table: Table, manifests: Iterable[Manifest], *, threads: int | None = None) -> Merged:
    """Merge landed captures again, without asking Mews."""
    return merge(lake, table, manifests, threads=threads)


def _of(pull: Pull, partitions: Iterable[Partition]) -> list[Partition]:
    return [
        one
        for one in partitions
        if one.scope in pull.scopes
        and pull.window.start <= one.window.start
        and one.window.end <= pull.window.end
    ]


def _covered(partition: Partition, manifests: Iterable[Manifest]) -> bool:
    return any(one.covers(partition.scope, partition.window) for one in manifests)
