"""Owners: the scope of each service (or other object) that rows name instead of their scope, and the ids to ask with.

Lives here: asking Mews which scope owns what, reading the ids that the rows of an answer name, and from the lake the
ids of parents that changed. Not here: assigning
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
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Lookup, Table
from mews_assets.ingest.plan import Pull
from mews_assets.lake.errors import PassingError
from mews_assets.lake.reading.inventory import ids_in
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import to_key, windows_between

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


def chunks(ids: Iterable[str], limit: int | None = None) -> Iterator[list[str]]:
    """The ids, cut into lists that one request accepts: of MAX_IDS, or of another limit."""
    ordered, limit = sorted(ids), limit or MAX_IDS
    for start in range(0, len(ordered), limit):
        yield ordered[start : start + limit]


def changed_ids(lake: Lake, table: Table, pull: Pull) -> dict[str, str]:
    """The ids of the parents that changed in the window of a pull, each with its scope.

    Raises PassingError where the window has not landed in a parent's table: its rows would be missing for ever.
    """
    found: dict[str, str] = {}
    for parent in map(table_of, table.parent_tables):
        for scope in pull.scopes:
            for window in windows_between(pull.window.start, pull.window.end, lake.grain):
                name = layout.changes_file(parent.name, scope, to_key(window, lake.grain))
                if not lake.exists(name):
                    raise PassingError(
                        f"{table.name}: its rows are asked for by the ids of {parent.name}, which have not landed for "
                        f"{scope}, {window}: materialise that partition of {parent.name} first"
                    )
                found |= dict.fromkeys(ids_in(lake, name), scope)
    return found


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
