"""Reference tables: their records, from every connection for its own enterprises.

Lives here: the requests, all connections at once. Not here: the table that is written from the records
(`lake.landing.reference_tables`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from mews_assets.api import MewsClient, MewsError, Pages
from mews_assets.catalog.entities.reference import ENTERPRISES, Reference
from mews_assets.ingest.directory import CONNECTIONS_AT_ONCE, Directory

log = logging.getLogger(__name__)

MAX_ENTERPRISES = 1000
"""Ids in EnterpriseIds, in every operation."""


@dataclass(frozen=True)
class Answered:
    """The records of the connections that answered, each once; the enterprises they were asked for; and the errors of
    the other connections."""

    records: list[bytes] = field(repr=False)
    asked: frozenset[str]
    silent: dict[str, str]


class _Record(msgspec.Struct, rename="pascal"):
    id: str


def ask_reference(reference: Reference, clients: Mapping[str, MewsClient], directory: Directory) -> Answered:
    """All records of all enterprises. A connection that fails is named in `silent`; if all fail, the first error is
    raised."""
    if reference.name == ENTERPRISES.name:
        seen = [
            scope
            for scope, connection in directory.connection_by_enterprise.items()
            if connection not in directory.silent
        ]
        return Answered(list(directory.records), frozenset(seen), dict(directory.silent))
    serves: dict[str, list[str]] = {}
    for enterprise, connection in directory.connection_by_enterprise.items():
        serves.setdefault(connection, []).append(enterprise)
    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
        answers = dict(
            zip(
                serves,
                pool.map(lambda name: _ask_one(reference, clients[name], serves[name]), list(serves)),
                strict=True,
            )
        )
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, MewsError)}
    if errors and len(errors) == len(answers):
        raise next(iter(errors.values()))
    records: dict[str, bytes] = {}
    asked: set[str] = set()
    for name, answer in answers.items():
        if isinstance(answer, MewsError):
            log.error("%s: %s", reference.name, answer)
            continue
        asked.update(serves[name])
        for raw in answer:
            records.setdefault(msgspec.json.decode(raw, type=_Record).id, raw)
    return Answered(
        list(records.values()), frozenset(asked), {name: str(error) for name, error in errors.items()}
    )


def _ask_one(reference: Reference, client: MewsClient, enterprises: list[str]) -> list[bytes] | MewsError:
    found: list[bytes] = []
    try:
        for start in range(0, len(enterprises), MAX_ENTERPRISES):
            body = {**reference.parameters, "EnterpriseIds": enterprises[start : start + MAX_ENTERPRISES]}
            for page in Pages(client, reference.operation, (reference.records_key,), body):
                found += page.records[reference.records_key]
    except MewsError as error:
        return error
    return found
