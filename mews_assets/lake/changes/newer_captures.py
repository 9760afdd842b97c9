"""Captures that were merged before an older one: what is needed to tell which content of a version is the last.

Lives here: finding them. Not here: choosing among the contents of a version (`partition_files`).

A row that came again with the same content leaves its partition as it was, so the partition does not say when the
content was seen last. Where an older capture is merged later, only the captures that are newer than it can tell. Runs
at the same time, and captures left over by a killed process, come in that order.
"""

from __future__ import annotations

from collections.abc import Collection

from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_store import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake


def overtaking(
    lake: Lake, table: str, merging: Collection[Manifest], unclear: Collection[Partition]
) -> list[Manifest]:
    """Landed captures that can hold rows of the unclear partitions and are newer than one that is being merged."""
    merged_now = {one.capture for one in merging}
    oldest: dict[Partition, tuple[object, str]] = {}
    for partition in unclear:
        own = [_age(one) for one in merging if _reaches(one, partition)]
        if own:
            oldest[partition] = min(own)
    if not oldest:
        return []
    landed = capture_store.captures_since(lake, table, min(one.captured_at for one in merging))
    return [
        one
        for one in landed
        if one.capture not in merged_now
        and one.expired_at is None
        and any(_reaches(one, partition) and _age(one) > age for partition, age in oldest.items())
    ]


def _age(manifest: Manifest) -> tuple[object, str]:
    return manifest.captured_at, manifest.capture


def _reaches(manifest: Manifest, partition: Partition) -> bool:
    """Whether a capture can hold rows of a partition, those at the capture's own end among them."""
    asked, own = manifest.window, partition.window
    return partition.scope in manifest.scopes and asked.start < own.end and own.start <= asked.end
