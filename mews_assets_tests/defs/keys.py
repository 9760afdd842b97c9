"""Partition keys in tests: the one place that spells them, as the directory of a sandbox's hotels does."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.partitions import join_key
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, Enterprise
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.running import RunningSandbox

CONNECTION = "default"
PLAIN = Namespace()
"""Names without a prefix, as tests have them that are not about prefixes."""


def directory_of(mews: RunningSandbox) -> Directory:
    """What a discovery of the sandbox's enterprises finds; no request is made."""
    store = mews.sandbox.store
    query = RecordQuery("Enterprise", mews.sandbox.clock.now_us())
    records = {one["Id"]: one for one in map(json.loads, store.records(query))}
    found = [
        Enterprise(
            scope,
            records[scope]["Name"],
            chain,
            records[scope].get("ChainName", ""),
            records[scope].get("TimeZoneIdentifier", "UTC"),
        )
        for scope, chain in store.enterprises().items()
    ]
    return directory_with(found)


def directory_with(enterprises: Iterable[Enterprise]) -> Directory:
    """The directory of these enterprises and their chains, all seen by one connection."""
    found = {one.id: one for one in enterprises}
    chains = dict.fromkeys((one.chain_id for one in found.values()), CONNECTION)
    return Directory(found, dict.fromkeys(found, CONNECTION), chains).with_keys({})


def key_of(directory: Directory, scope: str, window: str = "") -> str:
    """The partition key of a scope and a window, or of the scope alone."""
    return join_key(directory.scope_keys.key_of(scope), window)


def scopes_of(directory: Directory, kind: ScopeKind = ScopeKind.ENTERPRISE) -> list[str]:
    """The partition keys of the scopes of a kind."""
    return [key_of(directory, scope) for scope in directory.scopes(kind)]
