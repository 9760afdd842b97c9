"""Reference tables: their records, from every connection for its own enterprises.

Lives here: the requests, all connections at once. Not here: the tables that are written from the records, and the ids
of parents that requests name (`lake.landing`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mews_assets.api import MewsClient, MewsError, Pages, read_page
from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES, Reference
from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.directory import CONNECTIONS_AT_ONCE, Directory
from mews_assets.lake.landing.reference_rows import ids_still_sent
from mews_assets.lake.landing.reference_tables import EVERYONE
from mews_assets.lake.storage.lake import Lake

log = logging.getLogger(__name__)

MAX_SCOPES = 1000
"""Ids in EnterpriseIds and ChainIds, in every operation."""
TRIED_FOR_EVERYONE = 3
"""Connections of one platform that are asked for what is the same for everyone, until one answers."""

IdsOf = Mapping[str, Mapping[str, list[str]]]
"""By reference table and scope: the ids of its records."""


@dataclass(frozen=True)
class Answered:
    """The records of each table, each record once; the scopes of which all were sent; and the errors of the
    connections that failed.

    `asked` also has EVERYONE if no connection failed.
    """

    records: dict[str, list[bytes]] = field(repr=False)
    asked: frozenset[str]
    silent: dict[str, str]


@dataclass(frozen=True)
class _Ask:
    """What one connection is asked for: the rows of these scopes, or without `scopes` all that its token sees."""

    connection: str
    scopes: tuple[str, ...]


def ask_reference(
    group: tuple[Reference, ...], clients: Mapping[str, MewsClient], directory: Directory, lake: Lake
) -> Answered:
    """All records of the tables of one request, which may name ids of tables that are in the lake.

    If all connections fail, the first error is raised.
    """
    first = group[0]
    if first.name == ENTERPRISES.name:
        return _enterprises(directory)
    if first.for_everyone:
        return _ask_for_everyone(group, clients)
    tables = {one.name: one for one in REFERENCES}
    ids_of = {
        parent.table: ids_still_sent(lake, tables[parent.table], parent.only)
        for parent in first.fetch.parents
    }
    wanted = [_Ask(name, tuple(scopes)) for name, scopes in _served(directory, first.scope).items()]
    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
        answers = list(pool.map(lambda ask: _ask(group, clients[ask.connection], ask.scopes, ids_of), wanted))
    silent: dict[str, str] = {}
    asked: set[str] = set()
    found: list[dict[str, list[bytes]]] = []
    for ask, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, MewsError):
            log.error("%s: %s", first.name, answer)
            silent[ask.connection] = str(answer)
        else:
            asked.update(ask.scopes)
            found.append(answer)
    errors = [answer for answer in answers if isinstance(answer, MewsError)]
    if errors and not found:
        raise errors[0]
    if not silent:
        asked.add(EVERYONE)
    return Answered(_merged(group, found), frozenset(asked), silent)


def _enterprises(directory: Directory) -> Answered:
    """The enterprises that discovery has just found."""
    seen = {
        scope
        for scope, connection in directory.connection_by_enterprise.items()
        if connection not in directory.silent
    }
    return Answered({ENTERPRISES.name: list(directory.records)}, frozenset(seen), dict(directory.silent))


def _served(directory: Directory, kind: ScopeKind) -> dict[str, list[str]]:
    """The scopes that each connection serves."""
    known = (
        directory.connection_by_enterprise if kind is ScopeKind.ENTERPRISE else directory.connection_by_chain
    )
    serves: dict[str, list[str]] = {}
    for scope, connection in known.items():
        serves.setdefault(connection, []).append(scope)
    return serves


def _ask_for_everyone(group: tuple[Reference, ...], clients: Mapping[str, MewsClient]) -> Answered:
    """One connection of each platform is asked; where it fails, another one."""
    platforms: dict[str, list[str]] = {}
    for name, client in clients.items():
        platforms.setdefault(str(client.platform), []).append(name)
    found: list[dict[str, list[bytes]]] = []
    errors: dict[str, MewsError] = {}
    for names in platforms.values():
        failed: dict[str, MewsError] = {}
        for name in names[:TRIED_FOR_EVERYONE]:
            answer = _ask(group, clients[name], (), {})
            if not isinstance(answer, MewsError):
                found.append(answer)
                break
            failed[name] = answer
        else:
            errors |= failed
    if not found:
        raise next(iter(errors.values()))
    silent = {name: str(error) for name, error in errors.items()}
    return Answered(_merged(group, found), frozenset() if silent else frozenset({EVERYONE}), silent)


def _ask(
    group: tuple[Reference, ...], client: MewsClient, scopes: tuple[str, ...], ids_of: IdsOf
) -> dict[str, list[bytes]] | MewsError:
    """The records by their key in the answer."""
    fetch = group[0].fetch
    keys = tuple(dict.fromkeys(key for reference in group for key in reference.fetch.records_keys))
    found: dict[str, list[bytes]] = {key: [] for key in keys}
    try:
        for body in bodies(group[0], scopes, ids_of):
            if not keys:
                found.setdefault("", []).append(client.ask(fetch.operation, body).record())
                continue
            pages = (
                Pages(client, fetch.operation, keys, body)
                if fetch.paginated
                else [read_page(client.ask(fetch.operation, body), keys)]
            )
            for page in pages:
                for key in keys:
                    found[key] += page.records[key]
    except MewsError as error:
        return error
    return found


def bodies(reference: Reference, scopes: tuple[str, ...], ids_of: IdsOf) -> Iterator[dict[str, Any]]:
    """The bodies of all requests that bring the rows of the scopes: as few as the limits of the operation allow."""
    fetch = reference.fetch
    at_once = 1 if fetch.one_scope else MAX_SCOPES
    for some in _cut(scopes, at_once) if fetch.scope_parameter or fetch.parents else [scopes]:
        body = dict(fetch.parameters)
        if fetch.scope_parameter:
            body[fetch.scope_parameter] = some[0] if fetch.one_scope else list(some)
        yield from _with_ids(body, reference, some, ids_of)


def _with_ids(
    body: dict[str, Any], reference: Reference, scopes: tuple[str, ...], ids_of: IdsOf
) -> Iterator[dict[str, Any]]:
    """The body, once for each list of ids that the operation requires; none if there is nothing to name."""
    bodies_so_far = [body]
    for parent in reference.fetch.parents:
        ids_by_scope = ids_of[parent.table]
        every = sorted(id for scope in scopes for id in ids_by_scope.get(scope, ()))
        lists = list(_cut(tuple(every), parent.limit))
        bodies_so_far = [{**one, parent.parameter: list(ids)} for one in bodies_so_far for ids in lists]
    yield from bodies_so_far


def _cut(ids: tuple[str, ...], at_once: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(ids), at_once):
        yield ids[start : start + at_once]


def _merged(group: tuple[Reference, ...], answers: list[dict[str, list[bytes]]]) -> dict[str, list[bytes]]:
    """The records of each table, each once: two connections may see the same."""
    merged: dict[str, list[bytes]] = {}
    for reference in group:
        records: dict[object, bytes] = {}
        for answer in answers:
            for key in reference.fetch.records_keys or ("",):
                for raw in answer.get(key, []):
                    records.setdefault(_key(reference, raw), raw)
        merged[reference.name] = list(records.values())
    return merged


def _key(reference: Reference, raw: bytes) -> object:
    """What tells the record apart; the record itself where it has no key, which its conversion will report."""
    record = msgspec.json.decode(raw)
    parts = []
    for path in reference.key:
        value = record
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        parts.append(value)
    return tuple(parts) if isinstance(parts[0], str) else raw
