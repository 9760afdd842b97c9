"""Captures that landed before and are read once more, for partitions whose file is gone.

Lives here: finding them. Not here: reading them (`captured`) and what becomes of their rows (`changes`).

Mews returns fewer records when a window is asked for again, so the landing may be all there is of some rows. A
partition whose file is gone is therefore never made of a new capture alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake

log = logging.getLogger(__name__)


def recalled(
    lake: Lake, table: str, absent: Collection[Partition], known: Collection[str]
) -> dict[str, tuple[Manifest, frozenset[Partition]]]:
    """By capture: landed captures that are not among the known, and the lost partitions that they can hold rows of.

    `absent` are partitions that have no file. Those that a landed capture covers had one: they are lost.
    """
    if not absent:
        return {}
    # A capture that covers a window was taken after its end.
    since = min(one.window.end for one in absent)
    later = [one for one in capture_store.captures_since(lake, table, since) if one.capture not in known]
    lost = set(_held_by(later, absent, whole=True))
    if not lost:
        return {}
    # One that ends where a window starts may hold a row of that instant. It was taken after that.
    since = min(one.window.start for one in lost)
    found = {}
    for manifest in capture_store.captures_since(lake, table, since):
        own = frozenset(_held_by([manifest], lost, whole=False))
        if not own or manifest.capture in known:
            continue
        if manifest.expired_at is not None:
            log.warning(
                "%s: %d partitions are gone that capture %s held rows of, and its bytes are past MEWS_LANDING_DAYS and "
                "removed: what only it held is gone too",
                *(table, len(own), manifest.capture),
            )
            continue
        found[manifest.capture] = (manifest, own)
    log.warning(
        "%s: %d partitions are gone from changes though they had landed, %s the first; they are made again with %d "
        "captures of the landing",
        *(table, len(lost), min(lost), len(found)),
    )
    return found


def _held_by(
    manifests: Iterable[Manifest], partitions: Iterable[Partition], *, whole: bool
) -> Iterator[Partition]:
    """The partitions that any of the captures covers whole, or can hold rows of."""
    by_scope: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        for scope in manifest.scopes:
            by_scope.setdefault(scope, []).append(manifest)
    for one in partitions:
        if any(
            manifest.window.covers(one.window) if whole else manifest.reaches(one.window)
            for manifest in by_scope.get(one.scope, ())
        ):
            yield one
