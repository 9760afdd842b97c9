"""Pending searches: the texts that an unfinished erasure still has to search for.

Lives here: the texts of a person, saved before the first file is changed and kept until a search finds none of them.
Without them a second try would have nothing to search for, because the records are empty by then. Not here: the search
(`verify_erasure`).

The file holds personal data, as the lake does until the search succeeds. It is removed then.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

import msgspec

from mews_assets.lake.erasure.identifying_texts import TextKind, TextSource
from mews_assets.lake.erasure.known_texts import Known
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import read_state, write_state


class _StoredSearch(msgspec.Struct):
    """`state/forgetting/<customer>.json`. `texts` are those to search for, each with its kind and its fields."""

    customers: set[str]
    merged_into: set[str]
    texts: dict[str, list[int | str]]


def recall(lake: Lake, known: Known) -> None:
    """Add the ids and texts of earlier tries for the same person. Raises LakeError where they cannot be read."""
    found = True
    while found:
        before = len(known.people)
        for name in lake.files(layout.pending_searches_folder()):
            stored = read_state(lake, name, _StoredSearch)
            if known.people & stored.customers:
                known.people |= stored.customers
                known.merged_into |= stored.merged_into - known.people
                for text, (kind, *fields) in stored.texts.items():
                    known.add_text(text, TextSource(TextKind(int(kind)), frozenset(map(str, fields))))
        found = len(known.people) > before


def save(lake: Lake, person: str, known: Known) -> None:
    """Save the texts. On disk when this returns. Without texts nothing is written."""
    if known.texts:
        texts: dict[str, list[int | str]] = {
            text: [int(source.kind), *sorted(source.fields)] for text, source in sorted(known.texts.items())
        }
        stored = _StoredSearch(known.people, known.merged_into, texts)
        write_state(lake, layout.pending_search_file(person), stored)


def finish(lake: Lake, people: Collection[str]) -> None:
    """Remove the texts of these people: a search found none of them."""
    for name in lake.files(layout.pending_searches_folder()):
        if read_state(lake, name, _StoredSearch).customers <= set(people):
            lake.delete(name)


def pending(lake: Lake) -> list[str]:
    """The ids of the customers whose search is pending."""
    return [PurePosixPath(name).stem for name in lake.files(layout.pending_searches_folder())]
