"""The text of a version that Mews restated under the same UpdatedUtc: that of the latest capture must stand.

Lives here: comparing partitions with what has landed, capture by capture. Not here: the other rules (`verdict`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from mews_assets.catalog.model import Table
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.clock import read_micros, to_micros
from mews_assets.windows import Grain, to_key
from mews_assets_tests.chaos.history import TAGS, window_of

if TYPE_CHECKING:
    from mews_assets_tests.chaos.verdict import Key, Verdict


def wrong_texts(verdict: Verdict, table: Table) -> Iterator[str]:
    """A violation for each version whose text is not the one that was captured last."""
    last: dict[tuple[str, Key], tuple[Any, str, str]] = {}
    for manifest in verdict._landed.values():
        rejected = layout.rejected_file(manifest.table, manifest.capture)
        if manifest.table != table.name or verdict.lake.exists(rejected):
            continue
        texts = _landed_texts(verdict.lake, manifest, table)
        start, end = to_micros(manifest.window.start), to_micros(manifest.window.end)
        for one, at in verdict._brought(manifest, table):
            if one.scope in manifest.scopes and start <= at <= end and one.key in texts:
                window = to_key(window_of(at), Grain.DAILY)
                place = layout.changes_file(table.name, one.scope, window), one.key
                seen = manifest.captured_at, manifest.capture, texts[one.key]
                last[place] = max(seen, last.get(place, seen))
    for (name, key), (_, capture, text) in last.items():
        stands = verdict.rows.get(name, {}).get(key, text)
        if stands != text:
            yield f"{name}: {key} says {stands}, capture {capture} brought {text} last"


def _landed_texts(lake: Lake, manifest: Manifest, table: Table) -> dict[Key, str]:
    """The text of each version in a capture as it landed; of a version that stands there twice, the last text."""
    stamp = "CreatedUtc" if table.entity == "LedgerEntry" else "UpdatedUtc"
    folder = Path(lake.path(layout.capture_folder(manifest.table, manifest.capture)))
    texts: dict[Key, str] = {}
    for file in manifest.files:
        packed = (folder / file.name).read_bytes()
        for line in zstandard.ZstdDecompressor().decompressobj().decompress(packed).splitlines():
            record = json.loads(line)
            texts[record["Id"], read_micros(record[stamp])] = record[TAGS[table.entity]]
    return texts
