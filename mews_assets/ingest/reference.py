"""Reference data asked of Mews: all connections, each about its own enterprises.

Lives here: the requests, side by side. Not here: the file that becomes of the records (`lake.reference`).
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
"""EnterpriseIds takes so many, in every operation."""


@dataclass(frozen=True)
class Answered:
    """The records of those who answered, each once; what they were asked about; and why others did not."""

    records: list[bytes] = field(repr=False)
    asked: frozenset[str]
    silent: dict[str, str]


class _Record(msgspec.Struct, rename="pascal"):
    id: str


def ask_reference(reference: Reference, clients: Mapping[str, MewsClient], directory: Directory) -> Answered:
    """All records of all enterprises. A connection that is refused is named and stops no other; only when all
    are is that an error."""
    if reference.name == ENTERPRISES.name:
        seen = [one for one, by in directory.connection_by_enterprise.items() if by not in directory.silent]
        return Answered(list(directory.records), frozenset(seen), dict(directory.silent))
    serves: dict[str, list[str]] = {}
    for enterprise, connection in directory.connection_by_enterprise.items():
        serves.setdefault(connection, []).append(enterprise)
    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as side_by_side:
        answers = dict(
            zip(
                serves,
                side_by_side.map(lambda name: _ask_one(reference, clients[name], serves[name]), list(serves)),
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
    return Answered(list(records.values()), frozenset(asked), {one: str(why) for one, why in errors.items()})


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
