"""Landed captures that are read again, for partitions whose file is missing.

Lives here: finding them. Not here: converting them (`convert_captures`) and merging their rows (`merge`).

Mews returns fewer records when a window is requested again, so some rows may exist in the landing only. A partition
whose file is missing is therefore never made of a new capture alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake

log = logging.getLogger(__name__)


def recalled(
    lake: Lake, table: str, absent: Collection[Partition], known: Collection[str]
) -> dict[str, tuple[Manifest, frozenset[Partition]]]:
    """By capture id: landed captures that are not `known`, each with the lost partitions that it can hold rows of.

    `absent` are partitions without a file. Those that a landed capture covers had a file: they are lost.
    """
    if not absent:
        return {}
    # A capture that covers a window was taken after its end.
    since = min(partition.window.end for partition in absent)
    later = [
        manifest
        for manifest in capture_store.captures_since(lake, table, since)
        if manifest.capture not in known
    ]
    lost = set(_held_by(later, absent, whole=True))
    if not lost:
        return {}
    # A capture that ends where a window starts may hold a row of that instant, and was taken after it.
    since = min(partition.window.start for partition in lost)
    recalled_captures = {}
    for manifest in capture_store.captures_since(lake, table, since):
        reached = frozenset(_held_by([manifest], lost, whole=False))
        if not reached or manifest.capture in known:
            continue
        if manifest.expired_at is not None:
            log.warning(
                "%s: %d partitions are missing that capture %s held rows of, and its bytes are past MEWS_LANDING_DAYS "
                "and removed: rows that only it held are lost",
                *(table, len(reached), manifest.capture),
            )
            continue
        recalled_captures[manifest.capture] = (manifest, reached)
    log.warning(
        "%s: %d partitions are missing from changes though they had landed, %s the first; they are made again from %d "
        "captures of the landing",
        *(table, len(lost), min(lost), len(recalled_captures)),
    )
    return recalled_captures


def _held_by(
    manifests: Iterable[Manifest], partitions: Iterable[Partition], *, whole: bool
) -> Iterator[Partition]:
    """The partitions that one of the captures covers whole, or (not `whole`) can hold rows of."""
    by_scope: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        for scope in manifest.scopes:
            by_scope.setdefault(scope, []).append(manifest)
    for partition in partitions:
        if any(
            manifest.window.covers(partition.window) if whole else manifest.reaches(partition.window)
            for manifest in by_scope.get(partition.scope, ())
        ):
            yield partition
