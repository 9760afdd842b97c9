"""Searches that are owed: what a forgetting that did not end has still to look for.

Lives here: the texts of a person, kept from before the first file is written anew until a search finds nothing left.
Without them a second try would have nothing to look for, the records being empty by then. Not here: the search.

The file holds personal data, as the lake does until the search has ended well. It is removed then.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

import msgspec

from mews_assets.lake.erasure.identifying_texts import Standing, Stood
from mews_assets.lake.erasure.known_texts import Known
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import read_state, write_state


class _StoredSearch(msgspec.Struct):
    """`state/forgetting/<customer>.json`. `texts` are those to search for, each with its standing and its fields."""

    customers: set[str]
    merged_into: set[str]
    texts: dict[str, list[int | str]]


def recall(lake: Lake, known: Known) -> None:
    """Add what earlier tries knew of the same person. Raises LakeError where that cannot be read."""
    found = True
    while found:
        before = len(known.people)
        for name in lake.files(layout.forgetting_folder()):
            stored = read_state(lake, name, _StoredSearch)
            if known.people & stored.customers:
                known.people |= stored.customers
                known.merged_into |= stored.merged_into - known.people
                for text, (standing, *fields) in stored.texts.items():
                    known.take(text, Stood(Standing(int(standing)), frozenset(map(str, fields))))
        found = len(known.people) > before


def owe(lake: Lake, person: str, known: Known) -> None:
    """On disk when this returns. Nothing is written where nothing is to be looked for."""
    if known.texts:
        texts: dict[str, list[int | str]] = {
            text: [int(stood.standing), *sorted(stood.fields)] for text, stood in sorted(known.texts.items())
        }
        stored = _StoredSearch(known.people, known.merged_into, texts)
        write_state(lake, layout.forgetting_file(person), stored)


def settle(lake: Lake, people: Collection[str]) -> None:
    """The search has found nothing left of these people."""
    for name in lake.files(layout.forgetting_folder()):
        if read_state(lake, name, _StoredSearch).customers <= set(people):
            lake.delete(name)


def owed(lake: Lake) -> list[str]:
    """The ids of those whose search is owed."""
    return [PurePosixPath(name).stem for name in lake.files(layout.forgetting_folder())]
