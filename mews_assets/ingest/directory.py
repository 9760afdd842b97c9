"""The directory: which enterprises and chains there are, and which connection serves each.

Lives here: reading `enterprises/getAll` of every connection, saving the result, and looking scopes up. An access token
does not tell which enterprises it covers; `enterprises/getAll` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from mews_assets.api import MewsClient, MewsError, Pages, PermanentError
from mews_assets.api.transport.address import is_plain_id
from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.find_scope import SeenScope, find_scope, unknown_scope
from mews_assets.ingest.scope_keys import NamedScope, ScopeKeys, add_keys
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import change_state, read_state

_OPERATION = "enterprises/getAll"
CONNECTIONS_AT_ONCE = 16
"""Requests at once: each answer takes a fraction of a second, and there may be hundreds of connections."""


@dataclass(frozen=True)
class Enterprise:
    """A property as Mews names it. `time_zone` is its IANA identifier, `tax_precision` the decimals of its taxes."""

    id: str
    name: str
    chain_id: str
    chain_name: str
    time_zone: str
    tax_precision: int | None = None


@dataclass(frozen=True)
class Directory:
    """All that the connections see. Where two see the same scope, the first in the settings serves it."""

    enterprises: dict[str, Enterprise]
    connection_by_enterprise: dict[str, str]
    connection_by_chain: dict[str, str]
    records: list[bytes] = field(default_factory=list, repr=False)
    """The enterprises' records in Mews' own bytes, each once."""
    clock_skew_seconds: float = 0.0
    """Seconds by which Mews' clock was ahead of ours at discovery; the smallest of all connections."""
    silent: dict[str, str] = field(default_factory=dict)
    """Connections that did not answer, with the error; their scopes are those of the discovery before."""
    first_seen: dict[str, datetime] = field(default_factory=dict)
    """By scope, Mews' time when it was first saved; missing for scopes that were saved before this was recorded."""
    keys: dict[str, str] = field(default_factory=dict)
    """By scope, the key that partitions name it by, also of scopes that are gone; see `scope_keys`."""

    @cached_property
    def scope_keys(self) -> ScopeKeys:
        return ScopeKeys(self.keys)

    def scopes(self, kind: ScopeKind) -> list[str]:
        known = self.connection_by_enterprise if kind is ScopeKind.ENTERPRISE else self.connection_by_chain
        return list(known)

    def connection_of(self, kind: ScopeKind, scope: str) -> str:
        """The connection that serves a scope. Raises UnknownScopeError."""
        known = self.connection_by_enterprise if kind is ScopeKind.ENTERPRISE else self.connection_by_chain
        if scope not in known:
            raise unknown_scope(self.name_of(kind, scope), self.seen(kind), kind.value)
        return known[scope]

    def name_of(self, kind: ScopeKind, scope: str) -> str:
        """The name of the scope; its key if no connection sees it any more."""
        return self._names(kind).get(scope) or self.scope_keys.key_of(scope)

    def find(self, text: str, *kinds: ScopeKind) -> SeenScope:
        """The scope of one of the kinds that a text names by its key, its id or a unique part of its name.

        Raises UnknownScopeError, which names candidates.
        """
        seen = [scope for kind in kinds for scope in self.seen(kind)]
        return find_scope(text, seen, " or ".join(kind.value for kind in kinds))

    def seen(self, kind: ScopeKind) -> list[SeenScope]:
        """The scopes that the connections see, with their keys and names."""
        key_of = self.scope_keys.key_of
        return [
            SeenScope(scope, key_of(scope), kind, self.name_of(kind, scope)) for scope in self.scopes(kind)
        ]

    def with_keys(self, keys: Mapping[str, str]) -> Directory:
        """The same with these keys, and new ones for the scopes that they lack."""
        named = [
            NamedScope(scope, kind, self._names(kind).get(scope, ""))
            for kind in ScopeKind
            for scope in self.scopes(kind)
        ]
        return replace(self, keys=add_keys(keys, named))

    def _names(self, kind: ScopeKind) -> dict[str, str]:
        return self._enterprise_names if kind is ScopeKind.ENTERPRISE else self._chain_names

    @cached_property
    def _enterprise_names(self) -> dict[str, str]:
        return {enterprise.id: enterprise.name for enterprise in self.enterprises.values()}

    @cached_property
    def _chain_names(self) -> dict[str, str]:
        return {enterprise.chain_id: enterprise.chain_name for enterprise in self.enterprises.values()}


class _Record(msgspec.Struct, rename="pascal"):
    id: str
    name: str
    chain_id: str
    chain_name: str = ""
    time_zone_identifier: str = "UTC"
    tax_precision: int | None = None


def discover(
    clients: Mapping[str, MewsClient],
    only: Mapping[str, Iterable[str]] | None = None,
    before: Directory | None = None,
) -> Directory:
    """Ask every connection which enterprises it sees. `only` limits a connection to some of them.

    Raises the MewsError of a connection that fails, for it would look like a connection without hotels. With `before`,
    a failed connection keeps its scopes of that discovery and is named in `silent`; only if all fail, it raises. The
    scopes keep their keys of `before`.
    """
    directory = Directory({}, {}, {})
    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
        answers = dict(zip(clients, pool.map(_read_enterprises, clients.values()), strict=True))
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, MewsError)}
    if errors and (before is None or len(errors) == len(clients)):
        raise next(iter(errors.values()))
    for name, answer in answers.items():
        if isinstance(answer, MewsError):
            directory.silent[name] = str(answer)
            _keep_scopes(directory, name, before or Directory({}, {}, {}))
            continue
        wanted = set((only or {}).get(name, ()))
        for raw, record in answer:
            if (wanted and record.id not in wanted) or record.id in directory.enterprises:
                continue
            directory.enterprises[record.id] = Enterprise(
                record.id,
                record.name,
                record.chain_id,
                record.chain_name,
                record.time_zone_identifier,
                record.tax_precision,
            )
            directory.records.append(raw)
            directory.connection_by_enterprise[record.id] = name
            directory.connection_by_chain.setdefault(record.chain_id, name)
    found = replace(directory, clock_skew_seconds=_skew(clients, 0.0))
    return found.with_keys(before.keys if before is not None else {})


def _read_enterprises(client: MewsClient) -> list[tuple[bytes, _Record]] | MewsError:
    try:
        pages = Pages(client, _OPERATION, ("Enterprises",), {})
        return [(raw, _read(client, raw)) for page in pages for raw in page.records["Enterprises"]]
    except MewsError as error:
        return error


def _read(client: MewsClient, raw: bytes) -> _Record:
    """An enterprise. Its ids become partition keys and folders of the lake, so other characters are refused."""
    try:
        record = msgspec.json.decode(raw, type=_Record)
        odd = next((id for id in (record.id, record.chain_id) if not is_plain_id(id)), None)
        problem = "" if odd is None else f"{odd[:120]!r} is not an id"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    if problem:
        raise PermanentError(
            f"an enterprise cannot be read: {problem}.", operation=_OPERATION, connection=client.connection
        )
    return record


def _keep_scopes(directory: Directory, name: str, before: Directory) -> None:
    """Add the scopes that the connection served before, unless another connection serves them now."""
    for scope, connection in before.connection_by_enterprise.items():
        if connection == name and scope not in directory.enterprises:
            directory.enterprises[scope] = before.enterprises[scope]
            directory.connection_by_enterprise[scope] = name
    for chain, connection in before.connection_by_chain.items():
        if connection == name:
            directory.connection_by_chain.setdefault(chain, name)


def time_at_mews(clients: Mapping[str, MewsClient], now: datetime, skew_before: float = 0.0) -> datetime:
    """The time by Mews' clock, which decides what has settled; by the skew of before until Mews has answered."""
    return now + timedelta(seconds=_skew(clients, skew_before))


def _skew(clients: Mapping[str, MewsClient], before: float) -> float:
    skews = [client.clock_skew_seconds for client in clients.values()]
    return min((skew for skew in skews if skew is not None), default=before)


class _Stored(msgspec.Struct):
    """The directory as JSON. A file of an earlier version has no `first_seen`, or no `keys`."""

    enterprises: list[Enterprise]
    connection_by_enterprise: dict[str, str]
    connection_by_chain: dict[str, str]
    clock_skew_seconds: float
    first_seen: dict[str, datetime] = {}
    keys: dict[str, str] = {}


def save_directory(lake: Lake, directory: Directory, now: datetime) -> Directory:
    """Save what was discovered, for readers that must not ask Mews every time. New scopes were first seen `now`.

    Returns it as saved: a scope that was saved before keeps its key, whatever its name is now.
    """
    saved = directory

    def changed(stored: _Stored | None) -> _Stored:
        nonlocal saved
        before = _directory(stored) if stored is not None else Directory({}, {}, {})
        first_seen = _first_seen(before, directory, now)
        saved = replace(directory, first_seen=first_seen).with_keys(before.keys)
        return _stored(saved)

    change_state(lake, layout.directory_file(), _Stored, changed)
    return saved


def save_keys(lake: Lake, scopes: Iterable[NamedScope]) -> Directory | None:
    """Give keys to scopes that no connection sees, and that have none yet. None before the first discovery."""
    wanted = list(scopes)

    def changed(stored: _Stored | None) -> _Stored | None:
        if stored is None:
            return None
        before = _directory(stored)
        return _stored(replace(before, keys=add_keys(before.keys, wanted)))

    change_state(lake, layout.directory_file(), _Stored, changed)
    return load_directory(lake)


def load_directory(lake: Lake) -> Directory | None:
    """What was discovered last; None before the first discovery. Raises LakeError where the file cannot be read."""
    name = layout.directory_file()
    if not lake.exists(name):
        return None
    return _directory(read_state(lake, name, _Stored))


def _first_seen(before: Directory, directory: Directory, now: datetime) -> dict[str, datetime]:
    known = {*before.connection_by_enterprise, *before.connection_by_chain}
    seen = {*directory.connection_by_enterprise, *directory.connection_by_chain}
    # A scope that disappeared may come back: its first time is the earlier one.
    return {**dict.fromkeys(sorted(seen - known), now), **before.first_seen}


def _stored(directory: Directory) -> _Stored:
    return _Stored(
        list(directory.enterprises.values()),
        directory.connection_by_enterprise,
        directory.connection_by_chain,
        directory.clock_skew_seconds,
        directory.first_seen,
        directory.keys,
    )


def _directory(stored: _Stored) -> Directory:
    """A file of an earlier version keeps no keys: they are made of the names it holds, as the next save does."""
    return Directory(
        {enterprise.id: enterprise for enterprise in stored.enterprises},
        stored.connection_by_enterprise,
        stored.connection_by_chain,
        clock_skew_seconds=stored.clock_skew_seconds,
        first_seen=stored.first_seen,
    ).with_keys(stored.keys)
