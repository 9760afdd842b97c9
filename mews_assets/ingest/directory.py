"""The directory: which enterprises and chains there are, and which connection serves each.

Lives here: reading `enterprises/getAll` of every connection, and looking scopes up. What an access token
covers is not written on it; this is how it is learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from mews_assets.api import MewsClient, Pages
from mews_assets.catalog.model import ScopeKind


class UnknownScopeError(LookupError):
    """No connection sees the enterprise or chain."""


@dataclass(frozen=True)
class Enterprise:
    """A property as Mews names it. `time_zone` is its IANA identifier."""

    id: str
    name: str
    chain_id: str
    chain_name: str
    time_zone: str


@dataclass(frozen=True)
class Directory:
    """All that the connections see. Where two see the same scope, the first named serves it."""

    enterprises: dict[str, Enterprise]
    connection_by_enterprise: dict[str, str]
    connection_by_chain: dict[str, str]
    records: list[bytes] = field(default_factory=list, repr=False)
    """The enterprises' records in Mews' own bytes, each once."""

    def scopes(self, kind: ScopeKind) -> list[str]:
        known = self.connection_by_enterprise if kind is ScopeKind.ENTERPRISE else self.connection_by_chain
        return list(known)

    def connection_of(self, kind: ScopeKind, scope: str) -> str:
        """The connection that serves a scope. Raises UnknownScopeError."""
        known = self.connection_by_enterprise if kind is ScopeKind.ENTERPRISE else self.connection_by_chain
        if scope not in known:
            raise UnknownScopeError(
                f"no connection sees the {kind.value} {scope}; the connections see "
                f"{', '.join(known) or f'no {kind.value} at all'}. Check the access tokens in Mews"
            )
        return known[scope]

    def name_of(self, kind: ScopeKind, scope: str) -> str:
        """What people call the scope; its id where nobody sees it any more."""
        if kind is ScopeKind.ENTERPRISE:
            return self.enterprises[scope].name if scope in self.enterprises else scope
        names = (one.chain_name for one in self.enterprises.values() if one.chain_id == scope)
        return next(names, scope)


class _Record(msgspec.Struct, rename="pascal"):
    id: str
    name: str
    chain_id: str
    chain_name: str = ""
    time_zone_identifier: str = "UTC"


def discover(clients: Mapping[str, MewsClient], only: Mapping[str, Iterable[str]] | None = None) -> Directory:
    """Ask every connection what it sees. `only` limits a connection to some of its enterprises."""
    directory = Directory({}, {}, {})
    for name, client in clients.items():
        wanted = set((only or {}).get(name, ()))
        pages = Pages(client, "enterprises/getAll", ("Enterprises",), {})
        for page in pages:
            for raw in page.records["Enterprises"]:
                record = msgspec.json.decode(raw, type=_Record)
                if (wanted and record.id not in wanted) or record.id in directory.enterprises:
                    continue
                directory.enterprises[record.id] = Enterprise(
                    record.id, record.name, record.chain_id, record.chain_name, record.time_zone_identifier
                )
                directory.records.append(raw)
                directory.connection_by_enterprise[record.id] = name
                directory.connection_by_chain.setdefault(record.chain_id, name)
    return directory
