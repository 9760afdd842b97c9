"""Captures that were merged before an older capture: they decide which content of a version is the last.

Lives here: finding them. Not here: choosing among the contents of a version (`partition_writer`).

A row that comes again with the same content leaves its partition as it is, so the partition does not record when the
content was seen last. When an older capture is merged later, only the captures newer than it can tell. Concurrent runs
and captures left by a killed process are merged in such an order.
"""

from __future__ import annotations

from collections.abc import Collection

from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake


def overtaking(
    lake: Lake, table: str, merging: Collection[Manifest], unclear: Collection[Partition]
) -> list[Manifest]:
    """Landed captures that can hold rows of the unclear partitions and are newer than a capture that is being
    merged."""
    merged_now = {manifest.capture for manifest in merging}
    oldest: dict[Partition, tuple[object, str]] = {}
    for partition in unclear:
        ages = [_age(manifest) for manifest in merging if _reaches(manifest, partition)]
        if ages:
            oldest[partition] = min(ages)
    if not oldest:
        return []
    landed = capture_store.captures_since(lake, table, min(manifest.captured_at for manifest in merging))
    return [
        manifest
        for manifest in landed
        if manifest.capture not in merged_now
        and manifest.expired_at is None
        and any(_reaches(manifest, partition) and _age(manifest) > age for partition, age in oldest.items())
    ]


def _age(manifest: Manifest) -> tuple[object, str]:
    return manifest.captured_at, manifest.capture


def _reaches(manifest: Manifest, partition: Partition) -> bool:
    """Whether a capture can hold rows of a partition, perhaps only rows stamped at the capture's end."""
    requested, own = manifest.window, partition.window
    return partition.scope in manifest.scopes and requested.start < own.end and own.start <= requested.end
