"""Owners: which scope owns what, where rows name something that is owned and not their scope.

Lives here: asking Mews who owns what, and reading which of it the rows of an answer name. Not here: dealing
rows out by it (`lake.dealing`).

What a capture's rows name is looked up after they came, and by its id: so whatever was added, or taken out of
use, in the meantime is found too. The manifest keeps the answer, for changes can be made from landing alone.
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
"""Of one list in a request (every paginated operation)."""


def owned_by(client: MewsClient, lookup: Lookup, scopes: Iterable[str]) -> dict[str, str]:
    """All that the scopes own, and which of them owns it."""
    return _asked(client, lookup, lookup.scope_parameter, scopes)


def owners_of(
    client: MewsClient, lookup: Lookup, ids: Iterable[str], known: Mapping[str, str]
) -> dict[str, str]:
    """The scope of each id: as it is known, or as Mews says. Ids that Mews does not know are left out."""
    wanted = sorted(ids)
    unknown = [one for one in wanted if one not in known]
    found = {**known, **_asked(client, lookup, lookup.ids_parameter, unknown)}
    return {one: found[one] for one in wanted if one in found}


def named_in(files: Iterable[Path], prop: str) -> set[str]:
    """Every value of a property in files of JSON Lines. A line that cannot be read is told when it is converted."""
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
    return {one for one in found if one}


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists that one request takes."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), MAX_IDS):
        yield ordered[start : start + MAX_IDS]


def _asked(client: MewsClient, lookup: Lookup, parameter: str, ids: Iterable[str]) -> dict[str, str]:
    fields: list[Any] = [("id", str, msgspec.field(name="Id"))]
    fields.append(("scope", str, msgspec.field(name=lookup.scope_column)))
    decoder = msgspec.json.Decoder(msgspec.defstruct("Owned", fields))
    found: dict[str, str] = {}
    for some in chunks(ids):
        for page in MewsPages(client, lookup.operation, (lookup.records_key,), {parameter: some}):
            for record in page.records[lookup.records_key]:
                owned: Any = decoder.decode(record)
                found[owned.id] = owned.scope
    return found
