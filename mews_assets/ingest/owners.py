"""Owners: the scope of each service (or other object) that rows name instead of their scope.

Lives here: asking Mews which scope owns what, and reading the ids that the rows of an answer name. Not here: assigning
rows to partitions by it (`lake.changes.assign_partitions`).

The ids are looked up after the rows have arrived: so objects that were added or deactivated in the meantime are found
too. The manifest keeps the owners, for changes can be rebuilt from landing alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mews_assets.api import MewsClient
from mews_assets.api.pages import Pages as MewsPages
from mews_assets.catalog.model import Lookup

MAX_IDS = 1000
"""Ids in one list of a request (every paginated operation)."""


def owned_by(client: MewsClient, lookup: Lookup, scopes: Iterable[str]) -> dict[str, str]:
    """The ids of all that the scopes own, each with its scope."""
    return _owners(client, lookup, lookup.scope_parameter, scopes)


def owners_of(
    client: MewsClient, lookup: Lookup, ids: Iterable[str], known: Mapping[str, str]
) -> dict[str, str]:
    """The scope of each id, from `known` or from Mews. Ids that Mews does not know are left out."""
    wanted = sorted(ids)
    unknown = [id for id in wanted if id not in known]
    found = {**known, **_owners(client, lookup, lookup.ids_parameter, unknown, until_all=True)}
    return {id: found[id] for id in wanted if id in found}


def named_in(files: Iterable[Path], prop: str) -> set[str]:
    """Every value of a property in files of JSON Lines. A line that cannot be read is an error later, in conversion."""
    row = msgspec.defstruct("Row", [("named", str | None, msgspec.field(name=prop, default=None))])
    decoder = msgspec.json.Decoder(row)
    found: set[str | None] = set()
    for path in files:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    found.add(decoder.decode(line).named)  # type: ignore[attr-defined]
                except msgspec.DecodeError:
                    continue
    return {value for value in found if value}


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids, cut into lists that one request accepts."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), MAX_IDS):
        yield ordered[start : start + MAX_IDS]


def _owners(
    client: MewsClient, lookup: Lookup, parameter: str, ids: Iterable[str], *, until_all: bool = False
) -> dict[str, str]:
    """The scope of each record found. With `until_all`, where ids are those of the records, no page is asked for after
    the one that brings the last of them."""
    fields: list[Any] = [("id", str, msgspec.field(name="Id"))]
    fields.append(("scope", str, msgspec.field(name=lookup.scope_column)))
    decoder = msgspec.json.Decoder(msgspec.defstruct("Owned", fields))
    found: dict[str, str] = {}
    for some in chunks(ids):
        for page in MewsPages(client, lookup.operation, (lookup.records_key,), {parameter: some}):
            for record in page.records[lookup.records_key]:
                owned: Any = decoder.decode(record)
                found[owned.id] = owned.scope
            if until_all and all(id in found for id in some):
                break
    return found
