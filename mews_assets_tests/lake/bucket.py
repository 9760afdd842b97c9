"""An object store in memory: the client that reaches real ones, over its own store in this process."""

from __future__ import annotations

from typing import Any

import obstore
from obstore.store import MemoryStore

from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.object_store import ObjectStore
from mews_assets.windows import Grain


class Bucket(ObjectStore):
    """A bucket in memory, whose replacements are counted."""

    def __init__(self, prefix: str = "data/lake") -> None:
        super().__init__(MemoryStore(), "memory://bucket", prefix)
        object.__setattr__(self, "puts", [])

    puts: list[str]
    """The keys that were put, in order."""

    def _put(self, name: str, content: Any, over: str | None) -> str:
        version = super()._put(name, bytes(content), over)  # it keeps what it is given, a mapped file too
        self.puts.append(self._key(name))
        return version

    @property
    def objects(self) -> dict[str, bytes]:
        found = [one for page in obstore.list(self.client) for one in page]
        return {one["path"]: bytes(obstore.get(self.client, one["path"]).bytes()) for one in found}


def bucket_lake(bucket: Bucket | None = None) -> Lake:
    """An empty lake of daily windows in a bucket."""
    return Lake(bucket or Bucket(), Grain.DAILY)
